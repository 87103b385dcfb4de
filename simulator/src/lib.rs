//! An HTTP server that simulates Amazon IVS: the APIs `ivs`, `ivschat` and `ivs-realtime` on one port, with a
//! journal of all calls and with fault injection.
//!
//! ```
//! # async fn example() -> Result<(), ivs_simulator::Error> {
//! use ivs_simulator::{Fault, Simulator};
//!
//! let simulator = Simulator::builder().start().await?;
//! simulator.fault(Fault::execute_then_drop("CreateChannel"));
//! // … point an AWS SDK at simulator.url(), and call CreateChannel …
//! for call in simulator.calls() {
//!     println!("{} {:?} {}", call.operation, call.resource, call.status);
//! }
//! # Ok(())
//! # }
//! ```

// The modules are layered: each imports only modules that are listed above it.

// Formats, errors and validation.
mod clock;
mod duration;
mod glob;
mod ids;
mod service;
mod url;

mod timestamp;

mod api_error;
mod error;

mod arn;
mod codec;
mod pattern;
mod validate;

// Storage.
mod tags;

mod table;

mod any_table;
mod events;
mod limits;
mod paging;
mod scheduler;

// The simulated account: its resources as data, and its state.
mod model;

mod state;

// The operations, and the registry of all of them.
mod operation;

mod resource;
mod tagging;

mod ivs;
mod ivschat;
mod realtime;
mod sts;

mod registry;

mod lifecycle;

// Requests.
mod auth;
mod faults;
mod journal;
mod latency;
mod rates;
mod server;

mod shared;

mod admin;
mod dispatch;
mod event_delivery;
mod persistence;

// The Rust API.
mod simulator;

pub use duration::parse as parse_duration;
pub use error::Error;
pub use events::Event;
pub use faults::{Fault, FaultKind, Garbage};
pub use journal::Call;
pub use latency::Latency;
pub use simulator::{Builder, Simulator};
pub use state::Counts;
