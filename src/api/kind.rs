//! The three kinds of resource.

use std::fmt;

use super::condition::{CHANNEL_READY, CHAT_ROOM_READY, STAGE_READY};

/// The kind of a user's resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, clap::ValueEnum)]
#[sqlx(type_name = "resource_kind", rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum ResourceKind {
    /// An Amazon IVS channel.
    Channel,
    /// An Amazon IVS chat room.
    ChatRoom,
    /// An Amazon IVS real-time stage.
    Stage,
}

impl ResourceKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [Self; 3] = [Self::Channel, Self::ChatRoom, Self::Stage];

    /// Returns the name for programs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::ChatRoom => "chat_room",
            Self::Stage => "stage",
        }
    }

    /// Returns the name for people.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::ChatRoom => "chat room",
            Self::Stage => "stage",
        }
    }

    /// Returns the type of the condition of this kind.
    #[must_use]
    pub fn condition(self) -> &'static str {
        match self {
            Self::Channel => CHANNEL_READY,
            Self::ChatRoom => CHAT_ROOM_READY,
            Self::Stage => STAGE_READY,
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun())
    }
}
