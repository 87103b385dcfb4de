//! A minimal HTTP client: one connection per request, or a connection that is kept for several.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
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
    let exchange = async {
        let (host, path) = host_and_path(url)?;
        Connection::open(&host).await?.send(&path, request, body).await
    };
    match tokio::time::timeout(TIMEOUT, exchange).await {
        Ok(response) => response.map_err(|error| failed(error.to_string())),
        Err(_) => Err(failed(format!("timed out after {TIMEOUT:?}"))),
    }
}

/// Failure of a request that got no response.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The URL or the request is not valid.
    #[error("{0}")]
    Invalid(String),
    /// No connection could be opened.
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    /// The connection was lost before the response was complete.
    #[error("connection lost: {0}")]
    Lost(hyper::Error),
}

/// An open connection, which carries one request after another.
pub struct Connection {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Opens a connection to `host:port`.
    ///
    /// # Errors
    /// If the host refuses it.
    pub async fn open(host: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(host).await.map_err(Failure::Connect)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(Failure::Lost)?;
        // Its error is also that of the request in flight.
        tokio::spawn(connection);
        Ok(Self { host: host.to_owned(), sender })
    }

    /// Sends a request for a path, and reads the response.
    ///
    /// # Errors
    /// If the connection is lost first.
    pub async fn send(
        &mut self,
        path: &str,
        request: hyper::http::request::Builder,
        body: String,
    ) -> Result<Response, Failure> {
        let request = request.uri(path).header(HOST, &self.host).body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| Failure::Invalid(error.to_string()))?;
        self.sender.ready().await.map_err(Failure::Lost)?;
        let (parts, body) = self.sender.send_request(request).await.map_err(Failure::Lost)?.into_parts();
        let body = body.collect().await.map_err(Failure::Lost)?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Response { status: parts.status, headers: parts.headers, body })
    }

    /// Returns true if the server has closed the connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// Splits a URL into `host:port` and the path.
fn host_and_path(url: &str) -> Result<(String, String), Failure> {
    let uri: Uri = url.parse().map_err(|error| Failure::Invalid(format!("{error}")))?;
    let host = uri.authority().ok_or_else(|| Failure::Invalid("the URL has no host".into()))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((host.to_string(), path.to_owned()))
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
