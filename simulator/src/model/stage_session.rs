//! Stage sessions and their participants.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ids, timestamp};

/// The sessions of all stages, by the ARN of the stage, oldest first. They are kept after the stage has been
/// deleted.
#[derive(Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct StageSessions(HashMap<String, Vec<StageSession>>);

/// The maximum number of sessions that are kept for a stage. AWS has no such limit.
const MAX_SESSIONS: usize = 500;

/// A session of a stage.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StageSession {
    pub number: u64,
    #[serde(rename = "sessionId")]
    pub id: String,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    end_time: Option<Timestamp>,
    pub participants: Vec<Participant>,
}

/// A session, as in the output of ListStageSessions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StageSessionSummary<'a> {
    session_id: &'a str,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    end_time: Option<Timestamp>,
}

/// A participant, as in the output of ListParticipants.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant {
    #[serde(rename = "participantId")]
    pub id: String,
    pub user_id: String,
    pub state: ConnectionState,
    #[serde(with = "timestamp")]
    first_join_time: Timestamp,
    pub published: bool,
    pub recording_state: String,
    replication_type: Replication,
    redundant_ingest: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ConnectionState {
    Connected,
    Disconnected,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Replication {
    None,
}

/// A participant that the admin API connects to a stage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct NewParticipant {
    pub user_id: String,
    pub published: bool,
}

impl StageSession {
    pub fn to_summary(&self) -> StageSessionSummary<'_> {
        StageSessionSummary { session_id: &self.id, start_time: self.start_time, end_time: self.end_time }
    }

    /// Returns true if all participants are disconnected.
    pub fn is_over(&self) -> bool {
        self.participants.iter().all(|participant| participant.state == ConnectionState::Disconnected)
    }

    /// Ends the session and disconnects all participants.
    pub fn end(&mut self, now: Timestamp) {
        self.end_time = Some(now);
        for participant in &mut self.participants {
            participant.disconnect();
        }
    }
}

impl Participant {
    /// Creates a participant that has just connected to a stage.
    pub fn new(new: NewParticipant, is_recorded: bool, now: Timestamp) -> Self {
        let NewParticipant { user_id, published } = new;
        let recording_state = if is_recorded && published { "ACTIVE" } else { "DISABLED" };
        Self {
            id: ids::alphanumeric(12),
            user_id,
            state: ConnectionState::Connected,
            first_join_time: now,
            published,
            recording_state: recording_state.to_owned(),
            replication_type: Replication::None,
            redundant_ingest: false,
        }
    }

    pub fn disconnect(&mut self) {
        self.state = ConnectionState::Disconnected;
        if self.recording_state == "ACTIVE" {
            "STOPPED".clone_into(&mut self.recording_state);
        }
    }
}

impl StageSessions {
    /// Returns the active session of the stage, if there is one.
    pub fn active(&mut self, stage: &str) -> Option<&mut StageSession> {
        self.0.get_mut(stage)?.last_mut().filter(|session| session.end_time.is_none())
    }

    pub fn of(&self, stage: &str) -> &[StageSession] {
        self.0.get(stage).map_or(&[], Vec::as_slice)
    }

    /// Returns true if a participant of the stage is being recorded.
    pub fn is_recording(&self, stage: &str) -> bool {
        let last = self.of(stage).last().filter(|session| session.end_time.is_none());
        last.is_some_and(|session| session.participants.iter().any(|one| one.recording_state == "ACTIVE"))
    }

    /// Returns the active session of the stage, and creates one if there is none.
    pub fn get_or_create(&mut self, stage: &str, now: Timestamp) -> &mut StageSession {
        let sessions = self.0.entry(stage.to_owned()).or_default();
        if sessions.last().is_none_or(|session| session.end_time.is_some()) {
            let number = sessions.last().map_or(1, |last| last.number + 1);
            let id = format!("st-{}", ids::alphanumeric(13));
            sessions.push(StageSession {
                number,
                id,
                start_time: now,
                end_time: None,
                participants: Vec::new(),
            });
            if sessions.len() > MAX_SESSIONS {
                sessions.remove(0);
            }
        }
        let last = sessions.len() - 1;
        &mut sessions[last]
    }
}
