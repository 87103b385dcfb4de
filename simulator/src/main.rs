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

/// Simulates Amazon IVS: channels, chat rooms and stages, on one port.
///
/// Point any AWS SDK at it with AWS_ENDPOINT_URL=http://127.0.0.1:4600 and any credentials. Open /_simulator
/// at the same address for the resources, the calls, and the admin API. RUST_LOG=debug logs each call.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Address to listen on; port 0 selects a free port
    #[arg(long, env = "IVS_SIMULATOR_LISTEN", default_value = "127.0.0.1:4600", value_name = "HOST:PORT")]
    listen: String,

    /// AWS region to simulate; requests signed for another region are rejected
    #[arg(long, env = "IVS_SIMULATOR_REGION", default_value = "us-west-2")]
    region: String,

    /// AWS account to simulate
    #[arg(long, env = "IVS_SIMULATOR_ACCOUNT", default_value = "123456789012")]
    account: String,

    /// Latency of AWS calls before they take effect, such as 200ms, CreateStage=1s or p50:80ms,p99:900ms;
    /// with :after, the latency after the effect; can be repeated, and the last match applies
    #[arg(long, env = "IVS_SIMULATOR_LATENCY", value_delimiter = ';', value_name = "[OPERATION=]LATENCY")]
    latency: Vec<Latency>,

    /// Delay after which a change is visible in Get and List operations, such as 2s
    #[arg(long, env = "IVS_SIMULATOR_LIST_LAG", default_value = "0ms", value_parser = duration, value_name = "DURATION")]
    list_lag: Duration,

    /// Enforce AWS's default quotas: calls per second, and numbers of resources
    #[arg(long, env = "IVS_SIMULATOR_QUOTAS")]
    quotas: bool,

    /// Maximum calls per second for an operation or a pattern with *; can be repeated
    #[arg(long, value_parser = setting::<f64>, value_name = "OPERATION=NUMBER")]
    rate: Vec<(String, f64)>,

    /// Maximum number of resources of a kind, such as stages=3; can be repeated
    #[arg(long, value_parser = setting::<usize>, value_name = "KIND=NUMBER")]
    limit: Vec<(String, usize)>,

    /// File with faults to inject from the start, in YAML or JSON
    #[arg(long, env = "IVS_SIMULATOR_FAULTS", value_name = "FILE")]
    faults: Option<PathBuf>,

    /// File in which the state is saved across restarts
    #[arg(long, env = "IVS_SIMULATOR_STATE", value_name = "FILE")]
    state: Option<PathBuf>,

    /// Maximum number of connections; further connections wait
    #[arg(long, env = "IVS_SIMULATOR_CONNECTIONS", default_value = "4096", value_parser = connections, value_name = "NUMBER")]
    connections: usize,

    /// Timeout for receiving the head of a request, and for receiving its body
    #[arg(long, env = "IVS_SIMULATOR_REQUEST_TIMEOUT", default_value = "30s", value_parser = duration, value_name = "DURATION")]
    request_timeout: Duration,

    /// Time after which an idle connection is closed
    #[arg(long, env = "IVS_SIMULATOR_IDLE_TIMEOUT", default_value = "5m", value_parser = duration, value_name = "DURATION")]
    idle_timeout: Duration,

    /// Time from StopStream until the encoder reconnects
    #[arg(long, env = "IVS_SIMULATOR_RECONNECT", default_value = "2s", value_parser = duration, value_name = "DURATION")]
    reconnect: Duration,

    /// Time from the creation of a recording configuration until it is active
    #[arg(long, env = "IVS_SIMULATOR_ACTIVATION", default_value = "0ms", value_parser = duration, value_name = "DURATION")]
    activation: Duration,

    /// Access key ID that requests must be signed with; without it, signatures are not verified
    #[arg(long, env = "IVS_SIMULATOR_ACCESS_KEY", requires = "secret_key", value_name = "KEY")]
    access_key: Option<String>,

    /// Secret access key for --access-key
    #[arg(
        long,
        env = "IVS_SIMULATOR_SECRET_KEY",
        requires = "access_key",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    secret_key: Option<String>,

    /// URL to which the events for EventBridge are sent, such as http://127.0.0.1:8080/events
    #[arg(long, env = "IVS_SIMULATOR_EVENTS_URL", value_name = "URL")]
    events_url: Option<String>,

    /// File to which the base URL is written once the simulator listens
    #[arg(long, env = "IVS_SIMULATOR_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    ivs_simulator::parse_duration(text)
}

fn connections(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "must be a number, at least 1".to_owned())
}

/// Parses `NAME=NUMBER`.
fn setting<T: FromStr>(text: &str) -> Result<(String, T), String> {
    let invalid = || "must have the form NAME=NUMBER".to_owned();
    let (name, number) = text.split_once('=').ok_or_else(invalid)?;
    Ok((name.to_owned(), number.parse().map_err(|_| invalid())?))
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
    // Registered before the ready file is written, so that a signal from then on causes a clean shutdown.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let ready_file = options.ready_file.clone();
    let simulator = options.builder().start().await?;
    let url = simulator.url();
    if let Some(file) = &ready_file {
        write_atomically(file, &url).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    // Ignores a closed standard output.
    let _ = writeln!(io::stdout(), "ivs-simulator listens at {url}; see {url}/_simulator for its dashboard");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drop(simulator);
    Ok(())
}

/// Writes a temporary file and renames it, so that a reader never sees an incomplete file.
fn write_atomically(file: &Path, text: &str) -> io::Result<()> {
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    std::fs::write(&temporary, text)?;
    std::fs::rename(&temporary, file)
}
