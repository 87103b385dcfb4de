//! The testbed's command line.

mod accounts;
mod bench;
mod demo;
mod load_test;
mod run;
mod signals;
mod soak;
mod stack;
mod tools;
mod transcript;
mod up;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything the operator talks to, started for real on this machine: a Kubernetes control plane, PostgreSQL and a
/// simulator of Amazon IVS. Ends without a trace.
///
/// The first time, Kubernetes is built from its Go modules, which takes some minutes. With `KUBE_CONTEXT=name` in the
/// environment, that context of your own kubeconfig is used instead.
#[derive(Parser)]
#[command(name = "testbed", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything with the operator and its registration page, until Ctrl-C; says what to try
    Up(OperatorArgument),
    /// Tells the whole story with one streamer, step by step, and checks each step
    Demo(OperatorArgument),
    /// Measures what an account costs without faults, and how much longer it takes than its slowest Create
    Bench(bench::Arguments),
    /// Measures how many can register in a second, and floods the registration with ten times as many
    LoadTest(load_test::Arguments),
    /// Has accounts created, edited and deleted while everything fails at random, and judges what came of it
    Soak(soak::Arguments),
    /// Runs a command (such as `cargo test`) with a control plane and PostgreSQL that its tests share
    Run {
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Runs a command with DATABASE_URL naming an empty PostgreSQL database that has the schema of migrations/
    Database {
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Builds Kubernetes and Helm if they are not there yet, and says where they are
    Tools {
        /// Print the path of this program only
        program: Option<tools::Program>,
    },
}

#[derive(clap::Args)]
struct OperatorArgument {
    /// The operator's binary; the one beside this program if not told
    #[arg(long, env = "STREAMCAT_OPERATOR", value_name = "PATH")]
    operator: Option<PathBuf>,
}

impl OperatorArgument {
    fn path(self) -> Result<PathBuf, testbed::Error> {
        if let Some(path) = self.operator {
            // Its process starts elsewhere, so that a relative path would be lost.
            return Ok(std::path::absolute(&path).unwrap_or(path));
        }
        let own =
            std::env::current_exe().map_err(|e| testbed::Error::Unexpected(format!("who am I? {e}")))?;
        Ok(own.with_file_name("streamcat-operator"))
    }
}

// One thread, which starts all and lives as long as the process: the children end with the thread that started them.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up(operator) => up::up(operator).await,
        Command::Demo(operator) => demo::demo(operator).await,
        Command::Bench(arguments) => bench::bench(arguments).await,
        Command::LoadTest(arguments) => load_test::load_test(arguments).await,
        Command::Soak(arguments) => soak::soak(arguments).await,
        Command::Run { command } => run::run(command).await,
        Command::Database { command } => run::with_database(command).await,
        Command::Tools { program } => tools::tools(program).await,
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("testbed: {error:?}");
        ExitCode::FAILURE
    })
}
