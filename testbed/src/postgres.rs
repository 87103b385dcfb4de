//! A private PostgreSQL server, from Debian's package.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::Mutex;

use crate::network::Network;
use crate::process::{Launch, Process, StopSignal};
use crate::temp_dir::TempDir;
use crate::{Error, ports};

const START_TIMEOUT: Duration = Duration::from_mins(1);
const USER: &str = "streamcat";
/// System user that runs PostgreSQL when we are root, because PostgreSQL refuses to run as root. Debian's
/// package creates it.
pub(crate) const SYSTEM_USER: &str = "postgres";
const PACKAGE_ADVICE: &str = "PostgreSQL is required; run: sudo apt-get install postgresql";

/// A running server.
pub(crate) struct Postgres {
    /// None only if a restart failed.
    process: Mutex<Option<Process>>,
    config: Config,
    server: Server,
}

/// Programs, directory, port, and system user of a server.
struct Config {
    bin: PathBuf,
    user: Option<&'static str>,
    logs: PathBuf,
    home: PathBuf,
    network: Network,
    port: u16,
}

/// Address of a server.
#[derive(Clone)]
pub(crate) struct Server {
    /// URL without a database name, with a trailing slash.
    base: String,
}

impl Postgres {
    /// Starts a server on a free port.
    pub(crate) async fn start(temp_dir: &TempDir, network: Network) -> Result<Self, Error> {
        let (bin, user) = find_or_install()?;
        ports::retry_if_port_taken(|| Self::try_start(temp_dir, network, &bin, user)).await
    }

    async fn try_start(
        temp_dir: &TempDir,
        network: Network,
        bin: &Path,
        user: Option<&'static str>,
    ) -> Result<Self, Error> {
        let [port] = ports::free()?;
        let (logs, home) = (temp_dir.path().to_owned(), temp_dir.subdir("postgres")?);
        let config = Config { bin: bin.to_owned(), user, logs, home, network, port };
        let _ = std::fs::remove_dir_all(config.data());
        let password = uuid::Uuid::new_v4().simple().to_string();
        let password_file = temp_dir.write("postgres/password", &password)?;
        if let Some(user) = user {
            chown(&config.home, user)?;
        }
        config.initialize(&password_file).await?;
        let address = network.address();
        let server = Server { base: format!("postgres://{USER}:{password}@{address}:{port}/") };
        let process = config.start(&server).await?;
        Ok(Self { process: Mutex::new(Some(process)), config, server })
    }

    /// Crashes the server and starts it again at the same address, with the same data.
    pub(crate) async fn restart(&self) -> Result<(), Error> {
        let mut process = self.process.lock().await;
        drop(process.take());
        *process = Some(self.config.start(&self.server).await?);
        Ok(())
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }
}

impl Server {
    pub(crate) fn of(base: impl Into<String>) -> Self {
        Self { base: base.into() }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Returns the URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("{}{database}", self.base)
    }

    /// Creates a database and returns its URL.
    pub(crate) async fn create_database(&self, database: &str) -> Result<String, Error> {
        self.execute(format!("create database \"{database}\""))
            .await
            .map_err(Error::sql(format!("create the database {database}")))?;
        Ok(self.url(database))
    }

    /// Creates a login role in this group, which has the permissions. Returns the URL for the role.
    pub(crate) async fn create_login_role(
        &self,
        database: &str,
        role: &str,
        group: &str,
    ) -> Result<String, Error> {
        let password = uuid::Uuid::new_v4().simple().to_string();
        let create = format!(r#"create role "{role}" login password '{password}' in role "{group}""#);
        self.execute(create).await.map_err(Error::sql(format!("create the role {role}")))?;
        let (_, host) = self.base.rsplit_once('@').unwrap_or(("", &self.base));
        Ok(format!("postgres://{role}:{password}@{host}{database}"))
    }

    async fn execute(&self, statement: String) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        connection.close().await
    }
}

impl Config {
    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn launch(&self, name: &str) -> Launch {
        let (program, log) = (self.bin.join(name), self.logs.join(format!("{name}.log")));
        let launch = match self.user {
            Some(user) => Launch::new_as(user, name, &program, log, StopSignal::Quit),
            None => Launch::new(name, program, log, StopSignal::Quit),
        };
        launch.current_dir(&self.home)
    }

    async fn initialize(&self, password_file: &Path) -> Result<(), Error> {
        let mut initdb = self
            .launch("initdb")
            .args([
                format!("--pgdata={}", self.data().display()),
                format!("--pwfile={}", password_file.display()),
            ])
            // Plain-text password on loopback: hashing it for every connection is slow in a debug build.
            .args(["--auth=password", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"])
            .args(["--username", USER])
            .start()?;
        let status = initdb.wait_for_exit(START_TIMEOUT).await?;
        if status.success() {
            return self.admit_clients();
        }
        Err(Error::Failed {
            action: "creating the PostgreSQL data directory (initdb)".into(),
            status,
            output: initdb.tail(),
        })
    }

    /// Admits the clients of the network. The file that initdb writes admits only loopback.
    fn admit_clients(&self) -> Result<(), Error> {
        let (path, clients) = (self.data().join("pg_hba.conf"), self.network.clients());
        let line = format!("host all all {clients} password\n");
        let file = std::fs::OpenOptions::new().append(true).open(&path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes()))
            .map_err(Error::io(format!("write {}", path.display())))
    }

    async fn start(&self, server: &Server) -> Result<Process, Error> {
        let listen = format!("--listen_addresses={}", self.network.address());
        let mut postgres = self
            .launch("postgres")
            .args(["-D".into(), self.data().display().to_string(), "-p".into(), self.port.to_string()])
            // Committed data must survive a crash of PostgreSQL, but not a power failure.
            .args(["--fsync=off", "--full_page_writes=off"])
            .args([listen.as_str(), "--unix_socket_directories=", "--max_connections=500"])
            .start()?;
        postgres.until("PostgreSQL answers", START_TIMEOUT, || server.execute("select 1".into())).await?;
        Ok(postgres)
    }
}

/// Returns the directory of the programs, and the user to run them as if not the current one.
fn find_or_install() -> Result<(PathBuf, Option<&'static str>), Error> {
    let root = rustix::process::geteuid().is_root();
    let bin = match find() {
        Some(bin) => bin,
        None if root => {
            install()?;
            find().ok_or_else(|| Error::missing("initdb", PACKAGE_ADVICE))?
        }
        None => return Err(Error::missing("initdb", PACKAGE_ADVICE)),
    };
    Ok((bin, root.then_some(SYSTEM_USER)))
}

/// Returns the newest installation that has both programs. Debian keeps each version in a directory outside
/// PATH.
fn find() -> Option<PathBuf> {
    let complete = |bin: &PathBuf| bin.join("initdb").exists() && bin.join("postgres").exists();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| complete(bin))
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.pop().map(|(_, bin)| bin).or_else(|| std::env::split_paths(&path).find(complete))
}

fn install() -> Result<(), Error> {
    eprintln!("testbed: installing PostgreSQL (apt-get install postgresql)");
    let steps: [&[&str]; 2] = [&["update"], &["install", "--yes", "--no-install-recommends", "postgresql"]];
    for arguments in steps {
        let output = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output()
            .map_err(|_| Error::missing("initdb", PACKAGE_ADVICE))?;
        Error::check(format!("apt-get {}", arguments.join(" ")), &output, 15)?;
    }
    Ok(())
}

/// Gives a directory and everything in it to a system user.
pub(crate) fn chown(path: &Path, user: &str) -> Result<(), Error> {
    let output = Command::new("chown").arg("--recursive").arg(format!("{user}:{user}")).arg(path).output();
    let output = output.map_err(Error::io("run chown"))?;
    Error::check(format!("changing the owner of {} to {user}", path.display()), &output, 5)
}
