//! `testbed tools`: building the tools and printing their paths.

use std::process::ExitCode;

use testbed::{Error, Tools};

/// A tool whose path can be printed.
#[derive(Clone, clap::ValueEnum)]
pub(crate) enum Program {
    Helm,
    Kubectl,
}

pub(crate) async fn tools(program: Option<Program>) -> Result<ExitCode, Error> {
    let tools = Tools::find_or_build().await?;
    match program {
        Some(Program::Helm) => println!("{}", tools.helm.display()),
        Some(Program::Kubectl) => println!("{}", tools.kubectl.display()),
        None => {
            for program in [&tools.kubectl, &tools.helm] {
                println!("{}", program.parent().unwrap_or(program).display());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
