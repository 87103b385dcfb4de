//! The page of an account: how far it is, for whoever knows its name; and for its owner what to put into OBS.

use maud::{Markup, html};
use secrecy::{ExposeSecret, SecretString};

use super::{Page, fields::token};
use crate::{
    api::StreamerAccount,
    registration::progress::{Part, Progress, Status},
};

/// Seconds after which a progress page looks again.
const LOOK_AGAIN: u32 = 2;
/// The same where something has to be mended first.
const LOOK_AGAIN_LATER: u32 = 10;

/// What the owner sees besides.
#[derive(Debug)]
pub struct Own {
    /// The token that the forms carry.
    pub token: String,
    /// Where to stream, to play and to chat, once it is known.
    pub addresses: Option<Addresses>,
    /// The stream key, where it was asked for.
    pub stream_key: StreamKey,
}

/// Whether the stream key is shown.
#[derive(Debug)]
pub enum StreamKey {
    /// Behind a button.
    Hidden,
    /// It is.
    Shown(SecretString),
    /// It was asked for and could not be read.
    NotNow,
}

/// Where to stream, to play and to chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    server: String,
    playback: String,
    chat: String,
}

impl Addresses {
    /// As the status of an account has them; None where one is missing.
    #[must_use]
    pub fn of(account: &StreamerAccount) -> Option<Self> {
        let status = account.status.as_ref()?;
        let channel = status.channel.as_ref()?;
        Some(Self {
            server: format!("rtmps://{}:443/app/", channel.ingest_endpoint.as_deref()?),
            playback: channel.playback_url.clone()?,
            chat: status.chat_room.as_ref()?.endpoint.clone()?,
        })
    }
}

/// How far an account is; looks again by itself until there is nothing to wait for.
#[must_use]
pub fn account(username: &str, progress: &Progress, own: Option<&Own>) -> Page {
    let (headline, lead, look_again) = match progress.status {
        Status::Pending => (
            "Almost there",
            "We are setting this up for you. This page looks again by itself.",
            Some(LOOK_AGAIN),
        ),
        Status::Ready => {
            ("You are ready to stream", "Your channel, your chat room and your stage are there.", None)
        }
        Status::Failed => ("This did not work", "We could not set everything up.", Some(LOOK_AGAIN_LATER)),
        Status::Deleting => ("Saying goodbye", "This account is being deleted.", Some(LOOK_AGAIN)),
    };
    let content = html! {
        p.who { (username) }
        h1 { (headline) }
        p.lead { (lead) }
        section #progress aria-label="Progress" aria-live="polite"
            data-events=(format!("/accounts/{username}/events")) data-status=(progress.status) {
            @if let Some(problem) = progress.problem { div.alert role="alert" { p { (problem) } } }
            ul.parts {
                (part("Channel", "where your stream is watched", progress.channel))
                (part("Chat room", "where your viewers talk", progress.chat_room))
                (part("Stage", "where guests join you live", progress.stage))
            }
        }
        @match own {
            Some(own) => (for_the_owner(username, progress, own)),
            // Whoever has just deleted it need not be asked.
            None if progress.status == Status::Deleting => {}
            None => p.foot { "Is this yours? " a href="/sign-in" { "Sign in" } },
        }
    };
    Page::new(format!("{headline}: {username}"), content).live(look_again)
}

fn part(name: &str, purpose: &str, part: Part) -> Markup {
    let (class, sign, words) = match (part.status, part.problem) {
        (Status::Ready, _) => ("ready", "✓", "ready"),
        (Status::Pending, None) => ("pending", "…", "being set up"),
        (Status::Pending, Some(_)) => ("waiting", "!", "waiting"),
        (Status::Failed, _) => ("failed", "×", "not set up"),
        (Status::Deleting, _) => ("pending", "…", "being deleted"),
    };
    html! {
        li class=(class) {
            span.sign aria-hidden="true" { (sign) }
            div {
                strong { (name) }
                span.purpose { (purpose) }
                @if let Some(problem) = part.problem { p.problem { (problem) } }
            }
            span.state { (words) }
        }
    }
}

fn for_the_owner(username: &str, progress: &Progress, own: &Own) -> Markup {
    html! {
        @if let (Status::Ready, Some(addresses)) = (progress.status, &own.addresses) {
            section #streaming aria-labelledby="streaming-title" {
                h2 #streaming-title { "What to put into OBS" }
                dl {
                    (address("Server", &addresses.server))
                    dt { "Stream key" }
                    dd { (stream_key(username, own)) }
                }
                h2 { "For your viewers" }
                dl {
                    (address("Playback URL", &addresses.playback))
                    (address("Chat endpoint", &addresses.chat))
                }
            }
        }
        div.foot {
            form method="post" action="/sign-out" {
                (token(&own.token))
                button.quiet type="submit" { "Sign out" }
            }
            @if progress.status != Status::Deleting {
                a href=(format!("/accounts/{username}/password")) { "Change my password" }
                a href=(format!("/accounts/{username}/delete")) { "Delete my account" }
            }
        }
    }
}

fn address(name: &str, value: &str) -> Markup {
    html! { dt { (name) } dd { code { (value) } } }
}

fn stream_key(username: &str, own: &Own) -> Markup {
    html! {
        @match &own.stream_key {
            StreamKey::Shown(key) => {
                code #stream-key { (key.expose_secret()) }
                p.hint { "Whoever has it can stream as you: show it to nobody." }
            }
            StreamKey::Hidden | StreamKey::NotNow => {
                @if matches!(own.stream_key, StreamKey::NotNow) {
                    p.error role="alert" { "It cannot be shown right now. Try again in a moment." }
                }
                form method="post" action=(format!("/accounts/{username}/stream-key#streaming")) {
                    (token(&own.token))
                    button.quiet type="submit" { "Show the stream key" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(status: Status) -> Progress {
        let part = Part { status, problem: None };
        Progress { status, problem: None, channel: part, chat_room: part, stage: part }
    }

    fn own(stream_key: StreamKey) -> Own {
        let addresses = Addresses {
            server: "rtmps://in".into(),
            playback: "https://play".into(),
            chat: "wss://chat".into(),
        };
        Own { token: "t-1".to_owned(), addresses: Some(addresses), stream_key }
    }

    fn shown(status: Status, own: Option<&Own>) -> String {
        account("todd", &progress(status), own).of_site("Streamcat").into_string()
    }

    #[test]
    fn a_page_looks_again_until_all_is_ready() {
        let text = shown(Status::Pending, None);
        assert!(text.contains(r#"http-equiv="refresh" content="2""#));
        assert!(
            text.contains("<noscript><meta") && text.contains(r#"<script src="/live.js" defer></script>"#)
        );
        assert!(text.contains(r#"data-events="/accounts/todd/events" data-status="pending""#));
        let text = shown(Status::Ready, None);
        assert!(!text.contains("http-equiv") && !text.contains("<script"));
    }

    #[test]
    fn only_the_owner_sees_where_to_stream_and_the_key_only_after_a_click() {
        let text = shown(Status::Ready, None);
        assert!(!text.contains("rtmps://") && !text.contains("/delete") && text.contains("/sign-in"));

        let text = shown(Status::Ready, Some(&own(StreamKey::Hidden)));
        assert!(["rtmps://in", "https://play", "wss://chat"].iter().all(|address| text.contains(address)));
        assert!(text.contains("Show the stream key") && text.contains(r#"name="token" value="t-1""#));

        let text = shown(Status::Ready, Some(&own(StreamKey::Shown("sk_1".to_owned().into()))));
        assert!(text.contains("sk_1") && !text.contains("Show the stream key"));
    }

    #[test]
    fn before_all_is_ready_there_is_nothing_to_put_into_obs() {
        let text = shown(Status::Pending, Some(&own(StreamKey::Hidden)));
        assert!(!text.contains("rtmps://") && text.contains("Sign out"));
    }
}
