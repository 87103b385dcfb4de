//! `testbed demo`: one streamer comes and goes, and every step is looked at from all sides.

mod arrival;
mod departure;
mod html;
mod sides;

use std::pin::pin;
use std::process::ExitCode;
use std::time::Instant;

use testbed::Error;

use crate::OperatorArgument;
use crate::scene::Scene;
use crate::signals::asked_to_end;
use crate::story::Story;

/// Who registers.
const USERNAME: &str = "todd";

pub(crate) async fn demo(operator: OperatorArgument) -> Result<ExitCode, Error> {
    let start = Instant::now();
    let operator = operator.path()?;
    let mut end = pin!(asked_to_end());
    let scene = tokio::select! {
        scene = Scene::start(operator) => scene?,
        code = &mut end => return code,
    };
    let outcome = tokio::select! {
        outcome = tell(&scene) => outcome.map(|()| ExitCode::SUCCESS),
        code = &mut end => code,
    };
    scene.end().await?;
    if let Ok(ExitCode::SUCCESS) = outcome {
        println!("\nEvery step was seen to be true. It took {:.0} s.", start.elapsed().as_secs_f32());
        println!("To try it yourself: make up");
    }
    outcome
}

async fn tell(scene: &Scene) -> Result<(), Error> {
    let mut story = Story::begin();
    arrival::tell(&mut story, scene).await?;
    departure::tell(&mut story, scene).await
}
