//! The less common options of a simulator.

use std::time::Duration;

use super::builder::Builder;
use crate::{auth::Keys, error::Error, events::Receiver};

/// What a simulator has to do with the streams around it.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub keys: Option<Keys>,
    pub activation: Duration,
    events_url: Option<String>,
}

impl Options {
    /// Where events go, if anywhere.
    pub fn receiver(&self) -> Result<Option<Receiver>, Error> {
        self.events_url.as_deref().map(Receiver::parse).transpose().map_err(Error::Events)
    }
}

impl Builder {
    /// Verifies that requests are signed with this key; signatures are not verified if not told.
    pub fn keys(mut self, access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        self.options.keys = Some(Keys { access_key: access_key.into(), secret_key: secret_key.into() });
        self
    }

    /// How long a recording configuration takes to become active; it is at once if not told.
    pub fn activate_after(mut self, activation: Duration) -> Self {
        self.options.activation = activation;
        self
    }

    /// Where the events that EventBridge would carry are POSTed, one by one, as `http://127.0.0.1:8080/events`.
    pub fn events_url(mut self, url: impl Into<String>) -> Self {
        self.options.events_url = Some(url.into());
        self
    }
}
