//! The admin server: liveness, readiness and metrics.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router, extract::State, http::StatusCode, http::header::CONTENT_TYPE, response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{lock::lock, messages, telemetry::Exposition};

/// Maximum time that the last requests of the admin server take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// `/readyz` gate that a shutdown closes for good.
const SHUTDOWN: &str = "shutdown";

/// Readiness gates. The process is ready while all gates are open. A closed gate has a reason.
///
/// A gate that closes later (the database is unavailable) makes the process unready but not unhealthy: a
/// restart would not help.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    closed: Arc<Mutex<BTreeMap<&'static str, String>>>,
    notes: Arc<Mutex<BTreeMap<String, String>>>,
    shutdown: CancellationToken,
}

impl Gates {
    /// Creates gates that are all closed.
    #[must_use]
    pub fn shut(names: &[&'static str]) -> Self {
        let gates = Self::default();
        for name in names {
            gates.close(name, messages::readiness::NOT_CHECKED_YET);
        }
        gates
    }

    /// Makes the process unready for good once `shutdown` is cancelled.
    #[must_use]
    pub fn until(mut self, shutdown: CancellationToken) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Opens a gate.
    pub fn open(&self, name: &'static str) {
        self.lock().remove(name);
    }

    /// Closes a gate. The reason must not contain a secret.
    pub fn close(&self, name: &'static str, reason: impl Into<String>) {
        self.lock().insert(name, reason.into());
    }

    /// Sets or removes a note: a line for people in the response of /readyz that does not affect readiness.
    pub fn note(&self, name: &str, note: Option<String>) {
        let mut notes = lock(&self.notes);
        match note {
            Some(note) => drop(notes.insert(name.to_owned(), note)),
            None => drop(notes.remove(name)),
        }
    }

    /// Returns the notes.
    #[must_use]
    pub fn notes(&self) -> BTreeMap<String, String> {
        lock(&self.notes).clone()
    }

    /// Returns the closed gates and their reasons. Empty if the process is ready.
    #[must_use]
    pub fn closed(&self) -> BTreeMap<&'static str, String> {
        let mut closed = self.lock().clone();
        if self.shutdown.is_cancelled() {
            closed.insert(SHUTDOWN, messages::readiness::SHUTTING_DOWN.to_owned());
        }
        closed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, String>> {
        lock(&self.closed)
    }
}

/// The running admin server. It ends last, so that probes and metrics work during the whole shutdown.
#[derive(Debug)]
pub struct AdminServer {
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl AdminServer {
    /// Closes the listener, and waits for the last responses.
    pub async fn close(self) {
        self.stop.cancel();
        if tokio::time::timeout(CLOSE_TIMEOUT, self.served).await.is_err() {
            tracing::debug!("a request of the admin server did not finish in time");
        }
    }
}

/// Listens on `address` and serves `/healthz`, `/readyz` and `/metrics`.
///
/// # Errors
/// Returns an error if it cannot listen on the address.
pub async fn serve(address: SocketAddr, gates: Gates, metrics: Exposition) -> Result<AdminServer, String> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address} (--admin-bind-address): {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let router = router(gates, metrics);
    tracing::info!(%address, "admin server listening");
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let served = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "admin server failed");
        }
    });
    Ok(AdminServer { stop, served })
}

fn router(gates: Gates, metrics: Exposition) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz).with_state(gates))
        .route("/metrics", get(metrics_text).with_state(metrics))
}

async fn readyz(State(gates): State<Gates>) -> (StatusCode, String) {
    let (closed, notes) = (gates.closed(), gates.notes());
    let (status, head) =
        if closed.is_empty() { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "") };
    let closed = closed.iter().map(|(name, text)| (*name, text));
    let notes = notes.iter().map(|(name, text)| (name.as_str(), text));
    let lines = closed.chain(notes).map(|(name, text)| format!("{name}: {text}\n"));
    (status, lines.fold(head.to_owned(), |text, line| text + &line))
}

async fn metrics_text(State(metrics): State<Exposition>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readyz_lists_the_closed_gates_and_the_notes() {
        let gates = Gates::shut(&["database", "aws"]);
        gates.open("aws");
        gates.close("database", "connection refused");
        assert_eq!(
            readyz(State(gates.clone())).await,
            (StatusCode::SERVICE_UNAVAILABLE, "database: connection refused\n".to_owned())
        );
        gates.open("database");
        assert_eq!(readyz(State(gates.clone())).await, (StatusCode::OK, "ok\n".to_owned()));
        gates.note("brake", Some("6 of 6".to_owned()));
        assert_eq!(readyz(State(gates.clone())).await, (StatusCode::OK, "ok\nbrake: 6 of 6\n".to_owned()));
        gates.note("brake", None);
        assert_eq!(readyz(State(gates)).await, (StatusCode::OK, "ok\n".to_owned()));
    }

    #[tokio::test]
    async fn a_shutdown_makes_the_process_unready_for_good() {
        let shutdown = CancellationToken::new();
        let gates = Gates::shut(&[]).until(shutdown.clone());
        assert_eq!(readyz(State(gates.clone())).await.0, StatusCode::OK);
        shutdown.cancel();
        gates.open(SHUTDOWN);
        let expected = "shutdown: the process is shutting down\n".to_owned();
        assert_eq!(readyz(State(gates)).await, (StatusCode::SERVICE_UNAVAILABLE, expected));
    }
}
