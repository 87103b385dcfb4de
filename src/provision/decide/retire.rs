//! The next step on the way to nothing: all that is a user's goes, and is seen to be gone.

use std::{collections::BTreeSet, time::Duration};

use super::{Absence, Observed, Sight, absence};
use crate::{provision::Circumstances, store::ResourceRecord};

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::provision) enum Step {
    /// AWS says that none is left. An end.
    Gone,
    /// Nothing can be done just now. An end.
    Wait(Waiting),
    /// It is missing, and so is too much else. An end.
    Braked(String),
    /// The record names an AWS account or region that this controller does not work in. An end.
    Elsewhere(String),
    /// It carries the id of another installation. An end.
    OtherInstallation(String),
    /// List what carries the user's tags.
    Look,
    /// Ask for one by its ARN.
    Get(String),
    /// It is known by its ARN and has lost its tags: it gets them back first.
    TagAgain(String),
    /// Delete one.
    Delete(String),
}

/// What is waited for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::provision) enum Waiting {
    /// A Create may be under way: it must have ended, and AWS must show what it made.
    Outcome(Duration),
    /// One was made a moment ago: a read that shows it may be followed by one that does not.
    Shown(Duration),
    /// AWS still shows one after its deletion.
    Gone,
    /// AWS does not show one that it was not asked to delete: the next resync lists everything again.
    Missing(String),
}

/// The step that what is known asks for. `status`: the ARN in status.
pub(in crate::provision) fn next(
    status: Option<&str>,
    recorded: &ResourceRecord,
    observed: &Observed,
    circumstances: &Circumstances,
) -> Step {
    let known: BTreeSet<&str> = recorded.arn.as_deref().into_iter().chain(status).collect();
    if let Some(arn) = known.iter().find(|arn| !circumstances.target.holds(arn)) {
        return Step::Elsewhere((*arn).to_owned());
    }
    if let Some(left) = recorded.remaining(circumstances.timing.grace) {
        return Step::Wait(Waiting::Outcome(left));
    }
    let Some(ours) = &observed.ours else { return Step::Look };
    let all: BTreeSet<&str> = ours.iter().map(String::as_str).chain(known.iter().copied()).collect();
    let step = |arn: &str| remove(arn, known.contains(arn), recorded, observed, circumstances);
    all.into_iter().find_map(step).unwrap_or(Step::Gone)
}

/// The step for one of them; None when there is no more to do for it. `is_known`: a record names it.
fn remove(
    arn: &str,
    is_known: bool,
    recorded: &ResourceRecord,
    observed: &Observed,
    circumstances: &Circumstances,
) -> Option<Step> {
    let is_deleted = observed.deleted.contains(arn);
    match observed.sight(arn) {
        None => Some(Step::Get(arn.to_owned())),
        Some(Sight::Absent) => {
            let shown_in = shown_in(arn, recorded, circumstances.timing.grace);
            if !shown_in.is_zero() {
                return Some(Step::Wait(Waiting::Shown(shown_in)));
            }
            if is_known && !is_deleted { missing(arn, recorded, circumstances) } else { None }
        }
        Some(_) if is_deleted => Some(Step::Wait(Waiting::Gone)),
        Some(Sight::Ours) => Some(Step::Delete(arn.to_owned())),
        Some(Sight::Untagged) if is_known => Some(Step::TagAgain(arn.to_owned())),
        Some(Sight::OtherInstallation) if is_known => Some(Step::OtherInstallation(arn.to_owned())),
        Some(_) => None,
    }
}

/// The step for one that a record names, and that AWS does not show though this pass has not deleted it.
fn missing(arn: &str, recorded: &ResourceRecord, circumstances: &Circumstances) -> Option<Step> {
    // An earlier pass of this deletion has deleted it.
    if recorded.missing.iter().any(|missing| missing.arn == arn && missing.deletion_requested) {
        return None;
    }
    match absence(arn, recorded, circumstances) {
        Absence::Unproven => Some(Step::Wait(Waiting::Missing(arn.to_owned()))),
        Absence::Braked => Some(Step::Braked(arn.to_owned())),
        Absence::Confirmed => None,
    }
}

/// How long it may take until a resource made a moment ago is shown by every read.
fn shown_in(arn: &str, recorded: &ResourceRecord, grace: Duration) -> Duration {
    let is_recorded = recorded.arn.as_deref() == Some(arn);
    if is_recorded { grace.saturating_sub(recorded.age) } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        provision::{Timing, world::circumstances},
        store::{Missing, InFlight},
    };

    const GRACE: Duration = Duration::from_secs(10);
    const A: &str = "arn:aws:ivs:eu-west-1:1:stage/a";
    const B: &str = "arn:aws:ivs:eu-west-1:1:stage/b";
    const C: &str = "arn:aws:ivs:eu-west-1:1:stage/c";

    fn next(status: Option<&str>, recorded: &ResourceRecord, observed: &Observed, grace: Duration) -> Step {
        let timing = Timing { aws_call_timeout: grace, grace, resync: grace };
        super::next(status, recorded, observed, &circumstances(timing, None))
    }

    fn recorded(arn: Option<&str>, age: u64) -> ResourceRecord {
        ResourceRecord { arn: arn.map(str::to_owned), age: Duration::from_secs(age), ..ResourceRecord::default() }
    }

    fn observed(ours: &[&str], shown: &[(&str, Sight)], deleted: &[&str]) -> Observed {
        Observed {
            ours: Some(ours.iter().map(ToString::to_string).collect()),
            shown: shown.iter().map(|(arn, sight)| ((*arn).to_owned(), *sight)).collect(),
            deleted: deleted.iter().map(ToString::to_string).collect(),
            ..Observed::default()
        }
    }

    fn arn(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn an_open_attempt_is_waited_out_before_anything_is_looked_at() {
        let attempt =
            InFlight { nonce: Uuid::nil(), due_in: Duration::from_secs(2), overdue: Duration::ZERO };
        let recorded = ResourceRecord { attempt: Some(attempt), ..recorded(None, 60) };
        let step = next(None, &recorded, &Observed::default(), GRACE);
        assert_eq!(step, Step::Wait(Waiting::Outcome(Duration::from_secs(12))));
    }

    #[test]
    fn what_is_recorded_in_status_and_tagged_is_deleted_one_by_one_and_each_is_confirmed() {
        let recorded = recorded(Some(A), 60);
        let step = |observed| next(Some(B), &recorded, &observed, GRACE);
        assert_eq!(step(Observed::default()), Step::Look);
        assert_eq!(step(observed(&[C], &[], &[])), Step::Get(arn(A)));
        assert_eq!(step(observed(&[C], &[(A, Sight::Ours)], &[])), Step::Delete(arn(A)));
        assert_eq!(step(observed(&[C], &[], &[A])), Step::Get(arn(A)));
        assert_eq!(step(observed(&[C], &[(A, Sight::Ours)], &[A])), Step::Wait(Waiting::Gone));
        let gone = [(A, Sight::Absent), (B, Sight::Absent)];
        assert_eq!(step(observed(&[C], &gone, &[A, B])), Step::Get(arn(C)));
        assert_eq!(step(observed(&[], &gone, &[A, B])), Step::Gone);
    }

    #[test]
    fn what_is_anothers_is_left_alone_and_what_lost_its_tags_only_if_no_record_names_it() {
        let recorded = recorded(Some(A), 60);
        let step = |shown: &[_]| next(None, &recorded, &observed(&[C], shown, &[]), GRACE);
        assert_eq!(step(&[(A, Sight::Foreign), (C, Sight::Foreign)]), Step::Gone);
        assert_eq!(step(&[(A, Sight::Foreign), (C, Sight::Untagged)]), Step::Gone);
        assert_eq!(step(&[(A, Sight::Untagged)]), Step::TagAgain(arn(A)));
    }

    #[test]
    fn what_was_just_made_and_is_not_shown_is_not_gone() {
        for deleted in [&[][..], &[A]] {
            let absent = observed(&[], &[(A, Sight::Absent)], deleted);
            let step = |age| next(None, &recorded(Some(A), age), &absent, GRACE);
            assert_eq!(step(3), Step::Wait(Waiting::Shown(Duration::from_secs(7))));
        }
    }

    #[test]
    fn an_absence_counts_only_if_we_asked_for_it_or_it_is_proved() {
        let absent = |deleted: &[&str]| observed(&[], &[(A, Sight::Absent)], deleted);
        let step = |recorded: &ResourceRecord, deleted: &[&str]| next(None, recorded, &absent(deleted), GRACE);
        let noted = |missing: Missing| ResourceRecord {
            missing: vec![Missing { arn: arn(A), ..missing }],
            ..recorded(Some(A), 60)
        };
        let waits = Step::Wait(Waiting::Missing(arn(A)));
        assert_eq!(step(&recorded(Some(A), 60), &[]), waits);
        assert_eq!(step(&recorded(Some(A), 60), &[A]), Step::Gone);
        let requested = Missing { deletion_requested: true, ..Missing::default() };
        assert_eq!(step(&noted(requested), &[]), Step::Gone);
        let unlisted = |unlisted_for| Missing { unlisted_for: Some(unlisted_for), ..Missing::default() };
        assert_eq!(step(&noted(unlisted(Duration::from_secs(1))), &[]), waits);
        assert_eq!(step(&noted(unlisted(GRACE)), &[]), Step::Gone);
    }

    #[test]
    fn what_is_recorded_elsewhere_or_of_another_installation_keeps_its_account() {
        let elsewhere = "arn:aws:ivs:us-west-2:1:stage/a";
        let step = next(None, &recorded(Some(elsewhere), 60), &Observed::default(), GRACE);
        assert_eq!(step, Step::Elsewhere(arn(elsewhere)));
        let other = observed(&[], &[(A, Sight::OtherInstallation)], &[]);
        assert_eq!(next(None, &recorded(Some(A), 60), &other, GRACE), Step::OtherInstallation(arn(A)));
        let unknown = observed(&[B], &[(A, Sight::Absent), (B, Sight::OtherInstallation)], &[A]);
        assert_eq!(next(None, &recorded(Some(A), 60), &unknown, GRACE), Step::Gone);
    }
}
