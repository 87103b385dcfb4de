//! The process: start-up, the watch, leader election, and the lease on the database.

mod database_lease;
mod leader_election;
mod run;
mod watch;

pub use self::{
    database_lease::while_holding_database_lease,
    run::{Error, run},
};
