//! The AWS SDK for Rust drives every operation. It is typed, so what the scenario says is said here once
//! more.

mod chat;
mod ivs;
mod realtime;

use aws_config::SdkConfig;
use ivs_simulator::Simulator;
use serde_json::Value;

use crate::support::{admin, code};

pub async fn drive(config: &SdkConfig, simulator: &Simulator) {
    ivs::drive(&aws_sdk_ivs::Client::new(config), simulator).await;
    chat::drive(&aws_sdk_ivschat::Client::new(config)).await;
    realtime::drive(&aws_sdk_ivsrealtime::Client::new(config), simulator).await;
}

/// Has something happen outside of AWS.
fn admin_call(simulator: &Simulator, method: &str, path: &str, body: &Value) {
    let answer = admin(simulator.addr(), method, path, &body.to_string());
    assert!(answer.status < 300, "{answer:?}");
}
