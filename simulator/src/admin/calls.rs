//! The journal: as a list, or as lines that go on.

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

use super::{SharedState, json_error};
use crate::{
    glob,
    journal::{Call, Journal},
    shared::Shared,
};

/// Which calls are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// A name or a pattern.
    operation: Option<String>,
    resource: Option<String>,
    status: Option<u16>,
    /// The name of a kind, `any` or `none`.
    fault: Option<String>,
    after: Option<u64>,
    /// Of a list, only so many, the last ones.
    limit: Option<usize>,
    #[serde(default)]
    follow: bool,
}

impl Filter {
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

    /// The calls that it lets through, the last ones of them if there is a limit.
    fn of(&self, journal: &Journal, only_told: bool) -> VecDeque<Call> {
        let from = |seq| self.after.is_none_or(|after| seq > after);
        let entries =
            journal.entries().filter(|entry| from(entry.seq) && (!only_told || entry.answered.is_some()));
        let calls = entries.rev().map(Call::from).filter(|call| self.matches(call));
        let mut calls: VecDeque<_> = calls.take(self.limit.unwrap_or(usize::MAX)).collect();
        calls.make_contiguous().reverse();
        calls
    }
}

pub(super) async fn list(
    State(shared): SharedState,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    match filter {
        Ok(Query(filter)) if filter.follow => follow(&shared, filter),
        Ok(Query(filter)) => Json(json!({ "calls": filter.of(&shared.journal(), false) })).into_response(),
        Err(rejection) => json_error(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

pub(super) async fn clear(State(shared): SharedState) -> StatusCode {
    shared.journal().clear();
    StatusCode::NO_CONTENT
}

/// What a stream of lines still has to tell, and where the rest comes from.
struct Following {
    filter: Filter,
    before: VecDeque<Call>,
    calls: Receiver<Arc<Call>>,
    stop: CancellationToken,
}

/// A line for each call: those that are over by now, and then each one when it is over.
fn follow(shared: &Shared, filter: Filter) -> Response {
    // Under one lock, so that none is missed and none is told twice.
    let (calls, before) = {
        let journal = shared.journal();
        (journal.follow(), filter.of(&journal, true))
    };
    let following = Following { filter, before, calls, stop: shared.stop.clone() };
    let lines = stream::unfold(following, |mut following| async move {
        let line = following.next().await?;
        Some((Ok::<_, Infallible>(line), following))
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

impl Following {
    async fn next(&mut self) -> Option<String> {
        if let Some(call) = self.before.pop_front() {
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
