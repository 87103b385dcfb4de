//! What a contract test stands on: the installed clients, a proxy that records, and the check of what it
//! recorded.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use ivs_simulator::Simulator;

/// Where the scripts are.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract");

/// Where `prepare.sh` has installed the clients.
pub fn installed() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> =
        LazyLock::new(|| run(&mut Command::new(format!("{SOURCES}/prepare.sh"))).trim().into());
    &FOLDER
}

/// The Python that boto3 is installed for.
pub fn python() -> Command {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a command to its end, which must be a good one, and gives what it wrote.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{err}");
    out.into_owned()
}

/// A proxy before a simulator that writes down every exchange.
pub struct Recording {
    client: &'static str,
    simulator: String,
    folder: PathBuf,
    proxy: Child,
    url: String,
}

impl Recording {
    pub fn of(simulator: &Simulator, client: &'static str) -> Self {
        let folder = std::env::temp_dir().join(format!("ivs-simulator-{client}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let mut command = python();
        command.arg(format!("{SOURCES}/recorder.py")).arg(simulator.url()).arg(folder.join("exchanges"));
        let mut proxy = command.stdout(Stdio::piped()).spawn().expect("the proxy starts");
        let mut url = String::new();
        let mut output = BufReader::new(proxy.stdout.take().expect("its output"));
        output.read_line(&mut url).expect("its URL");
        Self { client, simulator: simulator.url(), folder, proxy, url: url.trim().to_owned() }
    }

    /// Where the client is to send its calls.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A command that runs a script in JavaScript, with the SDK installed beside it.
    pub fn script(&self, name: &str, text: &str) -> Command {
        javascript(&self.folder, name, text)
    }

    /// Has all answers checked; panics with what is found.
    pub fn check(self) {
        let mut command = python();
        command.arg(format!("{SOURCES}/check.py"));
        let said = run(command.arg(self.folder.join("exchanges")).args([&self.simulator, self.client]));
        println!("{said}");
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A command that runs a script in JavaScript. Node.js looks for packages beside the script, so both are put
/// in the folder.
pub fn javascript(folder: &Path, name: &str, text: &str) -> Command {
    let script = folder.join(name);
    fs::write(&script, text).expect("the script is written");
    let packages = folder.join("node_modules");
    if !packages.exists() {
        symlink(installed().join("javascript/node_modules"), &packages).expect("a link");
    }
    let mut command = Command::new(installed().join("python/bin/node"));
    command.arg(script);
    command
}
