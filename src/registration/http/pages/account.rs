//! The page of an account: its progress, for anybody; and for its owner, the streaming settings.

use maud::{Markup, html};
use secrecy::{ExposeSecret, SecretString};

use super::{super::problem::issue_text, Page, fields::token};
use crate::{
    api::StreamerAccount,
    registration::service::{Part, Progress, ProgressStatus},
};

/// Number of seconds after which the page reloads while setup or deletion is in progress.
const REFRESH_SECONDS: u32 = 2;
/// Number of seconds after which the page reloads when the operators have to fix something first.
const SLOW_REFRESH_SECONDS: u32 = 10;

/// The part of the page that only the owner sees.
#[derive(Debug)]
pub struct OwnerView {
    /// The form token.
    pub token: String,
    /// The streaming addresses, once they are known.
    pub addresses: Option<StreamingAddresses>,
    /// The stream key, if it was requested.
    pub stream_key: StreamKeyView,
}

/// The visibility of the stream key.
#[derive(Debug)]
pub enum StreamKeyView {
    /// Hidden behind a button.
    Hidden,
    /// Shown.
    Shown(SecretString),
    /// Requested, but it could not be read.
    Unavailable,
}

/// The addresses for streaming, playback, and chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamingAddresses {
    server: String,
    playback: String,
    chat: String,
}

impl StreamingAddresses {
    /// Returns the addresses in the status of an account, or None if one is missing.
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

/// Returns the page of an account. It updates itself until setup or deletion is complete.
#[must_use]
pub fn account(username: &str, progress: &Progress, owner: Option<&OwnerView>) -> Page {
    let (headline, lead, refresh_seconds) = match progress.status {
        ProgressStatus::Pending => (
            "Almost there",
            "We are setting up your account. This page updates automatically.",
            Some(REFRESH_SECONDS),
        ),
        ProgressStatus::Ready => {
            ("You are ready to stream", "Your channel, chat room, and stage are ready.", None)
        }
        ProgressStatus::Failed => {
            ("Setup failed", "We could not set everything up.", Some(SLOW_REFRESH_SECONDS))
        }
        ProgressStatus::Deleting => {
            ("Deleting the account", "This account is being deleted.", Some(REFRESH_SECONDS))
        }
    };
    let content = html! {
        p.who { (username) }
        h1 { (headline) }
        p.lead { (lead) }
        section #progress aria-label="Progress" aria-live="polite"
            data-events=(format!("/accounts/{username}/events")) data-status=(progress.status) {
            @if let Some(issue) = progress.issue { div.alert role="alert" { p { (issue_text(issue)) } } }
            ul.parts {
                (part("Channel", "where viewers watch your stream", progress.channel))
                (part("Chat room", "where your viewers chat", progress.chat_room))
                (part("Stage", "where guests join you live", progress.stage))
            }
        }
        @match owner {
            Some(owner) => (owner_section(username, progress, owner)),
            // The owner who has just deleted the account need not sign in.
            None if progress.status == ProgressStatus::Deleting => {}
            None => p.foot { "Is this your account? " a href="/sign-in" { "Sign in" } },
        }
    };
    Page::new(format!("{headline}: {username}"), content).live(refresh_seconds)
}

fn part(name: &str, purpose: &str, part: Part) -> Markup {
    let (class, sign, state) = match (part.status, part.issue) {
        (ProgressStatus::Ready, _) => ("ready", "✓", "ready"),
        (ProgressStatus::Pending, None) => ("pending", "…", "being set up"),
        (ProgressStatus::Pending, Some(_)) => ("waiting", "!", "waiting"),
        (ProgressStatus::Failed, _) => ("failed", "×", "not set up"),
        (ProgressStatus::Deleting, _) => ("pending", "…", "being deleted"),
    };
    html! {
        li class=(class) {
            span.sign aria-hidden="true" { (sign) }
            div {
                strong { (name) }
                span.purpose { (purpose) }
                @if let Some(issue) = part.issue { p.problem { (issue_text(issue)) } }
            }
            span.state { (state) }
        }
    }
}

fn owner_section(username: &str, progress: &Progress, owner: &OwnerView) -> Markup {
    html! {
        @if let (ProgressStatus::Ready, Some(addresses)) = (progress.status, &owner.addresses) {
            section #streaming aria-labelledby="streaming-title" {
                h2 #streaming-title { "Settings for OBS" }
                dl {
                    (address("Server", &addresses.server))
                    dt { "Stream key" }
                    dd { (stream_key(username, owner)) }
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
                (token(&owner.token))
                button.quiet type="submit" { "Sign out" }
            }
            @if progress.status != ProgressStatus::Deleting {
                a href=(format!("/accounts/{username}/password")) { "Change password" }
                a href=(format!("/accounts/{username}/delete")) { "Delete account" }
            }
        }
    }
}

fn address(name: &str, value: &str) -> Markup {
    html! { dt { (name) } dd { code { (value) } } }
}

fn stream_key(username: &str, owner: &OwnerView) -> Markup {
    html! {
        @match &owner.stream_key {
            StreamKeyView::Shown(key) => {
                code #stream-key { (key.expose_secret()) }
                p.hint { "Anyone who has this key can stream as you. Keep it secret." }
            }
            StreamKeyView::Hidden | StreamKeyView::Unavailable => {
                @if matches!(owner.stream_key, StreamKeyView::Unavailable) {
                    p.error role="alert" { "The stream key is temporarily unavailable. Try again in a moment." }
                }
                form method="post" action=(format!("/accounts/{username}/stream-key#streaming")) {
                    (token(&owner.token))
                    button.quiet type="submit" { "Show stream key" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(status: ProgressStatus) -> Progress {
        let part = Part { status, issue: None };
        Progress { status, issue: None, channel: part, chat_room: part, stage: part }
    }

    fn owner(stream_key: StreamKeyView) -> OwnerView {
        let addresses = StreamingAddresses {
            server: "rtmps://in".into(),
            playback: "https://play".into(),
            chat: "wss://chat".into(),
        };
        OwnerView { token: "t-1".to_owned(), addresses: Some(addresses), stream_key }
    }

    fn render(status: ProgressStatus, owner: Option<&OwnerView>) -> String {
        account("todd", &progress(status), owner).render("Streamcat").into_string()
    }

    #[test]
    fn page_updates_itself_until_the_account_is_ready() {
        let text = render(ProgressStatus::Pending, None);
        assert!(text.contains(r#"http-equiv="refresh" content="2""#));
        assert!(
            text.contains("<noscript><meta") && text.contains(r#"<script src="/live.js" defer></script>"#)
        );
        assert!(text.contains(r#"data-events="/accounts/todd/events" data-status="pending""#));
        let text = render(ProgressStatus::Ready, None);
        assert!(!text.contains("http-equiv") && !text.contains("<script"));
    }

    #[test]
    fn only_the_owner_sees_the_settings_and_the_key_on_request() {
        let text = render(ProgressStatus::Ready, None);
        assert!(!text.contains("rtmps://") && !text.contains("/delete") && text.contains("/sign-in"));

        let text = render(ProgressStatus::Ready, Some(&owner(StreamKeyView::Hidden)));
        assert!(["rtmps://in", "https://play", "wss://chat"].iter().all(|address| text.contains(address)));
        assert!(text.contains("Show stream key") && text.contains(r#"name="token" value="t-1""#));

        let text =
            render(ProgressStatus::Ready, Some(&owner(StreamKeyView::Shown("sk_1".to_owned().into()))));
        assert!(text.contains("sk_1") && !text.contains("Show stream key"));
    }

    #[test]
    fn streaming_settings_are_hidden_until_the_account_is_ready() {
        let text = render(ProgressStatus::Pending, Some(&owner(StreamKeyView::Hidden)));
        assert!(!text.contains("rtmps://") && text.contains("Sign out"));
    }
}
