//! `testbed demo`: one streamer registers and is deleted, and every step is checked in all four views.

mod deletion;
mod html;
mod registration;
mod views;

use std::pin::pin;
use std::process::ExitCode;
use std::time::Instant;

use testbed::Error;

use crate::OperatorArgument;
use crate::signals::wait_for_shutdown;
use crate::stack::Stack;
use crate::transcript::Transcript;

/// Username of the streamer.
const USERNAME: &str = "todd";

pub(crate) async fn demo(operator: OperatorArgument) -> Result<ExitCode, Error> {
    let start = Instant::now();
    let operator = operator.path()?;
    let mut shutdown = pin!(wait_for_shutdown());
    let stack = tokio::select! {
        stack = Stack::start(operator) => stack?,
        code = &mut shutdown => return code,
    };
    let outcome = tokio::select! {
        outcome = run(&stack) => outcome.map(|()| ExitCode::SUCCESS),
        code = &mut shutdown => code,
    };
    stack.shut_down().await?;
    if let Ok(ExitCode::SUCCESS) = outcome {
        println!("\nAll checks passed in {:.0} s.", start.elapsed().as_secs_f32());
        println!("Try it yourself: make up");
    }
    outcome
}

async fn run(stack: &Stack) -> Result<(), Error> {
    let mut transcript = Transcript::new();
    registration::run(&mut transcript, stack).await?;
    deletion::run(&mut transcript, stack).await
}
