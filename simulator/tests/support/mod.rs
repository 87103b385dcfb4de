//! Test support: a simulator with clients of the AWS SDKs, and plain HTTP for cases that an SDK does not
//! support.
#![allow(dead_code, missing_docs, reason = "each test file uses a part of it")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ivs::{config::Credentials, error::ProvideErrorMetadata};
use ivs_simulator::{Builder, Simulator};
use serde_json::Value;

pub struct Aws {
    pub simulator: Simulator,
    pub ivs: aws_sdk_ivs::Client,
    pub chat: aws_sdk_ivschat::Client,
    pub realtime: aws_sdk_ivsrealtime::Client,
}

impl Aws {
    pub async fn start() -> Self {
        Self::with(Simulator::builder()).await
    }

    pub async fn with(builder: Builder) -> Self {
        let simulator = builder.start().await.expect("the simulator starts");
        let config = config(&simulator.url(), "us-west-2", 1).await;
        Self {
            ivs: aws_sdk_ivs::Client::new(&config),
            chat: aws_sdk_ivschat::Client::new(&config),
            realtime: aws_sdk_ivsrealtime::Client::new(&config),
            simulator,
        }
    }

    /// Creates a channel, and returns its ARN and that of its stream key.
    pub async fn channel(&self, name: &str) -> (String, String) {
        let made = self.ivs.create_channel().name(name).send().await.expect("a channel");
        let arn = made.channel().and_then(|channel| channel.arn()).expect("an ARN");
        let key = made.stream_key().and_then(|key| key.arn()).expect("an ARN");
        (arn.to_owned(), key.to_owned())
    }

    pub async fn room(&self, name: &str) -> String {
        let made = self.chat.create_room().name(name).send().await.expect("a room");
        made.arn().expect("an ARN").to_owned()
    }

    pub async fn stage(&self, name: &str) -> String {
        let made = self.realtime.create_stage().name(name).send().await.expect("a stage");
        made.stage().expect("a stage").arn().to_owned()
    }
}

pub async fn config(url: &str, region: &'static str, attempts: u32) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "tests"))
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build())
        .load()
        .await
}

/// Returns the AWS code of an error.
pub fn code<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(result: Result<T, E>) -> String {
    let error = result.expect_err("an error");
    error.code().unwrap_or("no code").to_owned()
}

/// Returns the debug output of an error, because `message()` is empty for services that return
/// `exceptionMessage`.
pub fn message<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, E>) -> String {
    format!("{:?}", result.expect_err("an error"))
}

/// Waits until the condition is true.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let poll = async {
        while !condition() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), poll).await.expect("the condition becomes true");
}

/// An HTTP response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    head: String,
    pub body: String,
}

impl HttpResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Returns the error code in the header, which must exist.
    pub fn code(&self) -> &str {
        self.header("x-amzn-ErrorType").unwrap_or_else(|| panic!("no error type: {self:?}"))
    }
}

/// Returns an Authorization header that passes as long as signatures are not verified.
pub fn signed(service: &str) -> String {
    let scope = format!("AKIAEXAMPLE/20260101/us-west-2/{service}/aws4_request");
    format!("Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0f")
}

/// Sends bytes, and reads the response until the connection is closed. Returns `None` if there is no
/// response.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Option<HttpResponse> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // The server may respond and close the connection before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(HttpResponse { status, head: head.to_owned(), body: body.to_owned() })
}

/// Sends one request.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: &str) -> HttpResponse {
    let headers: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: simulator\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    exchange(address, request.as_bytes()).expect("an answer")
}

/// Sends a call to `ivs` with an Authorization header.
pub fn call(address: SocketAddr, operation: &str, body: &str) -> HttpResponse {
    send(address, "POST", &format!("/{operation}"), &[&signed("ivs")], body)
}

/// Sends a call to `ivschat` with an Authorization header.
pub fn chat(address: SocketAddr, operation: &str, body: &str) -> HttpResponse {
    send(address, "POST", &format!("/{operation}"), &[&signed("ivschat")], body)
}

/// Sends a request to the admin API.
pub fn admin(address: SocketAddr, method: &str, path: &str, body: &str) -> HttpResponse {
    send(address, method, &format!("/_simulator{path}"), &[], body)
}
