//! An AWS call from its request to its answer: authorization, faults, quotas, latency, effect, journal.

mod reply;
mod request;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State as Extracted},
    http::request::Parts,
    response::Response,
};
use serde_json::{Map, Value};

use self::reply::Reply;
use crate::{
    error::Failure,
    faults::FaultKind,
    journal::Entry,
    operation::{Operation, Outcome},
    route::{self, RouteError},
    shared::Shared,
};

/// In an answer's extensions: close the connection instead of sending it.
#[derive(Clone, Copy)]
pub(crate) struct Unsent;

/// Answers every path that is not the admin API's.
pub(crate) async fn handle(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response {
    let arrived = shared.clock.elapsed();
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(shared.connection_limits.request, request::read(body));
    // Read in any case: a connection with half a request on it is of no more use.
    let body = body.await.unwrap_or_else(|_| Err(request::late()));
    let route = match route::find(&parts, body.as_deref().unwrap_or_default()) {
        Ok(route) => route,
        Err(refused) => return reject(&shared, arrived, refused, &parts, body),
    };
    let service = route.operation.service;
    let incoming = Incoming::new(&shared, arrived, route, &parts, body);
    let stop = shared.stop.clone();
    let reply = if incoming.is_prompt() {
        incoming.carry_out(shared).await
    } else {
        // In a task of its own: as at AWS, a call goes on when its caller is gone.
        match tokio::spawn(incoming.carry_out(shared)).await {
            Ok(reply) => reply,
            Err(error) => {
                let failure = Failure::internal(format!("the simulator failed: {error}"));
                return reply::refusal(service, &failure);
            }
        }
    };
    match reply {
        Reply::Answer(response) => response,
        Reply::Close => reply::closed(),
        Reply::Hang => {
            stop.cancelled().await;
            reply::closed()
        }
    }
}

/// Answers a request that is for no operation that is here. It is in the journal all the same.
fn reject(
    shared: &Shared,
    arrived: Duration,
    refused: RouteError,
    parts: &Parts,
    body: Result<Vec<u8>, Failure>,
) -> Response {
    let (entry, _) = request::entry(shared, refused.asked(), arrived, parts, Map::new(), body);
    let (service, failure) = refused.answer();
    let mut journal = shared.journal();
    let seq = journal.begin(Entry {
        answered: Some(shared.clock.elapsed()),
        status: failure.status,
        error: Some(failure.code.to_string()),
        ..entry
    });
    journal.publish(seq);
    reply::refusal(service, &failure)
}

/// A call that is in the journal, and not yet carried out.
#[derive(Clone)]
struct Incoming {
    seq: u64,
    operation: &'static Operation,
    /// The input, or why it is refused at the door.
    input: Result<Value, Failure>,
    fault: Option<FaultKind>,
    /// How long it waits before its effect, and after it.
    delays: (Duration, Duration),
}

impl Incoming {
    /// Whether it is carried out without a pause, in which its caller could go away.
    fn is_prompt(&self) -> bool {
        self.delays.0.is_zero() && self.delays.1.is_zero()
    }

    async fn carry_out(self, shared: Arc<Shared>) -> Reply {
        let (before, after) = self.delays;
        if self.fault.is_none()
            && let Err(failure) = shared.admit(self.operation)
        {
            return self.answer(&shared, Err(failure));
        }
        pause(before).await;
        match self.fault {
            Some(FaultKind::Hang) => self.hang(&shared),
            Some(FaultKind::Block) => self.close(&shared),
            Some(FaultKind::Late { after }) => self.execute_later(&shared, after),
            Some(FaultKind::Throttle) => {
                let limit = shared.rates().reported_limit(self.operation.name);
                self.answer(&shared, Err(Failure::throttled(self.operation.name, limit)))
            }
            Some(FaultKind::Error { ref code, status, ref message }) => {
                let failure = Failure::new(code.clone(), status, message.clone());
                self.answer(&shared, Err(self.complete_error(&shared, failure)))
            }
            Some(FaultKind::Html { status }) => self.send(&shared, None, reply::page(status)),
            Some(FaultKind::ExecuteThenDrop) => {
                self.execute_unsent(&shared);
                pause(after).await;
                self.close(&shared)
            }
            Some(FaultKind::Garbage { .. } | FaultKind::SlowBody { .. }) | None => {
                let outcome = self.execute(&shared);
                pause(after).await;
                self.answer(&shared, outcome)
            }
        }
    }

    /// The error of a fault, with all that an error of its code tells.
    fn complete_error(&self, shared: &Shared, failure: Failure) -> Failure {
        let name = self.operation.name;
        let resource = self.input.as_ref().ok().and_then(request::resource).unwrap_or(name);
        let quota = shared.state().limits.reported_limit(name).filter(|_| failure.status == 402);
        let limit = Some(quota.unwrap_or_else(|| shared.rates().reported_limit(name)));
        Failure { limit, ..failure.about(resource) }
    }

    /// Has the effect, and notes when.
    fn execute(&self, shared: &Shared) -> Outcome {
        let input = self.input.as_ref().map_err(Clone::clone)?;
        self.operation.check(input)?;
        let mut state = shared.state();
        let reads = self.operation.reads();
        if reads {
            state.look(true);
        }
        state.check_limit(self.operation.name)?;
        let output = (self.operation.run)(&mut state, input)?;
        // SessionEvent under the lock, so that the journal's times are in the order of the effects.
        let effected = shared.clock.elapsed();
        drop(state);
        if !reads {
            shared.touch();
        }
        let created = self.operation.created(&output);
        shared.journal().amend(self.seq, |call| {
            call.effected = Some(effected);
            call.created = created;
        });
        Ok(output)
    }

    fn execute_unsent(&self, shared: &Shared) {
        if let Err(failure) = self.execute(shared) {
            tracing::debug!(operation = self.operation.name, code = %failure.code, "unsent failure");
        }
    }

    fn execute_later(&self, shared: &Arc<Shared>, after: Duration) -> Reply {
        let (later, shared_later) = (self.clone(), shared.clone());
        tokio::spawn(async move {
            pause(after).await;
            later.execute_unsent(&shared_later);
            // Once more, now that it is known when it had its effect.
            shared_later.journal().publish(later.seq);
        });
        self.close(shared)
    }

    fn answer(&self, shared: &Shared, outcome: Outcome) -> Reply {
        let error = outcome.as_ref().err().map(|failure| failure.code.to_string());
        let response = match &self.fault {
            Some(FaultKind::Garbage { form }) => reply::malformed(self.operation, outcome, *form),
            Some(FaultKind::SlowBody { over }) => reply::slow(self.operation, outcome, *over),
            _ => reply::response(self.operation, outcome),
        };
        self.send(shared, error, response)
    }

    fn send(&self, shared: &Shared, error: Option<String>, response: Response) -> Reply {
        let status = response.status().as_u16();
        tracing::debug!(call.seq = self.seq, operation = self.operation.name, status, error, "answered");
        let mut journal = shared.journal();
        journal.amend(self.seq, |call| {
            call.answered = Some(shared.clock.elapsed());
            call.status = status;
            call.error = error;
        });
        journal.publish(self.seq);
        Reply::Answer(response)
    }

    fn close(&self, shared: &Shared) -> Reply {
        tracing::debug!(call.seq = self.seq, operation = self.operation.name, "connection closed");
        let mut journal = shared.journal();
        journal.amend(self.seq, |call| call.answered = Some(shared.clock.elapsed()));
        journal.publish(self.seq);
        Reply::Close
    }

    fn hang(&self, shared: &Shared) -> Reply {
        tracing::debug!(call.seq = self.seq, operation = self.operation.name, "hangs");
        shared.journal().publish(self.seq);
        Reply::Hang
    }
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}
