//! Creating once: the attempt is journaled, Create is called once, and the result is recorded.

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    DecisionContext, DesiredResource, Result, Wait, applied::named_fields,
    decision_context::CALL_START_MARGIN,
};
use crate::{
    api::{ResourceStatus, Status},
    ivs::{Class, Created, Kind, Tags},
    store::{AttemptOutcome, Journal, Resources},
};

/// The outcome of an attempt to create a resource.
pub(super) enum Attempt<S> {
    /// The resource was created, with these tags, and recorded.
    Recorded(Created<S>, Tags),
    /// Another controller is involved, or the outcome is unknown.
    Waiting(Wait),
}

/// Journals an attempt, calls Create, and records the result. `recorded_arn`: the ARN that the database had
/// before.
pub(super) async fn create<K: Kind, S: Journal + Resources>(
    kind: &K,
    store: &S,
    context: &DecisionContext,
    desired: &DesiredResource<'_, K>,
    recorded_arn: Option<&str>,
) -> Result<Attempt<K::Status>> {
    let owner = desired.owner;
    // Before the attempt is journaled, so that waiting for the budget does not use up its time.
    kind.admit().await?;
    let (begun, deadline) = (Instant::now(), context.timing.create_deadline());
    let token = context.records.token()?;
    let applied = named_fields(desired);
    let opened = store.open(owner.user, K::KIND, recorded_arn, deadline, token, &applied);
    let Some(nonce) = opened.await? else {
        return Ok(Attempt::Waiting(Wait::for_peer(K::KIND)));
    };
    if begun.elapsed() >= CALL_START_MARGIN {
        // A call that starts this late could end after the deadline.
        store.end(nonce, AttemptOutcome::Failed).await?;
        return Ok(Attempt::Waiting(Wait::for_peer(K::KIND)));
    }
    let tags = owner.create_tags(nonce, desired.tags);
    match kind.create(&owner.username, desired.settings, &tags).await {
        Ok(created) => record_created(kind, store, desired, nonce, created, tags).await,
        Err(error) if error.class == Class::Ambiguous => {
            tracing::warn!(%error, kind = %K::KIND, "the outcome of a Create is unknown");
            let wait = deadline.saturating_add(context.timing.grace);
            Ok(Attempt::Waiting(Wait::for_create_outcome(K::KIND, wait)))
        }
        Err(error) => {
            // The refusal is what people need to know. An attempt that stays open is ended later.
            if let Err(lost) = store.end(nonce, AttemptOutcome::Failed).await {
                tracing::warn!(error = %lost, kind = %K::KIND, "an attempt that was refused stays open for now");
            }
            Err(error.into())
        }
    }
}

async fn record_created<K: Kind, S: Journal + Resources>(
    kind: &K,
    store: &S,
    desired: &DesiredResource<'_, K>,
    nonce: Uuid,
    created: Created<K::Status>,
    tags: Tags,
) -> Result<Attempt<K::Status>> {
    let owner = desired.owner;
    let mut status = created.status.clone();
    status.set_applied_fields(named_fields(desired));
    let resource: ResourceStatus = status.into();
    if store.record_made(nonce, owner.user, &owner.username, &resource).await? {
        return Ok(Attempt::Recorded(created, tags));
    }
    // Another controller took over after the deadline. If another resource is recorded, this one is a
    // duplicate. If none is recorded, this one will be adopted, or the resync finds it.
    let now = store.recorded(owner.user).await?;
    if now[K::KIND].arn.as_ref().is_some_and(|recorded| recorded != created.status.arn()) {
        kind.delete(created.status.arn()).await?;
    }
    Ok(Attempt::Waiting(Wait::for_peer(K::KIND)))
}
