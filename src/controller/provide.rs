//! One account, from whatever there is to what its spec says.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Cluster, Context, World,
    by_kind::ByKind,
    error::Error,
    identity::{HeldClaim, claim},
    problem::{Problem, Retry},
    progress::{Done, Part, Progress},
    report::{has_finalizer, next_try, publish, publish_progress, reference, requested},
    work::Work,
};
use crate::{
    api::{ResourceKind, StreamerAccount},
    provision::Inventory,
};

/// How long what is ready waits for what is not, before status says so.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says of an account in a namespace that is being deleted that nothing is made for it.
pub(super) async fn refuse<W: World>(
    mut account: StreamerAccount,
    context: &Context<W>,
) -> Result<Option<Duration>, Error> {
    let key = reference(&account);
    let progress = Progress::stopped_by(&Problem::namespace_terminating(&key.namespace));
    publish(&mut account, context, &progress).await?;
    Ok(next_try(&key, context, &progress))
}

/// Makes what `account`, `read` just now, asks for. `doubt`: somebody doubts that all is well.
pub(super) async fn provide<W: World>(
    mut account: StreamerAccount,
    context: &Context<W>,
    doubt: Option<u64>,
    read: Instant,
) -> Result<Option<Duration>, Error> {
    let key = reference(&account);
    // The finalizer is there before the first Create (I3).
    if !has_finalizer(&account) {
        account = context.world.cluster().add_finalizer(&account).await?;
    }
    let progress = match prepare(&account, context, read).await {
        Ok((held, inventory)) => provision(&mut account, context, &held, &inventory, doubt.is_some()).await,
        Err(problem) => Progress::stopped_by(&problem),
    };
    publish(&mut account, context, &progress).await?;
    // What only a person can mend was looked at too.
    if matches!(progress.retry(), None | Some(Retry::Slowly | Retry::Never)) {
        context.settle_doubt(&key, doubt);
    }
    let look = progress.look_in();
    // Where the work did not even begin, a look that is due stays so.
    if progress.user.is_ok() {
        context.looks.plan(&key, look);
    }
    Ok(next_try(&key, context, &progress).into_iter().chain(look).min())
}

/// The account's claim, and what the last sweep saw.
async fn prepare<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    read: Instant,
) -> Result<(HeldClaim, Arc<Inventory>), Problem> {
    let inventory = context.inventory().await?;
    if let Some(problem) = context.halt().or_else(|| context.blindness()) {
        return Err(problem);
    }
    Ok((claim(account, context, &inventory, read).await?, inventory))
}

/// The three kinds at the same time; each is recorded on its own, and one that fails holds up no other.
async fn provision<W: World>(
    account: &mut StreamerAccount,
    context: &Context<W>,
    held: &HeldClaim,
    inventory: &Inventory,
    doubted: bool,
) -> Progress {
    let (asked, user) = (account.clone(), held.user());
    let owner = context.owner(held);
    let is_asked = asks_for_a_look(&asked);
    let doubted = doubted || is_asked;
    let work = Work { account: &asked, context, owner: &owner, inventory, doubted, asked: is_asked };
    let of_kinds = ByKind::new(|_| OnceLock::new());
    let parts = Parts { of_kinds, requested: requested(&asked).map(str::to_owned) };
    let finished = CancellationToken::new();
    let all = async {
        ByKind::join(async |kind| parts.of_kinds[kind].set(work.part(kind).await)).await;
        finished.cancel();
    };
    tokio::join!(all, tell(account, context, user, &parts, &finished));
    parts.progress(user)
}

/// Tells in status what is ready while the rest still works, whenever there is more of it.
async fn tell<W: World>(
    account: &mut StreamerAccount,
    context: &Context<W>,
    user: Uuid,
    parts: &Parts,
    finished: &CancellationToken,
) {
    let mut told = 0;
    while tokio::time::timeout(PATIENCE, finished.cancelled()).await.is_err() {
        let ready = parts.ready();
        if ready > told {
            publish_progress(account, context, &parts.progress(user)).await;
            told = ready;
        }
    }
}

/// What has come of the resources so far.
#[derive(Debug)]
struct Parts {
    of_kinds: ByKind<OnceLock<Part<Done>>>,
    /// The annotation that asks for a look at everything, as it was when the work began.
    requested: Option<String>,
}

impl Parts {
    /// How many are ready.
    fn ready(&self) -> usize {
        self.of_kinds.iter().filter(|(_, part)| part.get().is_some_and(Result::is_ok)).count()
    }

    fn progress(&self, user: Uuid) -> Progress {
        let so_far = |kind: ResourceKind| {
            self.of_kinds[kind].get().cloned().unwrap_or_else(|| Err(Problem::under_way(kind.noun())))
        };
        let (resources, requested) = (ByKind::new(so_far), self.requested.clone());
        Progress { user: Ok(user.to_string()), resources, requested }
    }
}

/// Whether somebody has asked for a look at everything that was not taken yet.
fn asks_for_a_look(account: &StreamerAccount) -> bool {
    let handled = account.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_deref());
    requested(account).is_some_and(|asked| handled != Some(asked))
}
