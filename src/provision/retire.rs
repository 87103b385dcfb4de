//! Taking one kind of a user's resources away, and seeing that it is gone.

use std::{collections::BTreeSet, time::Duration};

use super::{Owner, Result, Timing, Wait};
use crate::{
    ivs::Kind,
    store::{Journal, Recorded, Resources},
};

/// What became of the resources of one kind.
#[derive(Debug, PartialEq, Eq)]
pub enum Retirement {
    /// AWS says that none is left.
    Gone,
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
    if let Some(wait) = recorded.attempt.as_ref().and_then(|attempt| attempt.settles_in(timing.grace)) {
        let message = format!(
            "an attempt to create the {} may still be under way: waiting until it must have ended",
            K::KIND
        );
        return Ok(Retirement::Waiting(Wait { wait, reason: "OutcomeUnknown", message }));
    }
    let found = kind.find(&owner.username).await?;
    let ours = found.into_iter().filter(|listed| owner.owns(&listed.tags)).map(|listed| listed.arn);
    let known: BTreeSet<_> = recorded.arn.iter().cloned().chain(status_arn.map(str::to_owned)).collect();
    for arn in ours.chain(known.iter().cloned()).collect::<BTreeSet<_>>() {
        let shown_in = shown_in(&recorded, &arn, timing);
        if let Some(wait) = delete(kind, owner, &arn, known.contains(&arn), shown_in).await? {
            return Ok(Retirement::Waiting(wait));
        }
    }
    Ok(Retirement::Gone)
}

/// Deletes one resource that is this user's; whether it is gone. One whose tags say otherwise is not touched (I2).
///
/// # Errors
/// What AWS did not do.
pub async fn remove<K: Kind>(kind: &K, owner: &Owner, arn: &str) -> Result<bool> {
    Ok(delete(kind, owner, arn, false, Duration::ZERO).await?.is_none())
}

/// How long it may take until a resource made a moment ago is shown by every read: one that shows it may be followed by
/// one that does not.
fn shown_in(recorded: &Recorded, arn: &str, timing: Timing) -> Duration {
    let is_recorded = recorded.arn.as_deref() == Some(arn);
    if is_recorded { timing.grace.saturating_sub(recorded.age) } else { Duration::ZERO }
}

/// Deletes one that is the user's, and is shown by every read in `shown_in`; why it is not known to be gone, if so. One
/// that `is_known` by its ARN and has lost its tags is the user's too: it gets them back first.
async fn delete<K: Kind>(
    kind: &K,
    owner: &Owner,
    arn: &str,
    is_known: bool,
    shown_in: Duration,
) -> Result<Option<Wait>> {
    let wait = |wait, message| Ok(Some(Wait { wait, reason: "Deleting", message }));
    match kind.get(arn).await? {
        None if shown_in.is_zero() => return Ok(None),
        None => return wait(shown_in, format!("AWS does not show the new {} yet", K::KIND)),
        Some(live) if owner.owns(&live.tags) => kind.delete(arn).await?,
        Some(live) if is_known && owner.may_own(&live.tags) => {
            kind.tag(arn, &owner.identity()).await?;
            kind.delete(arn).await?;
        }
        Some(_) => {
            tracing::warn!(arn, kind = %K::KIND, "its tags do not say that it is this user's: it is left alone");
            return Ok(None);
        }
    }
    match kind.get(arn).await? {
        None => Ok(None),
        Some(_) => wait(STILL_SHOWN, format!("AWS still shows the {} after its deletion", K::KIND)),
    }
}
