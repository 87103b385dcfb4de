//! `GET /accounts/{username}/events`: the progress of an account as server-sent events.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, stream};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep},
};
use utoipa::ToSchema;

use super::account::progress_response;
use crate::registration::{
    backend::Backend,
    http::{format::Format, problem::Problem, state::AppState, username::Username},
    listener::PerIpPermit,
    service::ProgressStatus,
};

/// Maximum number of open event streams of one process. Each costs one read of the database per
/// [`POLL_INTERVAL`]; the account comes from the cache.
pub const MAX_EVENT_STREAMS: usize = 256;

/// Time between two polls of an account. The registration may only get single accounts, not watch them.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Headers that keep proxies from holding events back: nginx would buffer them, and others compress them.
const UNBUFFERED: [(HeaderName, &str); 2] =
    [(HeaderName::from_static("x-accel-buffering"), "no"), (header::CACHE_CONTROL, "no-store, no-transform")];

/// Maximum age of an event stream. Browsers reconnect automatically.
const MAX_AGE: Duration = Duration::from_mins(5);

/// Follow the progress of an account
///
/// Sends an event `progress` for each change, with the progress as JSON, until the account is ready; sends an
/// event `gone` once the account no longer exists.
#[utoipa::path(
    get,
    path = "/accounts/{username}/events",
    params(Username),
    responses(
        (status = OK, description = "A stream of server-sent events of this form.", body = ProgressEvent, content_type = "text/event-stream"),
        (status = NOT_FOUND, description = "No account with this username exists."),
        (status = TOO_MANY_REQUESTS, description = "Too many event streams or connections are open from this IP address, or it has read too much."),
    )
)]
pub async fn events<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Username(username): Username,
    headers: HeaderMap,
) -> Response {
    if let Err(problem) = state.view_account(&username).await {
        return state.render_problem(Format::Json, &problem);
    }
    let Some(ip_permit) = state.stream_limit.acquire(state.limits.client_ip(&headers, peer.ip())) else {
        state.metrics.record_rejection("event_streams_per_ip");
        return state.render_problem(Format::Json, &Problem::too_many_connections());
    };
    let Ok(permit) = Arc::clone(&state.stream_permits).try_acquire_owned() else {
        state.metrics.record_rejection("event_streams");
        return state.render_problem(Format::Json, &Problem::unavailable());
    };
    tracing::debug!("event stream opened");
    let stream = EventStream {
        state,
        username,
        last: String::new(),
        until: Instant::now() + MAX_AGE,
        is_done: false,
        permits: (permit, ip_permit),
    };
    (UNBUFFERED, Sse::new(stream.events()).keep_alive(KeepAlive::default())).into_response()
}

/// One client's event stream.
struct EventStream<B: Backend> {
    state: Arc<AppState<B>>,
    username: String,
    /// The data of the last event.
    last: String,
    until: Instant,
    is_done: bool,
    #[expect(dead_code, reason = "released when the stream ends")]
    permits: (OwnedSemaphorePermit, PerIpPermit),
}

/// A server-sent event
#[derive(ToSchema)]
#[schema(as = Event)]
pub struct ProgressEvent {
    /// `progress`, or `gone` once the account no longer exists
    event: &'static str,
    /// The progress of the account as JSON; an empty object for `gone`
    #[schema(content_media_type = "application/json")]
    data: String,
    #[schema(ignore)]
    is_last: bool,
}

impl<B: Backend> EventStream<B> {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut stream| {
            let next = stream.next().await?;
            Some((Ok(Event::default().event(next.event).data(next.data)), stream))
        })
    }

    /// Waits for the next change. Returns None at the end of the stream.
    async fn next(&mut self) -> Option<ProgressEvent> {
        while !self.is_done && Instant::now() < self.until {
            if let Some(event) = self.poll().await.filter(|event| event.data != self.last) {
                self.last.clone_from(&event.data);
                self.is_done = event.is_last;
                return Some(event);
            }
            tokio::select! {
                () = self.state.stop.cancelled() => return None,
                () = sleep(POLL_INTERVAL) => {}
            }
        }
        None
    }

    /// Reads the progress. Returns None if the database or the API server is unavailable.
    async fn poll(&self) -> Option<ProgressEvent> {
        match self.state.view_account(&self.username).await {
            Ok(found) => {
                let response = progress_response(found.registrant.username, &found.progress);
                let data = serde_json::to_string(&response).ok()?;
                let is_last = found.progress.status == ProgressStatus::Ready;
                Some(ProgressEvent { event: "progress", data, is_last })
            }
            Err(problem) if problem.status == StatusCode::NOT_FOUND => {
                Some(ProgressEvent { event: "gone", data: "{}".to_owned(), is_last: true })
            }
            Err(_) => None,
        }
    }
}
