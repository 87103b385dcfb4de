//! Shutdown: who is served for how long, and in which order the ports close.

use std::time::{Duration, Instant};

use ivs_simulator::Fault;
use serde_json::json;
use testbed::{
    Operator,
    http::{self, Response},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    registration::{PASSWORD, credentials},
    registration_limits::connect,
    support::{called, create, tenant, until_readyz},
};

/// Delay of the shutdown in a test that observes it.
const DELAY: Duration = Duration::from_secs(3);

/// Delay of the shutdown in a test that must not wait for it: longer than a test waits for the end.
const LONG_DELAY: &str = "5m";

/// Waits until /readyz says that the process is shutting down.
async fn until_unready(operator: &Operator) {
    let is_unready = |answer: &Response| answer.status == 503 && answer.body.contains("shutdown: ");
    until_readyz(operator, "reports the shutdown", is_unready).await;
}

/// Opens a page over new connections until one is refused. Returns the time of that.
async fn time_of_refusal(page: String) -> Instant {
    loop {
        match http::get(&page).await {
            Ok(answer) => assert_eq!(answer.status, 200),
            Err(_) => return Instant::now(),
        }
    }
}

#[tokio::test]
async fn no_connection_is_refused_during_the_shutdown_delay() {
    let tenant = tenant("shutdown").await;
    let delay = format!("{}s", DELAY.as_secs());
    // More requests than any visitor makes come from one address.
    let registration = tenant.registration().env("STREAMCAT_MAX_READS_PER_IP", "1000000");
    let mut registration = registration.env("STREAMCAT_SHUTDOWN_DELAY", delay).start().await;
    let request = "GET /sign-in HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut idle = connect(&registration, request).await;
    let mut status = [0; 12];
    idle.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    let body = credentials("mary", PASSWORD).to_string();
    let (start, end) = body.split_at(10);
    let head = format!(
        "POST /register HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut slow = connect(&registration, &format!("{head}{start}")).await;
    let page = format!("{}/sign-in", registration.url());
    let load: Vec<_> = (0..4).map(|_| tokio::spawn(time_of_refusal(page.clone()))).collect();

    let began = Instant::now();
    registration.request_stop();
    until_unready(&registration).await;
    let unready = Instant::now();
    // A client that keeps its connection is asked to open another one, which leads to another pod.
    idle.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    idle.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("HTTP/1.1 200 ") && text.contains("\r\nconnection: close\r\n"), "{text}");

    for refused in load {
        let refused = refused.await.unwrap();
        assert!(refused >= began + DELAY, "refused after {:?}", refused - began);
        assert!(refused > unready, "refused before /readyz returned 503");
    }
    // The request in flight keeps the process, and with it the admin port.
    until_unready(&registration).await;
    let healthz = format!("{}/healthz", registration.admin_url());
    assert_eq!(http::get(&healthz).await.unwrap().status, 200);
    slow.write_all(end.as_bytes()).await.unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 201 "), "{text}");
    assert!(registration.wait_for_exit().await.success());
}

#[tokio::test]
async fn an_interrupt_at_a_terminal_skips_the_shutdown_delay() {
    let tenant = tenant("interrupt").await;
    let mut registration = tenant.registration().env("STREAMCAT_SHUTDOWN_DELAY", LONG_DELAY).start().await;
    registration.interrupt();
    assert!(registration.wait_for_exit().await.success());
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let tenant = tenant("second-signal").await;
    let mut registration = tenant.registration().env("STREAMCAT_SHUTDOWN_DELAY", LONG_DELAY).start().await;
    registration.request_stop();
    until_unready(&registration).await;
    registration.request_stop();
    assert_eq!(registration.wait_for_exit().await.code(), Some(1));
}

#[tokio::test]
async fn the_admin_port_of_a_controller_is_open_until_its_last_call_ends() {
    let tenant = tenant("admin-port").await;
    let mut controller = tenant.controller().env("STREAMCAT_AWS_CALL_TIMEOUT", "10m").start().await;
    tenant.simulator().fault(Fault::hang("CreateStage"));
    create(&tenant, "todd", json!({})).await;
    called(&tenant, "CreateStage", 1).await;
    controller.request_stop();
    until_unready(&controller).await;
    let metrics = http::get(&format!("{}/metrics", controller.admin_url())).await.unwrap();
    assert!(metrics.body.contains("streamcat_"), "{}", metrics.body);
    controller.interrupt();
    assert_eq!(controller.wait_for_exit().await.code(), Some(1));
}
