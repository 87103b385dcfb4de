//! Watch → reconcile → status.

mod backoff;
mod by_kind;
mod cluster;
mod context;
mod control;
mod error;
mod identity;
mod latecomers;
mod leadership;
mod lease;
mod let_go;
mod looks;
mod moves;
mod notices;
mod outdated;
mod problem;
mod progress;
mod provide;
mod reconcile;
mod release;
mod report;
mod run;
mod secret;
mod status;
mod stream_key_secret;
mod sweeper;
mod work;
mod world;

pub use cluster::{Cluster, Kube, Notice};
pub use context::Context;
pub use error::Error as ReconcileError;
pub use reconcile::{after_error, reconcile};
pub use run::{Error, run};
pub use sweeper::run as sweep;
pub use world::{Real, World};
