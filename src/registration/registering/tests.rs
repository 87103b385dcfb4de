//! The protocol in a world that can fail at any call.

use std::sync::Arc;

use secrecy::SecretString;

use super::{
    super::world::{Fault, World},
    *,
};

type Registrar = Registering<Arc<World>, Arc<World>>;

fn registrar(world: &Arc<World>) -> Registrar {
    Registering {
        registrants: Arc::clone(world),
        accounts: Arc::clone(world),
        passwords: Passwords::weak(),
        namespace: "default".to_owned(),
    }
}

fn applicant(username: &str, password: &str) -> Applicant {
    Applicant { username: username.to_owned(), password: SecretString::from(password) }
}

async fn register(world: &Arc<World>, username: &str, password: &str) -> Result<Registered, Refusal> {
    registrar(world).register(&applicant(username, password)).await
}

#[tokio::test]
async fn a_newcomer_gets_one_row_and_one_account() {
    let world = World::empty();
    let registered = register(&world, "Todd", "a long password").await.expect("registered");
    assert_eq!(
        (registered.username.as_str(), registered.name.as_str(), registered.new),
        ("Todd", "todd", true)
    );
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn the_same_person_again_gets_the_same() {
    let world = World::empty();
    register(&world, "Todd", "a long password").await.expect("registered");
    let again = register(&world, "TODD", "a long password").await.expect("registered");
    assert_eq!((again.username.as_str(), again.new), ("Todd", false));
    assert_eq!(world.pairs(), 1);
}

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
async fn whatever_call_fails_the_same_person_gets_through_later() {
    const CALLS: usize = 4;
    for call in 0..CALLS {
        for fault in [Fault::Away, Fault::AnswerLost] {
            let world = World::empty();
            world.fail(call, fault);
            let refusal = register(&world, "todd", "a long password").await;
            assert!(matches!(refusal, Err(Refusal::NotNow(_))), "{call} {fault:?}: {refusal:?}");
            if fault == Fault::Away {
                assert_eq!((world.rows().len(), world.accounts().len()), (0, 0), "{call}: nothing half done");
            }
            register(&world, "todd", "a long password").await.expect("gets through");
            assert_eq!(world.pairs(), 1, "{call} {fault:?}");
        }
    }
    let world = World::empty();
    world.fail(CALLS, Fault::Away);
    register(&world, "todd", "a long password").await.expect("there are no more calls");
}

#[tokio::test]
async fn coming_back_survives_a_failure_of_any_call_too() {
    const CALLS: usize = 4;
    for call in 0..CALLS {
        let world = World::empty();
        register(&world, "todd", "a long password").await.expect("registered");
        world.fail(call, Fault::Away);
        let refusal = register(&world, "todd", "a long password").await;
        assert!(matches!(refusal, Err(Refusal::NotNow(_))), "{call}: {refusal:?}");
        assert_eq!(world.pairs(), 1, "{call}: what is there stays");
        register(&world, "todd", "a long password").await.expect("gets through");
    }
}

#[tokio::test]
async fn a_refusal_of_the_cluster_leaves_nothing_and_is_our_own_fault() {
    let world = World::empty();
    world.on_create(Fault::Refused);
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Misconfigured(_))));
    assert_eq!((world.rows().len(), world.accounts().len()), (0, 0));
}

#[tokio::test]
async fn a_row_that_cannot_be_taken_back_is_used_by_the_next_try() {
    let world = World::empty();
    world.on_create(Fault::Refused);
    world.fail(3, Fault::Away);
    assert!(register(&world, "todd", "a long password").await.is_err());
    assert_eq!(world.rows().len(), 1);
    assert!(register(&world, "todd", "a long password").await.expect("gets through").new);
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn a_double_click_keeps_its_row_when_the_first_click_fails() {
    let world = World::empty();
    world.on_create(Fault::AwayAfterADoubleClick);
    assert!(register(&world, "todd", "a long password").await.is_err());
    assert_eq!(world.pairs(), 1, "the second click's account still has its row");
}

#[tokio::test]
async fn two_at_once_get_one_account() {
    let world = World::empty();
    let registrar = registrar(&world);
    let todd = applicant("todd", "a long password");
    let (first, second) = tokio::join!(registrar.register(&todd), registrar.register(&todd));
    let (first, second) = (first.expect("registered"), second.expect("registered"));
    assert!(first.new ^ second.new);
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn an_account_on_its_way_out_is_waited_for() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    world.delete("todd");
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Deleting)));
    assert_eq!(world.rows().len(), 1);
}
