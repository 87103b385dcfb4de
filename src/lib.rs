//! A Kubernetes operator that provisions an Amazon IVS channel, a chat room and a real-time stage for every
//! streamer.
//!
//! Dependencies point one way: `main` → {[`controller`], [`registration`]} → [`provision`] → {[`ivs`],
//! [`store`]} → `messages` → [`api`].
//!
//! - [`api`] – the custom resources, with their schema, validation rules and conditions.
//! - `messages` – the texts of the controller that people read.
//! - [`store`] – PostgreSQL.
//! - [`ivs`] – Amazon IVS.
//! - [`provision`] – creation, adoption, comparison and deletion of resources.
//! - [`controller`] – reconciles StreamerAccounts.
//! - [`registration`] – the web server on which people register.
//! - [`commands`] – the commands that do one thing and exit.
//! - `lanes` – who goes first where many wait for the same thing.
//! - [`config`], [`telemetry`], [`admin`], [`readiness`], [`shutdown`], `lock` – what both programs share.
//! - [`failpoint`] – the places at which tests kill a program.

pub mod admin;
pub mod api;
pub mod commands;
pub mod config;
pub mod controller;
mod error_chain;
pub mod failpoint;
mod hash;
pub mod ivs;
pub mod lanes;
mod lock;
mod messages;
pub mod provision;
pub mod readiness;
pub mod registration;
pub mod shutdown;
pub mod store;
pub mod telemetry;
