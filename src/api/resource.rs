//! The parts of spec and status that belong to one kind of resource.

use super::{
    ChannelSpec, ChannelStatus, ChatRoomSpec, ChatRoomStatus, ResourceKind, StageSpec, StageStatus,
    StreamerAccountSpec, StreamerAccountStatus,
};

/// The part of the spec for one kind.
pub trait Settings {
    /// Returns this part of the spec.
    fn of(spec: &StreamerAccountSpec) -> &Self;
}

/// The part of the status for one kind.
pub trait Status: Into<ResourceStatus> {
    /// Returns this part of the status.
    fn of(status: &StreamerAccountStatus) -> Option<&Self>;

    /// Returns the ARN.
    fn arn(&self) -> &str;
}

/// The part of the status for one resource, of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum ResourceStatus {
    /// A channel.
    Channel(ChannelStatus),
    /// A chat room.
    ChatRoom(ChatRoomStatus),
    /// A stage.
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
    /// Returns the kind of the resource.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Channel(_) => ResourceKind::Channel,
            Self::ChatRoom(_) => ResourceKind::ChatRoom,
            Self::Stage(_) => ResourceKind::Stage,
        }
    }

    /// Returns the ARN.
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
    /// Returns the ARN of one kind.
    #[must_use]
    pub fn arn(&self, kind: ResourceKind) -> Option<&str> {
        match kind {
            ResourceKind::Channel => self.channel.as_ref().map(|channel| channel.arn.as_str()),
            ResourceKind::ChatRoom => self.chat_room.as_ref().map(|room| room.arn.as_str()),
            ResourceKind::Stage => self.stage.as_ref().map(|stage| stage.arn.as_str()),
        }
    }

    /// Sets the part of the status for a resource.
    pub fn set(&mut self, resource: ResourceStatus) {
        match resource {
            ResourceStatus::Channel(channel) => self.channel = Some(channel),
            ResourceStatus::ChatRoom(room) => self.chat_room = Some(room),
            ResourceStatus::Stage(stage) => self.stage = Some(stage),
        }
    }
}
