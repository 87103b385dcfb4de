//! Stream sessions: what is remembered of each stream, and the events that tell of it.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{OfChannel, Stream};
use crate::{
    error::Failure,
    ids,
    ivs::{channel::Channel, recording_configuration::RecordingConfiguration},
    operation::{Outcome, decode, encode},
    paging::{Page, list_output},
    state::State,
    timestamp,
};

/// How many sessions of a channel are remembered; AWS knows no such limit.
const MOST: usize = 500;
/// How long a session is remembered: 60 days, as AWS does.
const SESSION_RETENTION: Duration = Duration::from_hours(60 * 24);
/// How many events a session tells.
const EVENTS: usize = 500;

const STREAM: &str = "IVS Stream State Change";
const RECORDING: &str = "IVS Recording State Change";
const HEALTH: &str = "IVS Stream Health Change";

/// One stream from its start to its end.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    number: u64,
    stream_id: String,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
    #[serde(with = "timestamp::option")]
    end_time: Option<Timestamp>,
    /// The channel as it was when the stream began.
    channel: Channel,
    recording: Option<Recording>,
    /// The oldest first.
    events: VecDeque<SessionEvent>,
}

/// A stream that is recorded.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    configuration: RecordingConfiguration,
    id: String,
    prefix: String,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionEvent {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(with = "timestamp")]
    event_time: Timestamp,
}

impl Session {
    /// A session that begins with the stream.
    pub fn new(state: &State, channel: &Channel, stream: &Stream) -> Self {
        let before = state.broadcasts.sessions.get(&channel.arn).and_then(VecDeque::back);
        let configuration = state.recording_configurations.get(channel.recording_configuration());
        let configuration = configuration.filter(|configuration| configuration.is_active());
        let recording = configuration.map(|configuration| {
            let id = ids::resource();
            let prefix = prefix(&state.account_region.account, &channel.arn, stream.start_time, &id);
            Recording { configuration: configuration.clone(), id, prefix }
        });
        Self {
            number: before.map_or(1, |before| before.number + 1),
            stream_id: stream.id.clone(),
            start_time: stream.start_time,
            end_time: None,
            channel: channel.clone(),
            recording,
            events: VecDeque::new(),
        }
    }

    fn note(&mut self, name: &str, kind: &str, event_time: Timestamp) {
        self.events.push_back(SessionEvent { name: name.to_owned(), kind: kind.to_owned(), event_time });
        if self.events.len() > EVENTS {
            self.events.pop_front();
        }
    }

    /// The detail of an event about the stream.
    fn of_stream(&self, name: &str) -> Value {
        json!({"event_name": name, "channel_name": self.channel.name(), "stream_id": self.stream_id})
    }

    /// The detail of an event about the recording, if there is one.
    fn of_recording(&self, status: &str, now: Timestamp) -> Option<Value> {
        let Recording { configuration, id, prefix } = self.recording.as_ref()?;
        let duration = now.as_millisecond() - self.start_time.as_millisecond();
        Some(json!({
            "recording_status": status,
            "recording_status_reason": "",
            "recording_s3_bucket_name": configuration.bucket(),
            "recording_s3_key_prefix": prefix,
            "recording_duration_ms": duration,
            "recording_session_id": id,
            "recording_session_stream_ids": [self.stream_id],
            "channel_name": self.channel.name(),
            "stream_id": self.stream_id,
        }))
    }

    /// As Get tells it. A null would be a member, so what is not there is left out.
    fn to_json(&self) -> Value {
        let newest_first: Vec<_> = self.events.iter().rev().collect();
        let mut to_json = json!({
            "streamId": self.stream_id,
            "startTime": crate::clock::iso8601(self.start_time),
            "channel": self.channel,
            "ingestConfiguration": {"video": video(), "audio": audio()},
            "ingestConfigurations": {"videoConfigurations": [video()], "audioConfigurations": [audio()]},
            "truncatedEvents": newest_first,
        });
        if let Some(end) = self.end_time {
            to_json["endTime"] = json!(crate::clock::iso8601(end));
        }
        if let Some(recording) = &self.recording {
            to_json["recordingConfiguration"] = json!(recording.configuration);
        }
        to_json
    }

    /// As List tells it.
    fn summary(&self) -> Value {
        let mut summary = json!({
            "streamId": self.stream_id,
            "startTime": crate::clock::iso8601(self.start_time),
            "hasErrorEvent": false,
        });
        if let Some(end) = self.end_time {
            summary["endTime"] = json!(crate::clock::iso8601(end));
        }
        summary
    }
}

/// Where the files of a recording go, below the bucket.
fn prefix(account: &str, channel: &str, start: Timestamp, id: &str) -> String {
    let channel = channel.rsplit('/').next().unwrap_or_default();
    let time = start.to_zoned(jiff::tz::TimeZone::UTC);
    let (year, month, day, hour, minute) =
        (time.year(), time.month(), time.day(), time.hour(), time.minute());
    format!("ivs/v1/{account}/{channel}/{year}/{month}/{day}/{hour}/{minute}/{id}")
}

/// What the one encoder that there is sends.
fn video() -> Value {
    json!({
        "avcProfile": "High", "avcLevel": "4.2", "profile": "High", "level": "4.2", "codec": "avc1.64002A",
        "encoder": "ivs-simulator", "targetBitrate": 6_000_000, "targetFramerate": 60, "videoHeight": 1080,
        "videoWidth": 1920, "track": "Track0",
    })
}

fn audio() -> Value {
    json!({"codec": "mp4a.40.2", "targetBitrate": 160_000, "sampleRate": 48_000, "channels": 2, "track": "Track0"})
}

/// A session begins: the channel has gone live.
pub(super) fn begin(state: &mut State, arn: &str, session: Session) {
    let now = session.start_time;
    let sessions = state.broadcasts.sessions.entry(arn.to_owned()).or_default();
    sessions.push_back(session);
    if sessions.len() > MOST {
        sessions.pop_front();
    }
    for name in ["Session Created", "Stream Start"] {
        note(state, arn, now, STREAM, name, |session| Some(session.of_stream(name)));
    }
    let name = "Recording Start";
    note(state, arn, now, RECORDING, name, |session| session.of_recording(name, now));
}

/// The session ends: the channel has gone off.
pub(super) fn finish(state: &mut State, arn: &str, now: Timestamp) {
    for name in ["Stream End", "Session Ended"] {
        note(state, arn, now, STREAM, name, |session| Some(session.of_stream(name)));
    }
    let name = "Recording End";
    note(state, arn, now, RECORDING, name, |session| session.of_recording(name, now));
    if let Some(session) = state.broadcasts.last_session(arn) {
        session.end_time = Some(now);
    }
}

/// The stream begins to starve, or ends to.
pub(super) fn note_health(state: &mut State, arn: &str, now: Timestamp, name: &str) {
    note(state, arn, now, HEALTH, name, |session| Some(session.of_stream(name)));
}

/// Notes an event in the last session of a channel, and among the events of EventBridge.
fn note(
    state: &mut State,
    arn: &str,
    now: Timestamp,
    kind: &str,
    name: &str,
    detail: impl Fn(&Session) -> Option<Value>,
) {
    let Some(session) = state.broadcasts.last_session(arn) else { return };
    let Some(detail) = detail(session) else { return };
    session.note(name, kind, now);
    state.events.add(&state.account_region, now, kind, arn, detail);
}

/// The sessions of a channel, but for those that are too old.
fn remembered<'a>(state: &'a State, arn: &str) -> impl DoubleEndedIterator<Item = &'a Session> {
    let now = state.clock.now();
    let sessions = state.broadcasts.sessions.get(arn).into_iter().flatten();
    sessions.filter(move |session| {
        session.end_time.is_none_or(|end| end.duration_until(now).unsigned_abs() < SESSION_RETENTION)
    })
}

pub(super) fn list(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT: usize = 100;
    let OfChannel { channel_arn } = decode(input)?;
    state.channel(&channel_arn)?;
    let page = Page::asked(state, "ListStreamSessions", input, DEFAULT)?;
    let before = page.after.unwrap_or(u64::MAX);
    let newest_first = remembered(state, &channel_arn).rev();
    let rows =
        newest_first.filter(|session| session.number < before).map(|session| (session.number, session));
    let (sessions, next) = page.fill(state, rows, Session::summary);
    list_output("streamSessions", sessions, next)
}

pub(super) fn get(state: &mut State, input: &Value) -> Outcome {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ById {
        stream_id: Option<String>,
    }
    let (OfChannel { channel_arn }, ById { stream_id }) = (decode(input)?, decode(input)?);
    state.channel(&channel_arn)?;
    let mut newest_first = remembered(state, &channel_arn).rev();
    let session = newest_first.find(|session| stream_id.as_ref().is_none_or(|id| session.stream_id == *id));
    let missing = || Failure::not_found(stream_id.as_deref().unwrap_or("a stream session of the channel"));
    encode(json!({"streamSession": session.ok_or_else(missing)?.to_json()}))
}
