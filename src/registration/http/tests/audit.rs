//! What is written into the audit log, and who is named in it.

use std::num::NonZeroU32;

use super::{JSON, TODD, TODD_FORM, World, ask, members::Browser, status, submit};
use crate::{
    registration::world::{Fault, STREAM_KEY},
    store::{
        Audit,
        AuditEvent::{
            DeletionAsked, PasswordRefused, Registered, RegistrationRefused, Returned, SignInFailed,
            SignedIn, SignedOut, StreamKeyShown,
        },
        Registrants,
    },
};

#[tokio::test]
async fn each_deed_has_a_row_with_its_person_and_the_address() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    world.make_ready("todd");
    browser.post(&world, "/accounts/todd/stream-key", &browser.token, "").await;
    let path = "/accounts/todd/delete";
    browser.post(&world, path, &browser.token, "&password=not+my+password").await;
    browser.post(&world, path, &browser.token, "&password=a+canary+of+a+password").await;
    browser.post(&world, "/sign-out", &browser.token, "").await;
    let deeds = [Registered, SignedIn, StreamKeyShown, PasswordRefused, DeletionAsked, SignedOut];
    assert_eq!(world.deeds(), deeds);
    let (todd, here) = (world.rows()[0].id, "127.0.0.1".parse().ok());
    assert!(world.audit().iter().all(|(_, user, address)| (*user, *address) == (Some(todd), here)));
}

#[tokio::test]
async fn the_address_is_what_our_proxy_saw() {
    let world = World::empty();
    let headers = format!("{JSON}\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7");
    ask(&world, "POST /register", &headers, TODD).await;
    assert_eq!(world.audit()[0].2, "192.0.2.7".parse().ok());
}

#[tokio::test]
async fn who_fails_is_named_only_where_there_is_such_a_user() {
    let world = World::empty();
    ask(&world, "POST /register", JSON, TODD).await;
    for username in ["Todd", "nobody"] {
        submit(&world, "/sign-in", &format!("username={username}&password=wrong")).await;
    }
    let taken = TODD_FORM.replace("+of+", "+that+is+not+of+");
    assert_eq!(status(&submit(&world, "/register", &taken).await), "409");
    ask(&world, "POST /register", JSON, TODD).await;
    let todd = Some(world.rows()[0].id);
    let rows: Vec<_> = world.audit().into_iter().map(|(event, user, _)| (event, user)).collect();
    let expected = [
        (Registered, todd),
        (SignInFailed, todd),
        (SignInFailed, None),
        (RegistrationRefused, todd),
        (Returned, todd),
    ];
    assert_eq!(rows, expected);
}

/// How many wrong passwords an hour are tried, by default.
const MOST: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

#[tokio::test]
async fn what_fails_without_a_wrong_password_is_nobodys_and_keeps_nobody_out() {
    let world = World::empty();
    ask(&world, "POST /register", JSON, TODD).await;
    let todd = world.rows()[0].id;
    let keyed = format!("{JSON}\r\nIdempotency-Key: of-mary");
    let mary = TODD.replace("Todd", "mary");
    assert_eq!(status(&ask(&world, "POST /register", &keyed, &mary).await), "201");
    for _ in 0..MOST.get() {
        assert_eq!(status(&ask(&world, "POST /register", &keyed, TODD).await), "422");
    }
    world.renounce(&world.rows()[0]).await.expect("renounced");
    for _ in 0..MOST.get() {
        assert_eq!(status(&ask(&world, "POST /register", JSON, TODD).await), "409");
    }
    let refused: Vec<_> =
        world.audit().into_iter().filter(|(event, ..)| *event == RegistrationRefused).collect();
    assert!(!refused.is_empty() && refused.iter().all(|(_, user, _)| user.is_none()), "{refused:?}");
    for stranger in ["127.0.0.1", "198.51.100.1"].map(|address| address.parse().ok()) {
        assert_eq!(world.next_try(todd, stranger, NonZeroU32::MIN).await.expect("told"), None);
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_not_done() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    world.make_ready("todd");
    let written = world.audit();
    world.on_note(Fault::Away);
    let key = browser.post(&world, "/accounts/todd/stream-key", &browser.token, "").await;
    assert!(status(&key) == "503" && !key.contains(STREAM_KEY), "{key}");
    world.on_note(Fault::Away);
    let password = "&password=a+canary+of+a+password";
    let delete = browser.post(&world, "/accounts/todd/delete", &browser.token, password).await;
    assert_eq!(status(&delete), "503");
    assert!(world.accounts()[0].metadata.deletion_timestamp.is_none());
    world.on_note(Fault::Away);
    assert_eq!(status(&ask(&world, "POST /register", JSON, TODD).await), "503");
    assert_eq!(world.audit(), written);
}
