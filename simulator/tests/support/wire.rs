//! A keep-alive connection for raw HTTP requests.
#![allow(dead_code, missing_docs, reason = "each user needs a part of it")]

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Returns an Authorization header that passes as long as signatures are not verified.
pub fn signature(service: &str) -> String {
    let scope = format!("AKIAEXAMPLE/20260101/us-west-2/{service}/aws4_request");
    format!("Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0f\r\n")
}

#[derive(Debug)]
pub struct WireResponse {
    pub status: u16,
    pub body: Vec<u8>,
    pub closes: bool,
}

pub struct Wire {
    pub stream: BufReader<TcpStream>,
}

impl Wire {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { stream: BufReader::with_capacity(64 << 10, stream) }
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one response; returns `None` if the connection is closed instead.
    pub fn receive(&mut self) -> io::Result<Option<WireResponse>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let malformed = || io::Error::other(format!("not an answer: {line}"));
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
        let (mut length, mut closes) = (0, false);
        loop {
            let mut header = String::new();
            self.stream.read_line(&mut header)?;
            let Some((name, value)) = header.split_once(':') else { break };
            match (name.to_ascii_lowercase().as_str(), value.trim()) {
                ("content-length", value) => length = value.parse().map_err(io::Error::other)?,
                ("connection", "close") => closes = true,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Some(WireResponse { status, body, closes }))
    }

    /// Sends a call that is signed for the service, and returns the response.
    pub fn call(&mut self, service: &str, operation: &str, body: &str) -> WireResponse {
        let (signature, length) = (signature(service), body.len());
        let head =
            format!("POST /{operation} HTTP/1.1\r\nHost: x\r\n{signature}Content-Length: {length}\r\n\r\n");
        self.send(format!("{head}{body}").as_bytes()).expect("it is sent");
        self.receive().expect("an answer").expect("an answer, not a closed connection")
    }
}
