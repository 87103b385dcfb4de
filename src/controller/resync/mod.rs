//! The periodic comparison of AWS with status and PostgreSQL. It finds drift, missing resources, orphans and
//! late creates.

mod absences;
mod failures;
mod late_creates;
mod lists;
mod orphans;
mod pace;
mod records;
mod requeues;
mod verification;

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

pub use self::pace::ResyncSettings;
use self::{
    absences::note_absences,
    failures::ResyncFailures,
    lists::{Lists, all_as_recorded, list},
    orphans::{duplicate, update_orphan_list},
    pace::{Pace, Pacing},
    records::{are_recorded_by_now, check_recorded_elsewhere, is_in, recorded_resources, statuses},
    requeues::{mark_recorded_elsewhere_dirty, mark_unverified, needs_requeue, schedule_rechecks},
    verification::verify_new_orphans,
};
use super::{backends::Backends, blocker::Blocker, context::Context, gates, kubernetes::Kubernetes};
use crate::{
    admin::Gates,
    api::{AccountRef, Arn, ByKind, ResourceKind},
    messages,
    provision::{ContradictedStatus, RecordedRows, compare_with_records, pending_rechecks},
    store::{self, Absences, ChainId, Evidence, Orphan, Orphans, Resources},
};

/// Maximum time that a resync waits for the first renewal token.
const CHAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Name of the note in `/readyz` about resyncs that fail.
const RESYNC_NOTE: &str = "resync";

/// Result of one resync.
struct ResyncReport {
    /// The orphans, by ARN.
    orphans: BTreeMap<String, Orphan>,
    /// A text about the records that name another AWS account or region, if there are any.
    elsewhere: Option<String>,
    /// Number of pages of each list.
    pages: ByKind<u32>,
    /// The listed resources whose conditions the lists contradict.
    contradicted: ByKind<Vec<ContradictedStatus>>,
    /// True if PostgreSQL names every listed resource. One that only its tags name is lost to a leader that
    /// does not list AWS.
    are_all_recorded: bool,
}

/// Resyncs once the accounts are listed, and again and again at the interval of the settings. `namespace` is
/// the served namespace; None for all.
pub async fn run<B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
    settings: ResyncSettings,
    gates: &Gates,
) {
    let (mut orphans, interval) = (BTreeMap::new(), settings.interval);
    let mut failures = ResyncFailures::new(&context.installation, namespace, interval);
    let mut pacing = Pacing::new(settings);
    context.backends.kubernetes().cache().wait_until_listed().await;
    loop {
        let (began, chain) = (Instant::now(), wait_for_chain(context).await);
        let known_chain = chain.as_ref().ok().copied();
        let pace = pacing.next();
        set_period(context, &mut pacing, &pace);
        let timeout = pace.timeout();
        let resynced = async { resync(context, namespace, chain.clone()?, &pace).await };
        let resynced = tokio::select! {
            biased;
            resynced = tokio::time::timeout(timeout, resynced) => resynced,
            // Accounts wait for the next resync, so this one, which may be paced, does not go on.
            () = until_ended(context, known_chain) => Ok(Err(store::Error::RecordsReplaced.into())),
        };
        let chain = known_chain.unwrap_or_default();
        let resynced = resynced.unwrap_or_else(|_| Err(Blocker::resync_timed_out(timeout, interval)));
        let pause = match resynced {
            Ok(ResyncReport { orphans: found, elsewhere, pages, contradicted, are_all_recorded }) => {
                let (now, took) = (context.backends.now(), began.elapsed());
                context.metrics.record_resync(now.0.as_second(), took);
                let next_in = pacing.succeed(&pace, pages, took);
                set_period(context, &mut pacing, &pace);
                failures.reset(now);
                // The lists have verified the accounts.
                context.unverified.clear_unlisted();
                context.mark_contradicted(&contradicted);
                gates.note(RESYNC_NOTE, None);
                update_readiness(context, gates, elsewhere);
                log_new_orphans(&found, &orphans);
                context.metrics.set_orphans(found.len());
                orphans = found;
                note_continuity(context, chain, began, are_all_recorded);
                next_in
            }
            Err(blocker) => {
                let retry_in = failures.next_delay();
                pacing.fail();
                context.record_resync_failure(&blocker, chain);
                context.metrics.record_resync_failure();
                tracing::warn!(
                    reason = %blocker.reason,
                    "the resync failed and is retried in {} s: {}",
                    retry_in.as_secs(),
                    blocker.message
                );
                gates.note(RESYNC_NOTE, failures.note(&blocker.message));
                if failures.is_verification_due(&blocker, context.max_list_age()) {
                    mark_unverified(context);
                }
                // AWS may refuse even the lists if the records name another AWS account or region.
                let elsewhere = recheck_recorded_elsewhere(context, namespace).await.ok().flatten();
                if let Some(elsewhere) = elsewhere.filter(|_| context.halt().is_some()) {
                    gates::close(gates, gates::AWS, elsewhere);
                } else if gates.closed().contains_key(gates::AWS) {
                    // Only the first resync decides about readiness: accounts do not wait for later ones.
                    gates.close(gates::AWS, blocker.message);
                }
                retry_in
            }
        };
        if !wait_for_next(context, known_chain, pause).await {
            // Accounts wait for the next resync, so it is not paced.
            pacing.fail();
        }
    }
}

/// Waits for the next resync. If the chain ends, or ended during the latest resync, waits until AWS shows what
/// attempts may have created that were lost, and returns false.
async fn wait_for_next<B: Backends>(context: &Context<B>, chain: Option<ChainId>, pause: Duration) -> bool {
    tokio::select! {
        biased;
        () = until_ended(context, chain) => {
            tokio::time::sleep(context.timing.create_outcome()).await;
            false
        }
        () = tokio::time::sleep(pause) => true,
    }
}

/// Shows the expected time between two resyncs, on which the age of a recent list depends.
fn set_period<B: Backends>(context: &Context<B>, pacing: &mut Pacing, pace: &Pace) {
    let period = pacing.period(pace);
    context.set_resync_period(period);
    pacing.log_period(period);
}

/// Waits for a chain of renewal tokens, so that the resync proves the records complete.
async fn wait_for_chain<B: Backends>(context: &Context<B>) -> Result<ChainId, Blocker> {
    let chain = tokio::time::timeout(CHAIN_TIMEOUT, context.continuity.chain()).await;
    chain.map_err(|_| Blocker::no_renewal_token(CHAIN_TIMEOUT))
}

/// Waits until the chain has ended; for ever without a chain.
async fn until_ended<B: Backends>(context: &Context<B>, chain: Option<ChainId>) {
    match chain {
        Some(chain) => context.continuity.until_ended(chain).await,
        None => std::future::pending().await,
    }
}

/// Lets a later leader rely on the records, if they are complete and those of this AWS account.
fn note_continuity<B: Backends>(
    context: &Context<B>,
    chain: ChainId,
    began: Instant,
    are_all_recorded: bool,
) {
    if context.halt().is_none() && context.nothing_listed().is_none() && are_all_recorded {
        context.continuity.confirm(chain, began);
    } else {
        context.continuity.doubt(chain);
    }
}

fn log_new_orphans(found: &BTreeMap<String, Orphan>, known: &BTreeMap<String, Orphan>) {
    for arn in found.keys().filter(|arn| !known.contains_key(*arn)) {
        tracing::warn!(arn, "orphan: it carries the tag of this installation, but no account owns it");
    }
}

/// Shows in `/readyz` the records that name another AWS account or region, and the engaged brakes.
fn update_readiness<B: Backends>(context: &Context<B>, gates: &Gates, elsewhere: Option<String>) {
    match &elsewhere {
        Some(elsewhere) if context.halt().is_some() => gates::close(gates, gates::AWS, elsewhere.clone()),
        _ => gates.open(gates::AWS),
    }
    gates.note(messages::readiness::ELSEWHERE_NOTE, elsewhere.filter(|_| context.halt().is_none()));
    for kind in ResourceKind::ALL {
        gates.note(&messages::readiness::brake_note(kind), context.brake(kind));
    }
}

/// Resyncs once.
async fn resync<B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
    chain: ChainId,
    pace: &Pace,
) -> Result<ResyncReport, Blocker> {
    let began = Instant::now();
    let (store, kubernetes) = (context.backends.store(), context.backends.kubernetes());
    // Read first: an orphan counts as not found since the beginning of this list. A failure must not keep the
    // accounts from the inventory.
    let rows = store.orphans(namespace).await;
    // A resource that is created during the lists may be missing from them.
    let before = statuses(&kubernetes.cache().accounts());
    let Lists { inventory, mut complete, pages, aws_accounts, contradicted } =
        list(context, namespace, before, pace).await?;
    let listed_at = Instant::now();
    context.learn_aws_account(aws_accounts);
    let (absences, target) = (store.absences().await?, context.target());
    let mut recorded = RecordedRows::new(&inventory, &absences);
    store.all_recorded(|row| recorded.add(row, &inventory, &target)).await?;
    complete.took = began.elapsed();
    // Read last, so that a resource that was created in the meantime does not look like an orphan.
    let cached = kubernetes.cache().accounts();
    let accounts = statuses(&cached);
    recorded.compare_with(&inventory, &accounts);
    let unrecorded: Vec<_> = recorded.differing(&inventory, &accounts).collect();
    let known = recorded_resources(context, namespace, recorded.others(), &unrecorded, &accounts);
    complete.add_consistent(&recorded, &inventory, &known);
    let elsewhere = check_recorded_elsewhere(context, &known, complete.consistent.values().sum());
    let changed_users = note_absences(context, &complete, &known, &absences, listed_at.elapsed()).await?;
    mark_recorded_elsewhere_dirty(context, &unrecorded);
    let took = complete.took;
    drop((known, unrecorded, complete));
    // Another controller of this installation serves the other namespaces.
    recorded.retain(|row| is_in(namespace, &row.owner.account));
    let inventory = context.publish_inventory(inventory, chain);
    let rows = rows?;
    let duplicates = rows.iter().filter_map(duplicate).collect();
    let mut report = compare_with_records(&inventory, &accounts, &recorded, &duplicates);
    for account in accounts.iter() {
        if account.state().user.is_some_and(|user| changed_users.contains(&user)) {
            context.mark_dirty(AccountRef::clone(account.account()));
        }
    }
    for account in report.drifted {
        tracing::info!(%account, "drift: status, database and AWS differ");
        context.mark_dirty(account);
    }
    for account in cached.iter().filter(|account| needs_requeue(account)) {
        context.requeue(account.reference.clone());
    }
    let rechecks = pending_rechecks(recorded.others(), &accounts, context.timing.grace);
    schedule_rechecks(context, &cached, &rechecks);
    let gone = verify_new_orphans(context, &rows, &mut report.orphans, took).await;
    let orphans = update_orphan_list(context, rows, report.orphans).await?;
    let is_orphan_or_gone = |arn: &Arn| {
        let arn = arn.to_string();
        orphans.contains_key(&arn) || gone.contains(&arn)
    };
    let unnamed = recorded.unnamed(&inventory, is_orphan_or_gone);
    let are_all_recorded = are_recorded_by_now(context, &unnamed).await;
    Ok(ResyncReport { orphans, elsewhere, pages, contradicted, are_all_recorded })
}

/// Returns a text about the records that name another AWS account or region. Needs no list of AWS.
async fn recheck_recorded_elsewhere<B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
) -> Result<Option<String>, Blocker> {
    let cached = context.backends.kubernetes().cache().accounts();
    let accounts = statuses(&cached);
    let (inventory, target) = (all_as_recorded(context, accounts.clone()), context.target());
    let mut recorded = RecordedRows::new(&inventory, &Absences::default());
    context.backends.store().all_recorded(|row| recorded.add(row, &inventory, &target)).await?;
    recorded.compare_with(&inventory, &accounts);
    let differing: Vec<_> = recorded.differing(&inventory, &accounts).collect();
    let known = recorded_resources(context, namespace, recorded.others(), &differing, &accounts);
    let consistent = recorded.consistent().iter().map(|(_, count)| count).sum();
    let elsewhere = check_recorded_elsewhere(context, &known, consistent);
    mark_recorded_elsewhere_dirty(context, &differing);
    Ok(elsewhere)
}
