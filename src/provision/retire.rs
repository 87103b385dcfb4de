//! Taking one kind of a user's resources away, and seeing that it is gone.

use std::time::Duration;

use super::{
    Owner, Result, Timing, Wait,
    decide::{
        Observed, Sight,
        retire::{Step, Waiting, next},
    },
};
use crate::{
    ivs::{self, Kind},
    store::{Journal, Recorded, Resources},
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
/// goes too. Each is confirmed gone by a read. What the tags do not say is the user's is not touched (I2).
///
/// # Errors
/// What AWS or the database did not do.
pub async fn retire<K, S>(
    kind: &K,
    store: &S,
    timing: Timing,
    owner: &Owner,
    status_arn: Option<&str>,
) -> Result<Retirement>
where
    K: Kind,
    S: Journal + Resources,
{
    let recorded = store.recorded(owner.user, K::KIND).await?;
    let observed = Observed::default();
    Ok(Removal { kind, owner, status_arn, recorded, observed }.run(timing.grace).await?)
}

/// Deletes one resource that is this user's; whether it is gone. One whose tags say otherwise is not touched (I2).
///
/// # Errors
/// What AWS did not do.
pub async fn remove<K: Kind>(kind: &K, owner: &Owner, arn: &str) -> Result<bool> {
    let observed = Observed { ours: Some(vec![arn.to_owned()]), ..Observed::default() };
    let removal = Removal { kind, owner, status_arn: None, recorded: Recorded::default(), observed };
    Ok(matches!(removal.run(Duration::ZERO).await?, Retirement::Gone(_)))
}

/// A user's resources of one kind being taken away.
struct Removal<'a, K> {
    kind: &'a K,
    owner: &'a Owner,
    status_arn: Option<&'a str>,
    /// What the database has.
    recorded: Recorded,
    /// What AWS has shown.
    observed: Observed,
}

impl<K: Kind> Removal<'_, K> {
    /// Takes one step after another, until the answer is an end.
    async fn run(mut self, grace: Duration) -> ivs::Result<Retirement> {
        loop {
            match next(self.status_arn, &self.recorded, &self.observed, grace) {
                Step::Gone => return Ok(Retirement::Gone(self.left_alone())),
                Step::Wait(on) => return Ok(Retirement::Waiting(waiting::<K>(&on))),
                Step::Look => self.look().await?,
                Step::Get(arn) => self.get(arn).await?,
                Step::TagAgain(arn) => {
                    self.kind.tag(&arn, &self.owner.identity()).await?;
                    self.observed.shown.insert(arn, Sight::Ours);
                }
                Step::Delete(arn) => {
                    self.kind.delete(&arn).await?;
                    // Whether it is gone, a read says.
                    self.observed.shown.remove(&arn);
                    self.observed.deleted.insert(arn);
                }
            }
        }
    }

    fn left_alone(self) -> Vec<String> {
        let foreign = self.observed.shown.into_iter().filter(|(_, sight)| *sight == Sight::Foreign);
        foreign.map(|(arn, _)| arn).collect()
    }

    async fn look(&mut self) -> ivs::Result<()> {
        let found = self.owner.find(self.kind).await?;
        self.observed.ours = Some(found.into_iter().map(|listed| listed.arn).collect());
        Ok(())
    }

    async fn get(&mut self, arn: String) -> ivs::Result<()> {
        let live = self.kind.get(&arn).await?;
        let sight = Sight::of(self.owner, live.as_ref().map(|live| &live.tags));
        if sight == Sight::Foreign {
            tracing::warn!(arn, kind = %K::KIND, "its tags do not say that it is this user's: it is left alone");
        }
        self.observed.shown.insert(arn, sight);
        Ok(())
    }
}

fn waiting<K: Kind>(on: &Waiting) -> Wait {
    let kind = K::KIND;
    match *on {
        Waiting::Outcome(wait) => Wait {
            wait,
            reason: "OutcomeUnknown",
            message: format!(
                "an attempt to create the {kind} may still be under way: waiting until it must have ended"
            ),
        },
        Waiting::Shown(wait) => {
            Wait { wait, reason: "Deleting", message: format!("AWS does not show the new {kind} yet") }
        }
        Waiting::Gone => Wait {
            wait: STILL_SHOWN,
            reason: "Deleting",
            message: format!("AWS still shows the {kind} after its deletion"),
        },
    }
}
