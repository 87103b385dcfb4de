//! The harness of the contract tests: the installed clients, a recording proxy, and the check of the
//! recording.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use ivs_simulator::Simulator;

/// The directory with the scripts.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract");

/// Returns the directory in which `prepare.sh` has installed the clients.
pub fn installed() -> &'static Path {
    static DIRECTORY: LazyLock<PathBuf> =
        LazyLock::new(|| run(&mut Command::new(format!("{SOURCES}/prepare.sh"))).trim().into());
    &DIRECTORY
}

/// Returns a command for the Python interpreter with boto3.
pub fn python() -> Command {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a command, which must succeed, and returns its output.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{err}");
    out.into_owned()
}

/// A proxy in front of a simulator that records every exchange.
pub struct Recording {
    client: &'static str,
    simulator: String,
    directory: PathBuf,
    proxy: Child,
    url: String,
}

impl Recording {
    pub fn of(simulator: &Simulator, client: &'static str) -> Self {
        let directory = std::env::temp_dir().join(format!("ivs-simulator-{client}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let mut command = python();
        command.arg(format!("{SOURCES}/recorder.py")).arg(simulator.url()).arg(directory.join("exchanges"));
        let mut proxy = command.stdout(Stdio::piped()).spawn().expect("the proxy starts");
        let mut url = String::new();
        let mut output = BufReader::new(proxy.stdout.take().expect("its output"));
        output.read_line(&mut url).expect("its URL");
        Self { client, simulator: simulator.url(), directory, proxy, url: url.trim().to_owned() }
    }

    /// Returns the URL to which the client must send its calls.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns a command that runs a JavaScript file with access to the SDK.
    pub fn script(&self, name: &str, text: &str) -> Command {
        javascript(&self.directory, name, text)
    }

    /// Checks all responses. Panics if any of them violates the models.
    pub fn check(self) {
        let mut command = python();
        command.arg(format!("{SOURCES}/check.py"));
        let output = run(command.arg(self.directory.join("exchanges")).args([&self.simulator, self.client]));
        println!("{output}");
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A command that runs a script in JavaScript. Node.js looks for packages beside the script, so both are put
/// in the directory.
pub fn javascript(directory: &Path, name: &str, text: &str) -> Command {
    let script = directory.join(name);
    fs::write(&script, text).expect("the script is written");
    let packages = directory.join("node_modules");
    if !packages.exists() {
        symlink(installed().join("javascript/node_modules"), &packages).expect("a link");
    }
    let mut command = Command::new(installed().join("python/bin/node"));
    command.arg(script);
    command
}
