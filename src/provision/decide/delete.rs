//! The next step towards the deletion of all resources of one kind that a user has.

use std::{collections::BTreeSet, time::Duration};

use super::{Absence, Observed, ObservedOwnership, absence};
use crate::{provision::DecisionContext, store::ResourceRecord};

/// The next step. The variants up to `OtherInstallation` end this pass.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::provision) enum DeletionStep {
    /// AWS confirms that no resource is left.
    Gone,
    /// Nothing can be done yet.
    Wait(DeletionWait),
    /// A resource is missing while the brake is engaged.
    Braked(String),
    /// The record names an AWS account or region that this controller does not work in.
    RecordedElsewhere(String),
    /// A resource carries the id of another installation.
    OtherInstallation(String),
    /// List the resources that carry the user's tags.
    ListOwned,
    /// Read one resource by its ARN.
    Get(String),
    /// Restore the tags of a recorded resource that has lost them. It is deleted afterwards.
    RestoreTags(String),
    /// Delete one resource.
    Delete(String),
}

/// The event that a step waits for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::provision) enum DeletionWait {
    /// The end of a Create: it must have ended, and AWS must return its result.
    CreateOutcome(Duration),
    /// The time until reads of a new resource are consistent: until then, a read may miss it even after
    /// another returned it.
    ConsistentReads(Duration),
    /// Confirmation: a Get that no longer returns the deleted resource.
    DeletionConfirmed,
    /// The next complete list: AWS does not return a resource that the operator did not delete.
    NextList(String),
}

/// Returns the next step. `status_arn` is the ARN in status.
pub(in crate::provision) fn next(
    status_arn: Option<&str>,
    recorded: &ResourceRecord,
    observed: &Observed,
    context: &DecisionContext,
) -> DeletionStep {
    let recorded_arns: BTreeSet<&str> = recorded.arn.as_deref().into_iter().chain(status_arn).collect();
    if let Some(arn) = recorded_arns.iter().find(|arn| !context.target.holds(arn)) {
        return DeletionStep::RecordedElsewhere((*arn).to_owned());
    }
    if let Some(remaining) = recorded.remaining(context.timing.grace) {
        return DeletionStep::Wait(DeletionWait::CreateOutcome(remaining));
    }
    let Some(owned) = &observed.owned else { return DeletionStep::ListOwned };
    let all: BTreeSet<&str> = owned.iter().map(String::as_str).chain(recorded_arns.iter().copied()).collect();
    let step = |arn: &str| next_for(arn, recorded_arns.contains(arn), recorded, observed, context);
    all.into_iter().find_map(step).unwrap_or(DeletionStep::Gone)
}

/// Returns the next step for one resource; None when nothing is left to do for it.
fn next_for(
    arn: &str,
    is_recorded: bool,
    recorded: &ResourceRecord,
    observed: &Observed,
    context: &DecisionContext,
) -> Option<DeletionStep> {
    let is_deleted = observed.deleted.contains(arn);
    match observed.ownership_of(arn) {
        None => Some(DeletionStep::Get(arn.to_owned())),
        Some(ObservedOwnership::Absent) => {
            let time_until_visible = time_until_visible(arn, recorded, context.timing.grace);
            if !time_until_visible.is_zero() {
                return Some(DeletionStep::Wait(DeletionWait::ConsistentReads(time_until_visible)));
            }
            if is_recorded && !is_deleted { missing(arn, recorded, context) } else { None }
        }
        Some(_) if is_deleted => Some(DeletionStep::Wait(DeletionWait::DeletionConfirmed)),
        Some(ObservedOwnership::Owned) => Some(DeletionStep::Delete(arn.to_owned())),
        Some(ObservedOwnership::Untagged) if is_recorded => Some(DeletionStep::RestoreTags(arn.to_owned())),
        Some(ObservedOwnership::OtherInstallation) if is_recorded => {
            Some(DeletionStep::OtherInstallation(arn.to_owned()))
        }
        Some(_) => None,
    }
}

/// Returns the next step for a recorded resource that AWS does not return and this pass has not deleted.
fn missing(arn: &str, recorded: &ResourceRecord, context: &DecisionContext) -> Option<DeletionStep> {
    // An earlier pass of this deletion has deleted it.
    if recorded.missing.iter().any(|missing| missing.arn == arn && missing.deletion_requested) {
        return None;
    }
    match absence(arn, recorded, context) {
        Absence::Unproven => Some(DeletionStep::Wait(DeletionWait::NextList(arn.to_owned()))),
        Absence::Braked => Some(DeletionStep::Braked(arn.to_owned())),
        Absence::Confirmed => None,
    }
}

/// Returns the time until every read returns a recently recorded resource.
fn time_until_visible(arn: &str, recorded: &ResourceRecord, grace: Duration) -> Duration {
    let is_current = recorded.arn.as_deref() == Some(arn);
    if is_current { grace.saturating_sub(recorded.age) } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        provision::{Timing, world::decision_context},
        store::{InFlight, Missing},
    };

    const GRACE: Duration = Duration::from_secs(10);
    const A: &str = "arn:aws:ivs:eu-west-1:1:stage/a";
    const B: &str = "arn:aws:ivs:eu-west-1:1:stage/b";
    const C: &str = "arn:aws:ivs:eu-west-1:1:stage/c";

    fn next(
        status_arn: Option<&str>,
        recorded: &ResourceRecord,
        observed: &Observed,
        grace: Duration,
    ) -> DeletionStep {
        let timing = Timing { aws_call_timeout: grace, grace, resync: grace };
        super::next(status_arn, recorded, observed, &decision_context(timing, None))
    }

    fn recorded(arn: Option<&str>, age: u64) -> ResourceRecord {
        ResourceRecord {
            arn: arn.map(str::to_owned),
            age: Duration::from_secs(age),
            ..ResourceRecord::default()
        }
    }

    fn observed(owned: &[&str], gets: &[(&str, ObservedOwnership)], deleted: &[&str]) -> Observed {
        Observed {
            owned: Some(owned.iter().map(ToString::to_string).collect()),
            ownership: gets.iter().map(|(arn, ownership)| ((*arn).to_owned(), *ownership)).collect(),
            deleted: deleted.iter().map(ToString::to_string).collect(),
            ..Observed::default()
        }
    }

    fn arn(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn deletion_waits_for_an_open_attempt_before_the_list() {
        let attempt =
            InFlight { nonce: Uuid::nil(), due_in: Duration::from_secs(2), overdue: Duration::ZERO };
        let recorded = ResourceRecord { attempt: Some(attempt), ..recorded(None, 60) };
        let step = next(None, &recorded, &Observed::default(), GRACE);
        assert_eq!(step, DeletionStep::Wait(DeletionWait::CreateOutcome(Duration::from_secs(12))));
    }

    #[test]
    fn each_recorded_or_tagged_resource_is_deleted_and_confirmed() {
        let recorded = recorded(Some(A), 60);
        let step = |observed| next(Some(B), &recorded, &observed, GRACE);
        assert_eq!(step(Observed::default()), DeletionStep::ListOwned);
        assert_eq!(step(observed(&[C], &[], &[])), DeletionStep::Get(arn(A)));
        assert_eq!(step(observed(&[C], &[(A, ObservedOwnership::Owned)], &[])), DeletionStep::Delete(arn(A)));
        assert_eq!(step(observed(&[C], &[], &[A])), DeletionStep::Get(arn(A)));
        assert_eq!(
            step(observed(&[C], &[(A, ObservedOwnership::Owned)], &[A])),
            DeletionStep::Wait(DeletionWait::DeletionConfirmed)
        );
        let gone = [(A, ObservedOwnership::Absent), (B, ObservedOwnership::Absent)];
        assert_eq!(step(observed(&[C], &gone, &[A, B])), DeletionStep::Get(arn(C)));
        assert_eq!(step(observed(&[], &gone, &[A, B])), DeletionStep::Gone);
    }

    #[test]
    fn foreign_and_unrecorded_untagged_resources_are_not_deleted() {
        let recorded = recorded(Some(A), 60);
        let step = |gets: &[_]| next(None, &recorded, &observed(&[C], gets, &[]), GRACE);
        assert_eq!(
            step(&[(A, ObservedOwnership::Foreign), (C, ObservedOwnership::Foreign)]),
            DeletionStep::Gone
        );
        assert_eq!(
            step(&[(A, ObservedOwnership::Foreign), (C, ObservedOwnership::Untagged)]),
            DeletionStep::Gone
        );
        assert_eq!(step(&[(A, ObservedOwnership::Untagged)]), DeletionStep::RestoreTags(arn(A)));
    }

    #[test]
    fn a_new_resource_that_is_not_returned_is_not_gone() {
        for deleted in [&[][..], &[A]] {
            let absent = observed(&[], &[(A, ObservedOwnership::Absent)], deleted);
            let step = |age| next(None, &recorded(Some(A), age), &absent, GRACE);
            assert_eq!(step(3), DeletionStep::Wait(DeletionWait::ConsistentReads(Duration::from_secs(7))));
        }
    }

    #[test]
    fn an_absence_counts_only_if_requested_or_confirmed() {
        let absent = |deleted: &[&str]| observed(&[], &[(A, ObservedOwnership::Absent)], deleted);
        let step =
            |recorded: &ResourceRecord, deleted: &[&str]| next(None, recorded, &absent(deleted), GRACE);
        let with_evidence = |missing: Missing| ResourceRecord {
            missing: vec![Missing { arn: arn(A), ..missing }],
            ..recorded(Some(A), 60)
        };
        let waits = DeletionStep::Wait(DeletionWait::NextList(arn(A)));
        assert_eq!(step(&recorded(Some(A), 60), &[]), waits);
        assert_eq!(step(&recorded(Some(A), 60), &[A]), DeletionStep::Gone);
        let requested = Missing { deletion_requested: true, ..Missing::default() };
        assert_eq!(step(&with_evidence(requested), &[]), DeletionStep::Gone);
        let unlisted = |unlisted_for| Missing { unlisted_for: Some(unlisted_for), ..Missing::default() };
        assert_eq!(step(&with_evidence(unlisted(Duration::from_secs(1))), &[]), waits);
        assert_eq!(step(&with_evidence(unlisted(GRACE)), &[]), DeletionStep::Gone);
    }

    #[test]
    fn a_record_of_another_target_or_installation_blocks_the_deletion() {
        let other_region = "arn:aws:ivs:us-west-2:1:stage/a";
        let step = next(None, &recorded(Some(other_region), 60), &Observed::default(), GRACE);
        assert_eq!(step, DeletionStep::RecordedElsewhere(arn(other_region)));
        let other = observed(&[], &[(A, ObservedOwnership::OtherInstallation)], &[]);
        assert_eq!(
            next(None, &recorded(Some(A), 60), &other, GRACE),
            DeletionStep::OtherInstallation(arn(A))
        );
        let unknown = observed(
            &[B],
            &[(A, ObservedOwnership::Absent), (B, ObservedOwnership::OtherInstallation)],
            &[A],
        );
        assert_eq!(next(None, &recorded(Some(A), 60), &unknown, GRACE), DeletionStep::Gone);
    }
}
