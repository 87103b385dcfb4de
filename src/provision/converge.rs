//! One kind of a user's resources, from whatever there is to what the spec says.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Circumstances, Differences, Error, Owner, Result, Wait,
    decide::{
        Observed, Sight,
        provide::{Step, Waiting, Wanted, is_left, look_in, next, rank},
    },
    orphan,
};
use crate::{
    api::{RecreatePolicy, ResourceKind, Status, tags},
    ivs::{Kind, Listed, Live, Tags},
    store::{
        AttemptEnd, PendingUpdate, Journal, OrphanChanges, OrphanReason, Orphans, ResourceRecord, Resources, InFlight,
    },
};

/// What is wanted of one kind.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer of its own, and any of them may be true with any other"
)]
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
    /// What the last resync saw with the user's tags.
    pub listed: Vec<Listed>,
    /// Whether status or the last sweep has known the user before.
    pub known: bool,
    /// Whether status speaks of this generation, and nothing has cast doubt on it since.
    pub settled: bool,
    /// True if status says that this generation was sent already, so that a difference is drift.
    pub sent: bool,
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
            sent: self.sent,
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
    /// The settings and tags that AWS does not show as the spec says, though they were sent.
    pub drift: Option<Drift>,
}

/// Settings and tags that AWS does not show as the spec says, though they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Their names.
    pub fields: String,
    /// Time until they are sent again; None once they were sent often enough.
    pub again_in: Option<Duration>,
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
    circumstances: &Circumstances,
    order: &Order<'_, K>,
) -> Result<Outcome<K::Status>>
where
    K: Kind,
    S: Journal + Resources + Orphans,
{
    let recorded = store.recorded(order.owner.user, K::KIND).await?;
    let before = recorded.arn.clone();
    let (observed, seen) = (Observed::default(), BTreeMap::new());
    let (done, stream_key) = (Change::Kept, None);
    let work = Work { kind, store, circumstances, order, before, recorded, observed, seen, done, stream_key };
    work.run().await
}

fn waiting<K: Kind>(waiting: Waiting, circumstances: &Circumstances) -> Wait {
    let kind = K::KIND;
    match waiting {
        Waiting::Outcome(left) => unknown_outcome(kind, left),
        Waiting::Missing(arn) => resource_missing(kind, &arn, circumstances.timing.resync),
        Waiting::Shown => Wait {
            wait: circumstances.timing.grace,
            reason: crate::api::Reason::Progressing,
            message: format!("AWS does not show the new {kind} yet"),
        },
    }
}

/// Minimum time until a missing resource is looked at again, however short the resync is.
const MIN_WAIT: Duration = Duration::from_secs(1);

/// The wait for the next complete list, which shows a missing resource again or proves that it is gone.
pub(super) fn resource_missing(kind: ResourceKind, arn: &str, resync: Duration) -> Wait {
    let message = format!(
        "AWS does not show the {kind} {arn}, and the operator did not delete it: it counts as gone when two complete lists, a resync apart, do not show it either"
    );
    Wait { wait: resync.max(MIN_WAIT), reason: crate::api::Reason::ResourceMissing, message }
}

pub(super) fn unknown_outcome(kind: ResourceKind, wait: Duration) -> Wait {
    let message = format!(
        "it is not known whether the last attempt to create the {kind} succeeded: waiting until it must have ended, then looking"
    );
    Wait { wait, reason: crate::api::Reason::OutcomeUnknown, message }
}

pub(super) fn created_elsewhere<S>(kind: ResourceKind) -> Outcome<S> {
    let message = format!("the {kind} is being created elsewhere");
    Outcome::Waiting(Wait { wait: ELSEWHERE, reason: crate::api::Reason::Progressing, message })
}

/// Asks AWS for one by its ARN: what its tags and the records say of it, and the resource where it is there.
pub(super) async fn look_at<K: Kind, S: Resources>(
    kind: &K,
    store: &S,
    owner: &Owner,
    recorded: &ResourceRecord,
    arn: &str,
) -> Result<(Sight, Option<Live<K::Status>>)> {
    let live = kind.get(arn).await?;
    let sight = Sight::of(owner, live.as_ref().map(|live| &live.tags));
    // What another record names is another's, whatever the tags say.
    let is_foreign = sight != Sight::Absent
        && recorded.arn.as_deref() != Some(arn)
        && store.is_anothers(owner.user, arn).await?;
    Ok((if is_foreign { Sight::Foreign } else { sight }, live))
}

/// One that AWS has shown in this pass.
struct Seen<K: Kind> {
    live: Live<K::Status>,
    differences: Differences<K>,
}

/// One kind being worked on: what is wanted, and what is known so far.
pub(super) struct Work<'a, K: Kind, S> {
    pub(super) kind: &'a K,
    pub(super) store: &'a S,
    pub(super) circumstances: &'a Circumstances,
    pub(super) order: &'a Order<'a, K>,
    /// The ARN that was recorded when the work began.
    before: Option<String>,
    /// What the database has.
    pub(super) recorded: ResourceRecord,
    /// What AWS has shown.
    observed: Observed,
    /// Those that it has shown, by ARN.
    seen: BTreeMap<String, Seen<K>>,
    /// How the resource came to be so, as far as that is known.
    done: Change,
    /// The stream key that came with it, if this pass has made it.
    stream_key: Option<SecretString>,
}

impl<K, S> Work<'_, K, S>
where
    K: Kind,
    S: Journal + Resources + Orphans,
{
    /// Takes one step after another, until the answer is an end.
    async fn run(mut self) -> Result<Outcome<K::Status>> {
        let kind = K::KIND;
        loop {
            match next(&self.order.wanted(), &self.recorded, &self.observed, self.circumstances) {
                Step::Ready(arn) => return Ok(self.ready(&arn, None)),
                Step::DriftPersists(arn) => return Ok(self.ready(&arn, self.drift(&arn))),
                Step::Wait(on) => return Ok(Outcome::Waiting(waiting::<K>(on, self.circumstances))),
                Step::Foreign(arn) => return Err(Error::Foreign { kind, arn }),
                Step::Gone(arn) => return Err(Error::Gone { kind, arn }),
                Step::Braked(arn) => return Err(self.circumstances.braked(kind, arn)),
                Step::Elsewhere(arn) => return Err(self.circumstances.elsewhere(kind, arn)),
                Step::OtherInstallation(arn) => return Err(Error::OtherInstallation { kind, arn }),
                Step::Create(change) => {
                    if let Some(outcome) = self.create(change).await? {
                        return Ok(outcome);
                    }
                }
                Step::Get(arn) => self.get(arn).await?,
                Step::Look => self.look().await?,
                Step::GiveUp(nonce) => {
                    self.store.end(nonce, AttemptEnd::GivenUp).await?;
                    self.recorded.attempt = None;
                }
                Step::Record(arn) if self.record(&arn).await? => {}
                Step::Edit(arn) if self.edit(&arn).await? => {}
                Step::Record(_) | Step::Edit(_) => return Ok(created_elsewhere(kind)),
                Step::EndEdit(nonce) => {
                    self.store.end_update(nonce).await?;
                    self.recorded.pending_update = None;
                }
                Step::DeleteDuplicate(arn) => self.delete_duplicate(arn).await?,
            }
        }
    }

    /// It is there, and as the spec says but for this drift.
    fn ready(&self, arn: &str, drift: Option<Drift>) -> Outcome<K::Status> {
        let shown = self.seen.get(arn).map(|seen| &seen.live.status);
        let Some(status) = shown.or(self.order.status).cloned() else { return created_elsewhere(K::KIND) };
        let is_another = self.before.as_ref().is_some_and(|before| before != arn);
        let change = match self.done {
            Change::Created | Change::Recreated => self.done,
            _ if is_another => Change::Corrected,
            done => done,
        };
        let grace = self.circumstances.timing.grace;
        let look_in = self.recorded.pending_update.as_ref().and_then(|edit| look_in(edit, grace));
        let (stream_key, observed) = (self.stream_key.clone(), self.seen.contains_key(arn));
        Outcome::Ready(Provisioned { status, stream_key, observed, change, look_in, drift })
    }

    /// The drift of one that was sent, and when it is sent again.
    fn drift(&self, arn: &str) -> Option<Drift> {
        let fields = self.seen.get(arn)?.differences.fields();
        let grace = self.circumstances.timing.grace;
        let edit = self.recorded.pending_update.as_ref().filter(|edit| !is_left(edit));
        Some(Drift { fields, again_in: edit.and_then(|edit| look_in(edit, grace)) })
    }

    /// Asks for one.
    async fn get(&mut self, arn: String) -> Result<()> {
        let (sight, live) = look_at(self.kind, self.store, self.order.owner, &self.recorded, &arn).await?;
        if let Some(live) = live {
            self.see(&arn, live);
        }
        self.observed.shown.insert(arn, sight);
        Ok(())
    }

    /// Compares one, as AWS shows it, with what is wanted.
    fn see(&mut self, arn: &str, live: Live<K::Status>) {
        let differences = Differences::between(self.order, &live);
        if differences.is_empty() {
            self.observed.differing.remove(arn);
        } else {
            self.observed.differing.insert(arn.to_owned());
        }
        self.seen.insert(arn.to_owned(), Seen { live, differences });
    }

    /// This pass has made one: it is recorded, and compared with what is wanted as AWS's answer shows it.
    pub(super) fn made(&mut self, live: Live<K::Status>, stream_key: Option<SecretString>, change: Change) {
        let arn = live.status.arn().to_owned();
        self.see(&arn, live);
        self.observed.shown.insert(arn.clone(), Sight::Ours);
        self.observed.ours.get_or_insert_with(|| vec![arn.clone()]);
        self.recorded = ResourceRecord { arn: Some(arn), ..ResourceRecord::default() };
        (self.stream_key, self.done) = (stream_key, change);
    }

    /// Lists what there is of ours, the one to keep first.
    async fn look(&mut self) -> Result<()> {
        let owner = self.order.owner;
        let mut found = owner.find(self.kind, &self.order.listed).await?;
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
        let (owner, resource) = (self.order.owner, seen.live.status.clone().into());
        if !self.store.record(owner.user, &owner.username, &self.recorded, &resource).await? {
            return Ok(false);
        }
        if self.observed.ours.iter().flatten().any(|found| found == arn) {
            self.done = Change::Adopted;
        }
        let mut recorded = std::mem::take(&mut self.recorded);
        recorded.former = match recorded.former.iter().position(|former| former == arn) {
            Some(place) => recorded.former.drain(..place).collect(),
            None => recorded.former.into_iter().chain(recorded.arn).collect(),
        };
        let (edit, former) = (recorded.pending_update, recorded.former);
        self.recorded = ResourceRecord { arn: Some(arn.to_owned()), pending_update: edit, former, ..ResourceRecord::default() };
        Ok(true)
    }

    /// Deletes one beside the one to keep, if our journal made it and nobody uses it; else it goes on the orphan list. Never
    /// one that is recorded by now.
    async fn delete_duplicate(&mut self, arn: String) -> Result<()> {
        let user = self.order.owner.user;
        let now = self.store.recorded(user, K::KIND).await?;
        if now.arn.as_ref() != Some(&arn) && !self.is_deletable(&arn).await? {
            self.list_duplicate(&arn).await?;
        }
        self.observed.deleted.insert(arn);
        Ok(())
    }

    /// Deletes a duplicate that our journal made; false where it did not, or where somebody uses it.
    async fn is_deletable(&self, arn: &str) -> Result<bool> {
        let attempt = self.seen.get(arn).and_then(|seen| seen.live.tags.get(tags::ATTEMPT));
        let attempts = self.store.attempts(self.order.owner.user, K::KIND).await?;
        if !attempts.iter().any(|nonce| Some(&nonce.to_string()) == attempt) {
            return Ok(false);
        }
        tracing::warn!(arn, kind = %K::KIND, "a second resource of the same user is deleted, unless somebody uses it");
        Ok(self.kind.delete_if_idle(arn).await?)
    }

    async fn list_duplicate(&self, arn: &str) -> Result<()> {
        let Some(seen) = self.seen.get(arn) else { return Ok(()) };
        tracing::warn!(arn, kind = %K::KIND, "a second resource of the same user goes on the orphan list");
        let (name, tags) = (self.order.owner.username.clone(), seen.live.tags.clone());
        let listed = Listed { arn: arn.to_owned(), name, tags, updated_at: None };
        let added = vec![orphan(K::KIND, &listed, OrphanReason::Duplicate)];
        Ok(self.store.change_orphans(&OrphanChanges { added, ..OrphanChanges::default() }).await?)
    }

    /// Sends what differs, and nothing else; false when the user is gone. It is noted first: an older change may land
    /// after this one, so that it is looked at once more. AWS's answer shows whether the settings are as asked.
    async fn edit(&mut self, arn: &str) -> Result<bool> {
        let Some(seen) = self.seen.get(arn) else { return Ok(false) };
        let (user, begun) = (self.order.owner.user, Instant::now());
        let lasts = self.circumstances.timing.change_lasts();
        let repeats = self.repeats();
        let Some(noted) = self.store.begin_update(user, K::KIND, lasts, repeats).await? else {
            return Ok(false);
        };
        let sent = seen.differences.send(self.kind, arn).await;
        // Who slept, or waited long for the budget, has changed it later than was noted: somebody may have looked meanwhile.
        let noted = if begun.elapsed() < lasts {
            Some(noted)
        } else {
            self.store.begin_update(user, K::KIND, lasts, repeats).await.map_err(Error::Unnoted)?
        };
        let settings = sent?;
        let note = |nonce| InFlight::until(nonce, lasts, Duration::ZERO);
        self.recorded.pending_update = noted.map(|nonce| PendingUpdate { in_flight: note(nonce), repeats });
        self.confirm(arn, settings);
        if self.done == Change::Kept {
            self.done = Change::Updated;
        }
        Ok(true)
    }

    /// The number of times in a row that what was sent had not stayed, with this one.
    fn repeats(&self) -> u32 {
        let before = self.recorded.pending_update.as_ref().filter(|_| self.order.sent);
        before.map_or(0, |before| before.repeats.saturating_add(1))
    }

    /// Compares what was sent with the settings in AWS's answer, where there is one. Tags have none: they count as set.
    fn confirm(&mut self, arn: &str, settings: Option<Value>) {
        let Some(Seen { mut live, differences }) = self.seen.remove(arn) else { return };
        differences.apply_tags(&mut live.tags);
        if let Some(settings) = settings {
            live.settings = settings;
            self.see(arn, live);
        } else {
            self.observed.differing.remove(arn);
            let differences = Differences::default();
            self.seen.insert(arn.to_owned(), Seen { live, differences });
        }
        if self.observed.differing.contains(arn) {
            self.observed.unconfirmed.insert(arn.to_owned());
        }
    }
}
