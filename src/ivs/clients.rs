//! The clients of the three kinds of resource.

use std::sync::Arc;

use aws_config::SdkConfig;

use super::{Caller, Channels, ChatRooms, Stages};

/// The clients of one AWS account and region.
#[derive(Debug)]
pub struct Clients {
    /// Amazon IVS channels.
    pub channels: Channels,
    /// Amazon IVS chat rooms.
    pub chat_rooms: ChatRooms,
    /// Amazon IVS stages.
    pub stages: Stages,
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
}

/// Runs an expression with the client of one kind.
macro_rules! dispatch_client {
    ($clients:expr, $which:expr, |$kind:ident| $body:expr) => {
        match $which {
            $crate::api::ResourceKind::Channel => {
                let $kind = &$clients.channels;
                $body
            }
            $crate::api::ResourceKind::ChatRoom => {
                let $kind = &$clients.chat_rooms;
                $body
            }
            $crate::api::ResourceKind::Stage => {
                let $kind = &$clients.stages;
                $body
            }
        }
    };
}
pub(crate) use dispatch_client;
