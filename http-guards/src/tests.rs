//! Clients of every kind, on a paused clock: it advances by itself while all tasks wait.

use std::convert::Infallible;

use axum::{body::to_bytes, http::StatusCode, response::IntoResponse};
use futures::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::Instant,
};

use super::*;

const LIMITS: ConnectionLimits = ConnectionLimits {
    request_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_mins(1),
    shutdown_timeout: Duration::from_secs(5),
    max_buffer_bytes: 8192,
};
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
/// The number of bytes that a client can leave unread.
const PIPE: usize = 16 << 10;
/// The size of a large response, in bytes. Reading it slowly takes longer than the idle timeout.
const LARGE: usize = 16 * PIPE;
/// The time that the server takes for a part of a response: longer than every timeout.
const LONG: Duration = Duration::from_mins(10);

/// Handles a request: POST once its body has arrived, PUT after a long time, DELETE with a large response,
/// and others at once. The body of the response to PATCH follows its head after a long time.
async fn handle(request: Request<Body>) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    Ok(match parts.method.as_str() {
        "POST" => match to_bytes(body, usize::MAX).await {
            Err(error) if is_timeout(&error) => StatusCode::REQUEST_TIMEOUT.into_response(),
            read => read.expect("a body").into_response(),
        },
        "PUT" => sleep(LONG).map(|()| "done".into_response()).await,
        "PATCH" => {
            let late = sleep(LONG).map(|()| Ok::<_, Infallible>("done"));
            Body::from_stream(late.into_stream()).into_response()
        }
        "DELETE" => vec![b'x'; LARGE].into_response(),
        _ => "done".into_response(),
    })
}

/// Serves a connection over which a client has sent `sent`, and asks it to close after `open_for`. The task
/// returns true if it succeeded, and how long the connection was open.
fn connect(open_for: Duration, sent: &str) -> (DuplexStream, JoinHandle<(bool, Duration)>) {
    let (mut client, stream) = duplex(PIPE);
    client.write_all(sent.as_bytes()).now_or_never().expect("it fits").expect("written");
    let served = tokio::spawn(async move {
        let since = Instant::now();
        let result = serve_connection(stream, LIMITS, handle, sleep(open_for)).await;
        (result.is_ok(), since.elapsed())
    });
    (client, served)
}

/// Returns what the client receives until the connection is closed, and how long the connection was open.
async fn exchange(sent: &str) -> (String, Duration) {
    let (mut client, served) = connect(100 * LONG, sent);
    let mut received = String::new();
    client.read_to_string(&mut received).await.expect("text");
    (received, served.await.expect("served").1)
}

/// Returns true if a timeout ended the connection: a timer may fire a little late.
fn is_about(open: Duration, expected: Duration) -> bool {
    open >= expected && open < expected + Duration::from_millis(50)
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_incomplete_after_the_timeout_closes_the_connection() {
    for sent in ["", "GET / HTTP/1.1\r\nHost:"] {
        let (received, open) = exchange(sent).await;
        assert_eq!(received, "", "{sent}");
        assert!(is_about(open, LIMITS.request_timeout), "{sent} {open:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_outlives_the_request_timeout_then_closes() {
    let (received, open) = exchange(REQUEST).await;
    assert!(received.starts_with("HTTP/1.1 200 ") && received.ends_with("done"), "{received}");
    assert!(is_about(open, LIMITS.idle_timeout), "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_the_next_head_starts_at_its_first_byte() {
    let (mut client, served) = connect(LONG, REQUEST);
    let idle = LIMITS.idle_timeout * 9 / 10;
    sleep(idle).await;
    client.write_all(b"G").await.expect("written");
    // A client cannot extend the time byte by byte.
    sleep(LIMITS.request_timeout / 2).await;
    client.write_all(b"E").await.expect("written");
    let (_, open) = served.await.expect("served");
    assert!(is_about(open, idle + LIMITS.request_timeout), "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_must_complete_in_time_however_often_a_part_arrives() {
    let since = Instant::now();
    let (client, _served) = connect(LONG, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    let (mut reader, mut writer) = tokio::io::split(client);
    let trickle = async {
        while writer.write_all(b"x").await.is_ok() {
            sleep(LIMITS.request_timeout / 20).await;
        }
    };
    let mut received = [0; 12];
    tokio::select! {
        read = reader.read_exact(&mut received) => drop(read.expect("a response")),
        () = trickle => panic!("the connection is closed without a response"),
    }
    assert_eq!(str::from_utf8(&received), Ok("HTTP/1.1 408"));
    assert!(is_about(since.elapsed(), LIMITS.request_timeout), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_timeout_runs_while_the_client_waits_for_the_response() {
    // The start of a next request may arrive early.
    for (method, next) in [("PUT", ""), ("PUT", "GET /"), ("PATCH", ""), ("PATCH", "GET /")] {
        let (received, open) = exchange(&format!("{}{next}", REQUEST.replace("GET", method))).await;
        assert!(received.starts_with("HTTP/1.1 200 ") && received.contains("done"), "{method} {received}");
        assert!(is_about(open, LONG + LIMITS.idle_timeout), "{method} {next} {open:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_the_response_is_disconnected() {
    let (mut client, served) = connect(LONG, &REQUEST.replace("GET", "DELETE"));
    let (succeeded, open) = served.await.expect("served");
    assert!(!succeeded && is_about(open, LIMITS.request_timeout), "{open:?}");
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.expect("read");
    assert!(received.len() < LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_the_whole_response() {
    let (mut client, _served) = connect(LONG, &REQUEST.replace("GET", "DELETE"));
    let (mut received, mut part) = (0, [0; PIPE]);
    while received < LARGE {
        sleep(LIMITS.request_timeout / 2).await;
        let read = client.read(&mut part).await.expect("read");
        assert!(read > 0, "it is cut off after {received} bytes");
        received += read;
    }
}

#[tokio::test(start_paused = true)]
async fn a_closing_connection_waits_only_for_a_request_in_progress() {
    let (put, short) = (REQUEST.replace("GET", "PUT"), LIMITS.shutdown_timeout / 2);
    for (request, open_for, succeeds, expected) in [
        (put.as_str(), LONG.saturating_sub(short), true, LONG),
        (&put, short, false, short + LIMITS.shutdown_timeout),
        (REQUEST, short, true, short),
    ] {
        let (mut client, served) = connect(open_for, request);
        let (succeeded, open) = served.await.expect("served");
        assert!(succeeded == succeeds && is_about(open, expected), "{request} {open:?}");
        let mut received = String::new();
        client.read_to_string(&mut received).await.expect("text");
        assert_eq!(received.ends_with("done"), succeeds, "{received}");
    }
}
