//! The report of a reconcile: conditions, events, and the writes of both.

mod arn_changes;
mod conditions;
pub(super) mod events;
mod writer;

pub(super) use self::writer::{
    next_try, publish, publish_event, publish_kept_events, publish_suspended, write_interim_status,
};
