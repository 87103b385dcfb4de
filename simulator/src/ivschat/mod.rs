//! The `ivschat` API: chat rooms, and where they are logged.

pub(crate) mod logging_configuration;
pub(crate) mod messaging;
pub(crate) mod room;
