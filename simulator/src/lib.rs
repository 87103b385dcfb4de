//! An HTTP server that behaves as Amazon IVS does: the APIs `ivs`, `ivschat` and `ivs-realtime` on one port, with a
//! journal of all calls and faults on demand.
//!
//! ```
//! # async fn example() -> Result<(), ivs_simulator::Error> {
//! use ivs_simulator::{Fault, Simulator};
//!
//! let simulator = Simulator::builder().start().await?;
//! simulator.fault(Fault::execute_then_drop("CreateChannel"));
//! // … point an AWS SDK at simulator.url(), and see what it does …
//! for call in simulator.calls() {
//!     println!("{} {:?} {}", call.operation, call.resource, call.status);
//! }
//! # Ok(())
//! # }
//! ```

mod admin;
mod arn;
mod auth;
mod clock;
mod dispatch;
mod duration;
mod error;
mod events;
mod faults;
mod glob;
mod ids;
mod ivs;
mod ivschat;
mod journal;
mod latency;
mod operation;
mod paging;
mod pattern;
mod persistence;
mod quotas;
mod realtime;
mod resource;
mod route;
mod s3;
mod scheduler;
mod server;
mod shared;
mod simulator;
mod state;
mod sts;
mod tags;
mod timestamp;
mod validate;

pub use duration::parse as parse_duration;
pub use error::Error;
pub use events::Event;
pub use faults::{Fault, FaultKind, Garbage};
pub use journal::Call;
pub use latency::Latency;
pub use simulator::{Builder, Simulator};
pub use state::Counts;
