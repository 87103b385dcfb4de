//! The resync updates the orphan list.

use super::{Fixture, Scenario, run};

/// Short resync interval: an orphan that is gone leaves the list only at a later resync.
const SETTINGS: &[(&str, &str)] = &[("STREAMCAT_RESYNC_INTERVAL", "500ms")];

/// An account is lost, in the cluster and in PostgreSQL. Its resources are added to the orphan list.
pub struct OrphansListed;

impl Scenario for OrphansListed {
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

/// Somebody deletes the orphans in AWS. They are removed from the list.
pub struct OrphansRemoved;

impl Scenario for OrphansRemoved {
    const NAME: &'static str = "removed";
    const EFFECTS: &'static [&'static str] = &["change_orphans"];
    const SETTINGS: &'static [(&'static str, &'static str)] = SETTINGS;

    async fn prepare(fixture: &Fixture<'_>) {
        OrphansListed::prepare(fixture).await;
        OrphansListed::act(fixture).await;
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
    run::<OrphansListed>().await;
}

#[tokio::test]
async fn killed_while_deleted_orphans_are_removed_none_is_listed() {
    run::<OrphansRemoved>().await;
}
