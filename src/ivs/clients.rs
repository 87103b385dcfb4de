//! The clients of the three kinds of resource.

use std::sync::Arc;

use aws_config::SdkConfig;

use super::{Caller, Channels, ChatRooms, Stages};

/// The clients of one AWS account and region.
#[derive(Debug)]
pub struct Clients {
    channels: Channels,
    chat_rooms: ChatRooms,
    stages: Stages,
}

impl Clients {
    /// Returns clients with this configuration, which share the budgets of `caller`.
    #[must_use]
    pub fn new(config: &SdkConfig, caller: &Arc<Caller>) -> Self {
        Self {
            channels: Channels::new(config, Arc::clone(caller)),
            chat_rooms: ChatRooms::new(config, Arc::clone(caller)),
            stages: Stages::new(config, Arc::clone(caller)),
        }
    }

    /// Returns the client of channels.
    #[must_use]
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Returns the client of chat rooms.
    #[must_use]
    pub fn chat_rooms(&self) -> &ChatRooms {
        &self.chat_rooms
    }

    /// Returns the client of stages.
    #[must_use]
    pub fn stages(&self) -> &Stages {
        &self.stages
    }
}

/// Runs an expression with the AWS client of one kind. `$clients` has a method for each kind.
macro_rules! dispatch_kind {
    ($clients:expr, $which:expr, |$kind:ident| $body:expr) => {
        match $which {
            $crate::api::ResourceKind::Channel => {
                let $kind = $clients.channels();
                $body
            }
            $crate::api::ResourceKind::ChatRoom => {
                let $kind = $clients.chat_rooms();
                $body
            }
            $crate::api::ResourceKind::Stage => {
                let $kind = $clients.stages();
                $body
            }
        }
    };
}
pub(crate) use dispatch_kind;
