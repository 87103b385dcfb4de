//! The program: its flags, its ready file, and its shutdown.

mod support;

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use support::{admin, until};

struct Running {
    child: Child,
    ready: PathBuf,
}

impl Running {
    fn start(test: &str, flags: &[&str]) -> Self {
        let ready = std::env::temp_dir().join(format!("ivs-simulator-{test}-{}", std::process::id()));
        let mut command = command();
        command.args(["--listen", "127.0.0.1:0", "--ready-file"]).arg(&ready).args(flags);
        let child = command.stdout(Stdio::null()).spawn().expect("it starts");
        Self { child, ready }
    }

    async fn url(&self) -> String {
        until(|| self.ready.exists()).await;
        fs::read_to_string(&self.ready).expect("the ready file")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.ready);
    }
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ivs-simulator"))
}

fn output(arguments: &[&str]) -> Output {
    command().args(arguments).output().expect("it runs")
}

fn address(url: &str) -> std::net::SocketAddr {
    url.strip_prefix("http://")
        .and_then(|address| address.parse().ok())
        .unwrap_or_else(|| panic!("not a URL: {url}"))
}

#[tokio::test]
async fn a_signal_after_readiness_causes_a_clean_shutdown() {
    for name in ["TERM", "INT"] {
        let mut running = Running::start(name, &["--region", "eu-west-1", "--account", "210987654321"]);
        let url = running.url().await;
        let state = admin(address(&url), "GET", "/state", "").json();
        assert_eq!((&state["region"], &state["account"]), (&"eu-west-1".into(), &"210987654321".into()));
        let pid = running.child.id().to_string();
        assert!(
            Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill runs").success()
        );
        let mut status = None;
        until(|| {
            status = running.child.try_wait().expect("a status");
            status.is_some()
        })
        .await;
        assert!(status.is_some_and(|status| status.success()), "{name}: {status:?}");
    }
}

#[tokio::test]
async fn flags_change_the_settings() {
    let flags = [
        "--quotas",
        "--rate",
        "CreateStage=7",
        "--limit",
        "stages=3",
        "--latency",
        "1ms",
        "--latency",
        "CreateStage=p50:1ms,p99:2ms:after",
        "--list-lag",
        "2s",
    ];
    let running = Running::start("flags", &flags);
    let settings = admin(address(&running.url().await), "GET", "/settings", "").json();
    assert_eq!((&settings["quotas"], &settings["rates"]["CreateStage"]), (&true.into(), &7.0.into()));
    assert_eq!((&settings["limits"]["stages"], &settings["listLag"]), (&3.into(), &"2s".into()));
    assert_eq!(settings["latency"], serde_json::json!(["1ms", "CreateStage=p50:1ms,p99:2ms:after"]));
}

#[tokio::test]
async fn a_port_in_use_is_reported_in_one_line() {
    let running = Running::start("taken", &["--latency", "1s"]);
    let listen = running.url().await.replace("http://", "");
    let output = output(&["--listen", &listen]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("ivs-simulator: cannot listen on {listen}: the port is already in use\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
}

#[test]
fn invalid_flags_are_rejected_with_a_reason() {
    for (arguments, text) in [
        (&["--latency", "soon"][..], "not a duration"),
        (&["--latency=-1s"][..], "not a duration"),
        (&["--account", "12", "--listen", "127.0.0.1:0"][..], "use 12 digits"),
        (&["--region", "mars", "--listen", "127.0.0.1:0"][..], "use a region such as us-west-2"),
        (&["--listen", "nowhere"][..], "invalid address"),
        (&["--latency", "CreateStage=p50:2s,p99:1s"][..], "p99 must not be less than p50"),
        (&["--list-lag", "soon"][..], "not a duration"),
        (&["--rate", "CreateStage"][..], "NAME=NUMBER"),
        (&["--rate", "MakeCoffee=1", "--listen", "127.0.0.1:0"][..], "unknown operation"),
        (&["--limit", "horses=1", "--listen", "127.0.0.1:0"][..], "unknown kind"),
        (&["--faults", "/nowhere.yaml", "--listen", "127.0.0.1:0"][..], "/nowhere.yaml"),
        (&["--connections", "0"][..], "must be a number, at least 1"),
        (
            &["--state", "/nowhere/state.json", "--listen", "127.0.0.1:0"][..],
            "cannot save the state to /nowhere/state.json: there is no folder /nowhere",
        ),
        (&["--state", "/proc/state.json", "--listen", "127.0.0.1:0"][..], "cannot save the state to /proc/"),
    ] {
        let output = output(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains(text), "{arguments:?}: {message}");
    }
}

#[test]
fn help_describes_the_program_and_its_variables() {
    let help = String::from_utf8(output(&["--help"]).stdout).expect("text");
    for text in ["Amazon IVS", "AWS_ENDPOINT_URL", "--ready-file", "IVS_SIMULATOR_LATENCY", "127.0.0.1:4600"]
    {
        assert!(help.contains(text), "{text} is not in\n{help}");
    }
}

#[tokio::test]
async fn dropping_a_simulator_closes_its_connections() {
    let simulator =
        ivs_simulator::Simulator::builder().listen("127.0.0.1:0").start().await.expect("it starts");
    let address = simulator.addr();
    let mut open = std::net::TcpStream::connect(address).expect("a connection");
    open.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    drop(simulator);
    // Another test may already use the port, so this checks the existing connection instead.
    let read = std::io::Read::read(&mut open, &mut [0]);
    assert!(!matches!(read, Ok(1..)), "open connections are closed");
}
