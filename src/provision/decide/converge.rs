//! The next step towards one resource that is as the spec says.

use std::time::Duration;

use uuid::Uuid;

use super::{Absence, Observed, ObservedOwnership, absence};
use crate::{
    api::{RecreatePolicy, tags},
    ivs::Listed,
    provision::{Change, DecisionContext},
    store::{InFlight, PendingUpdate, ResourceRecord},
};

/// The desired state and the records other than the database's, as far as decisions need them.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
pub struct DecisionInput<'a> {
    /// The ARN in status.
    pub status_arn: Option<&'a str>,
    /// The ARN in the inventory of the last resync.
    pub inventory_arn: Option<&'a str>,
    /// True if status or the inventory named the user before this reconcile.
    pub is_known_user: bool,
    /// True if status says of this generation that the resource is ready, and the account is not dirty.
    pub is_settled: bool,
    /// True if this generation was sent to AWS before, so that a difference is drift.
    pub was_sent: bool,
    /// True if this generation was sent to AWS before, and drift is to be reported only.
    pub reports_drift: bool,
    /// True if the account is dirty. Then duplicates are listed too.
    pub is_dirty: bool,
    /// The policy for a resource that is gone from AWS.
    pub recreate: RecreatePolicy,
}

impl DecisionInput<'_> {
    /// Returns the ARN that a record other than the database's names.
    fn other_record(&self) -> Option<&str> {
        self.status_arn.or(self.inventory_arn)
    }
}

/// The next step. The variants up to `DriftDetected` end this pass.
#[derive(Debug, PartialEq, Eq)]
pub enum ConvergeStep {
    /// The resource is as the spec says.
    Ready(String),
    /// Nothing can be done yet.
    Wait(ConvergeWait),
    /// The recorded resource belongs to another user, and this user has none.
    Foreign(String),
    /// The resource is gone, and the spec forbids a replacement.
    Gone(String),
    /// The resource is missing while the brake is engaged.
    Braked(String),
    /// The record names an AWS account or region that this controller does not work in.
    RecordedElsewhere(String),
    /// The resource carries the id of another installation.
    OtherInstallation(String),
    /// The resource differs from the spec, and is left as it is for now: it was updated, or changed back often.
    DriftPersists(String),
    /// Something else has changed the resource, which is to be reported only.
    DriftDetected(String),
    /// No resource exists, and no earlier Create can take effect: create one.
    Create(Change),
    /// Read one resource by its ARN.
    Get(String),
    /// List the resources that carry the user's tags.
    ListOwned,
    /// End the attempt: it created nothing.
    EndAttempt(Uuid),
    /// Record this resource as the user's.
    Record(String),
    /// Send the settings and tags that differ from the spec.
    Update(String),
    /// Forget a pending update: the re-check has confirmed it.
    EndUpdate(Uuid),
    /// Delete a duplicate, if the operator may delete it.
    DeleteDuplicate(String),
}

/// The event that a step waits for.
#[derive(Debug, PartialEq, Eq)]
pub enum ConvergeWait {
    /// The end of a Create: it must have ended, and AWS must return its result.
    CreateOutcome(Duration),
    /// The next complete list: AWS does not return the recorded resource.
    NextList(String),
    /// A Get that returns a resource that a list contained.
    Get,
}

/// Maximum number of times that an update is sent again after the re-check did not confirm it. An earlier
/// update that takes effect late can undo it only once; more often, something else changes the resource, or
/// AWS does not keep the value.
const MAX_RESENDS: u32 = 3;

/// Maximum number of updates within 24 h that change back what something else has changed. Above this, a
/// person has to know.
const MAX_CORRECTIONS: u32 = 5;

/// Returns true if an update was sent again too often, so that the drift is left as it is.
pub(in crate::provision) fn is_resent_too_often(update: &PendingUpdate) -> bool {
    update.repeats >= MAX_RESENDS
}

/// Returns the next step.
#[must_use]
pub fn next(
    input: &DecisionInput<'_>,
    recorded: &ResourceRecord,
    observed: &Observed,
    context: &DecisionContext,
) -> ConvergeStep {
    let grace = context.timing.grace;
    let recorded_arn = recorded.arn.as_deref().or(input.other_record());
    if let Some(arn) = recorded_arn.filter(|arn| !context.target.holds(arn)) {
        return ConvergeStep::RecordedElsewhere(arn.to_owned());
    }
    if let Some(remaining) = recorded.remaining(grace) {
        return ConvergeStep::Wait(ConvergeWait::CreateOutcome(remaining));
    }
    if let Some(attempt) = &recorded.attempt {
        return resolve_attempt(attempt, observed);
    }
    let Some(arn) = recorded_arn else {
        return without_record(input, recorded, observed);
    };
    if is_settled(input, recorded, grace) {
        return ConvergeStep::Ready(arn.to_owned());
    }
    match observed.ownership_of(arn) {
        // Reading thousands of missing resources one by one would use up the budget: the next list contains
        // them.
        None if absence(arn, recorded, context) == Absence::Braked => ConvergeStep::Braked(arn.to_owned()),
        None => ConvergeStep::Get(arn.to_owned()),
        Some(ObservedOwnership::Owned | ObservedOwnership::Untagged) => {
            converge_existing(arn, input, recorded, observed, grace)
        }
        Some(ObservedOwnership::OtherInstallation) => ConvergeStep::OtherInstallation(arn.to_owned()),
        Some(ObservedOwnership::Foreign) => {
            use_another(arn, input, observed).unwrap_or_else(|| ConvergeStep::Foreign(arn.to_owned()))
        }
        Some(ObservedOwnership::Absent) => match absence(arn, recorded, context) {
            Absence::Unproven => ConvergeStep::Wait(ConvergeWait::NextList(arn.to_owned())),
            Absence::Braked => ConvergeStep::Braked(arn.to_owned()),
            Absence::Confirmed => {
                use_another(arn, input, observed).unwrap_or_else(|| replace(arn, input, recorded))
            }
        },
    }
}

/// Returns the step when no record names a resource. One may still exist if the user was known and the
/// journal has no attempt: the account was abandoned, or the database was lost.
fn without_record(input: &DecisionInput<'_>, recorded: &ResourceRecord, observed: &Observed) -> ConvergeStep {
    if (input.is_known_user || recorded.is_abandoned) && !recorded.is_tried {
        if observed.owned.is_none() {
            return ConvergeStep::ListOwned;
        }
        return adopt(None, observed).unwrap_or(ConvergeStep::Create(Change::Created));
    }
    ConvergeStep::Create(Change::Created)
}

/// Returns true if AWS need not be read: status and database name the same resource, and no re-check is due.
fn is_settled(input: &DecisionInput<'_>, recorded: &ResourceRecord, grace: Duration) -> bool {
    input.is_settled
        && input.status_arn.is_some()
        && input.status_arn == recorded.arn.as_deref()
        && due_recheck(recorded, grace).is_none()
}

/// Returns the time until an update is re-checked; None when the re-check is due. An earlier update may take
/// effect until one grace period has passed, and AWS may return it up to one grace period later.
pub(in crate::provision) fn recheck_in(update: &PendingUpdate, grace: Duration) -> Option<Duration> {
    update.in_flight.remaining(grace.saturating_mul(2))
}

/// Returns the pending update whose re-check is due.
fn due_recheck(recorded: &ResourceRecord, grace: Duration) -> Option<&PendingUpdate> {
    recorded.pending_update.as_ref().filter(|update| recheck_in(update, grace).is_none())
}

/// Returns the step for an attempt whose outcome is unknown: adopt what it created, or end it if it created
/// nothing.
fn resolve_attempt(attempt: &InFlight, observed: &Observed) -> ConvergeStep {
    match &observed.owned {
        None => ConvergeStep::ListOwned,
        Some(_) => adopt(None, observed).unwrap_or(ConvergeStep::EndAttempt(attempt.nonce)),
    }
}

/// Returns the step that uses another resource in place of the recorded one: first the one that another
/// record names, then one that carries the user's tags.
fn use_another(recorded_arn: &str, input: &DecisionInput<'_>, observed: &Observed) -> Option<ConvergeStep> {
    if let Some(arn) = input.other_record().filter(|arn| *arn != recorded_arn) {
        match observed.ownership_of(arn) {
            None => return Some(ConvergeStep::Get(arn.to_owned())),
            Some(ObservedOwnership::Owned | ObservedOwnership::Untagged) => {
                return Some(ConvergeStep::Record(arn.to_owned()));
            }
            Some(_) => {}
        }
    }
    if observed.owned.is_none() { Some(ConvergeStep::ListOwned) } else { adopt(Some(recorded_arn), observed) }
}

/// Returns the step that adopts the first listed resource other than `except`. It is recorded before
/// duplicates are deleted, so that a concurrent pass keeps the same one.
fn adopt(except: Option<&str>, observed: &Observed) -> Option<ConvergeStep> {
    let is_candidate = |arn: &&String| {
        except != Some(arn.as_str())
            && !matches!(
                observed.ownership_of(arn),
                Some(ObservedOwnership::Foreign | ObservedOwnership::OtherInstallation)
            )
    };
    let arn = observed.owned.iter().flatten().find(is_candidate)?;
    Some(match observed.ownership_of(arn) {
        None => ConvergeStep::Get(arn.clone()),
        // A list can contain what a Get does not return.
        Some(ObservedOwnership::Absent) => ConvergeStep::Wait(ConvergeWait::Get),
        Some(_) => ConvergeStep::Record(arn.clone()),
    })
}

/// Returns the step for a resource that is gone. One that only the inventory names was not the account's: the
/// account was abandoned, and a person has deleted the resource.
fn replace(gone: &str, input: &DecisionInput<'_>, recorded: &ResourceRecord) -> ConvergeStep {
    if recorded.arn.is_none() && input.status_arn.is_none() {
        return ConvergeStep::Create(Change::Created);
    }
    match input.recreate {
        RecreatePolicy::Always => ConvergeStep::Create(Change::Recreated),
        RecreatePolicy::Never => ConvergeStep::Gone(gone.to_owned()),
    }
}

/// Returns the step for the user's existing resource: record it, delete its duplicates, and update it.
fn converge_existing(
    arn: &str,
    input: &DecisionInput<'_>,
    recorded: &ResourceRecord,
    observed: &Observed,
    grace: Duration,
) -> ConvergeStep {
    if recorded.arn.as_deref() != Some(arn) {
        return ConvergeStep::Record(arn.to_owned());
    }
    // Before the update, which AWS may refuse.
    if input.is_dirty && observed.owned.is_none() {
        return ConvergeStep::ListOwned;
    }
    if let Some(step) = restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed)) {
        return step;
    }
    if observed.differing.contains(arn) {
        return correct_drift(arn, input, recorded, observed, grace);
    }
    match due_recheck(recorded, grace) {
        Some(update) => ConvergeStep::EndUpdate(update.in_flight.nonce),
        None => ConvergeStep::Ready(arn.to_owned()),
    }
}

/// Returns the step for a resource that differs from the spec. An update that the re-check does not confirm
/// is sent again once no earlier update can take effect, up to [`MAX_RESENDS`] times. What something else
/// changes again and again is left as it is after [`MAX_CORRECTIONS`]. Drift that is only to be reported is
/// not sent, except by an update that is still to be re-checked.
fn correct_drift(
    arn: &str,
    input: &DecisionInput<'_>,
    recorded: &ResourceRecord,
    observed: &Observed,
    grace: Duration,
) -> ConvergeStep {
    let is_sent = match &recorded.pending_update {
        Some(update) if input.was_sent => recheck_in(update, grace).is_some() || is_resent_too_often(update),
        _ => input.was_sent && recorded.corrections >= MAX_CORRECTIONS,
    };
    if is_sent || observed.unconfirmed.contains(arn) {
        ConvergeStep::DriftPersists(arn.to_owned())
    } else if input.reports_drift && recorded.pending_update.is_none() {
        ConvergeStep::DriftDetected(arn.to_owned())
    } else {
        ConvergeStep::Update(arn.to_owned())
    }
}

/// Returns the step for a resource that was recorded before the current one, counted as gone, and exists
/// after all. It is the one that people use.
fn restore_former(recorded: &ResourceRecord, observed: &Observed) -> Option<ConvergeStep> {
    let is_listed = |arn: &&String| observed.owned.iter().flatten().any(|listed| listed == *arn);
    let candidates = recorded.former.iter().filter(is_listed);
    candidates.map(|arn| (arn, observed.ownership_of(arn))).find_map(|(arn, ownership)| match ownership {
        None => Some(ConvergeStep::Get(arn.clone())),
        Some(ObservedOwnership::Owned) => Some(ConvergeStep::Record(arn.clone())),
        Some(_) => None,
    })
}

/// Returns the step for a duplicate of the resource to keep. Its tags are read again before it is deleted.
fn delete_duplicate(keep: &str, observed: &Observed) -> Option<ConvergeStep> {
    let duplicates =
        observed.owned.iter().flatten().filter(|arn| *arn != keep && !observed.deleted.contains(*arn));
    duplicates.map(|arn| (arn, observed.ownership_of(arn))).find_map(|(arn, ownership)| match ownership {
        None => Some(ConvergeStep::Get(arn.clone())),
        Some(ObservedOwnership::Owned) => Some(ConvergeStep::DeleteDuplicate(arn.clone())),
        Some(_) => None,
    })
}

/// Sorts the user's resources so that the one to keep comes first: the one recorded first, else the one in
/// another record, else the one of the oldest attempt, else the first by ARN. Every pass therefore keeps the
/// same one.
pub(in crate::provision) fn rank(
    owned: &mut [Listed],
    input: &DecisionInput<'_>,
    recorded: &ResourceRecord,
    attempts: &[Uuid],
) {
    let attempt_position = |listed: &Listed| {
        let nonce = listed.tags.get(tags::ATTEMPT);
        attempts.iter().position(|attempt| Some(&attempt.to_string()) == nonce).unwrap_or(usize::MAX)
    };
    owned.sort_by_cached_key(|listed| {
        let mut records = recorded.former.iter().chain(&recorded.arn);
        let record_position = records.position(|arn| *arn == listed.arn).unwrap_or(usize::MAX);
        let is_in_other_record = input.other_record() == Some(listed.arn.as_str());
        (record_position, !is_in_other_record, attempt_position(listed), listed.arn.clone())
    });
}

#[cfg(test)]
mod tests;
