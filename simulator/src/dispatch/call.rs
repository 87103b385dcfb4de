//! The execution of a call, with its fault and its latency.

use std::{sync::Arc, time::Duration};

use axum::{http::request::Parts, response::Response};
use serde_json::Value;

use super::{request, response, route::Route};
use crate::{
    api_error::ApiError, auth, codec::Outcome, faults::FaultKind, operation::Operation, service::Service,
    shared::Shared,
};

/// The reply to a call.
pub(super) enum Reply {
    Response(Response),
    Close,
    Hang,
}

/// A call that is in the journal, but has not been executed yet.
#[derive(Clone)]
pub(super) struct PendingCall {
    seq: u64,
    operation: &'static Operation,
    /// The input, or the error if the request is rejected before validation.
    input: Result<Value, ApiError>,
    fault: Option<FaultKind>,
    /// The delays before and after the effect.
    delays: (Duration, Duration),
}

impl PendingCall {
    /// Records the call in the journal, and chooses its fault and its latency.
    pub fn new(
        shared: &Shared,
        arrived: Duration,
        route: Route,
        parts: &Parts,
        body: Result<Vec<u8>, ApiError>,
    ) -> Self {
        let operation = route.operation;
        let signed = auth::RequestParts {
            method: parts.method.as_str(),
            uri: &parts.uri,
            headers: &parts.headers,
            body: body.as_deref().unwrap_or_default(),
        };
        let region = &shared.account_region.region;
        let authenticated = auth::check(&signed, operation.service, region, shared.credentials.as_ref());
        // The members of a form are in the route already.
        let body = if operation.service == Service::Sts { body.map(|_| Vec::new()) } else { body };
        let (mut entry, input) = request::entry(shared, operation.name, arrived, parts, route.members, body);
        let batch = input.as_ref().map(|input| request::batch(shared, input)).unwrap_or_default();
        let names = [&entry.resource, &entry.name].into_iter().flatten().chain(&batch);
        let fault = shared.faults().trigger(operation.name, &names.map(String::as_str).collect::<Vec<_>>());
        entry.fault = fault.as_ref().map(FaultKind::name);
        let seq = shared.journal().append(entry);
        let delays = shared.latencies().sample(operation.name);
        Self { seq, operation, input: authenticated.and(input), fault, delays }
    }

    /// Returns true if the call runs without a delay, during which its client could disconnect.
    pub fn is_immediate(&self) -> bool {
        self.delays.0.is_zero() && self.delays.1.is_zero()
    }

    pub async fn run(self, shared: Arc<Shared>) -> Reply {
        let (before, after) = self.delays;
        if self.fault.is_none()
            && let Err(error) = shared.check_rate(self.operation)
        {
            return self.respond(&shared, Err(error));
        }
        delay(before).await;
        match self.fault {
            Some(FaultKind::Hang) => self.hang(&shared),
            Some(FaultKind::Block) => self.close(&shared),
            Some(FaultKind::Late { after }) => self.execute_later(&shared, after),
            Some(FaultKind::Throttle) => {
                let limit = shared.rates().reported_limit(self.operation.name);
                self.respond(&shared, Err(ApiError::throttled(self.operation.name, limit)))
            }
            Some(FaultKind::Error { ref code, status, ref message }) => {
                let error = ApiError::new(code.clone(), status, message.clone());
                self.respond(&shared, Err(self.complete_error(&shared, error)))
            }
            Some(FaultKind::Html { status }) => self.send(&shared, None, response::html_page(status)),
            Some(FaultKind::ExecuteThenDrop) => {
                self.execute_without_response(&shared);
                delay(after).await;
                self.close(&shared)
            }
            Some(FaultKind::Garbage { .. } | FaultKind::SlowBody { .. }) | None => {
                let outcome = self.execute(&shared);
                delay(after).await;
                self.respond(&shared, outcome)
            }
        }
    }

    /// Adds the resource and the limit to the error of a fault, as AWS does for errors with this code.
    fn complete_error(&self, shared: &Shared, error: ApiError) -> ApiError {
        let name = self.operation.name;
        let resource = self.input.as_ref().ok().and_then(request::resource).unwrap_or(name);
        let quota = shared.state().limits.reported_limit(name).filter(|_| error.status == 402);
        let limit = Some(quota.unwrap_or_else(|| shared.rates().reported_limit(name)));
        ApiError { limit, ..error.about(resource) }
    }

    /// Executes the operation, and records the time of its effect.
    fn execute(&self, shared: &Shared) -> Outcome {
        let input = self.input.as_ref().map_err(Clone::clone)?;
        self.operation.validate(input)?;
        let is_read = self.operation.is_read();
        let mut state = if is_read { shared.delayed_state() } else { shared.state() };
        state.check_limit(self.operation.name)?;
        let output = (self.operation.run)(&mut state, input)?;
        // Read while the state is locked, so that the times in the journal are in the order of the effects.
        let effected = shared.clock.elapsed();
        drop(state);
        if !is_read {
            shared.touch();
        }
        let created = self.operation.created_arn(&output);
        shared.journal().update(self.seq, |call| {
            call.effected = Some(effected);
            call.created = created;
        });
        Ok(output)
    }

    fn execute_without_response(&self, shared: &Shared) {
        if let Err(error) = self.execute(shared) {
            tracing::debug!(operation = self.operation.name, code = %error.code, "call without a response failed");
        }
    }

    fn execute_later(&self, shared: &Arc<Shared>, after: Duration) -> Reply {
        let (call, later_shared) = (self.clone(), shared.clone());
        tokio::spawn(async move {
            delay(after).await;
            call.execute_without_response(&later_shared);
            // Publishes the call again, now with the time of its effect.
            later_shared.journal().publish(call.seq);
        });
        self.close(shared)
    }

    fn respond(&self, shared: &Shared, outcome: Outcome) -> Reply {
        let error = outcome.as_ref().err().map(|error| error.code.to_string());
        let response = match &self.fault {
            Some(FaultKind::Garbage { form }) => response::malformed(self.operation, outcome, *form),
            Some(FaultKind::SlowBody { over }) => response::slow(self.operation, outcome, *over),
            _ => response::from_outcome(self.operation, outcome),
        };
        self.send(shared, error, response)
    }

    fn send(&self, shared: &Shared, error: Option<String>, response: Response) -> Reply {
        let status = response.status().as_u16();
        tracing::debug!(call.seq = self.seq, operation = self.operation.name, status, error, "response sent");
        let mut journal = shared.journal();
        journal.update(self.seq, |call| {
            call.answered = Some(shared.clock.elapsed());
            call.status = status;
            call.error = error;
        });
        journal.publish(self.seq);
        Reply::Response(response)
    }

    fn close(&self, shared: &Shared) -> Reply {
        tracing::debug!(call.seq = self.seq, operation = self.operation.name, "connection closed");
        let mut journal = shared.journal();
        journal.update(self.seq, |call| call.answered = Some(shared.clock.elapsed()));
        journal.publish(self.seq);
        Reply::Close
    }

    fn hang(&self, shared: &Shared) -> Reply {
        tracing::debug!(call.seq = self.seq, operation = self.operation.name, "call hangs");
        shared.journal().publish(self.seq);
        Reply::Hang
    }
}

async fn delay(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
