//! Watch → reconcile → status.

mod backoff;
mod cluster;
mod context;
mod error;
mod let_go;
mod notices;
mod problem;
mod provide;
mod reconcile;
mod release;
mod report;
mod run;
mod secret;
mod status;
mod sweeper;
mod world;

pub use cluster::{Cluster, Kube, Notice};
pub use context::Context;
pub use run::{Error, run};
pub use world::{Real, World};
