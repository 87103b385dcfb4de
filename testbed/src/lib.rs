//! Real instances of everything the operator talks to, on loopback: etcd, kube-apiserver,
//! kube-controller-manager, PostgreSQL, and the Amazon IVS simulator. For tests and for local use.

mod apply;
mod browser;
mod cluster;
mod control_plane;
mod environment;
mod error;
mod gitops;
mod helm;
pub mod http;
pub mod image;
mod install;
mod kubeconfig;
pub mod load_generator;
mod network;
mod node;
mod operator;
mod pgbouncer;
mod ports;
mod postgres;
mod process;
mod process_figures;
mod scratch;
mod temp_dir;
mod tenant;
pub mod threshold;

mod text;
mod tools;
pub mod wait;

pub use apply::parse as parse_yaml;
pub use browser::{Browser, By, Device, Key};
pub use environment::{CHART, CONTEXT, JOIN, OPERATOR, Testbed, workspace};
pub use error::Error;
pub use gitops::{GitopsHealth, ScriptHealth, gitops_health};
pub use ivs_simulator::Simulator;
pub use node::Node;
pub use operator::{Operator, OperatorBuilder};
pub use pgbouncer::PgBouncer;
pub use process_figures::ProcessFigures;
pub use scratch::ScratchDatabase;
pub use temp_dir::write_private;
pub use tenant::{Output, REGION, Tenant};
pub use tools::Tools;
