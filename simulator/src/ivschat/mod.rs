//! The `ivschat` API: chat rooms, their messages, and their logging configurations.

pub(crate) mod logging_configuration;
pub(crate) mod messaging;
pub(crate) mod room;
