//! The operations on stream sessions, and the events of a stream.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::OfChannel;
use crate::{
    api_error::ApiError,
    codec::{Outcome, decode, encode},
    model::{channel, stream_session::StreamSession},
    operation::Operation,
    paging::{Page, list_output},
    pattern::Pattern,
    service::Service::Ivs,
    state::State,
    validate::{Member, Rule, TOKEN, optional, required},
};

const CHANNEL: Member = required("channelArn", channel::ARN);
const STREAM: Rule = Rule::Text { min: 26, max: 26, pattern: Pattern::Session };

/// The maximum number of sessions that are kept for a channel. AWS has no such limit.
const MAX_SESSIONS: usize = 500;
/// The time for which an ended session is kept: 60 days, as at AWS.
const SESSION_RETENTION: Duration = Duration::from_hours(60 * 24);

const STREAM_EVENT: &str = "IVS Stream State Change";
const RECORDING_EVENT: &str = "IVS Recording State Change";
const HEALTH_EVENT: &str = "IVS Stream Health Change";

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "ListStreamSessions",
        service: Ivs,
        success: 200,
        input: &[
            CHANNEL,
            optional("nextToken", TOKEN),
            optional("maxResults", Rule::Integer { min: 1, max: 100 }),
        ],
        run: list,
    },
    Operation {
        name: "GetStreamSession",
        service: Ivs,
        success: 200,
        input: &[CHANNEL, optional("streamId", STREAM)],
        run: get,
    },
];

/// Begins a session of a channel that has gone live.
pub(super) fn begin(state: &mut State, arn: &str, session: StreamSession) {
    let now = session.start_time;
    let sessions = state.broadcasts.sessions.entry(arn.to_owned()).or_default();
    sessions.push_back(session);
    if sessions.len() > MAX_SESSIONS {
        sessions.pop_front();
    }
    for name in ["Session Created", "Stream Start"] {
        note(state, arn, now, STREAM_EVENT, name, |session| Some(session.stream_detail(name)));
    }
    let name = "Recording Start";
    note(state, arn, now, RECORDING_EVENT, name, |session| session.recording_detail(name, now));
}

/// Ends the session of a channel that has gone offline.
pub(super) fn finish(state: &mut State, arn: &str, now: Timestamp) {
    for name in ["Stream End", "Session Ended"] {
        note(state, arn, now, STREAM_EVENT, name, |session| Some(session.stream_detail(name)));
    }
    let name = "Recording End";
    note(state, arn, now, RECORDING_EVENT, name, |session| session.recording_detail(name, now));
    if let Some(session) = state.broadcasts.last_session_mut(arn) {
        session.end_time = Some(now);
    }
}

/// Records that the stream has started or stopped starving.
pub(super) fn note_health(state: &mut State, arn: &str, now: Timestamp, name: &str) {
    note(state, arn, now, HEALTH_EVENT, name, |session| Some(session.stream_detail(name)));
}

/// Adds an event to the latest session of a channel and to the events for EventBridge.
fn note(
    state: &mut State,
    arn: &str,
    now: Timestamp,
    kind: &str,
    name: &str,
    detail: impl Fn(&StreamSession) -> Option<Value>,
) {
    let Some(session) = state.broadcasts.last_session_mut(arn) else { return };
    let Some(detail) = detail(session) else { return };
    session.note(name, kind, now);
    state.events.add(&state.account_region, now, kind, arn, detail);
}

/// Returns the sessions of a channel that have not expired.
fn retained<'a>(state: &'a State, arn: &str) -> impl DoubleEndedIterator<Item = &'a StreamSession> {
    let now = state.clock.now();
    let sessions = state.broadcasts.sessions.get(arn).into_iter().flatten();
    sessions.filter(move |session| {
        session.end_time.is_none_or(|end| end.duration_until(now).unsigned_abs() < SESSION_RETENTION)
    })
}

fn list(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT_PAGE_SIZE: usize = 100;
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    let page = Page::from_input(&state.tokens, "ListStreamSessions", input, DEFAULT_PAGE_SIZE)?;
    let rows = page.newest_first(retained(state, &channel_arn), |session| session.number);
    let (sessions, next) = page.fill(&state.tokens, rows, StreamSession::to_summary);
    list_output("streamSessions", sessions, next)
}

fn get(state: &mut State, input: &Value) -> Outcome {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ById {
        stream_id: Option<String>,
    }
    let (OfChannel { channel_arn }, ById { stream_id }) = (decode(input)?, decode(input)?);
    state.channel(&channel_arn)?;
    let mut newest_first = retained(state, &channel_arn).rev();
    let session = newest_first.find(|session| stream_id.as_ref().is_none_or(|id| session.stream_id == *id));
    let missing = || ApiError::not_found(stream_id.as_deref().unwrap_or("a stream session of the channel"));
    encode(json!({"streamSession": session.ok_or_else(missing)?.to_json()}))
}
