//! The process: start-up, the watch, the work on the queue, leader election, and the lease on the database.

mod database_lease;
mod leader_election;
mod run;
mod run_queue;
mod watch;

pub use self::{
    database_lease::while_holding_database_lease,
    run::{Error, run},
    run_queue::run_queue,
};
