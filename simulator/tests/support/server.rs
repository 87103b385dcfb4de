//! The program in its own process, so that tests can measure its memory and read its log.
#![allow(dead_code, missing_docs, reason = "each user needs a part of it")]

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts the program on a free port, and reads the address from its output.
    pub fn start(program: impl AsRef<OsStr>, name: &str) -> Self {
        let log = std::env::temp_dir().join(format!("ivs-simulator-{name}-{}.log", std::process::id()));
        let mut command = Command::new(program);
        command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        command.stderr(fs::File::create(&log).expect("a log"));
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        output.read_line(&mut line).expect("a line that says where it listens");
        let url = line.split_once("http://").and_then(|(_, rest)| rest.split(';').next());
        let address =
            url.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no URL: {line}"));
        Self { child, address, log }
    }

    /// Returns the resident memory of the process, in bytes.
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("it runs, and on Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
        line.split_whitespace()
            .nth(1)
            .and_then(|kilobytes| kilobytes.parse().ok())
            .map_or(0, |size: u64| size << 10)
    }

    /// Returns the standard error of the process.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("its log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.log);
    }
}
