//! `testbed install-test`: the chart and the image on a node, where people register while pods are replaced,
//! killed, and uninstalled.

mod cluster;
mod disruptions;
mod evidence;
mod load;
mod release;
mod tally;
mod uninstall;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use testbed::{Error, Node, Testbed};

use self::load::Load;
use self::release::{FIRST_TAG, Release, SECOND_TAG};
use crate::OperatorArgument;
use crate::signals::wait_for_shutdown;

/// Environment variable that makes a skipped test a failure.
const STRICT: &str = "STRICT";
/// Duration of the load before the first disruption, and after each.
const STEADY: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(crate) struct InstallTestArguments {
    #[command(flatten)]
    operator: OperatorArgument,
}

pub(crate) async fn install_test(arguments: InstallTestArguments) -> Result<ExitCode, Error> {
    if Node::is_entered() {
        return tokio::select! {
            outcome = run(arguments) => outcome,
            code = wait_for_shutdown() => code,
        };
    }
    match Node::obstacle() {
        None => Node::enter().await,
        Some(reason) => {
            eprintln!("testbed: install-test is skipped: {reason}");
            let strict = std::env::var(STRICT).is_ok_and(|value| value == "1");
            Ok(if strict { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}

async fn run(arguments: InstallTestArguments) -> Result<ExitCode, Error> {
    let operator = arguments.operator.path()?;
    let start = Instant::now();
    let testbed = Testbed::start_with_node().await?;
    report("the node is ready", start);
    let release = Release::prepare(&testbed, &operator).await?;
    let outcome = test(&release).await;
    if outcome.is_err() {
        release.cluster().describe().await;
    }
    outcome
}

async fn test(release: &Release) -> Result<ExitCode, Error> {
    let start = Instant::now();
    release.install(FIRST_TAG).await?;
    report("helm install --wait", start);
    evidence::one_account(release).await?;

    let load = Load::start(release.url().await?);
    load.step("steady load");
    tokio::time::sleep(STEADY).await;
    disrupt(release, &load).await?;
    let (tally, registered) = load.finish().await;
    print!("{tally}");
    evidence::nothing_lost(release, &registered).await?;
    println!("nothing is lost: {} accounts are Ready, with their rows and AWS resources", registered.len());

    uninstall::keeping_accounts(release, registered.len()).await?;
    uninstall::everything(release).await?;
    match tally.verdict() {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failures) => Err(Error::Unexpected(failures)),
    }
}

/// Disrupts the pods in every way, one after another.
async fn disrupt(release: &Release, load: &Load) -> Result<(), Error> {
    let cluster = release.cluster();
    load.step("helm upgrade to another image");
    release.upgrade(&[&format!("image.tag={SECOND_TAG}")]).await?;
    tokio::time::sleep(STEADY).await;

    load.step("rollout restart");
    disruptions::restart_rollouts(&cluster).await?;
    tokio::time::sleep(STEADY).await;

    load.step("a migration of a later version");
    release.add_to_schema().await?;
    tokio::time::sleep(STEADY).await;
    disruptions::restart_rollouts(&cluster).await?;
    tokio::time::sleep(STEADY).await;

    load.step("eviction of a pod");
    disruptions::evict(&cluster).await?;
    tokio::time::sleep(STEADY).await;

    load.step_with_kill("SIGKILL of a registration process");
    // Requests of the previous step must have ended.
    tokio::time::sleep(STEADY).await;
    disruptions::kill_registration(&cluster).await?;
    tokio::time::sleep(STEADY).await;

    load.step("a second controller");
    release.upgrade(&["controller.replicas=2"]).await?;
    load.step("loss of the leader");
    let took = disruptions::lose_leader(&cluster).await?;
    println!("the other controller led {:.1} s after the leader was lost", took.as_secs_f32());
    tokio::time::sleep(STEADY).await;
    Ok(())
}

fn report(what: &str, start: Instant) {
    println!("{what}: {:.1} s", start.elapsed().as_secs_f32());
}
