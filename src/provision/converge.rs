//! One kind of a user's resources, from whatever there is to what the spec says.

use std::time::Duration;

use secrecy::SecretString;

use super::{
    Error, Owner, Result, Timing, Wait,
    decide::{Known, Step, next, rank},
    owner::tag_changes,
};
use crate::{
    api::{RecreatePolicy, ResourceKind, Status},
    ivs::{Kind, Listed, Live, Tags, changes},
    store::{AttemptEnd, Journal, OpenAttempt, Recorded, Resources},
};

/// What is wanted of one kind.
#[derive(Debug)]
pub struct Order<'a, K: Kind> {
    /// Whose it is to be.
    pub owner: &'a Owner,
    /// What the spec says of it.
    pub settings: &'a K::Settings,
    /// The user's own tags.
    pub tags: &'a Tags,
    /// What status says of it.
    pub status: Option<&'a K::Status>,
    /// Its ARN as the last sweep saw it by its tags.
    pub swept: Option<&'a str>,
    /// Whether status speaks of this generation, and nothing has cast doubt on it since.
    pub settled: bool,
    /// What to do when it is gone from AWS.
    pub recreate: RecreatePolicy,
    /// Whether somebody doubts that all is well: then what there is beside the one that is recorded is looked for too.
    pub doubted: bool,
}

impl<K: Kind> Order<'_, K> {
    /// What another record than the database says of its ARN.
    fn elsewhere(&self) -> Option<&str> {
        self.status.map(Status::arn).or(self.swept)
    }
}

/// What was done about one kind.
#[derive(Debug)]
pub enum Outcome<S> {
    /// It is as the spec says.
    Ready(Provisioned<S>),
    /// Nothing can be done just now.
    Waiting(Wait),
}

/// A resource that is as the spec says.
#[derive(Debug)]
pub struct Provisioned<S> {
    /// What goes into status.
    pub status: S,
    /// The stream key that came with it, if it was just made and has one.
    pub stream_key: Option<SecretString>,
    /// How it came to be so.
    pub change: Change,
}

/// How a resource came to be as the spec says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was so already.
    Kept,
    /// It was made.
    Created,
    /// It was found after an attempt whose outcome was unknown.
    Adopted,
    /// It was changed.
    Updated,
    /// The database named another one, which is gone or not ours.
    Corrected,
    /// The one before was gone from AWS; it was made again.
    Recreated,
}

/// How long to wait for another controller that is about to create the same thing.
const ELSEWHERE: Duration = Duration::from_secs(2);

/// Does for one kind what the spec says.
///
/// # Errors
/// What AWS or the database did not do. Whatever was made before that is recorded, or is found again by its attempt.
pub async fn converge<K, S>(
    kind: &K,
    store: &S,
    timing: Timing,
    order: &Order<'_, K>,
) -> Result<Outcome<K::Status>>
where
    K: Kind,
    S: Journal + Resources,
{
    let work = Work { kind, store, timing, order };
    let recorded = store.recorded(order.owner.user, K::KIND).await?;
    match next(&work.known(&recorded), timing.grace) {
        Step::Keep => work.keep(&recorded).await,
        Step::Wait(wait) => Ok(Outcome::Waiting(unknown_outcome(K::KIND, wait))),
        Step::Look(attempt) => work.resolve(&recorded, &attempt).await,
        Step::Inspect(arn) => work.inspect(&recorded, &arn).await,
        Step::Create => work.create(&recorded, Change::Created).await,
    }
}

pub(super) fn unknown_outcome(kind: ResourceKind, wait: Duration) -> Wait {
    let message = format!(
        "it is not known whether the last attempt to create the {kind} succeeded: waiting until it must have ended, then looking"
    );
    Wait { wait, reason: "OutcomeUnknown", message }
}

pub(super) fn created_elsewhere<S>(kind: ResourceKind) -> Outcome<S> {
    let message = format!("the {kind} is being created elsewhere");
    Outcome::Waiting(Wait { wait: ELSEWHERE, reason: "Progressing", message })
}

/// One kind being worked on.
pub(super) struct Work<'a, K: Kind, S> {
    pub(super) kind: &'a K,
    pub(super) store: &'a S,
    pub(super) timing: Timing,
    pub(super) order: &'a Order<'a, K>,
}

impl<K, S> Work<'_, K, S>
where
    K: Kind,
    S: Journal + Resources,
{
    fn known<'r>(&'r self, recorded: &'r Recorded) -> Known<'r> {
        Known { recorded, elsewhere: self.order.elsewhere(), settled: self.order.settled }
    }

    /// It is settled; only if status and database do not name the same one, it is looked at.
    async fn keep(&self, recorded: &Recorded) -> Result<Outcome<K::Status>> {
        match (self.order.status, recorded.arn.as_deref()) {
            (Some(status), Some(arn)) if status.arn() == arn => Ok(Outcome::Ready(Provisioned {
                status: status.clone(),
                stream_key: None,
                change: Change::Kept,
            })),
            (_, Some(arn)) => self.inspect(recorded, arn).await,
            (Some(status), None) => self.inspect(recorded, status.arn()).await,
            (None, None) => self.create(recorded, Change::Created).await,
        }
    }

    /// The outcome of an attempt is unknown: what there is of ours is adopted; else it made nothing, and is over.
    async fn resolve(&self, recorded: &Recorded, attempt: &OpenAttempt) -> Result<Outcome<K::Status>> {
        let ours = self.find_ours(recorded, None).await?;
        if let Some((keep, surplus)) = ours.split_first() {
            return self.adopt(recorded, keep, surplus).await;
        }
        self.store.end(attempt.nonce, AttemptEnd::GivenUp).await?;
        let recorded = Recorded { attempt: None, ..recorded.clone() };
        match recorded.arn.as_deref().or(self.order.elsewhere()) {
            Some(arn) => self.inspect(&recorded, arn).await,
            None => self.create(&recorded, Change::Created).await,
        }
    }

    /// Takes one of ours on, and deletes the others.
    pub(super) async fn adopt(
        &self,
        recorded: &Recorded,
        keep: &Listed,
        surplus: &[Listed],
    ) -> Result<Outcome<K::Status>> {
        let Some(live) = self.kind.get(&keep.arn).await? else { return Ok(self.not_shown_yet()) };
        // Recorded before the others go, so that whoever looks meanwhile keeps the same one.
        let outcome = self.update(recorded, live, Change::Adopted).await?;
        if matches!(outcome, Outcome::Ready(_)) {
            self.delete_surplus(surplus).await?;
        }
        Ok(outcome)
    }

    /// What there is of ours but for one that is known not to do, the one to keep first.
    pub(super) async fn find_ours(&self, recorded: &Recorded, but: Option<&str>) -> Result<Vec<Listed>> {
        let owner = self.order.owner;
        let mut found = self.kind.find(&owner.username).await?;
        // A list may still show what a Get does not.
        found.retain(|listed| owner.owns(&listed.tags) && but != Some(listed.arn.as_str()));
        if found.len() > 1 {
            let attempts = self.store.attempts(owner.user, K::KIND).await?;
            rank(&mut found, &self.known(recorded), &attempts);
        }
        Ok(found)
    }

    /// Deletes what is ours and one too many, but never what is recorded by now.
    async fn delete_surplus(&self, surplus: &[Listed]) -> Result<()> {
        if surplus.is_empty() {
            return Ok(());
        }
        let recorded = self.store.recorded(self.order.owner.user, K::KIND).await?.arn;
        for listed in surplus.iter().filter(|listed| recorded.as_ref() != Some(&listed.arn)) {
            tracing::warn!(arn = listed.arn, kind = %K::KIND, "a second resource of the same user is deleted");
            self.kind.delete(&listed.arn).await?;
        }
        Ok(())
    }

    fn not_shown_yet(&self) -> Outcome<K::Status> {
        let message = format!("AWS does not show the new {} yet", K::KIND);
        Outcome::Waiting(Wait { wait: self.timing.grace, reason: "Progressing", message })
    }

    /// Looks at the one that is known, and changes what differs.
    async fn inspect(&self, recorded: &Recorded, arn: &str) -> Result<Outcome<K::Status>> {
        match self.kind.get(arn).await? {
            Some(live) if self.order.owner.owns(&live.tags) => {
                self.seen(recorded).await?;
                let outcome = self.update(recorded, live, Change::Kept).await?;
                if self.order.doubted && matches!(outcome, Outcome::Ready(_)) {
                    self.remove_others(recorded, arn).await?;
                }
                Ok(outcome)
            }
            Some(live) if self.order.owner.may_own(&live.tags) => {
                self.seen(recorded).await?;
                self.tag_again(arn).await?;
                self.update(recorded, live, Change::Updated).await
            }
            Some(_) => self.replace_foreign(recorded, arn).await,
            None => self.miss(recorded, arn).await,
        }
    }

    /// Deletes what is ours beside the one that is recorded: a call that came late has made it.
    async fn remove_others(&self, recorded: &Recorded, arn: &str) -> Result<()> {
        let others = self.find_ours(recorded, Some(arn)).await?;
        self.delete_surplus(&others).await
    }

    /// The one that is recorded has lost its tags: the record brings them back.
    async fn tag_again(&self, arn: &str) -> Result<()> {
        tracing::warn!(arn, kind = %K::KIND, "its tags did not say any more whose it is: they are set again");
        Ok(self.kind.tag(arn, &self.order.owner.identity()).await?)
    }

    /// Takes the one that another record than the database names, if it is there and its tags do not say that it is
    /// another's.
    pub(super) async fn take_elsewhere(
        &self,
        recorded: &Recorded,
        but: &str,
    ) -> Result<Option<Outcome<K::Status>>> {
        let Some(arn) = self.order.elsewhere().filter(|arn| *arn != but) else { return Ok(None) };
        let owner = self.order.owner;
        let Some(live) = self.kind.get(arn).await?.filter(|live| owner.may_own(&live.tags)) else {
            return Ok(None);
        };
        if !owner.owns(&live.tags) {
            self.tag_again(arn).await?;
        }
        self.update(recorded, live, Change::Adopted).await.map(Some)
    }

    /// The one that is recorded is somebody else's: one of ours is taken instead, if there is one.
    async fn replace_foreign(&self, recorded: &Recorded, arn: &str) -> Result<Outcome<K::Status>> {
        if let Some(outcome) = self.take_elsewhere(recorded, arn).await? {
            return Ok(outcome);
        }
        match self.find_ours(recorded, Some(arn)).await?.split_first() {
            Some((keep, surplus)) => self.adopt(recorded, keep, surplus).await,
            None => Err(Error::Foreign { kind: K::KIND, arn: arn.to_owned() }),
        }
    }

    async fn update(
        &self,
        recorded: &Recorded,
        live: Live<K::Status>,
        change: Change,
    ) -> Result<Outcome<K::Status>> {
        let arn = live.status.arn().to_owned();
        let known = recorded.arn.as_deref();
        if known != Some(&arn) || recorded.attempt.is_some() {
            let (owner, resource) = (self.order.owner, live.status.clone().into());
            if !self.store.record(owner.user, &owner.username, recorded, &resource).await? {
                return Ok(created_elsewhere(K::KIND));
            }
        }
        let updated = self.apply_differences(&arn, &live).await?;
        let change = match change {
            _ if known.is_some_and(|known| known != arn) => Change::Corrected,
            Change::Kept if updated => Change::Updated,
            other => other,
        };
        Ok(Outcome::Ready(Provisioned { status: live.status, stream_key: None, change }))
    }

    /// Sends what differs, and nothing else; whether anything did.
    async fn apply_differences(&self, arn: &str, live: &Live<K::Status>) -> Result<bool> {
        let settings = changes(self.order.settings, &live.settings);
        if let Some(settings) = &settings {
            self.kind.update(arn, settings).await?;
        }
        let (set, remove) = tag_changes(self.order.tags, &live.tags);
        // Removing first leaves room for the new ones under AWS's limit.
        if !remove.is_empty() {
            self.kind.untag(arn, &remove).await?;
        }
        if !set.is_empty() {
            self.kind.tag(arn, &set).await?;
        }
        Ok(settings.is_some() || !set.is_empty() || !remove.is_empty())
    }
}
