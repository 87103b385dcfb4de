//! One kind of a user's resources, from whatever there is to what the spec says.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    Differences, Error, Owner, Result, Timing, Wait,
    decide::{
        Observed, Sight,
        provide::{Step, Waiting, Wanted, look_in, next, rank},
    },
};
use crate::{
    api::{RecreatePolicy, ResourceKind, Status},
    ivs::{Kind, Tags},
    store::{AttemptEnd, Edit, Journal, Missing, Recorded, Resources, Unsettled},
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
    /// Whether status or the last sweep has known the user before.
    pub known: bool,
    /// Whether status speaks of this generation, and nothing has cast doubt on it since.
    pub settled: bool,
    /// What to do when it is gone from AWS.
    pub recreate: RecreatePolicy,
    /// Whether somebody doubts that all is well: then what there is beside the one that is recorded is looked for too.
    pub doubted: bool,
}

impl<K: Kind> Order<'_, K> {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            status: self.status.map(Status::arn),
            swept: self.swept,
            known: self.known,
            settled: self.settled,
            doubted: self.doubted,
            recreate: self.recreate,
        }
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
    /// Whether AWS showed it in this pass, or made it: what belongs to it is compared with AWS then, too.
    pub observed: bool,
    /// How it came to be so.
    pub change: Change,
    /// When to look whether what was changed has stayed: an older change may yet land.
    pub look_in: Option<Duration>,
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
    /// It was changed again and again, and does not stay so: it is left as it is.
    Undone,
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
    let recorded = store.recorded(order.owner.user, K::KIND).await?;
    let before = recorded.arn.clone();
    let (observed, seen) = (Observed::default(), BTreeMap::new());
    Work { kind, store, timing, order, before, recorded, observed, seen, done: Change::Kept }.run().await
}

fn waiting<K: Kind>(waiting: Waiting, grace: Duration) -> Wait {
    let kind = K::KIND;
    match waiting {
        Waiting::Outcome(left) => unknown_outcome(kind, left),
        Waiting::Missing(arn, left) => Wait {
            wait: left,
            reason: "ResourceMissing",
            message: format!("AWS does not show the {kind} {arn}: waiting, then looking again"),
        },
        Waiting::Shown => Wait {
            wait: grace,
            reason: "Progressing",
            message: format!("AWS does not show the new {kind} yet"),
        },
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

/// One that AWS has shown in this pass.
struct Seen<K: Kind> {
    status: K::Status,
    differences: Differences<K>,
}

/// One kind being worked on: what is wanted, and what is known so far.
pub(super) struct Work<'a, K: Kind, S> {
    pub(super) kind: &'a K,
    pub(super) store: &'a S,
    pub(super) timing: Timing,
    pub(super) order: &'a Order<'a, K>,
    /// The ARN that was recorded when the work began.
    before: Option<String>,
    /// What the database has.
    pub(super) recorded: Recorded,
    /// What AWS has shown.
    observed: Observed,
    /// Those that it has shown, by ARN.
    seen: BTreeMap<String, Seen<K>>,
    /// How the resource came to be so, as far as that is known.
    done: Change,
}

impl<K, S> Work<'_, K, S>
where
    K: Kind,
    S: Journal + Resources,
{
    /// Takes one step after another, until the answer is an end.
    async fn run(mut self) -> Result<Outcome<K::Status>> {
        let (user, grace) = (self.order.owner.user, self.timing.grace);
        loop {
            match next(&self.order.wanted(), &self.recorded, &self.observed, grace) {
                Step::Ready(arn) => return Ok(self.ready(&arn)),
                Step::Wait(on) => return Ok(Outcome::Waiting(waiting::<K>(on, grace))),
                Step::Create(change) => return self.create(change).await,
                Step::Foreign(arn) => return Err(Error::Foreign { kind: K::KIND, arn }),
                Step::Gone(arn) => return Err(Error::Gone { kind: K::KIND, arn }),
                Step::Get(arn) => self.get(arn).await?,
                Step::Look => self.look().await?,
                Step::GiveUp(nonce) => {
                    self.store.end(nonce, AttemptEnd::GivenUp).await?;
                    self.recorded.attempt = None;
                }
                Step::NoteMissing(arn) => {
                    self.store.note_missing(user, K::KIND, &arn).await?;
                    tracing::warn!(arn, kind = %K::KIND, "AWS does not show it: it is looked for again after the grace");
                    self.recorded.missing = Some(Missing { arn, age: Duration::ZERO });
                }
                Step::NoteSeen => {
                    self.store.note_seen(user, K::KIND).await?;
                    self.recorded.missing = None;
                }
                Step::Record(arn) if self.record(&arn).await? => {}
                Step::Edit(arn) if self.edit(&arn).await? => {}
                Step::Record(_) | Step::Edit(_) => return Ok(created_elsewhere(K::KIND)),
                Step::EndEdit(nonce) => {
                    self.store.end_edit(nonce).await?;
                    self.recorded.edit = None;
                }
                Step::LeaveEdit(nonce) => {
                    self.store.end_edit(nonce).await?;
                    self.recorded.edit = None;
                    self.observed.differing.clear();
                    self.done = Change::Undone;
                }
                Step::Delete(arn) => self.delete_surplus(arn).await?,
            }
        }
    }

    /// It is as the spec says.
    fn ready(&self, arn: &str) -> Outcome<K::Status> {
        let shown = self.seen.get(arn).map(|seen| &seen.status);
        let Some(status) = shown.or(self.order.status) else { return created_elsewhere(K::KIND) };
        let is_another = self.before.as_ref().is_some_and(|before| before != arn);
        let change = if is_another { Change::Corrected } else { self.done };
        let look_in = self.recorded.edit.as_ref().and_then(|edit| look_in(edit, self.timing.grace));
        let (status, observed) = (status.clone(), shown.is_some());
        Outcome::Ready(Provisioned { status, stream_key: None, observed, change, look_in })
    }

    /// Asks for one.
    async fn get(&mut self, arn: String) -> Result<()> {
        let live = self.kind.get(&arn).await?;
        let sight = Sight::of(self.order.owner, live.as_ref().map(|live| &live.tags));
        if let Some(live) = live {
            let differences = Differences::between(self.order, &live);
            if !differences.is_empty() {
                self.observed.differing.insert(arn.clone());
            }
            self.seen.insert(arn.clone(), Seen { status: live.status, differences });
        }
        self.observed.shown.insert(arn, sight);
        Ok(())
    }

    /// Lists what there is of ours, the one to keep first.
    async fn look(&mut self) -> Result<()> {
        let owner = self.order.owner;
        let mut found = owner.find(self.kind).await?;
        if found.len() > 1 {
            let attempts = self.store.attempts(owner.user, K::KIND).await?;
            rank(&mut found, &self.order.wanted(), &self.recorded, &attempts);
        }
        self.observed.ours = Some(found.into_iter().map(|listed| listed.arn).collect());
        Ok(())
    }

    /// Records one that was found; false when somebody else was faster.
    async fn record(&mut self, arn: &str) -> Result<bool> {
        let Some(seen) = self.seen.get(arn) else { return Ok(false) };
        let (owner, resource) = (self.order.owner, seen.status.clone().into());
        if !self.store.record(owner.user, &owner.username, &self.recorded, &resource).await? {
            return Ok(false);
        }
        if self.observed.ours.iter().flatten().any(|found| found == arn) {
            self.done = Change::Adopted;
        }
        let (edit, age) = (self.recorded.edit.take(), Duration::ZERO);
        self.recorded = Recorded { arn: Some(arn.to_owned()), age, edit, ..Recorded::default() };
        Ok(true)
    }

    /// Deletes what is ours and one too many, but never what is recorded by now.
    async fn delete_surplus(&mut self, arn: String) -> Result<()> {
        let now = self.store.recorded(self.order.owner.user, K::KIND).await?;
        if now.arn.as_ref() != Some(&arn) {
            tracing::warn!(arn, kind = %K::KIND, "a second resource of the same user is deleted");
            self.kind.delete(&arn).await?;
        }
        self.observed.deleted.insert(arn);
        Ok(())
    }

    /// Sends what differs, and nothing else; false when the user is gone. It is noted first: an older change may land
    /// after this one, so that it is looked at once more.
    async fn edit(&mut self, arn: &str) -> Result<bool> {
        let Some(seen) = self.seen.get(arn) else { return Ok(false) };
        let (user, lasts, begun) = (self.order.owner.user, self.timing.change_lasts(), Instant::now());
        // Of what was settled, only a look can have found that it differs.
        let before = self.recorded.edit.as_ref().filter(|_| self.order.settled);
        let repeats = before.map_or(0, |before| before.repeats.saturating_add(1));
        let Some(noted) = self.store.begin_edit(user, K::KIND, lasts, repeats).await? else {
            return Ok(false);
        };
        let sent = seen.differences.send(self.kind, arn).await;
        // Who slept, or waited long for the budget, has changed it later than was noted: somebody may have looked meanwhile.
        let noted = if begun.elapsed() < lasts {
            Some(noted)
        } else {
            self.store.begin_edit(user, K::KIND, lasts, repeats).await.map_err(Error::Unnoted)?
        };
        sent?;
        let note = |nonce| Unsettled::until(nonce, lasts, Duration::ZERO);
        self.recorded.edit = noted.map(|nonce| Edit { note: note(nonce), repeats });
        self.observed.differing.remove(arn);
        if self.done == Change::Kept {
            self.done = Change::Updated;
        }
        Ok(true)
    }
}
