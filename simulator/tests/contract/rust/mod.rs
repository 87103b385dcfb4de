//! The scenario for the AWS SDK for Rust. The SDK is typed, so the scenario is written in Rust instead of
//! JSON.

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

/// Sends a request to the admin API, which must succeed.
fn admin_call(simulator: &Simulator, method: &str, path: &str, body: &Value) {
    let answer = admin(simulator.addr(), method, path, &body.to_string());
    assert!(answer.status < 300, "{answer:?}");
}
