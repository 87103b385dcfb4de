//! `GET /accounts/{username}/events`: progress as it happens, by server-sent events.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
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

use super::{
    Site, Username,
    account::{found, progress_answer},
};
use crate::{
    registration::{
        accounts::Accounts,
        problem::{Format, Problem},
        progress::Status,
        shares::Share,
    },
    store::{Registrants, Sessions},
};

/// How many listen at the same time; each costs the API server a read per [`LOOK_EVERY`].
pub const MOST_LISTENERS: usize = 256;

/// Time between two looks at an account: the page may not watch accounts, only get single ones.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After this long a listener is let go of. A browser comes again by itself.
const LONGEST: Duration = Duration::from_mins(5);

/// Progress as it happens.
///
/// An event `progress` for each change, with how far the account is as JSON, until all is ready; an event `gone` when the
/// account is no more.
#[utoipa::path(
    get,
    path = "/accounts/{username}/events",
    params(Username),
    responses(
        (status = OK, description = "Server-sent events, each of this form.", body = Seen, content_type = "text/event-stream"),
        (status = NOT_FOUND, description = "Nobody has this name."),
        (status = TOO_MANY_REQUESTS, description = "Too many listen from this address, or it has too many connections."),
    )
)]
pub async fn events<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Username(username): Username,
    headers: HeaderMap,
) -> Response {
    if let Err(problem) = found(&site.registering, &username).await {
        return site.told(Format::Json, &problem);
    }
    let Some(share) = site.listening.take(site.limits.client(&headers, peer.ip())) else {
        site.metrics.refused("listeners_of_address");
        return site.told(Format::Json, &Problem::too_many_connections());
    };
    let Ok(permit) = Arc::clone(&site.listeners).try_acquire_owned() else {
        site.metrics.refused("listeners");
        return site.told(Format::Json, &Problem::away());
    };
    tracing::debug!("somebody listens to progress");
    let listener = Listener {
        site,
        username,
        last: String::new(),
        until: Instant::now() + LONGEST,
        over: false,
        held: (permit, share),
    };
    Sse::new(listener.changes()).keep_alive(KeepAlive::default()).into_response()
}

/// Somebody who listens.
struct Listener<R, A> {
    site: Arc<Site<R, A>>,
    username: String,
    /// What was told last.
    last: String,
    until: Instant,
    over: bool,
    /// Given back when the connection ends.
    #[expect(dead_code, reason = "it is held")]
    held: (OwnedSemaphorePermit, Share),
}

/// What a look has shown, as a server-sent event.
#[derive(ToSchema)]
#[schema(as = Event)]
pub struct Seen {
    /// `progress`, or `gone` when the account is no more.
    event: &'static str,
    /// How far the account is, as JSON; of one that is gone, an empty object.
    #[schema(content_media_type = "application/json")]
    data: String,
    #[schema(ignore)]
    last: bool,
}

impl<R: Registrants + Sessions, A: Accounts> Listener<R, A> {
    fn changes(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut listener| {
            let seen = listener.next().await?;
            Some((Ok(Event::default().event(seen.event).data(seen.data)), listener))
        })
    }

    /// The next change; None at the end.
    async fn next(&mut self) -> Option<Seen> {
        while !self.over && Instant::now() < self.until {
            if let Some(seen) = self.look().await.filter(|seen| seen.data != self.last) {
                self.last.clone_from(&seen.data);
                self.over = seen.last;
                return Some(seen);
            }
            tokio::select! {
                () = self.site.stop.cancelled() => return None,
                () = sleep(LOOK_EVERY) => {}
            }
        }
        None
    }

    /// None while something is away.
    async fn look(&self) -> Option<Seen> {
        match found(&self.site.registering, &self.username).await {
            Ok(found) => {
                let answer = progress_answer(found.registrant.username, &found.progress);
                let data = serde_json::to_string(&answer).ok()?;
                Some(Seen { event: "progress", data, last: found.progress.status == Status::Ready })
            }
            Err(problem) if problem.status == StatusCode::NOT_FOUND => {
                Some(Seen { event: "gone", data: "{}".to_owned(), last: true })
            }
            Err(_) => None,
        }
    }
}
