//! Signed in and out, over a real connection.

use std::sync::Arc;

use super::{
    super::super::world::{Fault, STREAM_KEY},
    FORM, JSON, TODD, TODD_FORM, World, ask, cookie, make_due, status, submit, token,
};
use crate::store::AuditEvent;

/// A browser that is signed in: its cookie, and the token of its forms.
pub struct Browser {
    pub cookie: String,
    pub token: String,
}

impl Browser {
    /// As an answer to a sign-in or a registration leaves it.
    pub async fn after(world: &Arc<World>, answer: &str) -> Self {
        let cookie = cookie(answer);
        let page = ask(world, "GET /accounts/todd", &format!("Accept: text/html\r\n{cookie}"), "").await;
        Self { token: token(&page).to_owned(), cookie }
    }

    pub async fn registered(world: &Arc<World>) -> Self {
        Self::after(world, &submit(world, "/register", TODD_FORM).await).await
    }

    pub async fn get(&self, world: &Arc<World>, path: &str) -> String {
        ask(world, &format!("GET {path}"), &format!("Accept: text/html\r\n{}", self.cookie), "").await
    }

    pub async fn post(&self, world: &Arc<World>, path: &str, token: &str, more: &str) -> String {
        let headers = format!("{FORM}\r\n{}", self.cookie);
        ask(world, &format!("POST {path}"), &headers, &format!("token={token}{more}")).await
    }

    pub async fn is_signed_in(&self, world: &Arc<World>) -> bool {
        self.get(world, "/accounts/todd").await.contains("Sign out")
    }
}

#[tokio::test]
async fn whoever_registers_is_signed_in_until_they_sign_out() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    assert!(browser.is_signed_in(&world).await);
    let forged = browser.post(&world, "/sign-out", "forged", "").await;
    assert!(status(&forged) == "403" && browser.is_signed_in(&world).await);
    let out = browser.post(&world, "/sign-out", &browser.token, "").await;
    assert!(status(&out) == "303" && out.contains("set-cookie: streamcat=; Path=/; Max-Age=0"), "{out}");
    assert!(!browser.is_signed_in(&world).await, "the session itself has ended");
}

#[tokio::test]
async fn a_sign_in_gives_another_token_and_ends_the_session_before_it() {
    let world = World::empty();
    let first = Browser::registered(&world).await;
    let answer = first.post(&world, "/sign-in", &first.token, &format!("&{TODD_FORM}")).await;
    assert!(status(&answer) == "303" && answer.contains("location: /accounts/Todd\r\n"), "{answer}");
    let second = Browser::after(&world, &answer).await;
    assert_ne!((&first.cookie, &first.token), (&second.cookie, &second.token));
    assert!(second.is_signed_in(&world).await && !first.is_signed_in(&world).await);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_in_the_same_words() {
    let world = World::empty();
    world.put_row("mary", None);
    submit(&world, "/register", TODD_FORM).await;
    let mut pages = Vec::new();
    for username in ["Todd", "nobody", "mary"] {
        let body = format!("username={username}&password=not+the+password+of+todd");
        let page = submit(&world, "/sign-in", &body).await;
        assert!(status(&page) == "403" && !page.contains("set-cookie"), "{page}");
        let body = page.split_once("\r\n\r\n").expect("a body").1;
        pages.push(body.replace(username, "").replace(token(body), ""));
    }
    assert!(pages[0].contains("The username or the password is wrong."));
    assert!(pages.iter().all(|page| *page == pages[0]));
    assert_eq!(status(&ask(&world, "POST /sign-in", JSON, TODD).await), "415");
}

#[tokio::test]
async fn the_stream_key_is_for_the_owner_with_a_form_of_the_session() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    world.make_ready("todd");
    let page = browser.get(&world, "/accounts/todd").await;
    assert!(page.contains("rtmps://in.example.com:443/app/") && !page.contains(STREAM_KEY), "{page}");
    let shown = browser.post(&world, "/accounts/todd/stream-key", &browser.token, "").await;
    assert!(shown.contains(STREAM_KEY) && shown.contains("cache-control: no-store"), "{shown}");

    let path = "/accounts/todd/stream-key";
    let forged = browser.post(&world, path, "forged", "").await;
    let no_cookie = ask(&world, &format!("POST {path}"), FORM, &format!("token={}", browser.token)).await;
    let mary = TODD_FORM.replace("Todd", "mary");
    let other = submit(&world, "/register", &mary).await;
    let headers = format!("{FORM}\r\n{}", cookie(&other));
    let another = ask(&world, &format!("POST {path}"), &headers, &format!("token={}", browser.token)).await;
    for refused in [forged, no_cookie, another] {
        assert!(status(&refused) == "403" && !refused.contains(STREAM_KEY), "{refused}");
    }
}

#[tokio::test]
async fn what_somebody_else_put_in_the_place_of_an_account_is_not_the_owners() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    world.make_ready("todd");
    world.replace("todd");
    let page = browser.get(&world, "/accounts/todd").await;
    let key = browser.post(&world, "/accounts/todd/stream-key", &browser.token, "").await;
    let password = "&password=a+canary+of+a+password";
    let deleted = browser.post(&world, "/accounts/todd/delete", &browser.token, password).await;
    for answer in [page, key, deleted] {
        assert!(status(&answer) == "404" && !answer.contains("rtmps://") && !answer.contains(STREAM_KEY));
    }
    assert!(world.accounts()[0].metadata.deletion_timestamp.is_none());
}

#[tokio::test]
async fn an_account_that_lost_its_annotation_is_the_owners_still() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    world.make_ready("todd");
    world.drop_annotations("todd");
    let page = browser.get(&world, "/accounts/todd").await;
    assert!(status(&page) == "200" && page.contains("rtmps://in.example.com:443/app/"), "{page}");
    let key = browser.post(&world, "/accounts/todd/stream-key", &browser.token, "").await;
    assert!(key.contains(STREAM_KEY), "{key}");
    assert_eq!(status(&submit(&world, "/register", TODD_FORM).await), "303");
    assert_eq!(status(&submit(&world, "/sign-in", TODD_FORM).await), "303");
    let password = "&password=a+canary+of+a+password";
    let going = browser.post(&world, "/accounts/todd/delete", &browser.token, password).await;
    assert!(status(&going) == "303" && world.accounts()[0].metadata.deletion_timestamp.is_some(), "{going}");
}

#[tokio::test]
async fn of_an_object_that_copies_the_annotation_nothing_is_shown_or_deleted_until_it_is_handed_on() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    world.make_ready("todd");
    world.copy("todd");
    let page = browser.get(&world, "/accounts/todd").await;
    assert!(status(&page) == "200" && !page.contains("rtmps://"), "{page}");
    let key = browser.post(&world, "/accounts/todd/stream-key", &browser.token, "").await;
    assert!(!key.contains(STREAM_KEY), "{key}");
    let password = "&password=a+canary+of+a+password";
    let path = "/accounts/todd/delete";
    assert_eq!(status(&browser.post(&world, path, &browser.token, password).await), "303");
    make_due(&world).await;
    assert!(world.accounts()[0].metadata.deletion_timestamp.is_none() && world.rows()[0].unwanted);

    world.hand_on("todd");
    make_due(&world).await;
    assert!(world.accounts()[0].metadata.deletion_timestamp.is_some());
}

#[tokio::test]
async fn an_account_is_deleted_by_its_owner_with_the_password_once_more() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    let asked = browser.get(&world, "/accounts/todd/delete").await;
    assert!(status(&asked) == "200" && asked.contains(&browser.token));
    let path = "/accounts/todd/delete";
    assert_eq!(status(&ask(&world, &format!("GET {path}"), "Accept: text/html", "").await), "403");

    let wrong = browser.post(&world, path, &browser.token, "&password=not+my+password").await;
    assert!(status(&wrong) == "403" && wrong.contains("This is not your password."), "{wrong}");
    let forged = browser.post(&world, path, "forged", "&password=a+canary+of+a+password").await;
    assert_eq!(status(&forged), "403");
    assert!(world.accounts()[0].metadata.deletion_timestamp.is_none());

    let going = browser.post(&world, path, &browser.token, "&password=a+canary+of+a+password").await;
    assert!(status(&going) == "303" && going.contains("location: /accounts/Todd/goodbye\r\n"), "{going}");
    assert!(world.accounts()[0].metadata.deletion_timestamp.is_some());
    assert!(browser.get(&world, "/accounts/todd/goodbye").await.contains("being deleted"));
    world.forget("todd");
    assert!(browser.get(&world, "/accounts/todd/goodbye").await.contains("Your account is gone"));
}

#[tokio::test]
async fn what_is_no_username_is_not_repeated_and_nobodys() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    for name in ["Call+0190+123456+now", "%00", "caf%C3%A9"] {
        for page in ["goodbye", "delete", "password", "stream-key"] {
            let answer = browser.get(&world, &format!("/accounts/{name}/{page}")).await;
            assert!(status(&answer) == "404" && !answer.contains("0190"), "{page}: {answer}");
        }
        let key = browser.post(&world, &format!("/accounts/{name}/stream-key"), &browser.token, "").await;
        assert_eq!(status(&key), "403", "{key}");
    }
    // The database takes no NUL at all: this stands for it, as it stands for one that is away.
    world.fail(0, Fault::Away);
    let registering = super::registering(&world);
    for name in ["", "to\0dd", "to dd"] {
        assert!(
            matches!(registering.prove(name, &"a canary of a password".into(), None).await, Ok(None)),
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_there() {
    let world = World::empty();
    Browser::registered(&world).await;
    let stranger = ask(&world, "GET /accounts/todd/delete", "Accept: text/html", "").await;
    assert!(
        status(&stranger) == "403" && stranger.contains(r#"<a href="/sign-in">Sign in</a>"#),
        "{stranger}"
    );
    let again = ask(&world, "GET /accounts/todd/stream-key", "Accept: text/html", "").await;
    assert!(status(&again) == "303" && again.contains("location: /accounts/todd\r\n"), "{again}");
}

/// No deed makes more calls than this.
pub const CALLS: usize = 10;
pub const FAULTS: [Fault; 2] = [Fault::Away, Fault::AnswerLost];

#[tokio::test]
async fn whatever_call_fails_a_deletion_is_done_or_told_to_be_tried_again() {
    for (call, fault) in (0..CALLS).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        let world = World::empty();
        let browser = Browser::registered(&world).await;
        world.fail(call, fault);
        let (path, password) = ("/accounts/todd/delete", "&password=a+canary+of+a+password");
        let answer = browser.post(&world, path, &browser.token, password).await;
        world.heal();
        match status(&answer) {
            "303" => {}
            "503" => {
                assert!(answer.contains("retry-after: "), "{call} {fault:?}: {answer}");
                let again = browser.post(&world, path, &browser.token, password).await;
                assert_eq!(status(&again), "303", "{call} {fault:?}: {again}");
            }
            _ => panic!("{call} {fault:?}: {answer}"),
        }
        make_due(&world).await;
        assert!(world.accounts()[0].metadata.deletion_timestamp.is_some(), "{call} {fault:?}");
    }
}

#[tokio::test]
async fn whatever_call_fails_a_sign_in_is_done_or_told_to_be_tried_again() {
    for (call, fault) in (0..CALLS).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        let world = World::empty();
        submit(&world, "/register", TODD_FORM).await;
        world.fail(call, fault);
        let mut answer = submit(&world, "/sign-in", TODD_FORM).await;
        world.heal();
        if status(&answer) == "503" {
            assert!(!answer.contains("set-cookie") && answer.contains("retry-after: "), "{call}: {answer}");
            answer = submit(&world, "/sign-in", TODD_FORM).await;
        }
        assert_eq!(status(&answer), "303", "{call} {fault:?}: {answer}");
        assert!(Browser::after(&world, &answer).await.is_signed_in(&world).await, "{call} {fault:?}");
    }
}

#[tokio::test]
async fn whatever_call_fails_a_form_sent_again_leads_to_the_account_and_signs_in() {
    for (call, fault) in (0..CALLS).flat_map(|call| FAULTS.map(|fault| (call, fault))) {
        let world = World::empty();
        world.fail(call, fault);
        let answer = submit(&world, "/register", TODD_FORM).await;
        world.heal();
        assert!(["303", "503"].contains(&status(&answer)), "{call} {fault:?}: {answer}");
        let again = submit(&world, "/register", TODD_FORM).await;
        assert_eq!(status(&again), "303", "{call} {fault:?}: {again}");
        assert!(Browser::after(&world, &again).await.is_signed_in(&world).await, "{call} {fault:?}");
        assert_eq!(world.pairs(), 1, "{call} {fault:?}");
    }
}

#[tokio::test]
async fn an_account_that_is_still_to_be_made_can_be_deleted_and_is_never_made() {
    let world = World::empty();
    world.fail(1, Fault::Away);
    let browser = Browser::registered(&world).await;
    let path = "/accounts/todd/delete";
    let going = browser.post(&world, path, &browser.token, "&password=a+canary+of+a+password").await;
    assert!(status(&going) == "303" && going.contains("location: /accounts/Todd/goodbye\r\n"), "{going}");
    assert!(browser.get(&world, "/accounts/todd/goodbye").await.contains("being deleted"));
    let again = submit(&world, "/register", TODD_FORM).await;
    assert!(status(&again) == "409" && again.contains("is being deleted"), "{again}");
    make_due(&world).await;
    assert_eq!((world.rows().len(), world.accounts().len()), (0, 0));
    assert!(browser.get(&world, "/accounts/todd/goodbye").await.contains("Your account is gone"));
}

#[tokio::test]
async fn who_is_signed_in_is_led_to_the_own_account() {
    let world = World::empty();
    let browser = Browser::registered(&world).await;
    for path in ["/", "/register"] {
        let answer = browser.get(&world, path).await;
        assert!(status(&answer) == "303" && answer.contains("location: /accounts/Todd\r\n"), "{answer}");
    }
    let form = browser.get(&world, "/sign-in").await;
    let own = r#"You are signed in as <a href="/accounts/Todd">Todd</a>."#;
    assert!(status(&form) == "200" && form.contains(own), "{form}");
    world.fail(0, Fault::Away);
    assert_eq!(
        status(&browser.get(&world, "/sign-in").await),
        "200",
        "what is away keeps nobody from the form"
    );
    world.forget_account("todd");
    assert_eq!(status(&browser.get(&world, "/register").await), "200", "an account that is gone is no page");
    browser.post(&world, "/sign-out", &browser.token, "").await;
    let form = browser.get(&world, "/sign-in").await;
    assert!(status(&form) == "200" && !form.contains("You are signed in"), "{form}");
    assert!(browser.get(&world, "/").await.contains("location: /register\r\n"));
}

#[tokio::test]
async fn a_sign_in_that_a_change_of_the_password_overtakes_is_refused_and_written_down() {
    let world = World::empty();
    submit(&world, "/register", TODD_FORM).await;
    world.overtake_session();
    let answer = submit(&world, "/sign-in", TODD_FORM).await;
    assert!(
        status(&answer) == "403" && answer.contains("The username or the password is wrong."),
        "{answer}"
    );
    assert_eq!(world.deeds().last(), Some(&AuditEvent::SignInFailed));
}
