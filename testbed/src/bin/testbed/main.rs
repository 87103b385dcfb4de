//! Command line of the testbed.

mod accounts;
mod bench;
mod demo;
mod image;
mod install_test;
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

/// Runs the operator with everything it needs on this machine: a Kubernetes control plane, PostgreSQL, and
/// the Amazon IVS simulator. Everything is removed at the end.
///
/// The first run builds Kubernetes from its Go modules, which takes some minutes. Set `KUBE_CONTEXT` to the
/// name of a context in your kubeconfig to use your own cluster instead.
#[derive(Parser)]
#[command(name = "testbed", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything, with the operator and its registration page, until Ctrl-C; prints what to try
    Up(OperatorArgument),
    /// Registers and deletes one streamer step by step, shows each step, and checks it
    Demo(OperatorArgument),
    /// Measures the speed, the memory, and the cost of the operator, next to their goals
    Bench(bench::BenchArguments),
    /// Creates, edits, and deletes accounts while everything fails at random, then checks for inconsistencies
    Soak(soak::SoakArguments),
    /// Writes the operator's container image, without an engine
    Image(image::ImageArguments),
    /// Installs the chart on a node, and replaces, kills, and uninstalls pods while people register
    InstallTest(install_test::InstallTestArguments),
    /// Runs a command, such as `cargo test`, with a control plane and PostgreSQL that its tests share
    Run {
        /// Also run a node, so that pods run; the command runs in the node's network. Needs root
        #[arg(long)]
        node: bool,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Runs a command with DATABASE_URL set to an empty PostgreSQL database with the schema of migrations/
    Database {
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Builds Kubernetes and Helm if they are missing, and prints their paths
    Tools {
        /// Print only the path of this program
        program: Option<tools::Program>,
    },
}

#[derive(clap::Args)]
struct OperatorArgument {
    /// The operator's binary [default: streamcat-operator in the directory of this program]
    #[arg(long, global = true, env = "STREAMCAT_OPERATOR", value_name = "PATH")]
    operator: Option<PathBuf>,
}

impl OperatorArgument {
    fn path(self) -> Result<PathBuf, testbed::Error> {
        if let Some(path) = self.operator {
            // Its process starts in another directory, where a relative path would be wrong.
            return Ok(std::path::absolute(&path).unwrap_or(path));
        }
        let own = std::env::current_exe()
            .map_err(|e| testbed::Error::Unexpected(format!("cannot find the path of this program: {e}")))?;
        Ok(own.with_file_name("streamcat-operator"))
    }
}

// A single thread, because child processes end with the thread that started them.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up(operator) => up::up(operator).await,
        Command::Demo(operator) => demo::demo(operator).await,
        Command::Bench(arguments) => bench::bench(arguments).await,
        Command::Soak(arguments) => soak::soak(arguments).await,
        Command::Image(arguments) => image::image(arguments),
        Command::InstallTest(arguments) => install_test::install_test(arguments).await,
        Command::Run { node: false, command } => run::run(command).await,
        Command::Run { node: true, command } => run::run_with_node(command).await,
        Command::Database { command } => run::with_database(command).await,
        Command::Tools { program } => tools::tools(program).await,
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("testbed: {error:?}");
        ExitCode::FAILURE
    })
}
