//! The journal: as a list, or as a stream of lines.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::response::{SharedState, json_error};
use crate::{
    glob,
    journal::{Call, Journal},
    shared::Shared,
};

/// The filter in a query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallFilter {
    /// The name of an operation, or a pattern.
    operation: Option<String>,
    resource: Option<String>,
    status: Option<u16>,
    /// The kind of a fault, `any` or `none`.
    fault: Option<String>,
    after: Option<u64>,
    /// The maximum number of calls in a list. The latest calls are returned.
    limit: Option<usize>,
    #[serde(default)]
    follow: bool,
}

impl CallFilter {
    fn matches(&self, call: &Call) -> bool {
        self.operation.as_ref().is_none_or(|operation| glob::matches(operation, &call.operation))
            && self.resource.as_ref().is_none_or(|resource| call.is_about(resource))
            && self.status.is_none_or(|status| call.status == status)
            && self.fault.as_deref().is_none_or(|fault| match fault {
                "any" => call.fault.is_some(),
                "none" => call.fault.is_none(),
                fault => call.fault.as_deref() == Some(fault),
            })
            && self.after.is_none_or(|after| call.seq > after)
    }

    /// Returns the matching calls. With a limit, returns the latest of them.
    fn select(&self, journal: &Journal, only_complete: bool) -> VecDeque<Call> {
        let from = |seq| self.after.is_none_or(|after| seq > after);
        let entries =
            journal.entries().filter(|entry| from(entry.seq) && (!only_complete || entry.answered.is_some()));
        let calls = entries.rev().map(Call::from).filter(|call| self.matches(call));
        let mut calls: VecDeque<_> = calls.take(self.limit.unwrap_or(usize::MAX)).collect();
        calls.make_contiguous().reverse();
        calls
    }
}

pub(super) async fn list(
    State(shared): SharedState,
    filter: Result<Query<CallFilter>, QueryRejection>,
) -> Response {
    match filter {
        Ok(Query(filter)) if filter.follow => follow(&shared, filter),
        Ok(Query(filter)) => {
            Json(json!({ "calls": filter.select(&shared.journal(), false) })).into_response()
        }
        Err(rejection) => json_error(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

pub(super) async fn clear(State(shared): SharedState) -> StatusCode {
    shared.journal().clear();
    StatusCode::NO_CONTENT
}

/// A stream of calls: those that are in the journal, followed by new ones.
struct CallStream {
    filter: CallFilter,
    recorded: VecDeque<Call>,
    calls: Receiver<Arc<Call>>,
    stop: CancellationToken,
}

/// Returns a stream with one line for each call: first the completed calls, then each further call when it
/// completes.
fn follow(shared: &Shared, filter: CallFilter) -> Response {
    // Uses a single lock, so that no call is missed or sent twice.
    let (calls, recorded) = {
        let journal = shared.journal();
        (journal.follow(), filter.select(&journal, true))
    };
    let calls = CallStream { filter, recorded, calls, stop: shared.stop.clone() };
    let lines = stream::unfold(calls, |mut calls| async move {
        let line = calls.next().await?;
        Some((Ok::<_, Infallible>(line), calls))
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

impl CallStream {
    async fn next(&mut self) -> Option<String> {
        if let Some(call) = self.recorded.pop_front() {
            return Some(line(&call));
        }
        loop {
            match self.stop.run_until_cancelled(self.calls.recv()).await? {
                Ok(call) if self.filter.matches(&call) => return Some(line(&call)),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => return Some(format!("{}\n", json!({ "missed": missed }))),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn line(call: &Call) -> String {
    let mut line = serde_json::to_string(call).unwrap_or_default();
    line.push('\n');
    line
}
