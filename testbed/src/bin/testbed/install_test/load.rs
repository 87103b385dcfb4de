//! People who register and look at pages, at a steady rate, through the Service.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::http::{Connection, Failure, Response};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::tally::{Outcome, RequestTally, StepNumber};

const REGISTRATION_INTERVAL: Duration = Duration::from_secs(1);
const VIEW_INTERVAL: Duration = Duration::from_millis(100);
/// Interval of the requests on a kept connection.
const KEPT_INTERVAL: Duration = Duration::from_millis(250);
const KEPT_CONNECTIONS: usize = 4;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Time after which a registration that failed is sent again.
const RETRY_DELAY: Duration = Duration::from_millis(500);
const RETRIES: usize = 60;
pub(super) const PASSWORD: &str = "correct horse battery";

/// A running load.
pub(super) struct Load {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
}

struct Shared {
    host: String,
    tally: Mutex<RequestTally>,
    registered: Mutex<Vec<String>>,
}

impl Load {
    /// Starts a load on a server at `host:port`.
    pub(super) fn start(host: String) -> Self {
        let shared = Shared { host, tally: Mutex::default(), registered: Mutex::default() };
        let (shared, (stop, stopped)) = (Arc::new(shared), watch::channel(false));
        let mut workers = JoinSet::new();
        workers.spawn(at_intervals(REGISTRATION_INTERVAL, Arc::clone(&shared), stopped.clone(), register));
        workers.spawn(at_intervals(VIEW_INTERVAL, Arc::clone(&shared), stopped.clone(), view));
        for _ in 0..KEPT_CONNECTIONS {
            workers.spawn(keep_viewing(Arc::clone(&shared), stopped.clone()));
        }
        Self { shared, stop, workers }
    }

    /// Begins a step, to which the following outcomes belong.
    pub(super) fn step(&self, name: &str) {
        self.begin(name, false);
    }

    /// Begins a step in which a process of the server is killed.
    pub(super) fn step_with_kill(&self, name: &str) {
        self.begin(name, true);
    }

    fn begin(&self, name: &str, kills: bool) {
        println!("{name} …");
        self.shared.tally().begin(name, kills);
    }

    /// Ends the load, and returns the outcomes and the usernames that were registered.
    pub(super) async fn finish(mut self) -> (RequestTally, Vec<String>) {
        // It fails only if all workers have ended.
        let _ = self.stop.send(true);
        while self.workers.join_next().await.is_some() {}
        let tally = std::mem::take(&mut *self.shared.tally());
        let registered = std::mem::take(&mut *self.shared.registered());
        (tally, registered)
    }
}

impl Shared {
    fn tally(&self) -> MutexGuard<'_, RequestTally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registered(&self) -> MutexGuard<'_, Vec<String>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request and records its outcome.
    async fn send(&self, what: &str, request: impl Future<Output = Result<Response, Failure>>) -> Outcome {
        let (start, step) = (Instant::now(), self.tally().current());
        let response = timeout(TIMEOUT, request).await;
        let response =
            response.unwrap_or_else(|_| Err(Failure::Invalid(format!("no response within {TIMEOUT:?}"))));
        self.record(what, step, start.elapsed(), &response)
    }

    fn record(
        &self,
        what: &str,
        step: StepNumber,
        took: Duration,
        response: &Result<Response, Failure>,
    ) -> Outcome {
        let outcome = Outcome::of(response);
        self.tally().add(step, outcome, took, || match response {
            Ok(response) => format!("{what}: {} {}", response.status, response.body),
            Err(failure) => format!("{what}: {failure:?}"),
        });
        outcome
    }
}

/// Runs `request` at intervals, whether or not earlier ones have ended, until the load is stopped; then waits
/// for them.
async fn at_intervals<F: Future<Output = ()> + Send + 'static>(
    period: Duration,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
    request: impl Fn(Arc<Shared>, u32) -> F,
) {
    let (mut ticks, mut requests) = (interval(period), JoinSet::new());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0.. {
        tokio::select! {
            _ = stopped.changed() => break,
            _ = ticks.tick() => drop(requests.spawn(request(Arc::clone(&shared), number))),
        }
    }
    while requests.join_next().await.is_some() {}
}

/// Registers an account. A request without a proper response is sent again with the same key, as the API
/// advises.
async fn register(shared: Arc<Shared>, number: u32) {
    let username = format!("load-{number}");
    let body = json!({ "username": username, "password": PASSWORD }).to_string();
    for _ in 0..RETRIES {
        let request = hyper::Request::post("/")
            .header("content-type", "application/json")
            .header("idempotency-key", format!("key-{number}"));
        let exchange =
            async { Connection::open(&shared.host).await?.send("/register", request, body.clone()).await };
        if shared.send("POST /register", exchange).await == Outcome::Answered {
            shared.registered().push(username);
            return;
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// Reads the form, and every other time the page of an account, which the server looks up in PostgreSQL and
/// Kubernetes.
async fn view(shared: Arc<Shared>, number: u32) {
    let account =
        shared.registered().last().filter(|_| number % 2 == 1).map(|name| format!("/accounts/{name}"));
    let (what, path) = match &account {
        Some(path) => ("GET /accounts/NAME", path.as_str()),
        None => ("GET /register", "/register"),
    };
    let exchange = async {
        Connection::open(&shared.host).await?.send(path, hyper::Request::get("/"), String::new()).await
    };
    shared.send(what, exchange).await;
}

/// Sends requests on one connection, as a browser or a proxy does, and opens another one when the server has
/// closed it.
async fn keep_viewing(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let (mut ticks, mut kept) = (interval(KEPT_INTERVAL), None::<Connection>);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = ticks.tick() => {}
        }
        let exchange = async {
            let mut connection = match kept.take().filter(|kept| !kept.is_closed()) {
                Some(connection) => connection,
                None => Connection::open(&shared.host).await?,
            };
            let response = connection.send("/register", hyper::Request::get("/"), String::new()).await?;
            kept = Some(connection);
            Ok(response)
        };
        shared.send("GET /register on a kept connection", exchange).await;
    }
}
