//! The `ivs-realtime` API: stages, their participants, and the storage configurations for recordings.

pub(crate) mod stage;
pub(crate) mod stage_session;
pub(crate) mod storage_configuration;
pub(crate) mod token;
