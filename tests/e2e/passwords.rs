//! Rejected passwords, and passwords composed in different ways.

use serde_json::json;
use testbed::http;

use crate::{
    registration::{PASSWORD, post, registered_counts, submit},
    support::tenant,
};

#[tokio::test]
async fn a_common_password_is_rejected_next_to_its_field() {
    let tenant = tenant("common").await;
    let registration = tenant.registration().env("STREAMCAT_SITE_NAME", "Cat & Cinema").start().await;
    let (common, own) =
        ("too common, or little more than a common one", "your username or the name of this site");
    for (password, expected) in [
        ("123456789012345", common),
        ("PasswordPassword", common),
        ("trustno1!!!!!!!!!!", common),
        ("mary-stream-2026", own),
        ("Cat & Cinema 2026", own),
    ] {
        let problem = post(&registration, "Mary_Stream", password).await.json().unwrap();
        let error = problem["errors"]["password"].as_str().unwrap_or_else(|| panic!("{password}: {problem}"));
        assert!(error.contains(expected) && error.contains("Choose a few"), "{password}: {error}");
        let answer = submit(&registration, "Mary_Stream", password).await;
        let beside = format!(r#"<p class="error" id="password-error">{error}</p>"#);
        assert!(answer.status == 422 && answer.body.contains(&beside), "{}", answer.body);
    }
    assert_eq!(registered_counts(&tenant).await, (0, 0));
    let form = http::get(&format!("{}/register", registration.url())).await.unwrap();
    assert!(form.body.contains("<header>Cat &amp; Cinema</header>"), "{}", form.body);
    assert_eq!(post(&registration, "Mary_Stream", PASSWORD).await.status, 201);
}

#[tokio::test]
async fn a_password_is_the_same_however_its_characters_are_composed() {
    let tenant = tenant("composed").await;
    let registration = tenant.registration().start().await;
    let (composed, decomposed) = ("d\u{f6}rfliche \u{fb01}ngeraffen", "do\u{308}rfliche fingeraffen");
    assert_eq!(submit(&registration, "mary", composed).await.status, 303);
    for typed in [composed, decomposed] {
        assert_eq!(post(&registration, "mary", typed).await.status, 200, "{typed}");
        let fields = [("username", "mary"), ("password", typed)];
        let answer = http::post_form(&format!("{}/sign-in", registration.url()), &fields).await.unwrap();
        assert_eq!(answer.status, 303, "{typed}");
    }
    // This counts as fourteen characters, although more are sent. A truncated password is a different one.
    let fourteen = "o\u{308}".repeat(7) + "a1b2c3d";
    assert_eq!(post(&registration, "todd", &fourteen).await.status, 422);
    let most = composed.repeat(7).chars().take(128).collect::<String>();
    assert_eq!(post(&registration, "todd", &most).await.status, 422, "the ligature counts as two");
    let most = most.replace('\u{fb01}', "i");
    assert_eq!(post(&registration, "todd", &most).await.status, 201);
    assert_eq!(post(&registration, "todd", &most.chars().take(127).collect::<String>()).await.status, 409);
}

#[tokio::test]
async fn the_minimum_length_can_be_set_but_not_below_eight() {
    let tenant = tenant("length").await;
    let registration = tenant.registration().env("STREAMCAT_MIN_PASSWORD_LENGTH", "8").start().await;
    let errors = json!({ "password": "The password must have at least 8 characters. Add a word or two." });
    assert_eq!(post(&registration, "mary", "kfz-XY7").await.json().unwrap()["errors"], errors);
    assert_eq!(post(&registration, "mary", "kfz-XY 7").await.status, 201);
    let form = http::get(&format!("{}/register", registration.url())).await.unwrap().body;
    assert!(form.contains("8 to 128 characters") && form.contains(r#"data-min-length="8""#), "{form}");

    let low = tenant.registration().env("STREAMCAT_MIN_PASSWORD_LENGTH", "7");
    let (status, output) = low.run(&["registration"]).await.unwrap();
    let line = output.lines().next().unwrap_or_default();
    assert!(
        status.code() == Some(2) && line.contains("--min-password-length") && line.contains("8..=128"),
        "{output}"
    );
}
