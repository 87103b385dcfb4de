//! Another password, over a real connection.

use secrecy::SecretString;

use super::{
    TODD_FORM, World, ask, cookie,
    members::{Browser, CALLS, FAULTS},
    registering, status, submit,
};
use crate::store::Sessions;

const PATH: &str = "/accounts/todd/password";
const RIGHT: &str = "&password=a+canary+of+a+password";

#[tokio::test]
async fn another_password_takes_the_place_of_the_first_and_ends_every_session() {
    let world = World::empty();
    let (elsewhere, here) = (Browser::registered(&world).await, Browser::registered(&world).await);
    let more = format!("{RIGHT}&new-password=another+canary+of+ours");
    let answer = here.post(&world, PATH, &here.token, &more).await;
    assert!(status(&answer) == "303" && answer.contains("set-cookie: streamcat="), "{answer}");
    assert!(!elsewhere.is_signed_in(&world).await && !here.is_signed_in(&world).await);
    assert!(Browser::after(&world, &answer).await.is_signed_in(&world).await);
    assert!(world.audit().iter().any(|event| format!("{event:?}").contains("PasswordChanged")));

    let again = submit(&world, "/sign-in", TODD_FORM).await;
    assert_eq!(status(&again), "403", "the first password is nobody's any more");
    let new = submit(&world, "/sign-in", "username=Todd&password=another+canary+of+ours").await;
    assert_eq!(status(&new), "303", "{new}");
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_nothing_changes() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    for (more, code, id) in [
        ("&password=wrong&new-password=another+canary+of+ours".to_owned(), "403", "password-error"),
        (format!("{RIGHT}&new-password=short"), "422", "new-password-error"),
        (format!("{RIGHT}&new-password=password12345678"), "422", "new-password-error"),
        (RIGHT.to_owned(), "422", "new-password-error"),
        (format!("{RIGHT}&new-password=a+canary+of+a+password"), "422", "new-password-error"),
    ] {
        let answer = browser.post(&world, PATH, &browser.token, &more).await;
        assert!(status(&answer) == code && answer.contains(&format!("id=\"{id}\"")), "{more}: {answer}");
        assert!(!answer.contains("canary"));
    }
    assert!(browser.is_signed_in(&world).await);
    assert_eq!(status(&submit(&world, "/sign-in", TODD_FORM).await), "303");
}

#[tokio::test]
async fn only_the_owner_is_asked_for_another() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    assert!(browser.get(&world, PATH).await.contains("New password"));
    let stranger = ask(&world, &format!("GET {PATH}"), "Accept: text/html", "").await;
    assert_eq!(status(&stranger), "403");
    let more = format!("{RIGHT}&new-password=another+canary+of+ours");
    let forged = browser.post(&world, PATH, "forged", &more).await;
    assert!(status(&forged) == "403" && browser.is_signed_in(&world).await);
}

#[tokio::test]
async fn whoever_has_proved_the_password_of_before_gets_no_session() {
    let world = World::empty();
    Browser::registered(&world).await;
    let registering = registering(&world);
    let (old, new) = (SecretString::from("a canary of a password"), SecretString::from("another canary"));
    let todd = registering.prove("todd", &old, None).await.expect("told").expect("proved");
    let new_hash = registering.change_password(&todd, &new).await.expect("changed");
    let (lasts, here) = (std::time::Duration::from_hours(1), "127.0.0.1".parse().expect("an address"));
    let old_hash = todd.password_hash.expect("a hash");
    for (hash, expected) in [(old_hash, false), (new_hash, true)] {
        let begun = world.begin_session(todd.id, &hash, &[1; 32], lasts, here).await.expect("told");
        assert_eq!(begun, expected);
    }
}

#[tokio::test]
async fn whatever_call_fails_a_person_is_told_truly_whether_the_password_is_another() {
    let mut without_session = 0;
    for (call, fault) in (0..CALLS).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        let world = World::empty();
        let browser = Browser::registered(&world).await;
        world.fail(call, fault);
        let more = format!("{RIGHT}&new-password=another+canary+of+ours");
        let answer = browser.post(&world, PATH, &browser.token, &more).await;
        world.heal();
        let new = submit(&world, "/sign-in", "username=Todd&password=another+canary+of+ours").await;
        let old = submit(&world, "/sign-in", TODD_FORM).await;
        assert_ne!(status(&old) == "303", status(&new) == "303", "{call} {fault:?}");
        match status(&answer) {
            "303" => assert_eq!(status(&new), "303", "{call} {fault:?}"),
            code => assert_eq!(code, "503", "{call} {fault:?}: {answer}"),
        }
        without_session += usize::from(answer.contains("location: /sign-in\r\n"));
    }
    // The end of the session before and the beginning of the next, each with both faults.
    assert_eq!(without_session, 4);
}

#[tokio::test]
async fn the_next_page_says_once_that_it_is_changed_and_no_link_says_so() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    assert!(!browser.get(&world, "/accounts/todd?notice=password-changed").await.contains("is changed"));
    let more = format!("{RIGHT}&new-password=another+canary+of+ours");
    let changed = browser.post(&world, PATH, &browser.token, &more).await;
    let notice = "streamcat-notice=password-changed";
    assert!(changed.contains(&format!("set-cookie: {notice}; Path=/; Max-Age=60; HttpOnly")), "{changed}");

    let headers = format!("Accept: text/html\r\n{}; {notice}", cookie(&changed));
    let page = ask(&world, "GET /accounts/todd", &headers, "").await;
    assert!(page.contains(r#"<p class="notice" role="status">Your password is changed."#), "{page}");
    assert!(page.contains("set-cookie: streamcat-notice=; Path=/; Max-Age=0;"), "{page}");
    let stranger = format!("Accept: text/html\r\nCookie: {notice}");
    assert!(!ask(&world, "GET /accounts/todd", &stranger, "").await.contains("is changed"));
    let sign_in = ask(&world, "GET /sign-in", &stranger, "").await;
    assert!(sign_in.contains("Your password is changed.") && sign_in.contains("Welcome back"), "{sign_in}");
}
