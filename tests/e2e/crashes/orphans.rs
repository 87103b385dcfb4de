//! The sweep keeps the list of what belongs to no account.

use super::{Fixture, Scenario, run};

/// A controller that sweeps often: what is not found any more goes from the list only with a later sweep.
const SETTINGS: &[(&str, &str)] = &[("STREAMCAT_RESYNC_INTERVAL", "500ms")];

/// An account is lost, in the cluster and in PostgreSQL: what it had comes onto the list.
pub struct Listed;

impl Scenario for Listed {
    const NAME: &'static str = "listed";
    const EFFECTS: &'static [&'static str] = &["change_orphans"];
    const SETTINGS: &'static [(&'static str, &'static str)] = SETTINGS;

    async fn act(fixture: &Fixture<'_>) {
        fixture.lose().await;
        fixture.forget_user().await;
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.lists_all().await
    }

    async fn check(fixture: &Fixture<'_>) {
        assert_eq!((fixture.created_count(), fixture.live().len(), fixture.users().await), (3, 3, 0));
        let rows = "select count(*) from orphans where account_namespace = $1 and reason = 'unowned'";
        assert_eq!(fixture.count(rows).await, 3);
    }
}

/// Somebody deletes what is on the list: it goes from there.
pub struct Forgotten;

impl Scenario for Forgotten {
    const NAME: &'static str = "forgotten";
    const EFFECTS: &'static [&'static str] = &["change_orphans"];
    const SETTINGS: &'static [(&'static str, &'static str)] = SETTINGS;

    async fn prepare(fixture: &Fixture<'_>) {
        Listed::prepare(fixture).await;
        Listed::act(fixture).await;
        fixture.run_until(|| fixture.lists_all()).await;
    }

    async fn act(fixture: &Fixture<'_>) {
        for arn in fixture.live() {
            assert!(fixture.tenant.simulator().remove(&arn));
        }
    }

    async fn is_done(fixture: &Fixture<'_>) -> Result<(), String> {
        fixture.lists_all().await
    }

    async fn check(fixture: &Fixture<'_>) {
        assert_eq!((fixture.created_count(), fixture.live().len(), fixture.users().await), (3, 0, 0));
    }
}

#[tokio::test]
async fn killed_while_orphans_are_listed_each_is_listed_once() {
    run::<Listed>().await;
}

#[tokio::test]
async fn killed_while_deleted_orphans_are_removed_none_is_listed() {
    run::<Forgotten>().await;
}
