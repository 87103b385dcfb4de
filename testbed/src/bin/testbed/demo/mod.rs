//! `testbed demo`: one streamer comes and goes, and every step is looked at from all sides.

mod arrival;
mod departure;
mod sides;

use std::process::ExitCode;
use std::time::Instant;

use testbed::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::OperatorArgument;
use crate::scene::Scene;
use crate::story::Story;

/// Who registers.
const USERNAME: &str = "todd";

pub(crate) async fn demo(operator: OperatorArgument) -> Result<ExitCode, Error> {
    let failed = |source| Error::Io { action: "listen for signals".into(), source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let operator = operator.path()?;
    tokio::select! {
        outcome = tell(operator) => outcome.map(|()| ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    }
}

async fn tell(operator: std::path::PathBuf) -> Result<(), Error> {
    let start = Instant::now();
    let mut story = Story::begin();
    let scene = Scene::start(operator).await?;
    arrival::tell(&mut story, &scene).await?;
    departure::tell(&mut story, &scene).await?;
    scene.end().await?;
    println!("\nEvery step was seen to be true. It took {:.0} s.", start.elapsed().as_secs_f32());
    println!("To try it yourself: make up");
    Ok(())
}
