//! A minimal HTTP client for loopback: one connection per request.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, SET_COOKIE};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Error;

const TIMEOUT: Duration = Duration::from_mins(2);
/// Content type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A response whose body has been read completely.
#[derive(Debug)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, as text.
    pub body: String,
}

impl Response {
    /// Returns a header's value as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the cookie that it sets, as a browser sends it back.
    #[must_use]
    pub fn cookie(&self) -> Option<&str> {
        self.header(SET_COOKIE.as_str())?.split(';').next()
    }

    /// Returns the CSRF token in the page's first form.
    #[must_use]
    pub fn form_token(&self) -> Option<&str> {
        let (_, rest) = self.body.split_once(r#"name="token" value=""#)?;
        rest.split('"').next()
    }

    /// Parses the body as JSON.
    ///
    /// # Errors
    /// If the body is not JSON.
    pub fn json(&self) -> Result<serde_json::Value, Error> {
        serde_json::from_str(&self.body)
            .map_err(|e| Error::Unexpected(format!("not JSON ({e}): {}", self.body)))
    }
}

/// Sends a GET request.
///
/// # Errors
/// If there is no response.
pub async fn get(url: &str) -> Result<Response, Error> {
    send(url, Request::builder().method(Method::GET), String::new()).await
}

/// Sends a POST request with a body of the given type.
///
/// # Errors
/// If there is no response.
pub async fn post(url: &str, content_type: &str, body: impl Into<String>) -> Result<Response, Error> {
    send(url, Request::builder().method(Method::POST).header(CONTENT_TYPE, content_type), body.into()).await
}

/// Sends a POST request with a JSON body.
///
/// # Errors
/// If there is no response.
pub async fn post_json(url: &str, body: &serde_json::Value) -> Result<Response, Error> {
    post(url, "application/json", body.to_string()).await
}

/// Fetches the form at `url` and submits it as a browser does, with its cookie and its CSRF token.
///
/// # Errors
/// If there is no response, or no form.
pub async fn post_form(url: &str, fields: &[(&str, &str)]) -> Result<Response, Error> {
    let page = get(url).await?;
    let (Some(cookie), Some(token)) = (page.cookie(), page.form_token()) else {
        return Err(Error::Unexpected(format!("no form at {url}: {}", page.body)));
    };
    let fields = [fields, &[("token", token)]].concat();
    let request = Request::builder().method(Method::POST).header(COOKIE, cookie).header(CONTENT_TYPE, FORM);
    send(url, request, encode(&fields)).await
}

/// Encodes fields as a form does.
#[must_use]
pub fn encode(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Sends a request; `url` is `http://host:port/path`.
///
/// # Errors
/// If there is no response.
pub async fn send(
    url: &str,
    request: hyper::http::request::Builder,
    body: String,
) -> Result<Response, Error> {
    let failed = |why: String| Error::Unexpected(format!("no response from {url}: {why}"));
    let uri: Uri = url.parse().map_err(|e| failed(format!("{e}")))?;
    let host = uri.authority().ok_or_else(|| failed("the URL has no host".into()))?.to_string();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = request.uri(path).header(HOST, &host).body(Full::new(Bytes::from(body)));
    let request = request.map_err(|e| failed(e.to_string()))?;
    match tokio::time::timeout(TIMEOUT, exchange(&host, request)).await {
        Ok(response) => response.map_err(|e| failed(e.to_string())),
        Err(_) => Err(failed(format!("timed out after {TIMEOUT:?}"))),
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(host: &str, request: Request<Full<Bytes>>) -> Result<Response, Failure> {
    let stream = TcpStream::connect(host).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let call = async move {
        let response = sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok::<_, Failure>(Response { status: parts.status, headers: parts.headers, body })
    };
    tokio::pin!(call);
    tokio::select! {
        response = &mut call => response,
        // A connection that ends first has handed over all it had.
        _ = connection => call.await,
    }
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            b' ' => "+".into(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_fields_are_escaped() {
        assert_eq!(encode(&[("a", "a b&c=ä"), ("b", "~")]), "a=a+b%26c%3D%C3%A4&b=~");
    }
}
