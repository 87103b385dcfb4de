//! The custom resources: types, schema, validation rules and conditions. No I/O, and nothing else of ours.

mod account;
mod channel;
mod chat_room;
pub mod condition;
mod crd;
mod kind;
mod name;
mod reason;
mod resource;
mod stage;
pub mod tags;

pub use account::{
    DeletionPolicy, RecreatePolicy, StreamerAccount, StreamerAccountSpec, StreamerAccountStatus,
};
pub use channel::{
    ChannelSpec, ChannelStatus, ChannelType, ContainerFormat, LatencyMode, MaximumResolution,
    MultitrackInputConfiguration, MultitrackPolicy, TranscodePreset,
};
pub use chat_room::{ChatRoomSpec, ChatRoomStatus, FallbackResult, MessageReviewHandler};
pub use crd::{crds, crds_yaml};
pub use kind::ResourceKind;
pub use name::{AccountRef, are_alike, object_name, username_key, username_problem};
pub use reason::{Reason, ReasonPlace, RetryClass};
pub use resource::{ResourceStatus, Settings, Status};
pub use stage::{
    AutoParticipantRecordingConfiguration, HlsConfiguration, MediaType, StageEndpoints, StageSpec,
    StageStatus, ThumbnailConfiguration, ThumbnailRecordingMode, ThumbnailStorage,
};

/// The API group of everything of ours, and the prefix of our tags and annotations.
pub const GROUP: &str = "streamcat.dev";

/// Keeps an account until AWS has said that its three resources are gone (I3).
pub const FINALIZER: &str = "streamcat.dev/aws-resources";

/// Annotation that the registration writes on an account it makes: the id of the row in `users` it belongs to.
pub const USER_ID_ANNOTATION: &str = "streamcat.dev/user-id";

/// Annotation that asks for a look at everything, the Secret included: any value that is new.
pub const RECONCILE_AT_ANNOTATION: &str = "streamcat.dev/reconcile-at";

/// Annotation by which a person lets go of an account that is being deleted: with the value `true` nothing more is asked
/// of AWS, and what may be left there goes onto the orphan list.
pub const ABANDON_ANNOTATION: &str = "streamcat.dev/abandon";

/// Annotation of a Secret with a stream key: the ARN of the channel whose key it is.
pub const CHANNEL_ARN_ANNOTATION: &str = "streamcat.dev/channel-arn";

/// An enum whose variants are AWS's own strings, in the schema and on the wire.
macro_rules! aws_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[allow(missing_docs, reason = "a variant is AWS's own word; a description would turn the enum in the schema into a oneOf")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// The value as AWS spells it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }
    };
}
pub(crate) use aws_enum;
