//! The dispatch of AWS calls: from the request, through faults, limits and latency, to the response.

mod call;
mod request;
mod response;
mod route;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State as Extracted},
    http::request::Parts,
    response::Response,
};
use serde_json::Map;

use self::{
    call::{PendingCall, Reply},
    route::RouteError,
};
use crate::{api_error::ApiError, journal::JournalEntry, shared::Shared};

/// Handles a request to any path outside of the admin API.
pub(crate) async fn handle(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response {
    let arrived = shared.clock.elapsed();
    let (parts, body) = request.into_parts();
    // Reads the body in any case: a connection with an unread half of a request cannot be reused.
    let body = request::read_body(body).await;
    let route = match route::find(&parts, body.as_deref().unwrap_or_default()) {
        Ok(route) => route,
        Err(error) => return reject(&shared, arrived, error, &parts, body),
    };
    let service = route.operation.service;
    let call = PendingCall::new(&shared, arrived, route, &parts, body);
    let stop = shared.stop.clone();
    let reply = if call.is_immediate() {
        call.run(shared).await
    } else {
        // Runs in its own task, because a call continues after its client has disconnected, as at AWS.
        match tokio::spawn(call.run(shared)).await {
            Ok(reply) => reply,
            Err(error) => {
                let error = ApiError::internal(format!("the simulator failed: {error}"));
                return response::error(service, &error);
            }
        }
    };
    match reply {
        Reply::Response(response) => response,
        Reply::Close => response::close_connection(),
        Reply::Hang => {
            stop.cancelled().await;
            response::close_connection()
        }
    }
}

/// Rejects a request that calls no supported operation. It is recorded in the journal nevertheless.
fn reject(
    shared: &Shared,
    arrived: Duration,
    error: RouteError,
    parts: &Parts,
    body: Result<Vec<u8>, ApiError>,
) -> Response {
    let (entry, _) = request::entry(shared, error.operation(), arrived, parts, Map::new(), body);
    let (service, error) = error.into_error();
    let mut journal = shared.journal();
    let seq = journal.append(JournalEntry {
        answered: Some(shared.clock.elapsed()),
        status: error.status,
        error: Some(error.code.to_string()),
        ..entry
    });
    journal.publish(seq);
    response::error(service, &error)
}
