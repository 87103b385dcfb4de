//! The protocol, in a world that fails at any effect.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Change, Outcome, Owner, Wait,
    world::{Failure, TIMING, World, owner},
};
use crate::{
    api::{RecreatePolicy, StageStatus},
    ivs::Tags,
};

const FIRST: &str = "arn:aws:ivs:eu-west-1:1:stage/1";
const LATE: &str = "arn:aws:ivs:eu-west-1:1:stage/of-a-late-call";
const ANOTHERS: &str = "arn:aws:ivs:eu-west-1:1:stage/of-another";
const LONG_AGO: &str = "arn:aws:ivs:eu-west-1:1:stage/from-long-ago";

#[tokio::test]
async fn a_create_costs_one_attempt_one_create_one_record_and_no_look() {
    let world = World::default();
    let status = world.until_ready().await;
    assert_eq!((world.arns(), world.recorded_arn()), (vec![status.arn.clone()], Some(status.arn)));
    // Read the record, open the attempt, create, record.
    assert_eq!((world.effects(), world.creates()), (4, 1));
}

#[tokio::test]
async fn whatever_fails_while_creating_there_is_one_in_the_end() {
    let undisturbed = World::default();
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
async fn whatever_fails_while_deleting_nothing_is_left() {
    let undisturbed = World::default();
    undisturbed.until_ready().await;
    let before = undisturbed.effects();
    undisturbed.pass(Duration::from_mins(1));
    undisturbed.until_gone().await;
    for nth in before + 1..=undisturbed.effects() {
        for failure in [Failure::Before, Failure::After] {
            let world = World::failing(nth, failure);
            world.until_ready().await;
            world.pass(Duration::from_mins(1));
            world.until_gone().await;
            assert!(world.arns().is_empty(), "effect {nth} failing {failure:?}: {:?}", world.arns());
        }
    }
}

#[tokio::test]
async fn nothing_is_created_while_an_outcome_is_unknown() {
    let world = World::failing(3, Failure::After);
    assert!(matches!(world.converge(None).await, Ok(Outcome::Waiting(_))));
    world.pass(Duration::from_secs(13));
    let Ok(Outcome::Waiting(wait)) = world.converge(None).await else { panic!("it did not wait") };
    assert_eq!(wait.wait, Duration::from_secs(4), "the deadline has passed, the rest of the grace has not");
    assert_eq!(world.creates(), 1);
    world.pass(wait.wait);
    let Ok(Outcome::Ready(adopted)) = world.converge(None).await else { panic!("it is not adopted") };
    assert_eq!(adopted.change, Change::Adopted);
}

#[tokio::test]
async fn a_duplicate_goes_only_if_the_journal_made_it_and_anothers_never() {
    let world = World::failing(3, Failure::After);
    assert!(matches!(world.converge(None).await, Ok(Outcome::Waiting(_))));
    world.put(LATE, owner().tags(Uuid::from_u128(100), &Tags::new()));
    world.put(LONG_AGO, owner().tags(Uuid::from_u128(9), &Tags::new()));
    world.put(ANOTHERS, Tags::new());
    world.until_ready().await;
    assert_eq!(world.arns(), [FIRST, LONG_AGO, ANOTHERS]);
    assert_eq!(world.orphans(), [LONG_AGO], "nobody knows who made it");
    world.pass(Duration::from_mins(1));
    world.until_gone().await;
    assert_eq!(world.arns(), [ANOTHERS]);
}

/// What a pass waits for.
fn wait(outcome: Result<Outcome<StageStatus>, String>) -> Wait {
    match outcome {
        Ok(Outcome::Waiting(wait)) => wait,
        other => panic!("it does not wait: {other:?}"),
    }
}

/// What a pass came to.
fn done(outcome: Result<Outcome<StageStatus>, String>) -> (String, Change) {
    match outcome {
        Ok(Outcome::Ready(provisioned)) => (provisioned.status.arn, provisioned.change),
        other => panic!("it is not ready: {other:?}"),
    }
}

#[tokio::test]
async fn one_that_vanished_is_replaced_after_two_complete_lists_without_it() {
    let world = World::default();
    let first = world.until_ready().await;
    world.pass(Duration::from_mins(1));
    world.remove(&first.arn);
    let waits = wait(world.converge(Some(&first)).await);
    assert_eq!((waits.reason, waits.wait), (crate::api::Reason::ResourceMissing, TIMING.resync));
    world.list();
    wait(world.converge(Some(&first)).await);
    world.pass(TIMING.resync);
    wait(world.converge(Some(&first)).await);
    assert_eq!(world.creates(), 1, "time alone proves nothing");
    world.list();
    let (again, change) = done(world.converge(Some(&first)).await);
    assert_eq!((world.arns(), change), (vec![again], Change::Recreated));
}

#[tokio::test]
async fn one_that_shows_again_before_the_proof_is_kept() {
    let world = World::default();
    let first = world.until_ready().await;
    for _ in 0..2 {
        let tags = world.remove(&first.arn);
        world.list_twice();
        world.put(&first.arn, tags);
        assert_eq!(done(world.converge(Some(&first)).await), (first.arn.clone(), Change::Kept));
        world.list();
    }
    assert_eq!(world.creates(), 1);
}

#[tokio::test]
async fn one_that_shows_again_after_it_was_replaced_is_the_one_to_keep() {
    for loses_journal in [false, true] {
        let world = World::default();
        let first = world.until_ready().await;
        let tags = world.remove(&first.arn);
        world.list_twice();
        let (second, _) = done(world.converge(Some(&first)).await);
        world.put(&first.arn, tags);
        if loses_journal {
            world.lose_journal();
        }
        world.doubt();
        assert_eq!(done(world.converge(Some(&first)).await), (first.arn.clone(), Change::Corrected));
        assert_eq!(world.recorded_arn(), Some(first.arn.clone()));
        if loses_journal {
            assert_eq!(world.orphans(), *std::slice::from_ref(&second), "nobody knows that we made it");
            assert_eq!(world.arns(), [first.arn, second]);
        } else {
            assert_eq!((world.arns(), world.orphans()), (vec![first.arn], vec![]));
        }
    }
}

#[tokio::test]
async fn nothing_is_made_or_released_for_one_that_is_missing_under_the_brake() {
    let world = World::default();
    let first = world.until_ready().await;
    world.pass(Duration::from_mins(1));
    let tags = world.remove(&first.arn);
    world.list_twice();
    world.brake(Some("7 of 9 stages are missing"));
    let said = world.converge(Some(&first)).await.expect_err("it is braked");
    assert!(said.contains("7 of 9") && said.contains(&first.arn), "{said}");
    assert!(!world.is_gone_in_a_while().await, "its account goes");
    world.brake(None);
    world.put(&first.arn, tags);
    world.until_gone().await;
    assert_eq!((world.arns(), world.creates()), (vec![], 1));
}

#[tokio::test]
async fn an_absence_that_nobody_explains_keeps_the_account_until_it_is_proved() {
    let world = World::default();
    let first = world.until_ready().await;
    world.pass(Duration::from_mins(1));
    world.remove(&first.arn);
    assert!(!world.is_gone_in_a_while().await);
    world.list_twice();
    world.until_gone().await;
}

#[tokio::test]
async fn what_is_recorded_elsewhere_is_neither_replaced_nor_released() {
    let world = World::default();
    let elsewhere = "arn:aws:ivs:us-west-2:1:stage/a";
    world.restore_record(Some(elsewhere));
    world.pass(Duration::from_mins(1));
    world.list_twice();
    let said = world.converge(None).await.expect_err("it is elsewhere");
    assert!(said.contains("us-west-2") && said.contains("eu-west-1"), "{said}");
    assert!(!world.is_gone_in_a_while().await);
    assert_eq!((world.creates(), world.recorded_arn().as_deref()), (0, Some(elsewhere)));
}

#[tokio::test]
async fn one_of_another_installation_is_neither_replaced_nor_released() {
    let world = World::default();
    let first = world.until_ready().await;
    world.pass(Duration::from_mins(1));
    let other = Owner { installation: "there".to_owned(), ..owner() };
    world.put(&first.arn, other.identity());
    let said = world.converge(Some(&first)).await.expect_err("it is another installation's");
    assert!(said.contains("--installation-id"), "{said}");
    assert!(!world.is_gone_in_a_while().await);
    assert_eq!(world.arns(), [first.arn]);
}

#[tokio::test]
async fn in_place_of_one_that_vanished_another_of_ours_is_adopted() {
    let world = World::default();
    let first = world.until_ready().await;
    let tags = world.remove(&first.arn);
    world.put(LATE, tags);
    world.list_twice();
    let found = done(world.converge_as(Some(&first), RecreatePolicy::Never).await);
    assert_eq!(found, (LATE.to_owned(), Change::Corrected));
    assert_eq!(world.creates(), 1);
}

#[tokio::test]
async fn with_the_policy_never_nothing_is_made_until_it_says_always() {
    let world = World::default();
    let first = world.until_ready().await;
    world.remove(&first.arn);
    world.list_twice();
    for _ in 0..2 {
        let error = world.converge_as(Some(&first), RecreatePolicy::Never).await.expect_err("it is gone");
        assert!(error.contains(&first.arn) && error.contains("recreatePolicy"), "{error}");
    }
    assert_eq!(world.creates(), 1);
    let (again, change) = done(world.converge(Some(&first)).await);
    assert_eq!((world.arns(), change), (vec![again], Change::Recreated));
}

#[tokio::test]
async fn an_attempt_to_make_it_again_that_made_nothing_is_for_the_policy_to_repeat() {
    // Read, get, look, open: the fifth after the four of the first create makes it again.
    let world = World::failing(9, Failure::Before);
    let first = world.until_ready().await;
    world.remove(&first.arn);
    world.list_twice();
    let unknown = wait(world.converge(Some(&first)).await);
    assert_eq!(unknown.reason, crate::api::Reason::OutcomeUnknown);
    world.pass(unknown.wait);
    world.converge_as(Some(&first), RecreatePolicy::Never).await.expect_err("it is gone");
    assert_eq!(done(world.converge(Some(&first)).await).1, Change::Recreated);
}

#[tokio::test]
async fn a_recorded_one_whose_tags_are_anothers_is_left_alone() {
    let world = World::default();
    let first = world.until_ready().await;
    let another = Owner { user: Uuid::from_u128(2), ..owner() };
    world.put(&first.arn, another.identity());
    let error = world.converge(Some(&first)).await.expect_err("it is not ours");
    assert!(error.contains(&first.arn), "{error}");
    world.pass(Duration::from_mins(1));
    world.until_gone().await;
    assert_eq!(world.arns(), [first.arn]);
}

#[tokio::test]
async fn tags_that_somebody_removed_come_back_from_the_record() {
    let world = World::default();
    let first = world.until_ready().await;
    world.put(&first.arn, Tags::new());
    let Ok(Outcome::Ready(found)) = world.converge(Some(&first)).await else { panic!("it is not found") };
    assert_eq!((found.status, found.change, world.creates()), (first, Change::Updated, 1));
    world.pass(Duration::from_mins(1));
    world.until_gone().await;
    assert!(world.arns().is_empty(), "its tags say again whose it is");
}

#[tokio::test]
async fn each_tag_of_ours_that_is_lost_alone_comes_back() {
    for key in owner().identity().into_keys() {
        let world = World::default();
        let first = world.until_ready().await;
        let mut tags = owner().identity();
        tags.remove(&key);
        world.put(&first.arn, tags);
        let Ok(Outcome::Ready(found)) = world.converge(Some(&first)).await else { panic!("{key}") };
        assert_eq!((found.change, world.remove(&first.arn)), (Change::Updated, owner().identity()), "{key}");
    }
}

#[tokio::test]
async fn of_two_controllers_at_once_one_creates() {
    let world = World::default();
    world.another_is_faster();
    let status = world.until_ready().await;
    assert_eq!((world.arns(), world.creates()), (vec![status.arn], 1));
}

#[tokio::test]
async fn a_database_from_long_ago_makes_no_second_one() {
    let world = World::default();
    let first = world.until_ready().await;
    world.pass(Duration::from_mins(1));
    for record in [Some(LONG_AGO), None] {
        world.restore_record(record);
        world.list_twice();
        let (found, _) = done(world.converge(Some(&first)).await);
        assert_eq!((found.as_str(), world.creates()), (FIRST, 1), "{record:?}");
        assert_eq!(world.recorded_arn().as_deref(), Some(FIRST));
    }
}

#[tokio::test]
async fn one_that_is_recorded_and_has_lost_its_tags_is_deleted_with_the_rest() {
    let world = World::default();
    let first = world.until_ready().await;
    world.put(&first.arn, Tags::new());
    world.pass(Duration::from_mins(1));
    world.until_gone().await;
    assert!(world.arns().is_empty(), "it is left behind: {:?}", world.arns());
}

#[tokio::test]
async fn the_one_in_status_is_taken_where_the_databases_is_gone_though_its_tags_are_lost() {
    let world = World::default();
    let first = world.until_ready().await;
    world.pass(Duration::from_mins(1));
    world.restore_record(Some(LONG_AGO));
    world.put(&first.arn, Tags::new());
    world.list_twice();
    let found = done(world.converge_as(Some(&first), RecreatePolicy::Never).await);
    assert_eq!(found, (first.arn, Change::Corrected));
    assert_eq!(world.creates(), 1);
}
