//! The `ivschat` API: chat rooms.

pub(crate) mod room;
