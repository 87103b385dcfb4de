//! The custom resources: types, schema, validation rules and conditions. This module does no I/O and imports
//! no other module.

mod account;
mod arn;
mod by_kind;
mod channel;
mod chat_room;
mod compact_id;
pub mod condition;
mod crd;
mod field;
mod kind;
mod name;
mod observed;
mod reason;
mod resource;
mod stage;
pub mod tags;

#[cfg(test)]
pub(crate) use account::test_account;
pub use account::{
    DeletionPolicy, DriftPolicy, EffectivePolicies, RecreatePolicy, StreamerAccount, StreamerAccountSpec,
    StreamerAccountStatus,
};
pub use arn::Arn;
pub use by_kind::ByKind;
pub use channel::{
    ChannelSpec, ChannelStatus, ChannelType, ContainerFormat, LatencyMode, MaximumResolution,
    MultitrackInputConfiguration, MultitrackPolicy, TranscodePreset,
};
pub use chat_room::{ChatRoomSpec, ChatRoomStatus, FallbackResult, MessageReviewHandler};
pub use compact_id::CompactId;
pub use crd::{crds, crds_yaml};
pub use field::{AppliedFields, Field, FieldDifference};
pub use kind::ResourceKind;
pub(crate) use kind::for_each_kind;
pub use name::{AccountRef, are_alike, object_name, username_key, username_problem};
pub use observed::{ObservedAccount, SpecProblem};
pub use reason::{Reason, RetryClass};
pub use resource::{ResourceStatus, Settings, Status};
pub use stage::{
    AutoParticipantRecordingConfiguration, HlsConfiguration, MediaType, StageEndpoints, StageSpec,
    StageStatus, ThumbnailConfiguration, ThumbnailRecordingMode, ThumbnailStorage,
};

/// API group, and prefix of tags and annotations.
pub const GROUP: &str = "streamcat.dev";

/// Finalizer that keeps an account until AWS has confirmed that its three resources are deleted (I3).
pub const FINALIZER: &str = "streamcat.dev/aws-resources";

/// Annotation that the registration page sets on the accounts that it creates: the id of the user.
pub const USER_ID_ANNOTATION: &str = "streamcat.dev/user-id";

/// Annotation that requests a full reconcile, including the Secret, whenever its value changes.
pub const RECONCILE_AT_ANNOTATION: &str = "streamcat.dev/reconcile-at";

/// Annotation that abandons an account that is being deleted: with the value `true`, the operator makes no
/// more calls to AWS for it, and adds its resources to the orphan list.
pub const ABANDON_ANNOTATION: &str = "streamcat.dev/abandon";

/// Annotation of a Secret with a stream key: the ARN of the channel.
pub const CHANNEL_ARN_ANNOTATION: &str = "streamcat.dev/channel-arn";

/// Defines an enum whose variants have the names that AWS uses, in the schema and in JSON.
macro_rules! aws_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[allow(missing_docs, reason = "the variants are named by AWS, and descriptions would turn the enum in the schema into a oneOf")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Returns the name that AWS uses.
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
