//! Ten thousand malformed requests: each is refused in JSON, none brings the server down or makes it grow.

#[path = "../support/server.rs"]
mod server;
#[path = "../support/wire.rs"]
mod wire;

mod requests;

use std::{io, net::Shutdown, thread};

use rand::{SeedableRng, rngs::StdRng};
use requests::{Nonsense, Requests};
use server::Server;
use wire::{Answer, Wire};

const REQUESTS: u64 = 10_000;
const CLIENTS: u64 = 4;
/// What the allocator may keep for itself; the requests are some ten times as much.
const GROWTH: u64 = 24 << 20;

#[test]
fn nonsense_is_refused_and_leaves_no_trace() {
    let seed =
        std::env::var("IVS_SIMULATOR_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4600);
    println!("IVS_SIMULATOR_TEST_SEED={seed}");
    let server = Server::start(env!("CARGO_BIN_EXE_ivs-simulator"), "malformed");
    // Once for all that is made at the first use.
    attack(&server, seed + 1, REQUESTS / 10);
    let before = settled(&server);
    let sent = attack(&server, seed, REQUESTS);
    let after = settled(&server);
    println!("{sent} bytes sent; memory before {before}, after {after}");
    assert!(sent > 4 * GROWTH, "too little to show anything: {sent} bytes");
    assert!(after < before + GROWTH, "it grew from {before} to {after} bytes");

    let mut wire = Wire::open(server.address);
    let made = wire.call("ivs", "CreateChannel", r#"{"name": "still-here"}"#);
    assert_eq!(made.status, 200);
    let listed = wire.call("ivs", "ListChannels", "{}");
    assert_eq!(String::from_utf8_lossy(&listed.body).matches("\"arn\":").count(), 1, "nothing else was made");
    assert_eq!(server.log(), "", "it has nothing to complain of");
}

/// How much memory it takes when the calls are forgotten, for the journal may grow.
fn settled(server: &Server) -> u64 {
    let mut wire = Wire::open(server.address);
    wire.send(b"DELETE /_simulator/calls HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    assert_eq!(wire.receive().expect("an answer").expect("an answer").status, 204);
    server.memory()
}

/// Sends so many requests from several clients at a time, and says how many bytes they were.
fn attack(server: &Server, seed: u64, requests: u64) -> u64 {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || one_client(server, seed * CLIENTS + client, requests / CLIENTS))
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("all as it should be")).sum()
    })
}

fn one_client(server: &Server, seed: u64, requests: u64) -> u64 {
    let mut nonsense = Requests::new(StdRng::seed_from_u64(seed));
    let mut wire = Wire::open(server.address);
    let (mut half_open, mut sent) = (Vec::new(), 0);
    for _ in 0..requests {
        let bytes = match nonsense.next() {
            Nonsense::Call(bytes) => {
                // A server may close a connection between two requests; then a new one it is.
                let answer = answer(&mut wire, &bytes).or_else(|_| {
                    wire = Wire::open(server.address);
                    answer(&mut wire, &bytes)
                });
                let closes = refused(answer, &bytes);
                if closes {
                    wire = Wire::open(server.address);
                }
                bytes
            }
            Nonsense::Broken(bytes) => {
                refused_or_closed(Wire::open(server.address), &bytes);
                bytes
            }
            Nonsense::HalfOpen(bytes) => {
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

fn answer(wire: &mut Wire, request: &[u8]) -> io::Result<Answer> {
    wire.send(request)?;
    wire.receive()?.ok_or_else(|| io::Error::other("closed without an answer"))
}

/// Expects an answer that says in JSON what is wrong; tells whether the connection is of no more use.
fn refused(answer: io::Result<Answer>, request: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&request[..request.len().min(2000)]);
    let answer = answer.unwrap_or_else(|error| panic!("{error} at\n{start}"));
    let body = String::from_utf8_lossy(&answer.body);
    assert!(matches!(answer.status, 400..=499 | 501), "{} {body} at\n{start}", answer.status);
    let json: serde_json::Value = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|_| panic!("{}, not JSON: {body} at\n{start}", answer.status));
    assert!(json["message"].is_string() || json["exceptionMessage"].is_string(), "{body}");
    answer.closes
}

fn refused_or_closed(mut wire: Wire, request: &[u8]) {
    // It may have been closed in the middle of it, and an answer be lost with that.
    if wire.send(request).is_err() || wire.stream.get_ref().shutdown(Shutdown::Write).is_err() {
        return;
    }
    while let Ok(Some(answer)) = wire.receive() {
        let start = String::from_utf8_lossy(&request[..request.len().min(2000)]);
        assert!((400..500).contains(&answer.status), "{} at\n{start}", answer.status);
    }
}
