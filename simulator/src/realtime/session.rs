//! Stage sessions and who takes part in them. There is a session while somebody is connected.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::stage;
use crate::{
    error::Failure,
    form::{self, Form},
    ids,
    operation::{Operation, Outcome, Service::IvsRealtime, typed},
    paging::{Page, listed},
    state::State,
    timestamp,
    validate::{Member, Rule, TOKEN, optional, required, text},
};

const STAGE: Member = required("stageArn", stage::ARN);
const SESSION: Rule = Rule::Text { min: 16, max: 16, form: Form::Session };
const PARTICIPANT: Rule = Rule::Text { min: 0, max: 64, form: form::NAME };
const PAGE: Rule = Rule::Integer { min: 1, max: 100 };
const RECORDING_STATES: Rule = Rule::Choice(&["STARTING", "ACTIVE", "STOPPING", "STOPPED", "FAILED"]);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "ListStageSessions",
        service: IvsRealtime,
        success: 200,
        input: &[STAGE, optional("nextToken", TOKEN), optional("maxResults", PAGE)],
        run: list,
    },
    Operation {
        name: "ListParticipants",
        service: IvsRealtime,
        success: 200,
        input: &[
            STAGE,
            required("sessionId", SESSION),
            optional("filterByUserId", text(128)),
            optional("filterByPublished", Rule::Boolean),
            optional("filterByState", Rule::Choice(&["CONNECTED", "DISCONNECTED"])),
            optional("nextToken", TOKEN),
            optional("maxResults", PAGE),
            optional("filterByRecordingState", RECORDING_STATES),
        ],
        run: list_participants,
    },
    Operation {
        name: "DisconnectParticipant",
        service: IvsRealtime,
        success: 200,
        input: &[STAGE, required("participantId", PARTICIPANT), optional("reason", text(128))],
        run: disconnect,
    },
];

/// All sessions, by the ARN of their stage, the oldest first. They outlive their stage, as its recordings do.
#[derive(Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Sessions(HashMap<String, Vec<Session>>);

/// How many sessions of a stage are remembered; AWS knows no such limit.
const MOST: usize = 500;

/// One session on a stage.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    number: u64,
    session_id: String,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    end_time: Option<Timestamp>,
    participants: Vec<Participant>,
}

/// A session, as List tells it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    session_id: &'a str,
    #[serde(with = "timestamp")]
    start_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", with = "timestamp::option")]
    end_time: Option<Timestamp>,
}

/// One who takes part, as List tells it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Participant {
    participant_id: String,
    user_id: String,
    state: Presence,
    #[serde(with = "timestamp")]
    first_join_time: Timestamp,
    published: bool,
    recording_state: String,
    replication_type: Replication,
    redundant_ingest: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Presence {
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
pub(crate) struct Joining {
    pub user_id: String,
    pub published: bool,
}

impl Session {
    fn summary(&self) -> Summary<'_> {
        Summary { session_id: &self.session_id, start_time: self.start_time, end_time: self.end_time }
    }

    fn is_over(&self) -> bool {
        self.participants.iter().all(|participant| participant.state == Presence::Disconnected)
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
        self.state = Presence::Disconnected;
        if self.recording_state == "ACTIVE" {
            "STOPPED".clone_into(&mut self.recording_state);
        }
    }
}

impl Sessions {
    fn active(&mut self, stage: &str) -> Option<&mut Session> {
        self.0.get_mut(stage)?.last_mut().filter(|session| session.end_time.is_none())
    }

    fn of(&self, stage: &str) -> &[Session] {
        self.0.get(stage).map_or(&[], Vec::as_slice)
    }

    /// The session that goes on, or a new one.
    fn begun(&mut self, stage: &str, now: Timestamp) -> &mut Session {
        let sessions = self.0.entry(stage.to_owned()).or_default();
        if sessions.last().is_none_or(|session| session.end_time.is_some()) {
            let number = sessions.last().map_or(1, |last| last.number + 1);
            let session_id = format!("st-{}", ids::alphanumeric(13));
            sessions.push(Session {
                number,
                session_id,
                start_time: now,
                end_time: None,
                participants: Vec::new(),
            });
            if sessions.len() > MOST {
                sessions.remove(0);
            }
        }
        let last = sessions.len() - 1;
        &mut sessions[last]
    }
}

/// People connect to a stage; the first of them begin a session. Gives its id and theirs.
pub(crate) fn join(state: &mut State, arn: &str, joining: Vec<Joining>) -> Result<Value, Failure> {
    let is_recorded = !state.stage(arn)?.storage_configuration().is_empty();
    let now = state.clock.now();
    let session = state.stage_sessions.begun(arn, now);
    let mut ids = Vec::new();
    for Joining { user_id, published } in joining {
        let participant_id = ids::alphanumeric(12);
        ids.push(participant_id.clone());
        let recording_state = if is_recorded && published { "ACTIVE" } else { "DISABLED" };
        session.participants.push(Participant {
            participant_id,
            user_id,
            state: Presence::Connected,
            first_join_time: now,
            published,
            recording_state: recording_state.to_owned(),
            replication_type: Replication::None,
            redundant_ingest: false,
        });
    }
    let session_id = session.session_id.clone();
    if let Some(stage) = state.stages.get_mut(arn) {
        stage.active_session_id.clone_from(&session_id);
    }
    Ok(json!({"sessionId": session_id, "participantIds": ids}))
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfStage {
    stage_arn: String,
}

/// The model knows no ResourceNotFoundException here: a stage that is not there has no sessions (any more).
fn list(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT: usize = 50;
    let OfStage { stage_arn } = typed(input)?;
    state.refuse_foreign(&stage_arn)?;
    let page = Page::asked(state, "ListStageSessions", input, DEFAULT)?;
    let before = page.after.unwrap_or(u64::MAX);
    let newest_first = state.stage_sessions.of(&stage_arn).iter().rev();
    let rows =
        newest_first.filter(|session| session.number < before).map(|session| (session.number, session));
    let (sessions, next) = page.fill(state, rows, Session::summary);
    listed("stageSessions", sessions, next)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filters {
    session_id: String,
    filter_by_user_id: Option<String>,
    filter_by_published: Option<bool>,
    filter_by_state: Option<Presence>,
    filter_by_recording_state: Option<String>,
}

impl Filters {
    fn check(&self) -> Result<(), Failure> {
        let given = [
            self.filter_by_user_id.is_some(),
            self.filter_by_published.is_some(),
            self.filter_by_state.is_some(),
            self.filter_by_recording_state.is_some(),
        ];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(Failure::validation(
                "Only one of filterByUserId, filterByPublished, filterByState and filterByRecordingState can be provided",
            ));
        }
        Ok(())
    }

    fn let_through(&self, participant: &Participant) -> bool {
        self.filter_by_user_id.as_ref().is_none_or(|user| participant.user_id == *user)
            && self.filter_by_published.is_none_or(|published| participant.published == published)
            && self.filter_by_state.is_none_or(|state| participant.state == state)
            && self
                .filter_by_recording_state
                .as_ref()
                .is_none_or(|state| participant.recording_state == *state)
    }
}

fn list_participants(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT: usize = 50;
    let (OfStage { stage_arn }, filters) = (typed(input)?, typed::<Filters>(input)?);
    state.refuse_foreign(&stage_arn)?;
    filters.check()?;
    let page = Page::asked(state, "ListParticipants", input, DEFAULT)?;
    let after = page.after.unwrap_or(0);
    let sessions = state.stage_sessions.of(&stage_arn).iter();
    let session = sessions.filter(|session| session.session_id == filters.session_id);
    let rows = (1..).zip(session.flat_map(|session| &session.participants));
    let rows = rows.filter(|(place, participant)| *place > after && filters.let_through(participant));
    let (participants, next) = page.fill(state, rows, |participant| participant);
    listed("participants", participants, next)
}

/// Also for one who is not there: its token, which is not kept here, is as good as revoked.
fn disconnect(state: &mut State, input: &Value) -> Outcome {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Who {
        participant_id: String,
    }
    let (OfStage { stage_arn }, Who { participant_id }) = (typed(input)?, typed(input)?);
    state.stage(&stage_arn)?;
    let Some(session) = state.stage_sessions.active(&stage_arn) else { return Ok(json!({})) };
    let mut participants = session.participants.iter_mut();
    if let Some(participant) = participants.find(|participant| participant.participant_id == participant_id) {
        participant.leave();
    }
    if session.is_over() {
        end(state, &stage_arn);
    }
    Ok(json!({}))
}
