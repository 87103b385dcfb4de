//! More come than can be taken on.

use super::*;

#[tokio::test]
async fn more_newcomers_than_are_taken_on_are_told_when_to_come_again_and_who_comes_back_is_not_one() {
    let world = World::empty();
    let newcomers = Newcomers::per_minute(NonZeroU32::MIN);
    let registrar = Registering { newcomers, ..registrar(&world) };
    let (todd, mary) = (applicant("todd", "a long password"), applicant("mary", "a long password"));
    registrar.register(&todd).await.expect("registered");
    let refused = registrar.register(&mary).await.expect_err("a second within the minute");
    assert!(matches!(refused, Refusal::Crowded(seconds) if (1..=61).contains(&seconds)), "{refused:?}");
    assert_eq!(registrar.register(&todd).await.expect("registered").made, Made::Before);
    assert!(matches!(register(&world, "todd", "another password").await, Err(Refusal::Taken)));
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn whom_there_is_no_room_for_is_turned_away_and_nothing_is_left() {
    let world = World::empty();
    world.on_create(Fault::NoRoom);
    let refused = register(&world, "todd", "a long password").await;
    assert!(matches!(refused, Err(Refusal::NoRoom(_))), "{refused:?}");
    assert_eq!(world.pairs(), 0);
    assert_eq!(world.deeds(), [AuditEvent::Registered, AuditEvent::RegistrationTakenBack]);
    register(&world, "todd", "a long password").await.expect("registered");
}

#[tokio::test]
async fn who_has_an_account_comes_back_to_it_when_all_places_are_taken() {
    let world = World::empty();
    register(&world, "todd", "a long password").await.expect("registered");
    world.on_create(Fault::NoRoom);
    assert_eq!(register(&world, "todd", "a long password").await.expect("found").made, Made::Before);
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn whom_an_account_was_promised_gets_it_once_there_is_room() {
    let world = World::empty();
    world.on_create(Fault::Away);
    assert_eq!(register(&world, "todd", "a long password").await.expect("kept").made, Made::Later);
    world.on_create(Fault::NoRoom);
    let ended = make_due(&world).await;
    assert!(ended.iter().all(|ended| ended.as_ref().is_ok_and(|kept| kept.made == Made::Later)), "{ended:?}");
    make_due(&world).await;
    assert_eq!(world.pairs(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_place_somebody_is_put_off_and_nothing_is_begun() {
    let world = World::empty();
    let full = Registering { places: Turns::new(0, 1), ..registrar(&world) };
    let answer = full.register(&applicant("todd", "a long password")).await;
    assert!(matches!(answer, Err(Refusal::Full)), "{answer:?}");
    assert_eq!((world.rows().len(), world.accounts().len()), (0, 0));
}
