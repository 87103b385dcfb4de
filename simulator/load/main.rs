//! The load test of the simulator: `cargo bench -p ivs-simulator-load`.
//!
//! Client and server share the machine, so no figure is asserted. The server is this program in another
//! process, so that its memory can be measured separately.

// Included by path, because the testbed depends on the simulator and not the other way round.
#[path = "../tests/support/server.rs"]
mod server;
#[path = "../../testbed/src/threshold.rs"]
mod threshold;
#[path = "../tests/support/wire.rs"]
mod wire;

use std::{
    env, future,
    io::{self, Write},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use ivs_simulator::Simulator;
use server::Server;
use threshold::Threshold;
use wire::Wire;

const CONNECTIONS: usize = 4;
const CREATES: u32 = 40_000;
const CHANNELS: usize = 100_000;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("--listen"), Some(address)) => serve(&address),
        _ => measure(),
    }
}

/// Runs the server until the process is killed.
#[tokio::main(flavor = "current_thread")]
async fn serve(address: &str) -> ExitCode {
    match Simulator::builder().listen(address).start().await {
        Ok(simulator) => {
            let _ = writeln!(io::stdout(), "listens at {};", simulator.url());
            future::pending().await
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Server {
    Server::start(env::current_exe().expect("a path to this program"), "load")
}

fn measure() -> ExitCode {
    let creates = creates();
    row(
        "Creates per second over keep-alive",
        &format!("{creates:.0}"),
        &Threshold::AtLeast(5000.0).verdict(creates),
    );
    for (kind, service) in [("Channel", "ivs"), ("Room", "ivschat"), ("Stage", "ivs")] {
        let (bytes, listing) = many(kind, service);
        // A channel comes with its stream key.
        let resources = if kind == "Channel" { 2 } else { 1 };
        let seconds = listing.as_secs_f64();
        let threshold =
            if kind == "Channel" { Threshold::Below(2.0).verdict(seconds) } else { String::new() };
        row(&format!("List{kind}s of 100,000 in pages, s"), &format!("{seconds:.2}"), &threshold);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let each = bytes as f64 / (CHANNELS * resources) as f64;
        let threshold = Threshold::AtMost(1536.0).verdict(each);
        row(&format!("Memory per resource, {kind}s, bytes"), &format!("{each:.0}"), &threshold);
    }
    ExitCode::SUCCESS
}

fn row(what: &str, measured: &str, threshold: &str) {
    println!("{what:<42} {measured:>14}   {threshold}");
}

/// Creates channels, rooms and stages over several connections. Returns the creates per second.
fn creates() -> f64 {
    let server = start();
    let start = Instant::now();
    each_connection(|connection| {
        let mut wire = Wire::open(server.address);
        for number in 0..CREATES as usize / CONNECTIONS {
            let (service, operation) =
                [("ivs", "CreateChannel"), ("ivschat", "CreateRoom"), ("ivs", "CreateStage")][number % 3];
            create(&mut wire, service, operation, connection * CREATES as usize + number);
        }
    });
    f64::from(CREATES) / start.elapsed().as_secs_f64()
}

/// Creates many resources of a kind. Returns their memory in bytes, and the time to list all of them.
fn many(kind: &str, service: &str) -> (u64, Duration) {
    let server = start();
    let before = memory_without_journal(&server);
    each_connection(|connection| {
        let mut wire = Wire::open(server.address);
        for number in 0..CHANNELS / CONNECTIONS {
            create(&mut wire, service, &format!("Create{kind}"), connection * CHANNELS + number);
            // Clears the journal, which is not part of the measurement.
            if connection == 0 && number % 2000 == 0 {
                clear_journal(&mut wire);
            }
        }
    });
    let bytes = memory_without_journal(&server) - before;
    let mut wire = Wire::open(server.address);
    let start = Instant::now();
    let (mut listed, mut token) = (0, String::new());
    loop {
        let answer = wire.call(service, &format!("List{kind}s"), &format!(r#"{{"nextToken": "{token}"}}"#));
        let body = String::from_utf8(answer.body).expect("text");
        listed += body.matches(r#""arn":"#).count();
        let Some((_, rest)) = body.split_once(r#""nextToken":""#) else { break };
        rest.split('"').next().unwrap_or_default().clone_into(&mut token);
    }
    let elapsed = start.elapsed();
    assert_eq!(listed, CHANNELS, "all resources are listed");
    (bytes, elapsed)
}

fn create(wire: &mut Wire, service: &str, operation: &str, number: usize) {
    let body = format!(
        r#"{{"name": "name-{number}", "tags": {{"streamcat.dev/uid": "0a1b2c3d-0000-4000-8000-{number:012}"}}}}"#
    );
    assert_eq!(wire.call(service, operation, &body).status, 200, "{operation}");
}

fn each_connection(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let work = &work;
            scope.spawn(move || work(connection));
        }
    });
}

fn clear_journal(wire: &mut Wire) {
    wire.send(b"DELETE /_simulator/calls HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is sent");
    wire.receive().expect("an answer").expect("an answer");
}

/// Returns the memory of the server after clearing its journal, in bytes.
fn memory_without_journal(server: &Server) -> u64 {
    clear_journal(&mut Wire::open(server.address));
    server.memory()
}
