//! Applies the spec of an account: claims its username, then creates or updates its three resources.

use std::{sync::OnceLock, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::resource::ResourceReconciler;
use crate::{
    api::{ByKind, ResourceKind, StreamerAccount, condition::find},
    controller::{
        account::AccountExt,
        backends::Backends,
        blocker::Blocker,
        context::{Basis, Context, DirtyMark, Marks},
        error::Error,
        kubernetes::Kubernetes,
        outcome::{ReconcileOutcome, ResourceResult},
        status::{next_try, publish, write_interim_status},
        username::{HeldClaim, claim},
    },
    lanes::branch,
    store::{ResourceRecord, Resources},
};

/// Time until an account is reconciled again whose outcome was for an earlier state of it.
const SUPERSEDED_RETRY: Duration = Duration::from_secs(1);

/// Minimum time between two writes of an interim status. Longer than the Creates of an account are apart that
/// wait for their call budgets.
const INTERIM_STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// Reports that nothing is done for an account because of `blocker`.
pub(super) async fn report_blocked<B: Backends>(
    mut account: StreamerAccount,
    context: &Context<B>,
    blocker: &Blocker,
) -> Result<Option<Duration>, Error> {
    let outcome = ReconcileOutcome::blocked_by(blocker);
    publish(&mut account, context, &outcome).await?;
    Ok(next_try(&account.reference(), context, &outcome))
}

/// Applies the spec of `account`, which was read at `read`. `dirty` is the mark that this reconcile handles.
pub(super) async fn apply<B: Backends>(
    mut account: StreamerAccount,
    context: &Context<B>,
    dirty: Option<DirtyMark>,
    read: Instant,
) -> Result<Option<Duration>, Error> {
    let key = account.reference();
    let (before, marks) = (ByKind::new(|kind| condition_of(&account, kind)), context.unverified.of(&key));
    // The finalizer is there before the first Create (I3).
    if !account.has_finalizer() {
        account = context.backends.kubernetes().add_finalizer(&account).await?;
    }
    let outcome = match prepare(&account, context, read).await {
        Ok(prepared) => reconcile_resources(&mut account, context, &prepared, dirty.is_some(), marks).await,
        Err(blocker) => ReconcileOutcome::blocked_by(&blocker),
    };
    if !publish(&mut account, context, &outcome).await? {
        // What this reconcile found is not in status, so its marks stay.
        return Ok(Some(SUPERSEDED_RETRY));
    }
    if outcome.is_checked() {
        context.clear_dirty(&key, dirty);
        let is_as_said = |kind| condition_of(&account, kind) == before[kind] && outcome.is_unchanged(kind);
        context.unverified.clear(&key, marks, is_as_said);
    }
    let recheck = outcome.recheck_in();
    // A re-check that is due stays due if the resources were not checked.
    if outcome.user.is_ok() {
        context.rechecks.schedule(&key, recheck);
    }
    Ok(next_try(&key, context, &outcome).into_iter().chain(recheck).min())
}

/// Returns what the condition of a resource says: its status, and its reason.
fn condition_of(account: &StreamerAccount, kind: ResourceKind) -> Option<(String, String)> {
    let condition = find(account.conditions(), kind.condition())?;
    Some((condition.status.clone(), condition.reason.clone()))
}

/// The records that the reconcile of an account begins with.
struct Prepared {
    held: HeldClaim,
    basis: Basis,
    /// The records of the claimed user's resources.
    recorded: ByKind<ResourceRecord>,
}

/// Claims the username of the account, and reads the records, if there can be any.
async fn prepare<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    read: Instant,
) -> Result<Prepared, Blocker> {
    let basis = context.basis().await?;
    if let Some(blocker) = context.halt().or_else(|| context.nothing_listed()) {
        return Err(blocker);
    }
    let held = claim(account, context, &basis, read).await?;
    let recorded = if held.is_new() {
        ByKind::new(|_| ResourceRecord::default())
    } else {
        context.backends.store().recorded(held.user()).await?
    };
    Ok(Prepared { held, basis, recorded })
}

/// Reconciles the three resources concurrently. Each is recorded on its own, and one that fails does not
/// delay the others.
async fn reconcile_resources<B: Backends>(
    account: &mut StreamerAccount,
    context: &Context<B>,
    Prepared { held, basis, recorded }: &Prepared,
    is_dirty: bool,
    unverified: Marks,
) -> ReconcileOutcome {
    let (spec, user) = (account.clone(), held.user());
    let owner = held.owner(context);
    let resend = spec.is_reconcile_requested();
    let dirty = is_dirty || resend;
    let reconciler = ResourceReconciler {
        account: &spec,
        context,
        owner: &owner,
        basis,
        recorded,
        dirty,
        unverified,
        resend,
    };
    let of_kinds = ByKind::new(|_| OnceLock::new());
    let results = InterimResults { of_kinds, reconcile_request: spec.reconcile_request().map(str::to_owned) };
    let finished = CancellationToken::new();
    let all = async {
        let reconcile = async |kind| results.of_kinds[kind].set(reconciler.reconcile(kind).await);
        ByKind::join(|kind| branch(Box::pin(reconcile(kind)))).await;
        finished.cancel();
    };
    tokio::join!(all, write_progress(account, context, user, &results, &finished));
    results.outcome(user)
}

/// Writes an interim status whenever more resources have become ready, until all are `finished`.
async fn write_progress<B: Backends>(
    account: &mut StreamerAccount,
    context: &Context<B>,
    user: Uuid,
    results: &InterimResults,
    finished: &CancellationToken,
) {
    let mut written = 0;
    while tokio::time::timeout(INTERIM_STATUS_INTERVAL, finished.cancelled()).await.is_err() {
        let ready = results.ready();
        if ready > written {
            write_interim_status(account, context, &results.outcome(user)).await;
            written = ready;
        }
    }
}

/// The results so far.
#[derive(Debug)]
struct InterimResults {
    of_kinds: ByKind<OnceLock<ResourceResult>>,
    /// The value of the annotation that requests a reconcile, as it was when the reconcile began.
    reconcile_request: Option<String>,
}

impl InterimResults {
    /// Returns the number of resources that are ready.
    fn ready(&self) -> usize {
        self.of_kinds.iter().filter(|(_, result)| result.get().is_some_and(Result::is_ok)).count()
    }

    fn outcome(&self, user: Uuid) -> ReconcileOutcome {
        let so_far = |kind: ResourceKind| {
            self.of_kinds[kind].get().cloned().unwrap_or_else(|| Err(Blocker::in_progress(kind.noun())))
        };
        let (resources, reconcile_request) = (ByKind::new(so_far), self.reconcile_request.clone());
        ReconcileOutcome { user: Ok(user.to_string()), resources, reconcile_request }
    }
}
