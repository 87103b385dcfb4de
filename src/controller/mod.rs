//! The controller: it watches accounts, reconciles each with AWS and PostgreSQL, and reports in status and
//! events.
//!
//! | module | contents |
//! |---|---|
//! | `runtime` | start-up, the watch, leader election, the lease on the database |
//! | `reconcile` | one reconcile: applies the spec of an account, or cleans up after its deletion |
//! | `verification` | reads each account once a day |
//! | `resync` | the periodic comparison of AWS with status and PostgreSQL: drift, orphans, late creates |
//! | `username` | the claim of an account to its username |
//! | `status` | conditions, events, and writing both |
//! | `changes` | which events of the watch need a reconcile |
//! | `context` | the state that reconciles and resyncs share |
//! | `shared_waits` | the accounts that wait together, such as for a used-up quota |
//! | `queue` | the accounts that wait for a reconcile |
//! | `backends`, `kubernetes` | the external systems that the controller uses |
//! | `outcome`, `blocker` | the result of a reconcile, and what keeps it from being complete |
//! | `cache` | what decisions need of each account, as the watch has shown it |
//! | `account` | accessors and predicates of an account |
//!
//! Each of them depends only on modules below it.

mod account;
mod backends;
mod blocker;
mod cache;
mod changes;
mod context;
mod error;
mod event_recorder;
mod gates;
mod jitter;
mod kubernetes;
mod outcome;
mod queue;
mod reconcile;
mod resync;
mod runtime;
mod shared_waits;
mod status;
mod username;
mod verification;

pub use backends::{Backends, ProductionBackends};
pub use cache::{CachedAccount, CachedAccounts};
pub use changes::SeenAccounts;
pub use context::{Context, ReconcileSettings};
pub use error::Error as ReconcileError;
pub use kubernetes::{EventDraft, Kubernetes, KubernetesClient};
pub use queue::{Queue, Requeue, Taken, Turn};
pub use reconcile::Task;
pub use resync::{ResyncSettings, run as run_resyncs};
pub use runtime::{Error, run, run_queue, while_holding_database_lease};
