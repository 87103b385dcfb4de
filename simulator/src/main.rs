//! The command line of the simulator.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

use clap::Parser;
use ivs_simulator::{Builder, Latency, Simulator};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Behaves as Amazon IVS does: channels, chat rooms and stages, on one port.
///
/// Point any AWS SDK at it with AWS_ENDPOINT_URL=http://127.0.0.1:4600 and any credentials. Open the same address with
/// /_simulator to see what exists, what was called, and how to make calls fail. RUST_LOG=debug logs each call.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "IVS_SIMULATOR_LISTEN", default_value = "127.0.0.1:4600", value_name = "HOST:PORT")]
    listen: String,

    /// The AWS region to stand for; requests signed for another are refused
    #[arg(long, env = "IVS_SIMULATOR_REGION", default_value = "us-west-2")]
    region: String,

    /// The AWS account to stand for
    #[arg(long, env = "IVS_SIMULATOR_ACCOUNT", default_value = "123456789012")]
    account: String,

    /// How long AWS calls wait before their effect: 200ms, CreateStage=1s, p50:80ms,p99:900ms; with :after, after it;
    /// can be repeated, the last that matches counts
    #[arg(long, env = "IVS_SIMULATOR_LATENCY", value_delimiter = ';', value_name = "[OPERATION=]LATENCY")]
    latency: Vec<Latency>,

    /// How much later than it happens a change shows in Get and List, such as 2s
    #[arg(long, env = "IVS_SIMULATOR_LIST_LAG", default_value = "0ms", value_parser = duration, value_name = "DURATION")]
    list_lag: Duration,

    /// Have AWS's quotas in force: calls a second (5 each), and numbers of resources
    #[arg(long, env = "IVS_SIMULATOR_QUOTAS")]
    quotas: bool,

    /// Calls a second of an operation, which may have * in it; can be repeated
    #[arg(long, value_parser = setting::<f64>, value_name = "OPERATION=NUMBER")]
    rate: Vec<(String, f64)>,

    /// How many resources of a kind there may be, such as stages=3; can be repeated
    #[arg(long, value_parser = setting::<usize>, value_name = "KIND=NUMBER")]
    limit: Vec<(String, usize)>,

    /// A file of faults to be in force from the start, in YAML or JSON
    #[arg(long, env = "IVS_SIMULATOR_FAULTS", value_name = "FILE")]
    faults: Option<PathBuf>,

    /// A file that keeps the state over a restart
    #[arg(long, env = "IVS_SIMULATOR_STATE", value_name = "FILE")]
    state: Option<PathBuf>,

    /// How many connections are served at a time; more wait
    #[arg(long, env = "IVS_SIMULATOR_CONNECTIONS", default_value = "4096", value_parser = connections, value_name = "NUMBER")]
    connections: usize,

    /// How long the head of a request may take to come, and its body
    #[arg(long, env = "IVS_SIMULATOR_REQUEST_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    request_timeout: Duration,

    /// How long a connection may stay without a request
    #[arg(long, env = "IVS_SIMULATOR_IDLE_TIMEOUT", default_value = "5m", value_parser = duration, value_name = "DURATION")]
    idle_timeout: Duration,

    /// How long an encoder takes to reconnect after StopStream
    #[arg(long, env = "IVS_SIMULATOR_RECONNECT", default_value = "2s", value_parser = duration, value_name = "DURATION")]
    reconnect: Duration,

    /// How long a recording configuration takes to become active
    #[arg(long, env = "IVS_SIMULATOR_ACTIVATION", default_value = "0ms", value_parser = duration, value_name = "DURATION")]
    activation: Duration,

    /// Verify that requests are signed with this key
    #[arg(long, env = "IVS_SIMULATOR_ACCESS_KEY", requires = "secret_key", value_name = "KEY")]
    access_key: Option<String>,

    /// The secret of that key
    #[arg(
        long,
        env = "IVS_SIMULATOR_SECRET_KEY",
        requires = "access_key",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    secret_key: Option<String>,

    /// POST the events that EventBridge would carry there, such as http://127.0.0.1:8080/events
    #[arg(long, env = "IVS_SIMULATOR_EVENTS_URL", value_name = "URL")]
    events_url: Option<String>,

    /// A file to write the base URL to, once it listens
    #[arg(long, env = "IVS_SIMULATOR_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    ivs_simulator::parse_duration(text)
}

fn connections(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "not a number from 1".to_owned())
}

/// Reads `name=number`.
fn setting<T: FromStr>(text: &str) -> Result<(String, T), String> {
    let wrong = || "not of the form NAME=NUMBER".to_owned();
    let (name, number) = text.split_once('=').ok_or_else(wrong)?;
    Ok((name.to_owned(), number.parse().map_err(|_| wrong())?))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ivs-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn builder(self) -> Builder {
        let mut builder = Simulator::builder()
            .listen(self.listen)
            .region(self.region)
            .account(self.account)
            .list_lag(self.list_lag)
            .quotas(self.quotas)
            .connections(self.connections)
            .request_timeout(self.request_timeout)
            .idle_timeout(self.idle_timeout)
            .reconnect_after(self.reconnect)
            .activate_after(self.activation);
        builder = self.latency.into_iter().fold(builder, Builder::latency);
        builder =
            self.rate.into_iter().fold(builder, |builder, (operation, rate)| builder.rate(operation, rate));
        builder = self.limit.into_iter().fold(builder, |builder, (kind, limit)| builder.limit(kind, limit));
        builder = self.faults.into_iter().fold(builder, Builder::faults_file);
        builder = self.state.into_iter().fold(builder, Builder::state_file);
        if let (Some(access_key), Some(secret_key)) = (self.access_key, self.secret_key) {
            builder = builder.keys(access_key, secret_key);
        }
        self.events_url.into_iter().fold(builder, Builder::events_url)
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    // Before anything is told to be ready, so that a signal from then on ends it cleanly.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let ready_file = options.ready_file.clone();
    let simulator = options.builder().start().await?;
    let url = simulator.url();
    if let Some(file) = &ready_file {
        write_whole(file, &url).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    // A closed standard output is no reason to end.
    let _ = writeln!(io::stdout(), "ivs-simulator listens at {url}; {url}/_simulator shows what it does");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drop(simulator);
    Ok(())
}

/// Writes beside the file and renames, so that a reader sees all of it or nothing.
fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, file)
}
