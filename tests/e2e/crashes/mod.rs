//! The controller is killed (SIGKILL) before or after an effect: a write to Kubernetes, a write to
//! PostgreSQL, or a call to AWS. After a restart it recovers by itself. The final state is the same as
//! without a crash.
//!
//! A [`Scenario`] is what happens to one account. Similar scenarios share a module. A new scenario needs a
//! line in [`COVERED_EFFECTS`] and a test that calls [`run`].

mod abandon;
mod create;
mod delete;
mod edit;
mod fail_point;
mod fixture;
mod lost_records;
mod orphans;
mod outdated_rows;
mod recreate;
mod retain;
mod stale_user;
mod stream_key;
mod transfer;
mod unknown_outcome;
mod waiting;

use std::{collections::BTreeSet, sync::LazyLock};

use futures::{StreamExt, stream};
use serde_json::json;
use streamcat_operator::failpoint::{REGISTRATION, controller_effects};
use testbed::Tenant;
use tokio::sync::Semaphore;

use self::{
    fail_point::{FailPoint, Tally, fail_points},
    fixture::Fixture,
};
use crate::{registration_crashes, support::operator_with_fail_points};

pub use self::fail_point::SIGKILL;

/// Limit of the accounts that go through a crash at the same time, over all scenarios.
static CONCURRENT_CRASHES: Semaphore = Semaphore::const_new(16);

/// True with `CRASHES=all`: each scenario runs once per fail point that it reaches.
static AT_EVERY_FAIL_POINT: LazyLock<bool> =
    LazyLock::new(|| std::env::var("CRASHES").is_ok_and(|crashes| crashes == "all"));

/// A scenario of one account, and the state that must result.
trait Scenario {
    /// Part of the names of its accounts. Must be short.
    const NAME: &'static str;

    /// The effects at which the controller is killed. The scenario must reach all of them.
    const EFFECTS: &'static [&'static str];

    /// True if the scenario always runs once per fail point that it reaches. Otherwise it runs only for the
    /// first effect of each name in `EFFECTS`.
    const AT_EVERY_FAIL_POINT: bool = false;

    /// Additional environment variables of its controllers.
    const SETTINGS: &'static [(&'static str, &'static str)] = &[];

    /// Prepares the initial state: by default an account that is ready. The controllers in it are not killed.
    async fn prepare(fixture: &Fixture<'_>) {
        fixture.create_ready(json!({})).await;
    }

    /// Does what happens to the account, while no controller runs.
    async fn act(fixture: &Fixture<'_>);

    /// Checks that the final state is reached. The error describes the current state.
    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.agrees().await
    }

    /// Asserts what must hold in the final state: by default, that the user is the same and that nothing but
    /// the three resources was created.
    async fn check(fixture: &Fixture<'_>) {
        assert_eq!((fixture.created_count(), fixture.users().await), (3, 1));
    }
}

/// Runs a scenario without a crash, and then once per selected fail point that it reached.
async fn run<S: Scenario>() {
    let tenant = operator_with_fail_points().await.tenant_in_own_namespace(S::NAME).await;
    let all = fail_points(&run_without_crash::<S>(&tenant).await);
    for effect in S::EFFECTS {
        assert!(all.iter().any(|point| point.is_first_of(effect)), "{}: {effect}: {all:#?}", S::NAME);
    }
    let is_own = |point: &FailPoint| S::EFFECTS.iter().any(|effect| point.is_first_of(effect));
    let is_selected = |point: &FailPoint| S::AT_EVERY_FAIL_POINT || *AT_EVERY_FAIL_POINT || is_own(point);
    let points: Vec<_> = all.into_iter().filter(is_selected).collect();
    let crashes =
        points.iter().enumerate().map(|(number, point)| run_with_crash::<S>(&tenant, number + 1, point));
    let crashes: Vec<_> = stream::iter(crashes).buffer_unordered(points.len()).collect().await;
    Tally::of(&crashes).report(S::NAME);
}

/// Runs a scenario without a crash. Returns what the controller logged after `act`.
async fn run_without_crash<S: Scenario>(tenant: &Tenant) -> String {
    let _permit = CONCURRENT_CRASHES.acquire().await.unwrap();
    let fixture = Fixture::new::<S>(tenant, 0).await;
    S::prepare(&fixture).await;
    S::act(&fixture).await;
    let log = fixture.run_until(|| S::is_done(&fixture)).await;
    S::check(&fixture).await;
    log
}

/// Runs a scenario with a crash at a fail point. Returns the fail point, and true if the controller died
/// there.
async fn run_with_crash<S: Scenario>(tenant: &Tenant, number: usize, point: &FailPoint) -> (FailPoint, bool) {
    let _permit = CONCURRENT_CRASHES.acquire().await.unwrap();
    let fixture = Fixture::new::<S>(tenant, number).await;
    S::prepare(&fixture).await;
    S::act(&fixture).await;
    let died = fixture.crash(point, || S::is_done(&fixture)).await;
    fixture.run_until(|| S::is_done(&fixture)).await;
    S::check(&fixture).await;
    (point.clone(), died)
}

/// The effects at which the controller is killed, by scenario.
const COVERED_EFFECTS: [&[&str]; 20] = [
    create::Create::EFFECTS,
    delete::Delete::EFFECTS,
    delete::DeleteNew::EFFECTS,
    delete::DeleteLive::EFFECTS,
    edit::Edit::EFFECTS,
    stale_user::StaleUser::EFFECTS,
    transfer::Transfer::EFFECTS,
    abandon::Abandon::EFFECTS,
    lost_records::LostRecords::EFFECTS,
    outdated_rows::AddressesCorrected::EFFECTS,
    outdated_rows::Reappeared::EFFECTS,
    outdated_rows::UpdateVerified::EFFECTS,
    outdated_rows::FieldRemoved::EFFECTS,
    orphans::OrphansListed::EFFECTS,
    orphans::OrphansRemoved::EFFECTS,
    retain::Retain::EFFECTS,
    stream_key::KeyDeleted::EFFECTS,
    unknown_outcome::UnknownOutcome::EFFECTS,
    recreate::Recreate::EFFECTS,
    waiting::WaitingDeleted::EFFECTS,
];

#[test]
fn every_effect_has_a_scenario() {
    let killed: BTreeSet<&str> = COVERED_EFFECTS.into_iter().flatten().copied().collect();
    assert_eq!(killed, controller_effects());
    assert_eq!(BTreeSet::from(registration_crashes::KILLED), BTreeSet::from(REGISTRATION));
}
