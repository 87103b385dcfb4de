//! Names that are not to be had.

use super::*;

#[tokio::test]
async fn somebody_else_is_told_that_the_name_is_taken() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    assert!(matches!(register(&world, "todd", "another password").await, Err(Refusal::Taken)));
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn a_user_who_came_by_kubectl_is_not_taken_over() {
    let world = World::empty();
    world.put_row("todd", None);
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Taken)));
    assert_eq!(world.accounts().len(), 0);
}

#[tokio::test]
async fn an_account_that_came_by_kubectl_is_not_taken_over() {
    let world = World::empty();
    world.put_account("todd", None);
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Taken)));
    assert_eq!(world.rows().len(), 0);
}

#[tokio::test]
async fn an_account_that_comes_by_kubectl_meanwhile_leaves_no_row_of_ours() {
    let world = World::empty();
    world.on_create(Fault::NameTaken);
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Taken)));
    assert_eq!((world.rows().len(), world.accounts().len()), (0, 1));
}

#[tokio::test]
async fn an_account_that_comes_by_kubectl_while_the_cluster_is_away_keeps_its_name() {
    let world = World::empty();
    world.fail(1, Fault::Away);
    let registered = register(&world, "todd", "a long password").await.expect("kept");
    assert_eq!(registered.made, Made::Later);
    world.put_account("todd", None);
    assert!(matches!(make_due(&world).await[..], [Err(Refusal::Taken)]));
    assert_eq!((world.rows().len(), world.accounts().len()), (0, 1));
}

#[tokio::test]
async fn the_name_of_a_deleted_account_is_held_back_where_that_is_wanted() {
    let world = World::empty();
    world.hold_back("todd");
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Taken)));
    assert_eq!(world.rows().len(), 0);
    let generous = Registering { held_back: None, ..registrar(&world) };
    generous.register(&applicant("todd", "a long password")).await.expect("registered");
}

#[tokio::test]
async fn an_account_on_its_way_out_is_waited_for() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    world.abandon("todd");
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Deleting)));
    assert_eq!(world.rows().len(), 1);
}

#[tokio::test]
async fn an_account_that_lost_its_annotation_is_found_again_by_its_uid() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    world.make_ready("todd");
    world.drop_annotations("todd");
    let again = register(&world, "todd", "a long password").await.expect("theirs");
    assert_eq!((again.made, again.status, world.pairs()), (Made::Before, Status::Ready, 1));
}

#[tokio::test]
async fn an_account_made_again_is_pending_until_it_is_handed_on() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    world.make_ready("todd");
    world.forget_account("todd");
    let again = async || register(&world, "todd", "a long password").await.expect("theirs");
    assert_eq!(again().await.made, Made::Now);
    let before = again().await;
    assert_eq!((before.made, before.status), (Made::Before, Status::Pending));
    world.make_ready("todd");
    assert_eq!((again().await.status, world.pairs()), (Status::Ready, 1));
}

#[tokio::test]
async fn an_object_of_another_that_takes_the_place_of_an_account_is_not_its_owners() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    world.make_ready("todd");
    world.replace("todd");
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Taken)));
}
