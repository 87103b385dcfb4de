//! What to do next for one kind of a user's resources: pure, and read like the protocol in design.md.

use std::time::Duration;

use super::Owner;
use crate::{
    api::tags,
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
    match (&known.recorded.attempt, known.recorded.arn.as_deref().or(known.elsewhere)) {
        (None, Some(_)) if known.settled => Step::Keep,
        (_, Some(arn)) if known.recorded.attempt.is_none() => Step::Inspect(arn.to_owned()),
        (Some(attempt), _) if !attempt.due_in.is_zero() => Step::Wait(attempt.due_in.saturating_add(grace)),
        (Some(attempt), _) => Step::Look(attempt.clone()),
        (None, _) => Step::Create,
    }
}

/// Of what a look found under our name: the one to keep, and the others of ours, which go.
///
/// The one that is recorded stays, else the one that the open attempt made, else the first by ARN, so that whoever
/// looks comes to the same result.
pub(super) fn choose(
    owner: &Owner,
    recorded: Option<&str>,
    attempt: &OpenAttempt,
    found: Vec<Listed>,
) -> Option<(Listed, Vec<Listed>)> {
    let nonce = attempt.nonce.to_string();
    let mut ours: Vec<_> = found.into_iter().filter(|listed| owner.owns(&listed.tags)).collect();
    ours.sort_by_key(|listed| {
        let is_recorded = recorded == Some(listed.arn.as_str());
        let is_attempts = listed.tags.get(tags::ATTEMPT) == Some(&nonce);
        (!is_recorded, !is_attempts, listed.arn.clone())
    });
    let mut ours = ours.into_iter();
    Some((ours.next()?, ours.collect()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ivs::Tags;
    use crate::provision::world::owner;

    const GRACE: Duration = Duration::from_secs(10);

    fn attempt(due_in: u64) -> OpenAttempt {
        OpenAttempt { nonce: Uuid::from_u128(7), due_in: Duration::from_secs(due_in) }
    }

    fn step(arn: Option<&str>, attempt: Option<OpenAttempt>, elsewhere: Option<&str>, settled: bool) -> Step {
        let recorded = Recorded { arn: arn.map(str::to_owned), age: Duration::ZERO, attempt };
        next(&Known { recorded: &recorded, elsewhere, settled }, GRACE)
    }

    #[test]
    fn a_new_user_gets_a_create_and_no_look() {
        assert_eq!(step(None, None, None, false), Step::Create);
    }

    #[test]
    fn nothing_is_created_while_a_create_may_be_under_way() {
        assert_eq!(step(None, Some(attempt(3)), None, false), Step::Wait(Duration::from_secs(13)));
        assert_eq!(step(Some("a"), Some(attempt(3)), None, true), Step::Wait(Duration::from_secs(13)));
    }

    #[test]
    fn after_the_deadline_it_looks_before_it_creates() {
        assert_eq!(step(None, Some(attempt(0)), None, false), Step::Look(attempt(0)));
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
        let by_attempt = arns(choose(&owner(), None, &attempt(0), found()));
        assert_eq!(by_attempt, ("b".to_owned(), vec!["a".to_owned(), "c".to_owned()]));
        let by_record = arns(choose(&owner(), Some("c"), &attempt(0), found()));
        assert_eq!(by_record, ("c".to_owned(), vec!["b".to_owned(), "a".to_owned()]));
    }

    #[test]
    fn what_is_not_ours_is_neither_kept_nor_deleted() {
        let foreign = Listed { arn: "x".to_owned(), name: "todd".to_owned(), tags: Tags::new() };
        assert_eq!(choose(&owner(), None, &attempt(0), vec![foreign]), None);
    }
}
