//! What a session on a stage is, and how people come and go.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{error::Failure, ids, state::State, timestamp};

/// All sessions, by the ARN of their stage, the oldest first. They outlive their stage, as its recordings do.
#[derive(Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Sessions(HashMap<String, Vec<Session>>);

/// How many sessions of a stage are remembered; AWS knows no such limit.
const MOST: usize = 500;

/// One session on a stage.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    pub(super) number: u64,
    #[serde(rename = "sessionId")]
    pub(super) id: String,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    end_time: Option<Timestamp>,
    pub(super) participants: Vec<Participant>,
}

/// A session, as List tells it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary<'a> {
    session_id: &'a str,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    end_time: Option<Timestamp>,
}

/// One who takes part, as List tells it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Participant {
    #[serde(rename = "participantId")]
    id: String,
    pub(super) user_id: String,
    pub(super) state: ConnectionState,
    #[serde(with = "timestamp")]
    first_join_time: Timestamp,
    pub(super) published: bool,
    pub(super) recording_state: String,
    replication_type: Replication,
    redundant_ingest: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum ConnectionState {
    Connected,
    Disconnected,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Replication {
    None,
}

/// Who is to join a stage, by the admin API.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct NewParticipant {
    pub user_id: String,
    pub published: bool,
}

impl Session {
    pub(super) fn summary(&self) -> Summary<'_> {
        Summary { session_id: &self.id, start_time: self.start_time, end_time: self.end_time }
    }

    fn is_over(&self) -> bool {
        self.participants.iter().all(|participant| participant.state == ConnectionState::Disconnected)
    }

    fn end(&mut self, now: Timestamp) {
        self.end_time = Some(now);
        for participant in &mut self.participants {
            participant.leave();
        }
    }
}

impl Participant {
    fn leave(&mut self) {
        self.state = ConnectionState::Disconnected;
        if self.recording_state == "ACTIVE" {
            "STOPPED".clone_into(&mut self.recording_state);
        }
    }
}

impl Sessions {
    fn active(&mut self, stage: &str) -> Option<&mut Session> {
        self.0.get_mut(stage)?.last_mut().filter(|session| session.end_time.is_none())
    }

    pub(super) fn of(&self, stage: &str) -> &[Session] {
        self.0.get(stage).map_or(&[], Vec::as_slice)
    }

    /// Whether somebody is being recorded on the stage now.
    pub(in crate::realtime) fn is_recording(&self, stage: &str) -> bool {
        let last = self.of(stage).last().filter(|session| session.end_time.is_none());
        last.is_some_and(|session| session.participants.iter().any(|one| one.recording_state == "ACTIVE"))
    }

    /// The session that goes on, or a new one.
    fn begun(&mut self, stage: &str, now: Timestamp) -> &mut Session {
        let sessions = self.0.entry(stage.to_owned()).or_default();
        if sessions.last().is_none_or(|session| session.end_time.is_some()) {
            let number = sessions.last().map_or(1, |last| last.number + 1);
            let id = format!("st-{}", ids::alphanumeric(13));
            sessions.push(Session { number, id, start_time: now, end_time: None, participants: Vec::new() });
            if sessions.len() > MOST {
                sessions.remove(0);
            }
        }
        let last = sessions.len() - 1;
        &mut sessions[last]
    }
}

/// People connect to a stage; the first of them begin a session. Gives its id and theirs.
pub(crate) fn join(state: &mut State, arn: &str, joining: Vec<NewParticipant>) -> Result<Value, Failure> {
    let is_recorded = !state.stage(arn)?.storage_configuration().is_empty();
    let now = state.clock.now();
    let session = state.stage_sessions.begun(arn, now);
    let mut ids = Vec::new();
    for NewParticipant { user_id, published } in joining {
        let id = ids::alphanumeric(12);
        ids.push(id.clone());
        let recording_state = if is_recorded && published { "ACTIVE" } else { "DISABLED" };
        session.participants.push(Participant {
            id,
            user_id,
            state: ConnectionState::Connected,
            first_join_time: now,
            published,
            recording_state: recording_state.to_owned(),
            replication_type: Replication::None,
            redundant_ingest: false,
        });
    }
    let session_id = session.id.clone();
    state.changed();
    if let Some(stage) = state.stages.get_mut(arn) {
        stage.active_session_id.clone_from(&session_id);
    }
    Ok(json!({"sessionId": session_id, "participantIds": ids}))
}

/// One leaves the stage; the last one ends the session.
pub(super) fn leave(state: &mut State, arn: &str, participant_id: &str) {
    let Some(session) = state.stage_sessions.active(arn) else { return };
    let mut participants = session.participants.iter_mut();
    if let Some(participant) = participants.find(|participant| participant.id == participant_id) {
        participant.leave();
    }
    if session.is_over() {
        end(state, arn);
    }
    state.changed();
}

/// All leave the stage. Says whether there was a session.
pub(crate) fn end(state: &mut State, arn: &str) -> bool {
    let now = state.clock.now();
    if let Some(stage) = state.stages.get_mut(arn) {
        stage.active_session_id.clear();
    }
    let active = state.stage_sessions.active(arn);
    active.map(|session| session.end(now)).is_some()
}
