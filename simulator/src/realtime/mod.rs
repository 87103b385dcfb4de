//! The `ivs-realtime` API: stages, who takes part in them, and where that is recorded.

mod recording;
pub(crate) mod session;
pub(crate) mod stage;
pub(crate) mod storage_configuration;
pub(crate) mod token;
