//! PgBouncer in front of a PostgreSQL server, from Debian's package.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::postgres::{SYSTEM_USER, chown};
use crate::process::{Launch, Process, StopSignal, find_in_path};
use crate::temp_dir::TempDir;
use crate::{Error, ports};

const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Path of the program in Debian, whose directory may not be in PATH.
const DEBIAN_PATH: &str = "/usr/sbin/pgbouncer";
const PACKAGE_ADVICE: &str = "PgBouncer is required; run: sudo apt-get install pgbouncer";

/// A running PgBouncer, stopped on drop.
pub struct PgBouncer {
    port: u16,
    // Dropped in this order: the process stops before its directory is removed.
    _process: Process,
    _temp_dir: TempDir,
}

impl PgBouncer {
    /// Starts PgBouncer in front of the server of these URLs, and accepts their users and passwords.
    /// `settings` are lines of the section `[pgbouncer]`, such as `pool_mode = session`.
    ///
    /// # Errors
    /// If it is not installed, or does not start.
    pub async fn start(urls: &[&str], settings: &str) -> Result<Self, Error> {
        let program = find()?;
        ports::retry_if_port_taken(|| Self::try_start(&program, urls, settings)).await
    }

    async fn try_start(program: &Path, urls: &[&str], settings: &str) -> Result<Self, Error> {
        let [port] = ports::free()?;
        let temp_dir = TempDir::create()?;
        let home = temp_dir.subdir("pgbouncer")?;
        let parts = urls.iter().map(|url| Parts::of(url)).collect::<Result<Vec<_>, _>>()?;
        let users = parts.iter().fold(String::new(), |mut users, parts| {
            // Writing into a String cannot fail.
            let _ = writeln!(users, r#""{}" "{}""#, parts.user, parts.password);
            users
        });
        let users = temp_dir.write("pgbouncer/users.txt", users)?;
        let server = parts.first().map_or("5432", |parts| parts.port);
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\ndefault_pool_size = 50\n{settings}\n",
            users.display(),
        );
        let config = temp_dir.write("pgbouncer/pgbouncer.ini", config)?;
        let (name, log) = ("pgbouncer", temp_dir.path().join("pgbouncer.log"));
        // PgBouncer refuses to run as root.
        let launch = if rustix::process::geteuid().is_root() {
            chown(&home, SYSTEM_USER)?;
            Launch::new_as(SYSTEM_USER, name, program, log, StopSignal::Kill)
        } else {
            Launch::new(name, program, log, StopSignal::Kill)
        };
        let mut process = launch.current_dir(&home).args([&config]).start()?;
        let connect = || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
        process.until("PgBouncer listens", START_TIMEOUT, connect).await?;
        Ok(Self { port, _process: process, _temp_dir: temp_dir })
    }

    /// Returns the URL with the address of PgBouncer in place of the server's.
    ///
    /// # Errors
    /// If the URL lacks a part.
    pub fn url(&self, url: &str) -> Result<String, Error> {
        let Parts { user, password, database, .. } = Parts::of(url)?;
        Ok(format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port))
    }
}

/// Parts of a URL of the testbed's PostgreSQL.
struct Parts<'a> {
    user: &'a str,
    password: &'a str,
    port: &'a str,
    database: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, Error> {
        let split = || {
            let (login, rest) = url.split_once("://")?.1.split_once('@')?;
            let ((user, password), (address, database)) = (login.split_once(':')?, rest.split_once('/')?);
            Some(Self { user, password, port: address.rsplit_once(':')?.1, database })
        };
        split().ok_or_else(|| Error::Unexpected("not a URL of the testbed's PostgreSQL".into()))
    }
}

/// Returns the path of the program.
fn find() -> Result<PathBuf, Error> {
    let installed = || Some(PathBuf::from(DEBIAN_PATH)).filter(|program| program.is_file());
    let found = find_in_path("pgbouncer").or_else(installed);
    found.ok_or_else(|| Error::missing("pgbouncer", PACKAGE_ADVICE))
}
