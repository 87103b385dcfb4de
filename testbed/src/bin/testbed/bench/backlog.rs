//! `testbed bench backlog`: many accounts of one namespace wait for AWS's quotas while a few people of others
//! act.

use std::path::Path;
use std::time::Duration;

use testbed::Error;

use super::fleet;
use super::people::{IMPORT, People};
use super::report::Report;
use super::rig::{self, AWS_RATE, Quotas};
use crate::accounts;

/// Time for which the backlog is worked on before people act.
const HEAD_START: Duration = Duration::from_secs(5);
/// Maximum time to wait for a call.
const PATIENCE: Duration = Duration::from_mins(2);

pub(super) async fn run(operator: &Path, count: usize) -> Result<Report, Error> {
    let conditions =
        format!("{count} accounts wait; AWS's quota of {AWS_RATE} calls per second for each operation");
    let mut report = Report::new("backlog", conditions);
    let tenant = rig::start_cluster_wide(operator).await?;
    let _controller = rig::controller(&tenant, Quotas::Rate(AWS_RATE)).try_start().await?;
    let people = People::settle(&tenant).await?;
    fleet::create_all(&accounts::accounts_in(&tenant, IMPORT), fleet::names("streamer", count)).await?;
    tokio::time::sleep(HEAD_START).await;
    people.add_first_calls(&mut report, PATIENCE).await?;
    Ok(report)
}
