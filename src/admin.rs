//! The admin server: liveness, readiness and metrics.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router, extract::State, http::StatusCode, http::header::CONTENT_TYPE, response::IntoResponse,
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{messages, telemetry::Exposition};

/// Readiness gates. The process is ready while all gates are open. A closed gate has a reason.
///
/// A gate that closes later (the database is unavailable) makes the process unready but not unhealthy: a
/// restart would not help.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    closed: Arc<Mutex<BTreeMap<&'static str, String>>>,
    notes: Arc<Mutex<BTreeMap<String, String>>>,
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
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        match note {
            Some(note) => drop(notes.insert(name.to_owned(), note)),
            None => drop(notes.remove(name)),
        }
    }

    /// Returns the notes.
    #[must_use]
    pub fn notes(&self) -> BTreeMap<String, String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the closed gates and their reasons. Empty if the process is ready.
    #[must_use]
    pub fn closed(&self) -> BTreeMap<&'static str, String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens on `address` and serves `/healthz`, `/readyz` and `/metrics` until `stop`.
///
/// # Errors
/// Returns an error if it cannot listen on the address.
pub async fn serve(
    address: SocketAddr,
    gates: Gates,
    metrics: Exposition,
    stop: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, String> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address} (--admin-bind-address): {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let router = router(gates, metrics);
    tracing::info!(%address, "admin server listening");
    Ok(tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "admin server failed");
        }
    }))
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
}
