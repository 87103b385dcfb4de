//! The journal: all AWS calls, recorded from their arrival on.

mod call;
mod entry;
mod log;

pub use self::call::Call;
pub(crate) use self::{
    entry::{CallInput, JournalEntry},
    log::{DEFAULT_CAPACITY, Journal},
};
