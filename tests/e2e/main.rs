//! End to end, through the testbed: a real API server, a real PostgreSQL, the operator's binary as the chart's service
//! accounts, and the simulator for AWS. Each test has a namespace, a database and an AWS of its own.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may fail where it stands")]

mod lifecycle;
mod process;
mod quiet;
mod restarts;
mod secrecy;
mod store;
mod support;
mod updates;
