//! What to do next for one kind of a user's resources: pure, and read like the protocol in design.md.

use std::time::Duration;

use super::Owner;
use crate::{
    api::{RecreatePolicy, tags},
    ivs::Listed,
    store::{OpenAttempt, Recorded},
};

/// What is known before anything is asked of AWS.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// What the database has.
    pub recorded: &'a Recorded,
    /// An ARN from another record: status, or the tags that the last sweep saw.
    pub elsewhere: Option<&'a str>,
    /// Whether all was seen to be as this generation of the spec says, and nothing has cast doubt on it since.
    pub settled: bool,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it is as it should be.
    Keep,
    /// A Create may be under way: wait until it must have ended, and AWS must show what it made.
    Wait(Duration),
    /// The outcome of a Create is unknown: look at what there is.
    Look(OpenAttempt),
    /// Look at the one that is known.
    Inspect(String),
    /// Nothing is there, and nothing can come: create.
    Create,
}

/// The step that what is known asks for.
pub(super) fn next(known: &Known<'_>, grace: Duration) -> Step {
    if let Some(attempt) = &known.recorded.attempt {
        return attempt.settles_in(grace).map_or_else(|| Step::Look(attempt.clone()), Step::Wait);
    }
    match known.recorded.arn.as_deref().or(known.elsewhere) {
        Some(_) if known.settled => Step::Keep,
        Some(arn) => Step::Inspect(arn.to_owned()),
        None => Step::Create,
    }
}

/// What to do about one that is known and that AWS does not show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It is the first time: note since when.
    Note,
    /// It may be shown again, as one that was just made is: wait.
    Wait(Duration),
    /// It is gone: look by tag for another of ours.
    Believe,
}

/// What it means that AWS does not show this one: one answer is not believed, nor is any within the grace after it.
pub(super) fn absence(arn: &str, recorded: &Recorded, grace: Duration) -> Absence {
    let Some(missing) = recorded.missing.as_ref().filter(|missing| missing.arn == arn) else {
        return Absence::Note;
    };
    match grace.saturating_sub(missing.age) {
        Duration::ZERO => Absence::Believe,
        left => Absence::Wait(left),
    }
}

/// What to do in place of one that is gone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replacement {
    /// Another of ours was found: adopt it, and delete the others.
    Adopt(Listed, Vec<Listed>),
    /// Make another.
    Recreate,
    /// Nothing: the policy says so.
    Stall,
}

/// What takes the place of one that is gone, given what a look found under our name.
pub(super) fn replacement(
    owner: &Owner,
    gone: &str,
    policy: RecreatePolicy,
    mut found: Vec<Listed>,
) -> Replacement {
    // A list may still show what a Get does not.
    found.retain(|listed| listed.arn != gone);
    match (choose(owner, None, None, found), policy) {
        (Some((keep, surplus)), _) => Replacement::Adopt(keep, surplus),
        (None, RecreatePolicy::Always) => Replacement::Recreate,
        (None, RecreatePolicy::Never) => Replacement::Stall,
    }
}

/// Of what a look found under our name: the one to keep, and the others of ours, which go.
///
/// The one that is recorded stays, else the one that the open attempt made, else the first by ARN, so that whoever
/// looks comes to the same result.
pub(super) fn choose(
    owner: &Owner,
    recorded: Option<&str>,
    attempt: Option<&OpenAttempt>,
    found: Vec<Listed>,
) -> Option<(Listed, Vec<Listed>)> {
    let nonce = attempt.map(|attempt| attempt.nonce.to_string());
    let mut ours: Vec<_> = found.into_iter().filter(|listed| owner.owns(&listed.tags)).collect();
    ours.sort_by_key(|listed| {
        let is_recorded = recorded == Some(listed.arn.as_str());
        let is_attempts = nonce.is_some() && listed.tags.get(tags::ATTEMPT) == nonce.as_ref();
        (!is_recorded, !is_attempts, listed.arn.clone())
    });
    let mut ours = ours.into_iter();
    Some((ours.next()?, ours.collect()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{ivs::Tags, provision::world::owner, store::Missing};

    const GRACE: Duration = Duration::from_secs(10);

    fn attempt(due_in: u64, overdue: u64) -> OpenAttempt {
        let (due_in, overdue) = (Duration::from_secs(due_in), Duration::from_secs(overdue));
        OpenAttempt { nonce: Uuid::from_u128(7), due_in, overdue }
    }

    fn step(arn: Option<&str>, attempt: Option<OpenAttempt>, elsewhere: Option<&str>, settled: bool) -> Step {
        let recorded = Recorded { arn: arn.map(str::to_owned), attempt, ..Recorded::default() };
        next(&Known { recorded: &recorded, elsewhere, settled }, GRACE)
    }

    #[test]
    fn a_new_user_gets_a_create_and_no_look() {
        assert_eq!(step(None, None, None, false), Step::Create);
    }

    #[test]
    fn nothing_is_created_while_a_create_may_be_under_way() {
        let wait = |seconds| Step::Wait(Duration::from_secs(seconds));
        assert_eq!(step(None, Some(attempt(3, 0)), None, false), wait(13));
        assert_eq!(step(Some("a"), Some(attempt(3, 0)), None, true), wait(13));
        assert_eq!(step(None, Some(attempt(0, 0)), None, false), wait(10));
        assert_eq!(step(None, Some(attempt(0, 4)), None, false), wait(6));
    }

    #[test]
    fn after_the_deadline_and_the_grace_it_looks_before_it_creates() {
        assert_eq!(step(None, Some(attempt(0, 10)), None, false), Step::Look(attempt(0, 10)));
    }

    #[test]
    fn what_is_settled_is_left_alone() {
        assert_eq!(step(Some("a"), None, Some("a"), true), Step::Keep);
    }

    #[test]
    fn what_is_recorded_anywhere_is_inspected_and_not_made_again() {
        assert_eq!(step(Some("a"), None, None, false), Step::Inspect("a".to_owned()));
        assert_eq!(step(None, None, Some("b"), false), Step::Inspect("b".to_owned()));
        assert_eq!(step(Some("a"), None, Some("b"), false), Step::Inspect("a".to_owned()));
    }

    #[test]
    fn one_that_is_not_shown_is_believed_gone_after_the_grace_and_only_if_it_is_that_one() {
        let absence_of_a = |missing: Option<(&str, u64)>| {
            let missing =
                missing.map(|(arn, age)| Missing { arn: arn.to_owned(), age: Duration::from_secs(age) });
            absence("a", &Recorded { missing, ..Recorded::default() }, GRACE)
        };
        assert_eq!(absence_of_a(None), Absence::Note);
        assert_eq!(absence_of_a(Some(("another", 60))), Absence::Note);
        assert_eq!(absence_of_a(Some(("a", 0))), Absence::Wait(GRACE));
        assert_eq!(absence_of_a(Some(("a", 4))), Absence::Wait(Duration::from_secs(6)));
        assert_eq!(absence_of_a(Some(("a", 10))), Absence::Believe);
    }

    #[test]
    fn in_place_of_one_that_is_gone_another_is_adopted_else_the_policy_decides() {
        let replaced = |policy, found| replacement(&owner(), "gone", policy, found);
        for policy in [RecreatePolicy::Always, RecreatePolicy::Never] {
            let found = vec![listed("gone", 1), listed("b", 2), listed("a", 3)];
            assert_eq!(replaced(policy, found), Replacement::Adopt(listed("a", 3), vec![listed("b", 2)]));
        }
        let still_listed = || vec![listed("gone", 1)];
        assert_eq!(replaced(RecreatePolicy::Always, still_listed()), Replacement::Recreate);
        assert_eq!(replaced(RecreatePolicy::Never, still_listed()), Replacement::Stall);
    }

    fn listed(arn: &str, nonce: u128) -> Listed {
        let tags = owner().tags(Uuid::from_u128(nonce), &Tags::new());
        Listed { arn: arn.to_owned(), name: "todd".to_owned(), tags }
    }

    #[test]
    fn one_is_kept_and_the_others_go() {
        let found = || vec![listed("a", 1), listed("b", 7), listed("c", 2)];
        let arns = |chosen: Option<(Listed, Vec<Listed>)>| {
            let (keep, surplus) = chosen.expect("one");
            (keep.arn, surplus.into_iter().map(|listed| listed.arn).collect::<Vec<_>>())
        };
        let by_attempt = arns(choose(&owner(), None, Some(&attempt(0, 10)), found()));
        assert_eq!(by_attempt, ("b".to_owned(), vec!["a".to_owned(), "c".to_owned()]));
        let by_record = arns(choose(&owner(), Some("c"), Some(&attempt(0, 10)), found()));
        assert_eq!(by_record, ("c".to_owned(), vec!["b".to_owned(), "a".to_owned()]));
    }

    #[test]
    fn what_is_not_ours_is_neither_kept_nor_deleted() {
        let foreign = Listed { arn: "x".to_owned(), name: "todd".to_owned(), tags: Tags::new() };
        assert_eq!(choose(&owner(), None, Some(&attempt(0, 10)), vec![foreign]), None);
    }
}
