//! What to do next for one kind of a user's resources: pure, and read like the protocol in design.md.

use std::time::Duration;

use uuid::Uuid;

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

/// Of several that are ours, the one to keep comes first: the one that the database has, else the one that another
/// record has, else the one of the oldest attempt, else the first by ARN. So whoever looks comes to the same result.
pub(super) fn rank(ours: &mut [Listed], known: &Known<'_>, attempts: &[Uuid]) {
    let age = |listed: &Listed| {
        let nonce = listed.tags.get(tags::ATTEMPT);
        attempts.iter().position(|attempt| Some(&attempt.to_string()) == nonce).unwrap_or(usize::MAX)
    };
    ours.sort_by_cached_key(|listed| {
        let is_in = |record: Option<&str>| record == Some(listed.arn.as_str());
        let recorded = is_in(known.recorded.arn.as_deref());
        (!recorded, !is_in(known.elsewhere), age(listed), listed.arn.clone())
    });
}

#[cfg(test)]
mod tests {
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

    fn listed(arn: &str, nonce: u128) -> Listed {
        let tags = owner().tags(Uuid::from_u128(nonce), &Tags::new());
        Listed { arn: arn.to_owned(), name: "todd".to_owned(), tags }
    }

    fn ranked(recorded: Option<&str>, elsewhere: Option<&str>, attempts: &[u128]) -> Vec<String> {
        let recorded = Recorded { arn: recorded.map(str::to_owned), ..Recorded::default() };
        let known = Known { recorded: &recorded, elsewhere, settled: false };
        let attempts: Vec<_> = attempts.iter().copied().map(Uuid::from_u128).collect();
        let mut ours = vec![listed("c", 2), listed("b", 7), listed("a", 1)];
        rank(&mut ours, &known, &attempts);
        ours.into_iter().map(|listed| listed.arn).collect()
    }

    #[test]
    fn the_recorded_one_is_kept_else_the_one_of_the_oldest_attempt() {
        assert_eq!(ranked(Some("c"), Some("b"), &[7, 1, 2]), ["c", "b", "a"]);
        assert_eq!(ranked(None, Some("c"), &[7, 1, 2]), ["c", "b", "a"]);
        assert_eq!(ranked(None, None, &[7, 2, 1]), ["b", "c", "a"]);
        assert_eq!(ranked(None, None, &[]), ["a", "b", "c"], "the journal was lost");
    }
}
