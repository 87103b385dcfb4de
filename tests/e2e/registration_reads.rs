//! A flood of reads costs the API server nothing. The reads that reach it are counted in between.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{Router, body::Body, extract::State, http::Request, response::Response};
use futures::future::join_all;
use kube::Client;
use serde_json::Value;
use testbed::http;
use tokio::net::TcpListener;

use crate::{
    registration::{PASSWORD, post},
    support::tenant,
};

const READERS: usize = 40;
const READS_EACH: usize = 25;

/// A proxy in front of the API server that counts the reads of one account.
#[derive(Clone)]
struct Proxy {
    client: Client,
    account: &'static str,
    reads: Arc<AtomicU64>,
}

impl Proxy {
    fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

async fn forward(State(proxy): State<Proxy>, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    if request.method() == "GET" && path.ends_with(proxy.account) {
        proxy.reads.fetch_add(1, Ordering::SeqCst);
    }
    let (mut parts, body) = request.into_parts();
    // The client sets its own.
    parts.headers.remove("host");
    parts.headers.remove("authorization");
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let response = proxy.client.send(Request::from_parts(parts, body.to_vec().into())).await.unwrap();
    response.map(Body::new)
}

/// Starts a proxy and returns it, with a kubeconfig that leads to it.
async fn start(client: Client, kubeconfig: &Path, account: &'static str) -> (Proxy, String) {
    let proxy = Proxy { client, account, reads: Arc::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config: Value = serde_yaml::from_str(&std::fs::read_to_string(kubeconfig).unwrap()).unwrap();
    config["clusters"][0]["cluster"]["server"] = format!("http://{}", listener.local_addr().unwrap()).into();
    let file = kubeconfig.with_extension("counted");
    std::fs::write(&file, config.to_string()).unwrap();
    let router = Router::new().fallback(forward).with_state(proxy.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (proxy, file.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_flood_of_reads_is_at_most_one_read_per_second_of_the_api_server() {
    let tenant = tenant("reads").await;
    let (proxy, kubeconfig) = start(tenant.kube(), &tenant.kubeconfig(), "/mary").await;
    let registration = tenant.registration().env("KUBECONFIG", &kubeconfig);
    let registration = registration.env("STREAMCAT_MAX_READS_PER_IP", u32::MAX.to_string()).start().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 201);
    let url = format!("{}/accounts/mary", registration.url());
    let (before, since) = (proxy.reads(), Instant::now());
    let read = async || {
        for _ in 0..READS_EACH {
            assert_eq!(http::get(&url).await.unwrap().status, 200);
        }
    };
    join_all((0..READERS).map(|_| read())).await;
    let (reads, seconds) = (proxy.reads() - before, since.elapsed().as_secs());
    println!("{} pages in {seconds} s: {reads} reads of the API server", READERS * READS_EACH);
    assert!((1..=seconds + 2).contains(&reads), "{reads} reads in {seconds} s");
}

#[tokio::test]
async fn a_rejected_read_reaches_neither_database_nor_api_server() {
    let tenant = tenant("read-limit").await;
    let (proxy, kubeconfig) = start(tenant.kube(), &tenant.kubeconfig(), "/mary").await;
    let registration = tenant.registration().env("KUBECONFIG", &kubeconfig);
    let registration = registration.env("STREAMCAT_MAX_READS_PER_IP", "3").start().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 201);
    let url = format!("{}/accounts/mary", registration.url());
    for _ in 0..3 {
        assert_eq!(http::get(&url).await.unwrap().status, 200);
    }
    let before = proxy.reads();
    for _ in 0..20 {
        let request = Request::get("/").header("accept", "application/json");
        let refused = http::send(&url, request, String::new()).await.unwrap();
        assert_eq!(
            (refused.status.as_u16(), refused.header("content-type")),
            (429, Some("application/problem+json"))
        );
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    assert_eq!(proxy.reads(), before);
    let healthy = http::get(&format!("{}/healthz", registration.url())).await.unwrap();
    assert_eq!((healthy.status.as_u16(), healthy.body.as_str()), (200, "ok\n"));
}
