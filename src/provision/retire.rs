//! Taking one kind of a user's resources away, and seeing that it is gone.

use std::time::Duration;

use super::{
    Circumstances, Error, Owner, Result, Wait,
    converge::{look_at, resource_missing},
    decide::{
        Observed, Sight,
        retire::{Step, Waiting, next},
    },
};
use crate::{
    ivs::{self, Kind, Listed},
    store::{Evidence, ResourceRecord, Resources},
};

/// What became of the resources of one kind.
#[derive(Debug, PartialEq, Eq)]
pub enum Retirement {
    /// AWS says that none is left, but for these ARNs: a record names them, and their tags say that they are another's.
    Gone(Vec<String>),
    /// Nothing can be done just now.
    Waiting(Wait),
}

/// How soon to look again at one that AWS still shows after its deletion.
const STILL_SHOWN: Duration = Duration::from_secs(1);

/// Deletes all resources of this kind that are the user's: by the recorded ARN and by tag, so that what a crash left
/// goes too. Each is confirmed gone by a read. What the tags do not say is the user's, or what another record names, is not
/// touched (I2). `listed`: what the last resync saw with the user's tags.
///
/// # Errors
/// What AWS or the database did not do; or what keeps a resource from being deleted here.
pub async fn retire<K, S>(
    kind: &K,
    store: &S,
    circumstances: &Circumstances,
    owner: &Owner,
    status_arn: Option<&str>,
    listed: &[Listed],
) -> Result<Retirement>
where
    K: Kind,
    S: Resources + Evidence,
{
    let recorded = store.recorded(owner.user, K::KIND).await?;
    let observed = Observed::default();
    Removal { kind, store, circumstances, owner, status_arn, listed, recorded, observed }.run().await
}

/// Deletes one late create of a user that is gone; true once it is gone. One whose tags say otherwise, or that a record
/// names, is not touched (I2).
///
/// # Errors
/// What AWS or the database did not do.
pub async fn remove<K, S>(
    kind: &K,
    store: &S,
    circumstances: &Circumstances,
    owner: &Owner,
    arn: &str,
) -> Result<bool>
where
    K: Kind,
    S: Resources + Evidence,
{
    let observed = Observed { ours: Some(vec![arn.to_owned()]), ..Observed::default() };
    let (recorded, listed) = (ResourceRecord::default(), &[]);
    let removal = Removal { kind, store, circumstances, owner, status_arn: None, listed, recorded, observed };
    Ok(matches!(removal.run().await?, Retirement::Gone(_)))
}

/// A user's resources of one kind being taken away.
struct Removal<'a, K, S> {
    kind: &'a K,
    store: &'a S,
    circumstances: &'a Circumstances,
    owner: &'a Owner,
    status_arn: Option<&'a str>,
    /// What the last resync saw with the user's tags.
    listed: &'a [Listed],
    /// What the database has.
    recorded: ResourceRecord,
    /// What AWS has shown.
    observed: Observed,
}

impl<K: Kind, S: Resources + Evidence> Removal<'_, K, S> {
    /// Takes one step after another, until the answer is an end.
    async fn run(mut self) -> Result<Retirement> {
        let kind = K::KIND;
        loop {
            match next(self.status_arn, &self.recorded, &self.observed, self.circumstances) {
                Step::Gone => return Ok(Retirement::Gone(self.left_alone())),
                Step::Wait(on) => {
                    return Ok(Retirement::Waiting(waiting::<K>(on, self.circumstances.timing.resync)));
                }
                Step::Braked(arn) => return Err(self.circumstances.braked(kind, arn)),
                Step::Elsewhere(arn) => return Err(self.circumstances.elsewhere(kind, arn)),
                Step::OtherInstallation(arn) => return Err(Error::OtherInstallation { kind, arn }),
                Step::Look => self.look().await?,
                Step::Get(arn) => self.get(arn).await?,
                Step::TagAgain(arn) => {
                    self.kind.tag(&arn, &self.owner.identity()).await?;
                    self.observed.shown.insert(arn, Sight::Ours);
                }
                Step::Delete(arn) => self.delete(arn).await?,
            }
        }
    }

    fn left_alone(self) -> Vec<String> {
        let foreign = self.observed.shown.into_iter().filter(|(_, sight)| *sight == Sight::Foreign);
        foreign.map(|(arn, _)| arn).collect()
    }

    async fn look(&mut self) -> ivs::Result<()> {
        let found = self.owner.find(self.kind, self.listed).await?;
        self.observed.ours = Some(found.into_iter().map(|listed| listed.arn).collect());
        Ok(())
    }

    /// Returns true if a record names it.
    fn is_known(&self, arn: &str) -> bool {
        [self.recorded.arn.as_deref(), self.status_arn].contains(&Some(arn))
    }

    async fn get(&mut self, arn: String) -> Result<()> {
        let (sight, _) = look_at(self.kind, self.store, self.owner, &self.recorded, &arn).await?;
        if sight == Sight::Foreign {
            tracing::warn!(arn, kind = %K::KIND, "its tags or another record say that it is another's: it is left alone");
        }
        self.observed.shown.insert(arn, sight);
        Ok(())
    }

    /// Deletes one. That of a record is noted before, so that its absence explains itself to whoever comes after a crash.
    async fn delete(&mut self, arn: String) -> Result<()> {
        if self.is_known(&arn) {
            self.store.note_deletion(self.owner.user, K::KIND, &arn, true).await?;
        }
        if let Err(error) = self.kind.delete(&arn).await {
            // AWS has refused: if it is not shown later, we are not the reason.
            if error.code.is_some() && self.is_known(&arn) {
                self.store.note_deletion(self.owner.user, K::KIND, &arn, false).await?;
            }
            return Err(error.into());
        }
        // A read says whether it is gone.
        self.observed.shown.remove(&arn);
        self.observed.deleted.insert(arn);
        Ok(())
    }
}

fn waiting<K: Kind>(on: Waiting, resync: Duration) -> Wait {
    let kind = K::KIND;
    match on {
        Waiting::Outcome(wait) => Wait {
            wait,
            reason: crate::api::Reason::OutcomeUnknown,
            message: format!(
                "an attempt to create the {kind} may still be under way: waiting until it must have ended"
            ),
        },
        Waiting::Shown(wait) => {
            Wait { wait, reason: crate::api::Reason::Deleting, message: format!("AWS does not show the new {kind} yet") }
        }
        Waiting::Gone => Wait {
            wait: STILL_SHOWN,
            reason: crate::api::Reason::Deleting,
            message: format!("AWS still shows the {kind} after its deletion"),
        },
        Waiting::Missing(arn) => resource_missing(kind, &arn, resync),
    }
}
