//! Faults: rules that make calls fail.

mod fault;
mod file;
mod kind;
mod rule;

pub use self::{
    fault::Fault,
    kind::{FaultKind, Garbage},
};
pub(crate) use self::{
    file::read as read_file,
    rule::{FaultRule, Faults},
};

#[cfg(test)]
mod tests;
