//! The limits and timeouts of connections.

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use ivs_simulator::{Fault, Simulator};
use support::{signed, until};

fn request(operation: &str, body: &str) -> Vec<u8> {
    let (signature, length) = (signed("ivs"), body.len());
    format!(
        "POST /{operation} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{signature}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let simulator = Simulator::builder().connections(1).start().await.expect("the simulator starts");
    let first = TcpStream::connect(simulator.addr()).expect("a connection");
    let mut waiting = open(simulator.addr());
    waiting.get_mut().write_all(&request("ListStages", "{}")).expect("sent");
    // The first connection is served while the second one still waits.
    exchange(&mut BufReader::new(first.try_clone().expect("a clone")), &request("ListRooms", "{}"));
    drop(first);
    let mut line = String::new();
    waiting.read_line(&mut line).expect("an answer");
    assert!(line.contains(" 200 "), "{line}");
    let operations: Vec<_> = simulator.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(operations, ["ListRooms", "ListStages"]);
}

fn open(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    BufReader::new(stream)
}

/// Sends a request and reads the whole response.
fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) {
    stream.get_mut().write_all(request).expect("sent");
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).expect("a line"), 0, "it has ended: {head}");
    }
    assert!(head.starts_with("HTTP/1.1 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    stream.read_exact(&mut body).expect("a body");
}

/// Returns everything that is received until the connection is closed.
fn rest(mut stream: BufReader<TcpStream>) -> String {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => String::from_utf8_lossy(&rest).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => String::new(),
        Err(error) => panic!("it is not closed: {error}"),
    }
}

#[tokio::test]
async fn slow_clients_are_disconnected_and_others_are_not() {
    let builder = Simulator::builder().request_timeout(Duration::from_millis(200));
    let simulator = builder.idle_timeout(Duration::from_mins(1)).start().await.expect("the simulator starts");
    let (mut idle, mut head, mut body) =
        (open(simulator.addr()), open(simulator.addr()), open(simulator.addr()));
    let kept = String::from_utf8(request("ListStages", "{}")).expect("text").replace("close", "keep-alive");
    exchange(&mut idle, kept.as_bytes());
    head.get_mut().write_all(b"POST /ListStages HTTP/1.1\r\nHost:").expect("sent");
    body.get_mut()
        .write_all(&request("ListStages", "{}")[..request("ListStages", "{}").len() - 1])
        .expect("sent");
    assert_eq!(rest(head), "");
    assert!(rest(body).starts_with("HTTP/1.1 408 "));
    let mut admin = open(simulator.addr());
    let half = b"POST /_simulator/faults HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{";
    admin.get_mut().write_all(half).expect("sent");
    assert!(rest(admin).starts_with("HTTP/1.1 400 "));
    let silent = open(simulator.addr());
    assert_eq!(rest(silent), "");
    // The connection has been idle for longer than the request timeout.
    exchange(&mut idle, kept.as_bytes());
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let builder = Simulator::builder().idle_timeout(Duration::from_millis(100));
    let simulator = builder.start().await.expect("the simulator starts");
    let mut idle = open(simulator.addr());
    let kept = String::from_utf8(request("ListStages", "{}")).expect("text").replace("close", "keep-alive");
    exchange(&mut idle, kept.as_bytes());
    assert_eq!(rest(idle), "");
    let mut idle = open(simulator.addr());
    exchange(&mut idle, b"GET /_simulator/clock HTTP/1.1\r\nHost: here\r\n\r\n");
    assert_eq!(rest(idle), "", "also after a request to the admin API");
}

#[tokio::test]
async fn shutdown_finishes_active_calls_but_not_hanging_ones() {
    let builder = Simulator::builder().latency(Duration::from_millis(200));
    let simulator = builder.start().await.expect("the simulator starts");
    simulator.fault(Fault::hang("GetStage"));
    let (mut slow, mut hanging) = (open(simulator.addr()), open(simulator.addr()));
    slow.get_mut().write_all(&request("ListStages", "{}")).expect("sent");
    hanging.get_mut().write_all(&request("GetStage", "{}")).expect("sent");
    until(|| simulator.calls().len() == 2).await;
    drop(simulator);
    assert!(rest(slow).starts_with("HTTP/1.1 200 "));
    assert_eq!(rest(hanging), "");
}
