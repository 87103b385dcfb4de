//! Stream sessions: the record of each stream from its start to its end.

use std::collections::VecDeque;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{channel::Channel, recording_configuration::RecordingConfiguration, stream::Stream};
use crate::{clock::iso8601, ids, timestamp};

/// The maximum number of events that are kept for a session.
const MAX_EVENTS: usize = 500;

/// The record of one stream.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamSession {
    pub number: u64,
    pub stream_id: String,
    #[serde(with = "timestamp")]
    pub start_time: Timestamp,
    #[serde(with = "timestamp::option")]
    pub end_time: Option<Timestamp>,
    /// The channel as it was when the stream started.
    channel: Channel,
    recording: Option<Recording>,
    /// The events, oldest first.
    events: VecDeque<SessionEvent>,
}

/// The recording of a stream.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    configuration: RecordingConfiguration,
    id: String,
    prefix: String,
}

/// An event of a session.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionEvent {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(with = "timestamp")]
    event_time: Timestamp,
}

impl StreamSession {
    /// Creates the session of a stream that has just started.
    pub fn new(
        account: &str,
        channel: &Channel,
        stream: &Stream,
        recording: Option<&RecordingConfiguration>,
        previous: Option<&Self>,
    ) -> Self {
        let recording = recording.filter(|configuration| configuration.is_active()).map(|configuration| {
            let id = ids::resource();
            let prefix = prefix(account, &channel.arn, stream.start_time, &id);
            Recording { configuration: configuration.clone(), id, prefix }
        });
        Self {
            number: previous.map_or(1, |previous| previous.number + 1),
            stream_id: stream.id.clone(),
            start_time: stream.start_time,
            end_time: None,
            channel: channel.clone(),
            recording,
            events: VecDeque::new(),
        }
    }

    /// Adds an event. Drops the oldest one if there are too many.
    pub fn note(&mut self, name: &str, kind: &str, event_time: Timestamp) {
        self.events.push_back(SessionEvent { name: name.to_owned(), kind: kind.to_owned(), event_time });
        if self.events.len() > MAX_EVENTS {
            self.events.pop_front();
        }
    }

    /// Returns the detail of an event about the stream.
    pub fn stream_detail(&self, name: &str) -> Value {
        json!({"event_name": name, "channel_name": self.channel.name, "stream_id": self.stream_id})
    }

    /// Returns the detail of an event about the recording, if the stream is recorded.
    pub fn recording_detail(&self, status: &str, now: Timestamp) -> Option<Value> {
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
            "channel_name": self.channel.name,
            "stream_id": self.stream_id,
        }))
    }

    /// Returns the session as in the output of GetStreamSession. Absent members are omitted because null
    /// would count as a member.
    pub fn to_json(&self) -> Value {
        let newest_first: Vec<_> = self.events.iter().rev().collect();
        let mut output = json!({
            "streamId": self.stream_id,
            "startTime": iso8601(self.start_time),
            "channel": self.channel,
            "ingestConfiguration": {"video": video(), "audio": audio()},
            "ingestConfigurations": {"videoConfigurations": [video()], "audioConfigurations": [audio()]},
            "truncatedEvents": newest_first,
        });
        if let Some(end) = self.end_time {
            output["endTime"] = json!(iso8601(end));
        }
        if let Some(recording) = &self.recording {
            output["recordingConfiguration"] = json!(recording.configuration);
        }
        output
    }

    /// Returns the session as in the output of ListStreamSessions.
    pub fn to_summary(&self) -> Value {
        let mut summary = json!({
            "streamId": self.stream_id,
            "startTime": iso8601(self.start_time),
            "hasErrorEvent": false,
        });
        if let Some(end) = self.end_time {
            summary["endTime"] = json!(iso8601(end));
        }
        summary
    }
}

/// Returns the key prefix of a recording in its bucket.
fn prefix(account: &str, channel: &str, start: Timestamp, id: &str) -> String {
    let channel = channel.rsplit('/').next().unwrap_or_default();
    let time = start.to_zoned(TimeZone::UTC);
    let (year, month, day, hour, minute) =
        (time.year(), time.month(), time.day(), time.hour(), time.minute());
    format!("ivs/v1/{account}/{channel}/{year}/{month}/{day}/{hour}/{minute}/{id}")
}

/// Returns the video settings of the simulated encoder.
fn video() -> Value {
    json!({
        "avcProfile": "High", "avcLevel": "4.2", "profile": "High", "level": "4.2", "codec": "avc1.64002A",
        "encoder": "ivs-simulator", "targetBitrate": 6_000_000, "targetFramerate": 60, "videoHeight": 1080,
        "videoWidth": 1920, "track": "Track0",
    })
}

/// Returns the audio settings of the simulated encoder.
fn audio() -> Value {
    json!({"codec": "mp4a.40.2", "targetBitrate": 160_000, "sampleRate": 48_000, "channels": 2, "track": "Track0"})
}
