//! Ten thousand malformed requests. Each is rejected in JSON, and none crashes the server or leaks memory.

#[path = "../support/server.rs"]
mod server;
#[path = "../support/wire.rs"]
mod wire;

mod requests;

use std::{io, net::Shutdown, thread};

use rand::{SeedableRng, rngs::StdRng};
use requests::{Malformed, Requests};
use server::Server;
use wire::{Wire, WireResponse};

const REQUESTS: u64 = 10_000;
const CLIENTS: u64 = 4;
/// The memory growth to tolerate for the allocator, in bytes. The requests are about ten times as large.
const MAX_GROWTH_BYTES: u64 = 24 << 20;

#[test]
fn malformed_requests_are_rejected_without_a_trace() {
    let seed =
        std::env::var("IVS_SIMULATOR_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4600);
    println!("IVS_SIMULATOR_TEST_SEED={seed}");
    let server = Server::start(env!("CARGO_BIN_EXE_ivs-simulator"), "malformed");
    // Warms up everything that is allocated on first use.
    attack(&server, seed + 1, REQUESTS / 10);
    let before = memory_without_journal(&server);
    let sent = attack(&server, seed, REQUESTS);
    let after = memory_without_journal(&server);
    println!("{sent} bytes sent; memory before {before}, after {after}");
    assert!(sent > 4 * MAX_GROWTH_BYTES, "too few bytes for a meaningful result: {sent} bytes");
    assert!(after < before + MAX_GROWTH_BYTES, "it grew from {before} to {after} bytes");

    let mut wire = Wire::open(server.address);
    let made = wire.call("ivs", "CreateChannel", r#"{"name": "still-here"}"#);
    assert_eq!(made.status, 200);
    let listed = wire.call("ivs", "ListChannels", "{}");
    assert_eq!(
        String::from_utf8_lossy(&listed.body).matches("\"arn\":").count(),
        1,
        "no other channel exists"
    );
    assert_eq!(server.log(), "", "the log is empty");
}

/// Returns the memory after clearing the journal, which is allowed to grow.
fn memory_without_journal(server: &Server) -> u64 {
    let mut wire = Wire::open(server.address);
    wire.send(b"DELETE /_simulator/calls HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    assert_eq!(wire.receive().expect("an answer").expect("an answer").status, 204);
    server.memory()
}

/// Sends a number of requests from several clients at the same time. Returns the number of bytes.
fn attack(server: &Server, seed: u64, requests: u64) -> u64 {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || one_client(server, seed * CLIENTS + client, requests / CLIENTS))
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("the client succeeds")).sum()
    })
}

fn one_client(server: &Server, seed: u64, requests: u64) -> u64 {
    let mut requests_to_send = Requests::new(StdRng::seed_from_u64(seed));
    let mut wire = Wire::open(server.address);
    let (mut half_open, mut sent) = (Vec::new(), 0);
    for _ in 0..requests {
        let bytes = match requests_to_send.next() {
            Malformed::Call(bytes) => {
                // The server may close a connection between two requests. Then the call is repeated on a new
                // one.
                let answer = answer(&mut wire, &bytes).or_else(|_| {
                    wire = Wire::open(server.address);
                    answer(&mut wire, &bytes)
                });
                let closes = expect_error(answer, &bytes);
                if closes {
                    wire = Wire::open(server.address);
                }
                bytes
            }
            Malformed::Broken(bytes) => {
                expect_error_or_close(Wire::open(server.address), &bytes);
                bytes
            }
            Malformed::HalfOpen(bytes) => {
                let mut wire = Wire::open(server.address);
                wire.send(&bytes).expect("it is sent");
                half_open.push(wire);
                bytes
            }
        };
        sent += bytes.len() as u64;
    }
    sent
}

fn answer(wire: &mut Wire, request: &[u8]) -> io::Result<WireResponse> {
    wire.send(request)?;
    wire.receive()?.ok_or_else(|| io::Error::other("closed without an answer"))
}

/// Expects a JSON error. Returns true if the connection cannot be reused.
fn expect_error(answer: io::Result<WireResponse>, request: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&request[..request.len().min(2000)]);
    let answer = answer.unwrap_or_else(|error| panic!("{error} at\n{start}"));
    assert!(matches!(answer.status, 400..=499 | 501), "{} at\n{start}", answer.status);
    expect_json(&answer, &start);
    answer.closes
}

fn expect_json(answer: &WireResponse, start: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    let json: serde_json::Value = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|_| panic!("{}, not JSON: {body} at\n{start}", answer.status));
    assert!(json["message"].is_string() || json["exceptionMessage"].is_string(), "{body}");
}

fn expect_error_or_close(mut wire: Wire, request: &[u8]) {
    // The server may have closed the connection during the request, so the response may be lost.
    if wire.send(request).is_err() || wire.stream.get_ref().shutdown(Shutdown::Write).is_err() {
        return;
    }
    while let Ok(Some(answer)) = wire.receive() {
        let start = String::from_utf8_lossy(&request[..request.len().min(2000)]);
        assert!((400..500).contains(&answer.status), "{} at\n{start}", answer.status);
        expect_json(&answer, &start);
    }
}
