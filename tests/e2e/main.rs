//! End-to-end tests in the testbed: a real API server, a real PostgreSQL, the operator's binary with the
//! chart's service accounts, and the simulator in place of AWS. Each test has its own namespace, database,
//! and simulator.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests may panic")]

mod abandonment;
mod absences;
mod audit;
mod browser;
mod chart;
mod claims;
mod commands;
mod conflicts;
mod cost;
mod crashes;
mod database;
mod database_rights;
mod drift;
mod examples;
mod field_ownership;
mod forms;
mod generated;
mod gitops;
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
mod refused_events;
mod registration;
mod registration_crashes;
mod registration_input;
mod registration_limits;
mod registration_outages;
mod registration_reads;
mod restarts;
mod restores;
mod rights;
mod schema;
mod schema_fields;
mod schemathesis;
mod secrecy;
mod shutdown;
mod signed_in;
mod steady_state;
mod store;
mod stream_keys;
mod support;
mod suspension;
mod unreadable;
mod updates;
mod versions;
