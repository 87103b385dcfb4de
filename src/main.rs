//! The command line.

use std::{io::Write, process::ExitCode, time::Duration};

use clap::{CommandFactory, Parser, error::ErrorKind};
use streamcat_operator::{
    api::{self, ResourceKind},
    commands,
    config::{
        self, Cli, Command, ControllerSettings, DatabaseSettings, DiffSettings, ExportSettings,
        OrphansCommand, ReleaseBrakeSettings,
    },
    controller, registration,
    shutdown::Shutdown,
    store::{self, Postgres},
    telemetry,
};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Exit code for a missing or invalid setting, for which a restart does not help, and for a comparison that
/// failed.
const INVALID_SETTING: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            eprint!("{}", Cli::command().render_long_help());
            return ExitCode::from(INVALID_SETTING);
        }
        Err(error) if error.use_stderr() => return reject(&config::one_line(&error)),
        Err(help) => help.exit(),
    };
    if let Err(problem) = telemetry::start_logging(cli.log_format, &cli.log_level) {
        return reject(&problem);
    }
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Setting(problem) | Failure::NotCompared(problem)) => reject(&problem),
        Err(Failure::Different) => ExitCode::FAILURE,
        Err(Failure::Other(problem)) => {
            tracing::error!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what is wrong with the settings.
fn reject(problem: &str) -> ExitCode {
    eprintln!("streamcat-operator: {problem}");
    ExitCode::from(INVALID_SETTING)
}

/// Failure of a command, in one line.
enum Failure {
    Setting(String),
    Other(String),
    /// The command found differences, and has printed them.
    Different,
    /// Not everything could be compared.
    NotCompared(String),
}

fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::Other(error.to_string()))?;
    let result = runtime.block_on(execute(command));
    // Blocking calls that hang (for example DNS lookups) must not delay the exit.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Controller(settings) => {
            let variable = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
            ControllerSettings::check_environment(variable).map_err(Failure::Setting)?;
            // Nobody sends requests to a controller, so it has no delay.
            // On the heap, because the compiler cannot compute the layout of a future that is nested so
            // deeply.
            Ok(Box::pin(controller::run(settings, shutdown_after(Duration::ZERO)?)).await?)
        }
        Command::Registration(settings) => {
            let shutdown = shutdown_after(settings.shutdown_delay)?;
            Ok(registration::run(settings, shutdown).await?)
        }
        Command::Migrate(settings) => Ok(migrate(&settings).await?),
        Command::Crds => print(&api::crds_yaml().map_err(|error| Failure::Other(error.to_string()))?),
        Command::ReleaseBrake(settings) => Ok(release_brake(&settings).await?),
        Command::Orphans(settings) => match &settings.command {
            None => print(&commands::list_orphans(&settings).await?),
            Some(OrphansCommand::Delete(delete)) => Ok(commands::delete_orphans(&settings, delete).await?),
        },
        Command::Diff(settings) => diff(&settings).await,
        Command::Export(settings) => export(&settings).await,
    }
}

/// Prints manifests. Fails if accounts are left out.
async fn export(settings: &ExportSettings) -> Result<(), Failure> {
    let commands::Export { documents, edited } = commands::export(settings).await?;
    print(&documents)?;
    if edited.is_empty() {
        return Ok(());
    }
    Err(Failure::Other(format!(
        "{} accounts are left out, because settings or tags of their specs were edited, and the database does not have them: {}. Save these from the cluster (kubectl get streamer --output yaml)",
        edited.len(),
        edited.join(", ")
    )))
}

/// Prints what differs. A failure has another exit code than a difference.
async fn diff(settings: &DiffSettings) -> Result<(), Failure> {
    let failure = |error: commands::Error| Failure::NotCompared(error.to_string());
    let commands::Comparison { differences, failed } = commands::diff(settings).await.map_err(failure)?;
    if let Some(differences) = &differences {
        std::io::stdout().write_all(differences.as_bytes()).map_err(|error| failure(error.into()))?;
    }
    if !failed.is_empty() {
        return Err(Failure::NotCompared(failed.join("; ")));
    }
    if differences.is_some() { Err(Failure::Different) } else { Ok(()) }
}

fn shutdown_after(delay: Duration) -> Result<Shutdown, Failure> {
    Shutdown::on_signal(delay).map_err(|error| Failure::Other(format!("signals: {error}")))
}

async fn migrate(settings: &DatabaseSettings) -> store::Result<()> {
    let schema = Postgres::new(&settings.database_url, 1)?.migrate().await?;
    match schema.note() {
        None => tracing::info!("the database schema is up to date"),
        Some(note) => tracing::info!("nothing to migrate: {note}"),
    }
    Ok(())
}

async fn release_brake(settings: &ReleaseBrakeSettings) -> store::Result<()> {
    let kinds = settings.kind.map_or(ResourceKind::ALL.to_vec(), |kind| vec![kind]);
    let store = Postgres::new(&settings.database.database_url, 1)?;
    store.check_schema().await?;
    store.release_brake(&kinds).await?;
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.noun()).collect();
    tracing::info!(
        "the brake is released for {}: within a few minutes after a missing resource is proved to be gone, it is replaced, or the deletion of its account continues",
        kinds.join(", ")
    );
    Ok(())
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::Other(error.to_string()))
}

impl From<controller::Error> for Failure {
    fn from(error: controller::Error) -> Self {
        match error {
            controller::Error::Setting(problem) => Self::Setting(problem),
            controller::Error::Store(error) => error.into(),
        }
    }
}

impl From<commands::Error> for Failure {
    fn from(error: commands::Error) -> Self {
        match error {
            commands::Error::Input(problem) => Self::Setting(problem),
            commands::Error::Store(error) => error.into(),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<registration::Error> for Failure {
    fn from(error: registration::Error) -> Self {
        if error.is_setting() { Self::Setting(error.to_string()) } else { Self::Other(error.to_string()) }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        if error.is_setting() { Self::Setting(error.to_string()) } else { Self::Other(error.to_string()) }
    }
}
