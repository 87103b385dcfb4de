//! The Rust API: the builder, and the handle of a running simulator.

mod builder;
mod handle;
mod settings;
mod start;
mod streams;

pub use self::{builder::Builder, handle::Simulator};
