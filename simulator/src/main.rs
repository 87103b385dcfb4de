//! The command line of the simulator.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use ivs_simulator::Simulator;
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

    /// How long each AWS call waits before it has its effect, such as 200ms or 1s
    #[arg(long, env = "IVS_SIMULATOR_LATENCY", default_value = "0ms", value_parser = duration, value_name = "DURATION")]
    latency: Duration,

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
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    let positive = parsed.ok().and_then(|duration| Duration::try_from(duration).ok());
    positive.ok_or_else(|| "not a duration, such as 200ms or 1s".to_owned())
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

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    // Before anything is told to be ready, so that a signal from then on ends it cleanly.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut builder = Simulator::builder()
        .listen(options.listen)
        .region(options.region)
        .account(options.account)
        .latency(options.latency)
        .reconnect_after(options.reconnect)
        .activate_after(options.activation);
    if let (Some(access_key), Some(secret_key)) = (options.access_key, options.secret_key) {
        builder = builder.keys(access_key, secret_key);
    }
    if let Some(url) = options.events_url {
        builder = builder.events_url(url);
    }
    let simulator = builder.start().await?;
    let url = simulator.url();
    if let Some(file) = &options.ready_file {
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
