//! ARNs that become others, and what is said of it: pure.

use super::{
    by_kind::ByKind,
    progress::{Done, Part, Progress},
};
use crate::{
    api::{ResourceKind, StreamerAccountStatus, condition::find},
    provision::Change,
};

/// Reasons that say that an ARN has become another.
const MOVED: [&str; 3] = ["Recreated", "ArnChanged", "RecordCorrected"];

/// What parts the message of a move from what is wrong beside it.
pub const BESIDE: &str = "; ";

/// An ARN that is another than before: never silently (I7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// One word, for the condition and the event.
    pub reason: &'static str,
    /// Which was replaced by which, and why.
    pub message: String,
}

/// What has moved.
pub fn moves(previous: &StreamerAccountStatus, progress: &Progress) -> ByKind<Option<Move>> {
    ByKind::new(|kind| moved(kind, previous.arn(kind), progress.resources[kind].as_ref().ok()?))
}

fn moved(kind: ResourceKind, before: Option<&str>, done: &Done) -> Option<Move> {
    let now = done.status.arn();
    let before = before.unwrap_or(now);
    if before == now {
        let message = format!("the database named another {kind}, which is not there: {now} takes its place");
        return (done.change == Change::Corrected).then_some(Move { reason: "RecordCorrected", message });
    }
    let gone = format!("the {kind} {before} was gone from AWS: {now} was made and takes its place");
    let other = format!("the records of the {kind} did not agree: {now} takes the place of {before}");
    Some(match done.change {
        Change::Recreated => Move { reason: "Recreated", message: gone },
        _ => Move { reason: "ArnChanged", message: other },
    })
}

/// What was said of an ARN that had become another stays said while nothing is changed: a look in between, or an answer that was
/// lost, must not make it a silent one (I7).
pub fn said(previous: &StreamerAccountStatus, kind: ResourceKind, part: &Part<Done>) -> Option<Move> {
    let before = find(&previous.conditions, kind.condition())?;
    let reason = MOVED.into_iter().find(|reason| *reason == before.reason)?;
    let is_same = part
        .as_ref()
        .is_ok_and(|done| done.change == Change::Unchanged && previous.arn(kind) == Some(done.status.arn()));
    let said = || before.message.split(BESIDE).next().unwrap_or_default().to_owned();
    is_same.then(|| Move { reason, message: said() })
}
