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
    if let Some(wait) = not_shown_yet(kind, &recorded, timing).await? {
        let message = format!("AWS does not show the new {} yet", K::KIND);
        return Ok(Retirement::Waiting(Wait { wait, reason: "Deleting", message }));
    }
    let found = kind.find(&owner.username).await?;
    let ours = found.into_iter().filter(|listed| owner.owns(&listed.tags)).map(|listed| listed.arn);
    let known = recorded.arn.into_iter().chain(status_arn.map(str::to_owned));
    for arn in ours.chain(known).collect::<BTreeSet<_>>() {
        if !delete(kind, owner, &arn).await? {
            let message = format!("AWS still shows the {} after its deletion", K::KIND);
            return Ok(Retirement::Waiting(Wait { wait: STILL_SHOWN, reason: "Deleting", message }));
        }
    }
    Ok(Retirement::Gone)
}

/// How long to wait for a resource made a moment ago that a Get does not show: it is not gone, but not there yet.
async fn not_shown_yet<K: Kind>(kind: &K, recorded: &Recorded, timing: Timing) -> Result<Option<Duration>> {
    match &recorded.arn {
        Some(arn) if recorded.age < timing.grace && kind.get(arn).await?.is_none() => {
            Ok(Some(timing.grace.saturating_sub(recorded.age)))
        }
        _ => Ok(None),
    }
}

/// Deletes one that is the user's; whether it is gone.
async fn delete<K: Kind>(kind: &K, owner: &Owner, arn: &str) -> Result<bool> {
    let Some(live) = kind.get(arn).await? else { return Ok(true) };
    if !owner.owns(&live.tags) {
        tracing::warn!(arn, kind = %K::KIND, "its tags do not say that it is this user's: it is left alone");
        return Ok(true);
    }
    kind.delete(arn).await?;
    Ok(kind.get(arn).await?.is_none())
}
