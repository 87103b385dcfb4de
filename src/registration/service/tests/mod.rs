//! The protocol in a world in memory.

use std::{net::Ipv4Addr, num::NonZeroU32, sync::Arc};

use super::{
    super::world::{Fault, World},
    *,
};

mod failing;
mod no_room;
mod signing_in;
mod taken;

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
async fn a_look_alike_is_the_same_person_with_the_password_and_taken_without() {
    let world = World::empty();
    register(&world, "Todd_1", "a long password").await.expect("registered");
    let again = register(&world, "todd-1", "a long password").await.expect("registered");
    assert_eq!((again.username.as_str(), again.made), ("Todd_1", Made::Before));
    assert!(matches!(register(&world, "todd-1", "another password").await, Err(Refusal::Taken)));
    assert_eq!(world.pairs(), 1);
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
