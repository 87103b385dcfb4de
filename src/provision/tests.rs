//! The protocol, in a world that fails at any effect.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Change, Outcome, Owner,
    world::{Failure, World, owner},
};
use crate::ivs::Tags;

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
async fn a_second_one_of_ours_is_deleted_and_one_of_anothers_is_not() {
    let world = World::failing(3, Failure::After);
    assert!(matches!(world.converge(None).await, Ok(Outcome::Waiting(_))));
    world.put("arn-of-a-late-call", owner().tags(Uuid::from_u128(9), &Tags::new()));
    world.put("arn-of-another", Tags::new());
    world.until_ready().await;
    assert_eq!(world.arns(), ["arn-1", "arn-of-another"]);
    world.pass(Duration::from_mins(1));
    world.until_gone().await;
    assert_eq!(world.arns(), ["arn-of-another"]);
}

#[tokio::test]
async fn one_that_vanished_is_made_again_after_the_grace() {
    let world = World::default();
    let first = world.until_ready().await;
    world.remove(&first.arn);
    assert!(matches!(world.converge(Some(&first)).await, Ok(Outcome::Waiting(_))), "it may not show yet");
    world.pass(Duration::from_mins(1));
    let Ok(Outcome::Ready(again)) = world.converge(Some(&first)).await else {
        panic!("it is not made again")
    };
    assert_eq!(again.change, Change::Recreated);
    assert_eq!(world.arns(), [again.status.arn]);
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
    for record in [Some("arn-from-long-ago"), None] {
        world.restore_record(record);
        let Ok(Outcome::Ready(found)) = world.converge(Some(&first)).await else { panic!("it is not found") };
        assert_eq!((found.status.arn.as_str(), world.creates()), ("arn-1", 1), "{record:?}");
        assert_eq!(world.recorded_arn().as_deref(), Some("arn-1"));
    }
}
