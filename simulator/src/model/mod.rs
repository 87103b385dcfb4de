//! The resources of an account as data: their members, their defaults, and the rules between their members.
//!
//! Nothing here knows the state or the operations, which build on this.

pub(crate) mod broadcasts;
pub(crate) mod channel;
pub(crate) mod logging_configuration;
pub(crate) mod participant_recording;
pub(crate) mod recording_configuration;
pub(crate) mod restriction_policy;
pub(crate) mod room;
pub(crate) mod room_activity;
pub(crate) mod s3;
pub(crate) mod stage;
pub(crate) mod stage_session;
pub(crate) mod storage_configuration;
pub(crate) mod stream;
pub(crate) mod stream_key;
pub(crate) mod stream_session;
