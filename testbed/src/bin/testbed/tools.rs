//! `testbed tools`.

use std::process::ExitCode;

use testbed::{Error, Tools};

/// A program that people call themselves.
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
