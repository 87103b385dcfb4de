//! What spec and status say of one resource, whichever kind it is.

use super::{
    ChannelSpec, ChannelStatus, ChatRoomSpec, ChatRoomStatus, ResourceKind, StageSpec, StageStatus,
    StreamerAccountSpec, StreamerAccountStatus,
};

/// What the spec says of one kind.
pub trait Settings {
    /// Its part of the spec.
    fn of(spec: &StreamerAccountSpec) -> &Self;
}

/// What the status says of one kind.
pub trait Status: Into<ResourceStatus> {
    /// Its part of the status.
    fn of(status: &StreamerAccountStatus) -> Option<&Self>;

    /// Its ARN.
    fn arn(&self) -> &str;
}

/// What the status says of one resource.
#[derive(Clone, Debug, PartialEq)]
pub enum ResourceStatus {
    /// Of a channel.
    Channel(ChannelStatus),
    /// Of a chat room.
    ChatRoom(ChatRoomStatus),
    /// Of a stage.
    Stage(StageStatus),
}

macro_rules! part {
    ($kind:ident, $field:ident, $settings:ty, $status:ty) => {
        impl Settings for $settings {
            fn of(spec: &StreamerAccountSpec) -> &Self {
                &spec.$field
            }
        }

        impl Status for $status {
            fn of(status: &StreamerAccountStatus) -> Option<&Self> {
                status.$field.as_ref()
            }

            fn arn(&self) -> &str {
                &self.arn
            }
        }

        impl From<$status> for ResourceStatus {
            fn from(status: $status) -> Self {
                Self::$kind(status)
            }
        }
    };
}
part!(Channel, channel, ChannelSpec, ChannelStatus);
part!(ChatRoom, chat_room, ChatRoomSpec, ChatRoomStatus);
part!(Stage, stage, StageSpec, StageStatus);

impl ResourceStatus {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Channel(_) => ResourceKind::Channel,
            Self::ChatRoom(_) => ResourceKind::ChatRoom,
            Self::Stage(_) => ResourceKind::Stage,
        }
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        match self {
            Self::Channel(channel) => &channel.arn,
            Self::ChatRoom(room) => &room.arn,
            Self::Stage(stage) => &stage.arn,
        }
    }
}

impl StreamerAccountStatus {
    /// The ARN that it names of one kind.
    #[must_use]
    pub fn arn(&self, kind: ResourceKind) -> Option<&str> {
        match kind {
            ResourceKind::Channel => self.channel.as_ref().map(|channel| channel.arn.as_str()),
            ResourceKind::ChatRoom => self.chat_room.as_ref().map(|room| room.arn.as_str()),
            ResourceKind::Stage => self.stage.as_ref().map(|stage| stage.arn.as_str()),
        }
    }

    /// Says this of a resource, whatever it said of that kind before.
    pub fn set(&mut self, resource: ResourceStatus) {
        match resource {
            ResourceStatus::Channel(channel) => self.channel = Some(channel),
            ResourceStatus::ChatRoom(room) => self.chat_room = Some(room),
            ResourceStatus::Stage(stage) => self.stage = Some(stage),
        }
    }
}
