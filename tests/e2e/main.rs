//! End to end, through the testbed: a real API server, a real PostgreSQL, the operator's binary as the chart's service
//! accounts, and the simulator for AWS. Each test has a namespace, a database and an AWS of its own.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may fail where it stands")]

mod abandonment;
mod absences;
mod audit;
mod browser;
mod chart;
mod claims;
mod conflicts;
mod cost;
mod crashes;
mod database_rights;
mod examples;
mod forms;
mod generated;
mod kubectl;
mod leader;
mod lifecycle;
mod load;
mod names;
mod namespace;
mod openapi;
mod passwords;
mod process;
mod recreation;
mod registration;
mod registration_crashes;
mod registration_input;
mod registration_limits;
mod registration_outages;
mod restarts;
mod restores;
mod rights;
mod schema;
mod schema_fields;
mod schemathesis;
mod secrecy;
mod signed_in;
mod steady_state;
mod store;
mod stream_keys;
mod support;
mod updates;
