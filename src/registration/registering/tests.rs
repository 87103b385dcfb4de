//! The protocol in a world that can fail at any call.

use std::{net::Ipv4Addr, num::NonZeroU32, sync::Arc};

use super::{
    super::world::{Fault, World},
    *,
};

mod no_room;
mod signing_in;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

type Registrar = Registering<Arc<World>, Arc<World>>;

fn registrar(world: &Arc<World>) -> Registrar {
    Registering {
        registrants: Arc::clone(world),
        accounts: Arc::clone(world),
        passwords: Passwords::weak(),
        namespace: "default".to_owned(),
        held_back: Some(Duration::from_mins(1)),
        newcomers: Newcomers::per_minute(NonZeroU32::MAX),
        places: Turns::new(MOST_AT_ONCE, MOST_WAITING),
        most_failures: NonZeroU32::MAX,
    }
}

fn applicant(username: &str, password: &str) -> Applicant {
    Applicant {
        username: username.to_owned(),
        password: SecretString::from(password),
        key: None,
        address: HERE,
    }
}

/// Lets the loop come by.
async fn make_due(world: &Arc<World>) -> Vec<Result<Registered, Refusal>> {
    registrar(world).make_due().await.expect("looked up")
}

async fn register(world: &Arc<World>, username: &str, password: &str) -> Result<Registered, Refusal> {
    registrar(world).register(&applicant(username, password)).await
}

#[tokio::test]
async fn a_newcomer_gets_one_row_and_one_account() {
    let world = World::empty();
    let registered = register(&world, "Todd", "a long password").await.expect("registered");
    assert_eq!(
        (registered.username.as_str(), registered.name.as_str(), registered.made),
        ("Todd", "todd", Made::Now)
    );
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn the_same_person_again_gets_the_same() {
    let world = World::empty();
    register(&world, "Todd", "a long password").await.expect("registered");
    let again = register(&world, "TODD", "a long password").await.expect("registered");
    assert_eq!((again.username.as_str(), again.made), ("Todd", Made::Before));
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
async fn whatever_call_fails_a_row_gets_its_account_from_the_loop_or_from_the_same_person() {
    const CALLS: usize = 5;
    for call in 0..CALLS {
        for fault in [Fault::Away, Fault::AnswerLost] {
            for again in [false, true] {
                let world = World::empty();
                world.fail(call, fault);
                let registered = register(&world, "todd", "a long password").await;
                let done = matches!(registered, Ok(_) | Err(Refusal::NotNow(_)));
                assert!(done, "{call} {fault:?}: {registered:?}");
                assert!(registered.is_err() || world.rows().len() == 1, "{call} {fault:?}: nothing kept");
                if again {
                    register(&world, "todd", "a long password").await.expect("gets through");
                }
                make_due(&world).await;
                assert_eq!(world.pairs(), world.rows().len(), "{call} {fault:?}");
                assert!(!again || world.pairs() == 1, "{call} {fault:?}");
            }
        }
    }
    let world = World::empty();
    world.fail(CALLS, Fault::Away);
    register(&world, "todd", "a long password").await.expect("registered");
    assert!(!world.rows()[0].open, "there are no more calls");
}

#[tokio::test]
async fn whatever_call_fails_a_name_that_went_to_another_account_leaves_no_row() {
    for call in 0..6 {
        for fault in [Fault::Away, Fault::AnswerLost] {
            let world = World::empty();
            world.on_create(Fault::NameTaken);
            world.fail(call, fault);
            let registered = register(&world, "todd", "a long password").await;
            assert!(
                matches!(
                    registered,
                    Err(Refusal::Taken | Refusal::NotNow(_)) | Ok(Registered { made: Made::Later, .. })
                ),
                "{call} {fault:?}: {registered:?}"
            );
            world.heal();
            make_due(&world).await;
            assert_eq!(world.rows().len(), 0, "{call} {fault:?}");
            assert!(world.accounts().len() <= 1, "{call} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_place_somebody_is_put_off_and_nothing_is_begun() {
    let world = World::empty();
    let full = Registering { places: Turns::new(0, 1), ..registrar(&world) };
    let answer = full.register(&applicant("todd", "a long password")).await;
    assert!(matches!(answer, Err(Refusal::Full)), "{answer:?}");
    assert_eq!((world.rows().len(), world.accounts().len()), (0, 0));
}

#[tokio::test]
async fn coming_back_survives_a_failure_of_any_call_too() {
    const CALLS: usize = 5;
    for call in 0..CALLS {
        for fault in [Fault::Away, Fault::AnswerLost] {
            let world = World::empty();
            register(&world, "todd", "a long password").await.expect("registered");
            world.fail(call, fault);
            let back = register(&world, "todd", "a long password").await;
            assert!(matches!(back, Ok(_) | Err(Refusal::NotNow(_))), "{call}: {back:?}");
            make_due(&world).await;
            assert_eq!(world.pairs(), 1, "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_the_cluster_refuses_is_kept_until_it_no_longer_does() {
    let world = World::empty();
    world.on_create(Fault::Refused);
    let registered = register(&world, "todd", "a long password").await.expect("kept");
    assert_eq!((registered.made, world.accounts().len()), (Made::Later, 0));
    make_due(&world).await;
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn without_the_right_to_look_nothing_is_begun() {
    let world = World::empty();
    world.fail(1, Fault::Refused);
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Misconfigured(_))));
    assert_eq!((world.rows().len(), world.accounts().len()), (0, 0));
}

#[tokio::test]
async fn a_row_that_a_second_click_has_taken_up_is_not_taken_back_by_the_first() {
    let world = World::empty();
    world.on_create(Fault::NameTakenBeforeADoubleClick);
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Taken)));
    assert_eq!(world.rows().len(), 1, "the second click is about to see for itself");
}

#[tokio::test]
async fn two_loops_and_a_second_click_make_one_account() {
    let world = World::empty();
    world.fail(3, Fault::Away);
    register(&world, "todd", "a long password").await.expect("kept");
    let (registrar, todd) = (registrar(&world), applicant("todd", "a long password"));
    let (first, second, third) =
        tokio::join!(registrar.make_due(), registrar.make_due(), registrar.register(&todd));
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    make_due(&world).await;
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn the_same_key_again_is_answered_as_the_first_time_and_serves_no_other_name() {
    let world = World::empty();
    let registrar = registrar(&world);
    let todd = Applicant { key: Some([1; 32]), ..applicant("todd", "a long password") };
    assert_eq!(registrar.register(&todd).await.expect("registered").made, Made::Now);
    assert_eq!(registrar.register(&todd).await.expect("registered").made, Made::Repeated);
    let mary = Applicant { username: "mary".to_owned(), ..todd.clone() };
    assert!(matches!(registrar.register(&mary).await, Err(Refusal::KeyUsed)));
    let other = Applicant { key: Some([2; 32]), ..todd };
    assert_eq!(registrar.register(&other).await.expect("registered").made, Made::Before);
    assert_eq!(world.pairs(), 1);
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
async fn a_look_alike_is_the_same_person_with_the_password_and_taken_without() {
    let world = World::empty();
    register(&world, "Todd_1", "a long password").await.expect("registered");
    let again = register(&world, "todd-1", "a long password").await.expect("registered");
    assert_eq!((again.username.as_str(), again.made), ("Todd_1", Made::Before));
    assert!(matches!(register(&world, "todd-1", "another password").await, Err(Refusal::Taken)));
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn whatever_call_fails_an_unwanted_account_goes_with_its_user() {
    for is_there in [false, true] {
        for call in 0..3 {
            for fault in [Fault::Away, Fault::AnswerLost] {
                let world = World::empty();
                world.fail(3, Fault::Away);
                register(&world, "todd", "a long password").await.expect("kept");
                let row = world.rows().remove(0);
                registrar(&world).leave(&row, None).await.expect("written down");
                if is_there {
                    // Whoever was making it gets through only now.
                    world.put_account("todd", Some(&row));
                }
                world.fail(call, fault);
                registrar(&world).make_due().await.ok();
                make_due(&world).await;
                let going =
                    world.accounts().iter().all(|account| account.metadata.deletion_timestamp.is_some());
                assert!(going && (is_there || world.rows().is_empty()), "{is_there} {call} {fault:?}");
                world.forget_account("todd");
                make_due(&world).await;
                assert_eq!(
                    (world.rows().len(), world.accounts().len()),
                    (0, 0),
                    "{is_there} {call} {fault:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn two_at_once_get_one_account() {
    let world = World::empty();
    let registrar = registrar(&world);
    let todd = applicant("todd", "a long password");
    let (first, second) = tokio::join!(registrar.register(&todd), registrar.register(&todd));
    let (first, second) = (first.expect("registered"), second.expect("registered"));
    assert!((first.made == Made::Now) ^ (second.made == Made::Now));
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn an_account_on_its_way_out_is_waited_for() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    world.let_go("todd");
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Deleting)));
    assert_eq!(world.rows().len(), 1);
}
