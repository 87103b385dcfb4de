//! Deletion of one kind of a user's resources, confirmed by reads.

use std::time::Duration;

use super::{
    DecisionContext, Error, Owner, Result, Wait,
    decide::{
        Observed, ObservedOwnership,
        delete::{DeletionStep, DeletionWait, next},
    },
    observe::observe,
};
use crate::{
    api::Reason,
    ivs::{self, Kind, Listed},
    messages,
    store::{Evidence, ResourceRecord, Resources},
};

/// The outcome of a pass that deletes one kind of resource.
#[derive(Debug, PartialEq, Eq)]
pub enum DeletionOutcome {
    /// AWS confirms that no resource of the user is left. These ARNs are recorded, but their tags or another
    /// record say that they belong to someone else; they were not touched.
    Gone(Vec<String>),
    /// Nothing can be done yet.
    Waiting(Wait),
}

/// Time until the next read of a deleted resource that AWS still returns.
const DELETION_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Deletes all resources of this kind that the user has: those recorded, and those found by tag, so that what
/// a crash left behind is deleted too. Each deletion is confirmed by a read. A resource that does not carry
/// the user's tags, or that another user's record names, is not touched (I2). `recorded`: what the database
/// knows about this kind. `listed`: the resources that the last resync listed with the user's tags.
///
/// # Errors
/// The first failed call; or the reason why a resource may not be deleted here.
pub async fn delete_all<K, S>(
    kind: &K,
    store: &S,
    context: &DecisionContext,
    owner: &Owner,
    recorded: ResourceRecord,
    status_arn: Option<&str>,
    listed: &[Listed],
) -> Result<DeletionOutcome>
where
    K: Kind,
    S: Resources + Evidence,
{
    let observed = Observed::default();
    Deletion { kind, store, context, owner, status_arn, listed, recorded, observed }.run().await
}

/// Deletes one late create: a resource of a user that was deleted before. Returns true once it is gone. A
/// resource with other tags, or that a record names, is not touched (I2).
///
/// # Errors
/// The first failed call.
pub async fn delete_late_create<K, S>(
    kind: &K,
    store: &S,
    context: &DecisionContext,
    owner: &Owner,
    arn: &str,
) -> Result<bool>
where
    K: Kind,
    S: Resources + Evidence,
{
    let observed = Observed { owned: Some(vec![arn.to_owned()]), ..Observed::default() };
    let (recorded, listed) = (ResourceRecord::default(), &[]);
    let deletion = Deletion { kind, store, context, owner, status_arn: None, listed, recorded, observed };
    Ok(matches!(deletion.run().await?, DeletionOutcome::Gone(_)))
}

/// The state of one pass.
struct Deletion<'a, K, S> {
    kind: &'a K,
    store: &'a S,
    context: &'a DecisionContext,
    owner: &'a Owner,
    status_arn: Option<&'a str>,
    /// The resources that the last resync listed with the user's tags.
    listed: &'a [Listed],
    /// The records in the database.
    recorded: ResourceRecord,
    /// The state of AWS.
    observed: Observed,
}

impl<K: Kind, S: Resources + Evidence> Deletion<'_, K, S> {
    /// Takes one step after another until a final one.
    async fn run(mut self) -> Result<DeletionOutcome> {
        let kind = K::KIND;
        loop {
            match next(self.status_arn, &self.recorded, &self.observed, self.context) {
                DeletionStep::Gone => return Ok(DeletionOutcome::Gone(self.foreign())),
                DeletionStep::Wait(event) => return Ok(DeletionOutcome::Waiting(self.wait_for(event))),
                DeletionStep::Braked(arn) => return Err(self.context.braked(kind, arn)),
                DeletionStep::RecordedElsewhere(arn) => {
                    return Err(self.context.recorded_elsewhere(kind, arn));
                }
                DeletionStep::OtherInstallation(arn) => return Err(Error::OtherInstallation { kind, arn }),
                DeletionStep::ListOwned => self.list_owned().await?,
                DeletionStep::Get(arn) => self.get(arn).await?,
                DeletionStep::RestoreTags(arn) => {
                    self.kind.tag(&arn, &self.owner.ownership_tags()).await?;
                    self.observed.ownership.insert(arn, ObservedOwnership::Owned);
                }
                DeletionStep::Delete(arn) => self.delete(arn).await?,
            }
        }
    }

    fn wait_for(&self, event: DeletionWait) -> Wait {
        let kind = K::KIND;
        let (wait, message) = match event {
            DeletionWait::CreateOutcome(remaining) => return Wait::for_create_outcome(kind, remaining),
            DeletionWait::NextList(arn) => {
                return Wait::for_next_list(kind, &arn, self.context.timing.resync);
            }
            DeletionWait::ConsistentReads(wait) => (wait, messages::account::not_returned_yet(kind)),
            DeletionWait::DeletionConfirmed => {
                (DELETION_POLL_INTERVAL, messages::deletion::still_returned(kind))
            }
        };
        Wait { wait, reason: Reason::Deleting, message }
    }

    /// Returns the ARNs that were not touched because they belong to someone else.
    fn foreign(self) -> Vec<String> {
        let is_foreign = |ownership: &ObservedOwnership| *ownership == ObservedOwnership::Foreign;
        let all = self.observed.ownership.into_iter();
        all.filter(|(_, ownership)| is_foreign(ownership)).map(|(arn, _)| arn).collect()
    }

    async fn list_owned(&mut self) -> ivs::Result<()> {
        let is_complete = self.context.are_all_known(&self.recorded);
        let owned = self.owner.list_owned(self.kind, self.listed, is_complete).await?;
        self.observed.owned = Some(owned.into_iter().map(|listed| listed.arn).collect());
        Ok(())
    }

    /// Returns true if a record names this ARN.
    fn is_recorded(&self, arn: &str) -> bool {
        [self.recorded.arn.as_deref(), self.status_arn].contains(&Some(arn))
    }

    async fn get(&mut self, arn: String) -> Result<()> {
        let (ownership, _) = observe(self.kind, self.store, self.owner, &self.recorded, &arn).await?;
        if ownership == ObservedOwnership::Foreign {
            tracing::warn!(arn, kind = %K::KIND, "not deleting a resource whose tags or record name another owner");
        }
        self.observed.ownership.insert(arn, ownership);
        Ok(())
    }

    /// Deletes one resource. The deletion of a recorded one is noted before the call, so that its absence is
    /// explained after a crash.
    async fn delete(&mut self, arn: String) -> Result<()> {
        if self.is_recorded(&arn) {
            self.store.note_deletion(self.owner.user, K::KIND, &arn, true).await?;
        }
        if let Err(error) = self.kind.delete(&arn).await {
            // AWS has refused: a later absence has another cause.
            if error.code.is_some() && self.is_recorded(&arn) {
                self.store.note_deletion(self.owner.user, K::KIND, &arn, false).await?;
            }
            return Err(error.into());
        }
        // The next read confirms the deletion.
        self.observed.ownership.remove(&arn);
        self.observed.deleted.insert(arn);
        Ok(())
    }
}
