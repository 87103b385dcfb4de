//! The operations on stage sessions and participants. A session lasts while somebody is connected.

use serde::Deserialize;
use serde_json::{Value, json};

use super::OfStage;
use crate::{
    api_error::ApiError,
    codec::{Outcome, decode, encode},
    model::{
        stage,
        stage_session::{ConnectionState, NewParticipant, Participant, StageSession},
    },
    operation::Operation,
    paging::{Page, list_output},
    pattern::{self, Pattern},
    service::Service::IvsRealtime,
    state::State,
    validate::{Member, Rule, TOKEN, optional, required, text},
};

const STAGE: Member = required("stageArn", stage::ARN);
const SESSION: Rule = Rule::Text { min: 16, max: 16, pattern: Pattern::Session };
const PARTICIPANT: Rule = Rule::Text { min: 0, max: 64, pattern: pattern::NAME };
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

/// Lists no sessions for a stage that does not exist. The operation has no ResourceNotFoundException in the
/// API model.
fn list(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT_PAGE_SIZE: usize = 50;
    let OfStage { stage_arn } = decode(input)?;
    state.check_account(&stage_arn)?;
    let page = Page::from_input(&state.tokens, "ListStageSessions", input, DEFAULT_PAGE_SIZE)?;
    let rows = page.newest_first(state.stage_sessions.of(&stage_arn).iter(), |session| session.number);
    let (sessions, next) = page.fill(&state.tokens, rows, StageSession::to_summary);
    list_output("stageSessions", sessions, next)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filters {
    session_id: String,
    filter_by_user_id: Option<String>,
    filter_by_published: Option<bool>,
    filter_by_state: Option<ConnectionState>,
    filter_by_recording_state: Option<String>,
}

impl Filters {
    /// Rejects more than one filter.
    fn check(&self) -> Result<(), ApiError> {
        let given = [
            self.filter_by_user_id.is_some(),
            self.filter_by_published.is_some(),
            self.filter_by_state.is_some(),
            self.filter_by_recording_state.is_some(),
        ];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(ApiError::validation(
                "Only one of filterByUserId, filterByPublished, filterByState and filterByRecordingState can be provided",
            ));
        }
        Ok(())
    }

    fn matches(&self, participant: &Participant) -> bool {
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
    const DEFAULT_PAGE_SIZE: usize = 50;
    let (OfStage { stage_arn }, filters) = (decode(input)?, decode::<Filters>(input)?);
    state.check_account(&stage_arn)?;
    filters.check()?;
    let page = Page::from_input(&state.tokens, "ListParticipants", input, DEFAULT_PAGE_SIZE)?;
    let after = page.after.unwrap_or(0);
    let sessions = state.stage_sessions.of(&stage_arn).iter();
    let session = sessions.filter(|session| session.id == filters.session_id);
    let rows = (1..).zip(session.flat_map(|session| &session.participants));
    let rows = rows.filter(|(position, participant)| *position > after && filters.matches(participant));
    let (participants, next) = page.fill(&state.tokens, rows, |participant| participant);
    list_output("participants", participants, next)
}

/// Succeeds also for a participant that is not connected. AWS revokes its token, but the simulator stores no
/// tokens.
fn disconnect(state: &mut State, input: &Value) -> Outcome {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ById {
        participant_id: String,
    }
    let (OfStage { stage_arn }, ById { participant_id }) = (decode(input)?, decode(input)?);
    state.stage(&stage_arn)?;
    leave(state, &stage_arn, &participant_id);
    encode(json!({}))
}

/// Connects participants to a stage, and begins a session if there is none. Returns the IDs of the session
/// and of the participants.
pub(crate) fn join(state: &mut State, arn: &str, joining: Vec<NewParticipant>) -> Result<Value, ApiError> {
    let is_recorded = !state.stage(arn)?.storage_configuration().is_empty();
    let now = state.clock.now();
    let session = state.stage_sessions.get_or_create(arn, now);
    let mut ids = Vec::new();
    for new in joining {
        let participant = Participant::new(new, is_recorded, now);
        ids.push(participant.id.clone());
        session.participants.push(participant);
    }
    let session_id = session.id.clone();
    state.mark_changed();
    if let Some(stage) = state.stages.get_mut(arn) {
        stage.active_session_id.clone_from(&session_id);
    }
    Ok(json!({"sessionId": session_id, "participantIds": ids}))
}

/// Disconnects a participant. Ends the session if nobody is left.
fn leave(state: &mut State, arn: &str, participant_id: &str) {
    let Some(session) = state.stage_sessions.active(arn) else { return };
    let mut participants = session.participants.iter_mut();
    if let Some(participant) = participants.find(|participant| participant.id == participant_id) {
        participant.disconnect();
    }
    if session.is_over() {
        end(state, arn);
    }
    state.mark_changed();
}

/// Ends the session of a stage, and disconnects all participants. Returns true if there was a session.
pub(crate) fn end(state: &mut State, arn: &str) -> bool {
    let now = state.clock.now();
    if let Some(stage) = state.stages.get_mut(arn) {
        stage.active_session_id.clear();
    }
    let active = state.stage_sessions.active(arn);
    active.map(|session| session.end(now)).is_some()
}
