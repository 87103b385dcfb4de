//! Adds a JSON body to the error responses that hyper itself sends for malformed HTTP.
//!
//! hyper sends these responses without a body, before any handler runs, and has no hook to change them. This
//! stream therefore recognizes them in the bytes that are written to the socket.

use std::{
    io,
    pin::Pin,
    str,
    task::{Context, Poll},
};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{api_error::ApiError, ids, service::Service};

/// A stream that adds a JSON body to each error response without one.
pub(super) struct MalformedResponseBody<S> {
    stream: S,
    /// The rest of a response with a body that replaces one without. It has not been written yet.
    replacement: Option<Vec<u8>>,
}

impl<S> MalformedResponseBody<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, replacement: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MalformedResponseBody<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MalformedResponseBody<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(mut rest) = self.replacement.take().or_else(|| with_json_body(bytes)) else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        while !rest.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, &rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => drop(rest.drain(..written)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.replacement = Some(rest);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match bytes {
            [only] => self.poll_write(context, only),
            _ => Pin::new(&mut self.stream).poll_write_vectored(context, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Returns the response with a JSON body, if it is an error response without a body.
fn with_json_body(head: &[u8]) -> Option<Vec<u8>> {
    const EMPTY: &str = "content-length: 0\r\n";
    // Checked first, because everything that is sent passes through here.
    let text = head.starts_with(b"HTTP/1.1 4").then(|| str::from_utf8(head).ok()).flatten()?;
    let (before, after) = text.split_once(EMPTY).filter(|(_, after)| after.ends_with("\r\n\r\n"))?;
    let status = StatusCode::from_bytes(head.get(9..12)?).ok()?;
    let reason = status.canonical_reason().unwrap_or("malformed HTTP");
    let code = "MalformedHttpRequestException";
    let error = ApiError::new(code, status.as_u16(), format!("The request cannot be read: {reason}"));
    let (body, id) = (error.body(Service::Ivs).to_string(), ids::request());
    let headers = format!(
        "content-type: application/json\r\nx-amzn-requestid: {id}\r\nx-amzn-errortype: {code}\r\ncontent-length: {}\r\n",
        body.len()
    );
    Some([before, &headers, after, &body].concat().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_response_without_a_body_gets_one() {
        let empty = "HTTP/1.1 431 Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let response = with_json_body(empty.as_bytes()).and_then(|text| String::from_utf8(text).ok());
        let response = response.expect("it gets a body");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains("date: x") && head.contains(&format!("content-length: {}\r\n", body.len())));
        assert!(body.contains("The request cannot be read: Request Header Fields Too Large"), "{body}");
        for other in [
            "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 19\r\n\r\ncontent-length: 0\r\n",
            "HTTP/1.1 4",
        ] {
            assert_eq!(with_json_body(other.as_bytes()), None, "{other}");
        }
    }
}
