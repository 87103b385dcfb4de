//! A Kubernetes operator that gives every streamer an Amazon IVS channel, a chat room and a real-time stage.
//!
//! Dependencies point one way: `main` → {`controller`, `registration`} → `provision` → {`ivs`, `store`} → `api`.

pub mod admin;
pub mod api;
pub mod config;
pub mod controller;
pub mod failpoint;
pub mod ivs;
pub mod orphans;
pub mod provision;
pub mod readiness;
pub mod registration;
pub mod shutdown;
pub mod store;
pub mod telemetry;
