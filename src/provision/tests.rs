//! The protocol in a simulated world in which any effect can fail.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Change, Outcome, Owner, Wait,
    world::{Failure, TIMING, World, owner},
};
use crate::{
    api::{Reason, RecreatePolicy, StageStatus},
    ivs::Tags,
};

const FIRST: &str = "arn:aws:ivs:eu-west-1:1:stage/1";
const LATE: &str = "arn:aws:ivs:eu-west-1:1:stage/of-a-late-call";
const ANOTHERS: &str = "arn:aws:ivs:eu-west-1:1:stage/of-another";
const LONG_AGO: &str = "arn:aws:ivs:eu-west-1:1:stage/from-long-ago";

#[tokio::test]
async fn a_create_takes_four_effects_and_no_list() {
    let world = World::new();
    let status = world.until_ready().await;
    assert_eq!((world.arns(), world.recorded_arn()), (vec![status.arn.clone()], Some(status.arn)));
    // Read the record, open the attempt, create, record.
    assert_eq!((world.effects(), world.creates()), (4, 1));
}

#[tokio::test]
async fn any_failure_during_a_create_ends_with_exactly_one_resource() {
    let undisturbed = World::new();
    undisturbed.until_ready().await;
    for nth in 1..=undisturbed.effects() {
        for failure in [Failure::Before, Failure::After] {
            let world = World::failing(nth, failure);
            let status = world.until_ready().await;
            let end = (world.arns(), world.recorded_arn());
            assert_eq!(end, (vec![status.arn.clone()], Some(status.arn)), "effect {nth} failing {failure:?}");
            assert_eq!(world.creates(), 1, "effect {nth} failing {failure:?}: created again");
        }
    }
}

#[tokio::test]
async fn any_failure_during_a_deletion_leaves_nothing_behind() {
    let undisturbed = World::new();
    undisturbed.until_ready().await;
    let before = undisturbed.effects();
    undisturbed.advance(Duration::from_mins(1));
    undisturbed.until_gone().await;
    for nth in before + 1..=undisturbed.effects() {
        for failure in [Failure::Before, Failure::After] {
            let world = World::failing(nth, failure);
            world.until_ready().await;
            world.advance(Duration::from_mins(1));
            world.until_gone().await;
            assert!(world.arns().is_empty(), "effect {nth} failing {failure:?}: {:?}", world.arns());
        }
    }
}

#[tokio::test]
async fn nothing_is_created_while_an_outcome_is_unknown() {
    let world = World::failing(3, Failure::After);
    assert!(matches!(world.converge(None).await, Ok(Outcome::Waiting(_))));
    world.advance(Duration::from_secs(13));
    let Ok(Outcome::Waiting(wait)) = world.converge(None).await else { panic!("it did not wait") };
    assert_eq!(wait.wait, Duration::from_secs(4), "the deadline has passed, but not the grace period");
    assert_eq!(world.creates(), 1);
    world.advance(wait.wait);
    let Ok(Outcome::Ready(adopted)) = world.converge(None).await else { panic!("it is not adopted") };
    assert_eq!(adopted.change, Change::Adopted);
}

#[tokio::test]
async fn a_duplicate_is_deleted_only_if_its_attempt_is_journaled() {
    let world = World::failing(3, Failure::After);
    assert!(matches!(world.converge(None).await, Ok(Outcome::Waiting(_))));
    world.put(LATE, owner().create_tags(Uuid::from_u128(100), &Tags::new()));
    world.put(LONG_AGO, owner().create_tags(Uuid::from_u128(9), &Tags::new()));
    world.put(ANOTHERS, Tags::new());
    world.until_ready().await;
    assert_eq!(world.arns(), [FIRST, LONG_AGO, ANOTHERS]);
    assert_eq!(world.orphans(), [LONG_AGO], "the journal does not have its attempt");
    world.advance(Duration::from_mins(1));
    world.until_gone().await;
    assert_eq!(world.arns(), [ANOTHERS]);
}

#[tokio::test]
async fn a_duplicate_in_use_is_reported_instead_of_deleted() {
    let world = World::failing(3, Failure::After);
    assert!(matches!(world.converge(None).await, Ok(Outcome::Waiting(_))));
    world.put(LATE, owner().create_tags(Uuid::from_u128(100), &Tags::new()));
    world.begin_use(LATE);
    world.until_ready().await;
    assert_eq!(
        (world.arns(), world.orphans()),
        (vec![FIRST.to_owned(), LATE.to_owned()], vec![LATE.to_owned()])
    );
}

#[tokio::test]
async fn a_resource_in_another_users_record_is_not_deleted() {
    let world = World::new();
    world.until_ready().await;
    world.put(ANOTHERS, owner().create_tags(Uuid::from_u128(9), &Tags::new()));
    world.record_for_another(ANOTHERS);
    world.advance(Duration::from_mins(1));
    world.until_gone().await;
    assert_eq!(world.arns(), [ANOTHERS]);
}

/// Returns the wait of a pass.
fn wait(outcome: Result<Outcome<StageStatus>, String>) -> Wait {
    match outcome {
        Ok(Outcome::Waiting(wait)) => wait,
        other => panic!("it does not wait: {other:?}"),
    }
}

/// Returns the ARN and the change of a pass that ended ready.
fn ready(outcome: Result<Outcome<StageStatus>, String>) -> (String, Change) {
    match outcome {
        Ok(Outcome::Ready(provisioned)) => (provisioned.status.arn, provisioned.change),
        other => panic!("it is not ready: {other:?}"),
    }
}

#[tokio::test]
async fn a_missing_resource_is_replaced_after_two_complete_lists() {
    let world = World::new();
    let first = world.until_ready().await;
    world.advance(Duration::from_mins(1));
    world.remove(&first.arn);
    let waits = wait(world.converge(Some(&first)).await);
    assert_eq!((waits.reason, waits.wait), (Reason::ResourceMissing, TIMING.resync));
    world.resync();
    wait(world.converge(Some(&first)).await);
    world.advance(TIMING.resync);
    wait(world.converge(Some(&first)).await);
    assert_eq!(world.creates(), 1, "time alone proves nothing");
    world.resync();
    let (again, change) = ready(world.converge(Some(&first)).await);
    assert_eq!((world.arns(), change), (vec![again], Change::Recreated));
}

#[tokio::test]
async fn a_resource_that_shows_again_before_confirmation_is_kept() {
    let world = World::new();
    let first = world.until_ready().await;
    for _ in 0..2 {
        let tags = world.remove(&first.arn);
        world.resync_twice();
        world.put(&first.arn, tags);
        assert_eq!(ready(world.converge(Some(&first)).await), (first.arn.clone(), Change::Unchanged));
        world.resync();
    }
    assert_eq!(world.creates(), 1);
}

#[tokio::test]
async fn a_replaced_resource_that_shows_again_is_the_one_to_keep() {
    for loses_journal in [false, true] {
        let world = World::new();
        let first = world.until_ready().await;
        let tags = world.remove(&first.arn);
        world.resync_twice();
        let (second, _) = ready(world.converge(Some(&first)).await);
        world.put(&first.arn, tags);
        if loses_journal {
            world.lose_journal();
        }
        world.mark_dirty();
        assert_eq!(ready(world.converge(Some(&first)).await), (first.arn.clone(), Change::Corrected));
        assert_eq!(world.recorded_arn(), Some(first.arn.clone()));
        if loses_journal {
            assert_eq!(
                world.orphans(),
                *std::slice::from_ref(&second),
                "the journal does not have its attempt"
            );
            assert_eq!(world.arns(), [first.arn, second]);
        } else {
            assert_eq!((world.arns(), world.orphans()), (vec![first.arn], vec![]));
        }
    }
}

#[tokio::test]
async fn under_the_brake_a_missing_resource_blocks_create_and_delete() {
    let world = World::new();
    let first = world.until_ready().await;
    world.advance(Duration::from_mins(1));
    let tags = world.remove(&first.arn);
    world.resync_twice();
    world.set_brake(Some("7 of 9 stages are missing"));
    let error = world.converge(Some(&first)).await.expect_err("it is braked");
    assert!(error.contains("7 of 9") && error.contains(&first.arn), "{error}");
    assert!(!world.is_gone_in_ten_passes().await, "its account was deleted");
    world.set_brake(None);
    world.put(&first.arn, tags);
    world.until_gone().await;
    assert_eq!((world.arns(), world.creates()), (vec![], 1));
}

#[tokio::test]
async fn an_unexplained_absence_keeps_the_account_until_confirmed() {
    let world = World::new();
    let first = world.until_ready().await;
    world.advance(Duration::from_mins(1));
    world.remove(&first.arn);
    assert!(!world.is_gone_in_ten_passes().await);
    world.resync_twice();
    world.until_gone().await;
}

#[tokio::test]
async fn a_record_of_another_region_blocks_create_and_delete() {
    let world = World::new();
    let elsewhere = "arn:aws:ivs:us-west-2:1:stage/a";
    world.restore_record(Some(elsewhere));
    world.advance(Duration::from_mins(1));
    world.resync_twice();
    let error = world.converge(None).await.expect_err("it is elsewhere");
    assert!(error.contains("us-west-2") && error.contains("eu-west-1"), "{error}");
    assert!(!world.is_gone_in_ten_passes().await);
    assert_eq!((world.creates(), world.recorded_arn().as_deref()), (0, Some(elsewhere)));
}

#[tokio::test]
async fn a_resource_of_another_installation_blocks_create_and_delete() {
    let world = World::new();
    let first = world.until_ready().await;
    world.advance(Duration::from_mins(1));
    let other = Owner { installation: "there".to_owned(), ..owner() };
    world.put(&first.arn, other.ownership_tags());
    let error = world.converge(Some(&first)).await.expect_err("it is another installation's");
    assert!(error.contains("--installation-id"), "{error}");
    assert!(!world.is_gone_in_ten_passes().await);
    assert_eq!(world.arns(), [first.arn]);
}

#[tokio::test]
async fn another_resource_of_the_user_replaces_a_missing_one() {
    let world = World::new();
    let first = world.until_ready().await;
    let tags = world.remove(&first.arn);
    world.put(LATE, tags);
    world.resync_twice();
    let found = ready(world.converge_with(Some(&first), RecreatePolicy::Never).await);
    assert_eq!(found, (LATE.to_owned(), Change::Corrected));
    assert_eq!(world.creates(), 1);
}

#[tokio::test]
async fn with_policy_never_a_gone_resource_is_not_recreated() {
    let world = World::new();
    let first = world.until_ready().await;
    world.remove(&first.arn);
    world.resync_twice();
    for _ in 0..2 {
        let error = world.converge_with(Some(&first), RecreatePolicy::Never).await.expect_err("it is gone");
        assert!(error.contains(&first.arn) && error.contains("recreatePolicy"), "{error}");
    }
    assert_eq!(world.creates(), 1);
    let (again, change) = ready(world.converge(Some(&first)).await);
    assert_eq!((world.arns(), change), (vec![again], Change::Recreated));
}

#[tokio::test]
async fn a_failed_recreation_is_repeated_only_if_the_policy_allows_it() {
    // After the four effects of the first create: read the record, get, list, open the attempt. The ninth is
    // the Create.
    let world = World::failing(9, Failure::Before);
    let first = world.until_ready().await;
    world.remove(&first.arn);
    world.resync_twice();
    let unknown = wait(world.converge(Some(&first)).await);
    assert_eq!(unknown.reason, Reason::OutcomeUnknown);
    world.advance(unknown.wait);
    world.converge_with(Some(&first), RecreatePolicy::Never).await.expect_err("it is gone");
    assert_eq!(ready(world.converge(Some(&first)).await).1, Change::Recreated);
}

#[tokio::test]
async fn a_recorded_resource_with_foreign_tags_is_not_touched() {
    let world = World::new();
    let first = world.until_ready().await;
    let another = Owner { user: Uuid::from_u128(2), ..owner() };
    world.put(&first.arn, another.ownership_tags());
    let error = world.converge(Some(&first)).await.expect_err("it is not ours");
    assert!(error.contains(&first.arn), "{error}");
    world.advance(Duration::from_mins(1));
    world.until_gone().await;
    assert_eq!(world.arns(), [first.arn]);
}

#[tokio::test]
async fn removed_ownership_tags_are_restored_from_the_record() {
    let world = World::new();
    let first = world.until_ready().await;
    world.put(&first.arn, Tags::new());
    let Ok(Outcome::Ready(found)) = world.converge(Some(&first)).await else { panic!("it is not found") };
    assert_eq!((found.status, found.change, world.creates()), (first, Change::Updated, 1));
    world.advance(Duration::from_mins(1));
    world.until_gone().await;
    assert!(world.arns().is_empty(), "its tags name the owner again");
}

#[tokio::test]
async fn each_single_missing_ownership_tag_is_restored() {
    for key in owner().ownership_tags().into_keys() {
        let world = World::new();
        let first = world.until_ready().await;
        let mut tags = owner().ownership_tags();
        tags.remove(&key);
        world.put(&first.arn, tags);
        let Ok(Outcome::Ready(found)) = world.converge(Some(&first)).await else { panic!("{key}") };
        assert_eq!(
            (found.change, world.remove(&first.arn)),
            (Change::Updated, owner().ownership_tags()),
            "{key}"
        );
    }
}

#[tokio::test]
async fn of_two_concurrent_controllers_one_creates() {
    let world = World::new();
    world.let_peer_create_next();
    let status = world.until_ready().await;
    assert_eq!((world.arns(), world.creates()), (vec![status.arn], 1));
}

#[tokio::test]
async fn a_restored_database_causes_no_duplicate() {
    let world = World::new();
    let first = world.until_ready().await;
    world.advance(Duration::from_mins(1));
    for record in [Some(LONG_AGO), None] {
        world.restore_record(record);
        world.resync_twice();
        let (found, _) = ready(world.converge(Some(&first)).await);
        assert_eq!((found.as_str(), world.creates()), (FIRST, 1), "{record:?}");
        assert_eq!(world.recorded_arn().as_deref(), Some(FIRST));
    }
}

#[tokio::test]
async fn a_recorded_resource_without_tags_is_deleted() {
    let world = World::new();
    let first = world.until_ready().await;
    world.put(&first.arn, Tags::new());
    world.advance(Duration::from_mins(1));
    world.until_gone().await;
    assert!(world.arns().is_empty(), "left behind: {:?}", world.arns());
}

#[tokio::test]
async fn an_untagged_resource_in_status_replaces_a_gone_recorded_one() {
    let world = World::new();
    let first = world.until_ready().await;
    world.advance(Duration::from_mins(1));
    world.restore_record(Some(LONG_AGO));
    world.put(&first.arn, Tags::new());
    world.resync_twice();
    let found = ready(world.converge_with(Some(&first), RecreatePolicy::Never).await);
    assert_eq!(found, (first.arn, Change::Corrected));
    assert_eq!(world.creates(), 1);
}
