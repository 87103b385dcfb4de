//! The controller dies, as by `kill -9`, before or after an effect (a write to Kubernetes, a write to PostgreSQL, a call
//! to AWS). Started again, it finds its way without anybody's help: the end is what it is without a crash.
//!
//! What happens to an account is a [`Scenario`], those that are alike in one module. A new one needs a line in [`COVERED_EFFECTS`] and a test that calls
//! [`run`].

mod abandon;
mod create;
mod delete;
mod edit;
mod evict;
mod fail_point;
mod fixture;
mod inherit;
mod lost_records;
mod notes;
mod orphans;
mod recreate;
mod retain;
mod stream_key;
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

/// How many accounts go through a crash at the same time, of all stories together.
static CONCURRENT_CRASHES: Semaphore = Semaphore::const_new(16);

/// With `CRASHES=all` every story is told once for each fail point that it comes by.
static ALL: LazyLock<bool> = LazyLock::new(|| std::env::var("CRASHES").is_ok_and(|which| which == "all"));

/// What happens to one account, and what it must come to.
trait Scenario {
    /// Part of the names of its accounts; short.
    const NAME: &'static str;

    /// The effects that it is told for: it comes by all of them.
    const EFFECTS: &'static [&'static str];

    /// Whether it is always told for every fail point that it comes by; else only for the first of each of its effects.
    const EVERY_EFFECT: bool = false;

    /// What else its controllers are told, as variables of their environment.
    const SETTINGS: &'static [(&'static str, &'static str)] = &[];

    /// What there is before: an account that is ready, unless the story says otherwise. Its controllers do not die.
    async fn prepare(fixture: &Fixture<'_>) {
        fixture.create_ready(json!({})).await;
    }

    /// What happens while no controller runs.
    async fn act(fixture: &Fixture<'_>);

    /// Whether the end is reached; else what there is.
    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.agrees().await
    }

    /// What else must hold then: it is the same user, and nothing was made beside the three, unless the story says
    /// otherwise.
    async fn check(fixture: &Fixture<'_>) {
        assert_eq!((fixture.created_count(), fixture.users().await), (3, 1));
    }
}

/// Tells a story without a crash, and then once for each fail point that it came by and that counts.
async fn run<S: Scenario>() {
    let tenant = operator_with_fail_points().await.tenant_in_own_namespace(S::NAME).await;
    let all = fail_points(&run_without_crash::<S>(&tenant).await);
    for effect in S::EFFECTS {
        assert!(all.iter().any(|point| point.is_first_of(effect)), "{}: {effect}: {all:#?}", S::NAME);
    }
    let is_own = |point: &FailPoint| S::EFFECTS.iter().any(|effect| point.is_first_of(effect));
    let counts = |point: &FailPoint| S::EVERY_EFFECT || *ALL || is_own(point);
    let points: Vec<_> = all.into_iter().filter(counts).collect();
    let crashes =
        points.iter().enumerate().map(|(number, point)| run_with_crash::<S>(&tenant, number + 1, point));
    let crashes: Vec<_> = stream::iter(crashes).buffer_unordered(points.len()).collect().await;
    Tally::of(&crashes).judge(S::NAME);
}

/// The story without a crash; all that the controller logged after `act`.
async fn run_without_crash<S: Scenario>(tenant: &Tenant) -> String {
    let _permit = CONCURRENT_CRASHES.acquire().await.unwrap();
    let fixture = Fixture::new::<S>(tenant, 0).await;
    S::prepare(&fixture).await;
    S::act(&fixture).await;
    let log = fixture.run_until(|| S::is_done(&fixture)).await;
    S::check(&fixture).await;
    log
}

/// The story with a crash at a fail point.
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

/// The effects that each story is told for.
const COVERED_EFFECTS: [&[&str]; 19] = [
    create::Create::EFFECTS,
    delete::Delete::EFFECTS,
    delete::DeleteNew::EFFECTS,
    delete::DeleteOnAir::EFFECTS,
    edit::Edit::EFFECTS,
    evict::Evict::EFFECTS,
    inherit::Inherit::EFFECTS,
    abandon::Abandon::EFFECTS,
    lost_records::LostRecords::EFFECTS,
    notes::Corrected::EFFECTS,
    notes::SeenAgain::EFFECTS,
    notes::Stayed::EFFECTS,
    orphans::Listed::EFFECTS,
    orphans::Forgotten::EFFECTS,
    retain::Retain::EFFECTS,
    stream_key::LostKey::EFFECTS,
    unknown_outcome::UnknownOutcome::EFFECTS,
    recreate::Recreate::EFFECTS,
    waiting::Waiting::EFFECTS,
];

#[test]
fn every_effect_has_a_scenario() {
    let killed: BTreeSet<&str> = COVERED_EFFECTS.into_iter().flatten().copied().collect();
    assert_eq!(killed, controller_effects());
    assert_eq!(BTreeSet::from(registration_crashes::KILLED), BTreeSet::from(REGISTRATION));
}
