//! The `ivs-realtime` API: stages.

mod recording;
pub(crate) mod stage;
mod token;
