//! Stage sessions and who takes part in them. There is a session while somebody is connected.

mod model;

use serde::Deserialize;
use serde_json::{Value, json};

use self::model::{ConnectionState, Participant, Session};
pub(crate) use self::model::{NewParticipant, Sessions, end, join};
use super::stage;
use crate::{
    error::Failure,
    operation::{Operation, Outcome, Service::IvsRealtime, decode, encode},
    paging::{Page, list_output},
    pattern::{self, Pattern},
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfStage {
    stage_arn: String,
}

/// The model knows no ResourceNotFoundException here: a stage that is not there has no sessions (any more).
fn list(state: &mut State, input: &Value) -> Outcome {
    const DEFAULT: usize = 50;
    let OfStage { stage_arn } = decode(input)?;
    state.check_account(&stage_arn)?;
    let page = Page::asked(state, "ListStageSessions", input, DEFAULT)?;
    let before = page.after.unwrap_or(u64::MAX);
    let newest_first = state.stage_sessions.of(&stage_arn).iter().rev();
    let rows =
        newest_first.filter(|session| session.number < before).map(|session| (session.number, session));
    let (sessions, next) = page.fill(state, rows, Session::summary);
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
    const DEFAULT: usize = 50;
    let (OfStage { stage_arn }, filters) = (decode(input)?, decode::<Filters>(input)?);
    state.check_account(&stage_arn)?;
    filters.check()?;
    let page = Page::asked(state, "ListParticipants", input, DEFAULT)?;
    let after = page.after.unwrap_or(0);
    let sessions = state.stage_sessions.of(&stage_arn).iter();
    let session = sessions.filter(|session| session.id == filters.session_id);
    let rows = (1..).zip(session.flat_map(|session| &session.participants));
    let rows = rows.filter(|(place, participant)| *place > after && filters.matches(participant));
    let (participants, next) = page.fill(state, rows, |participant| participant);
    list_output("participants", participants, next)
}

/// Also for one who is not there: its token, which is not kept here, is as good as revoked.
fn disconnect(state: &mut State, input: &Value) -> Outcome {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Who {
        participant_id: String,
    }
    let (OfStage { stage_arn }, Who { participant_id }) = (decode(input)?, decode(input)?);
    state.stage(&stage_arn)?;
    model::leave(state, &stage_arn, &participant_id);
    encode(json!({}))
}
