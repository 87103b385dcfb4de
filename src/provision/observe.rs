//! Observation of one resource in AWS.

use super::{Owner, Result, decide::ObservedOwnership};
use crate::{
    ivs::{Kind, Live},
    store::{ResourceRecord, Resources},
};

/// Reads one resource by its ARN. Returns its ownership by tags and records, and the resource itself if it
/// exists.
pub(super) async fn observe<K: Kind, S: Resources>(
    kind: &K,
    store: &S,
    owner: &Owner,
    recorded: &ResourceRecord,
    arn: &str,
) -> Result<(ObservedOwnership, Option<Live<K::Status>>)> {
    let live = kind.get(arn).await?;
    let ownership = ObservedOwnership::of(owner, live.as_ref().map(|live| &live.tags));
    // A resource in another user's record belongs to that user, whatever its tags say.
    let is_foreign = ownership != ObservedOwnership::Absent
        && recorded.arn.as_deref() != Some(arn)
        && store.is_anothers(owner.user, arn).await?;
    Ok((if is_foreign { ObservedOwnership::Foreign } else { ownership }, live))
}
