//! The periodic comparison of AWS with status and PostgreSQL. It finds drift, missing resources, orphans and
//! late creates.

mod absences;
mod failures;
mod late_creates;
mod orphans;
mod records;
mod requeues;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use self::{
    absences::note_absences,
    failures::ResyncFailures,
    orphans::{duplicate, update_orphan_list},
    records::{account_states, check_recorded_elsewhere, is_in, recorded_resources},
    requeues::{mark_recorded_elsewhere_dirty, mark_unverified, needs_requeue, schedule_rechecks},
};
use super::{
    backends::{Backends, dispatch_kind},
    blocker::Blocker,
    cache::CachedAccount,
    context::Context,
    gates,
    kubernetes::Kubernetes,
};
use crate::{
    admin::Gates,
    api::{AccountRef, ResourceKind},
    messages,
    provision::{CompleteList, Inventory, Listing, TaggedResource, compare_with_records, pending_rechecks},
    store::{self, ChainId, Orphan, Orphans, RecordedResource, Resources},
};

/// Maximum duration of a resync. 10,000 accounts at 5 calls a second take 40 s, and every call has its own
/// timeout.
const RESYNC_TIMEOUT: Duration = Duration::from_mins(30);

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
    /// True if PostgreSQL names every listed resource. One that only its tags name is lost to a leader that
    /// does not list AWS.
    are_all_recorded: bool,
}

/// Resyncs now, and every `interval` from then on. `namespace` is the served namespace; None for all.
pub async fn run<B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
    interval: Duration,
    gates: &Gates,
) {
    let mut orphans = BTreeMap::new();
    let mut failures = ResyncFailures::new(&context.installation, namespace, interval);
    loop {
        let (began, chain) = (Instant::now(), wait_for_chain(context).await);
        let resynced = async { resync(context, namespace, chain.clone()?).await };
        let resynced = tokio::time::timeout(RESYNC_TIMEOUT, resynced).await;
        let resynced = resynced.unwrap_or_else(|_| Err(Blocker::resync_timed_out(RESYNC_TIMEOUT, interval)));
        let chain = chain.unwrap_or_default();
        let resynced = resynced.and_then(|report| {
            let is_current = context.continuity.is_current(chain);
            if is_current { Ok(report) } else { Err(store::Error::RecordsReplaced.into()) }
        });
        let pause = match resynced {
            Ok(ResyncReport { orphans: found, elsewhere, are_all_recorded }) => {
                let now = context.backends.now();
                context.metrics.record_resync(now.0.as_second());
                failures.reset(now);
                // The lists have verified the accounts.
                context.unverified.clear_all();
                gates.note(RESYNC_NOTE, None);
                update_readiness(context, gates, elsewhere);
                log_new_orphans(&found, &orphans);
                context.metrics.set_orphans(found.len());
                orphans = found;
                note_continuity(context, chain, began, are_all_recorded);
                interval
            }
            Err(blocker) => {
                let retry_in = failures.next_delay();
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
        wait_for_next(context, chain, pause).await;
    }
}

/// Waits for the next resync, or until the records turn out to have been restored. Then AWS must return what
/// the attempts created that may have been lost.
async fn wait_for_next<B: Backends>(context: &Context<B>, chain: ChainId, pause: Duration) {
    let is_restored = async {
        if context.continuity.is_current(chain) {
            context.continuity.until_ended(chain).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = tokio::time::sleep(pause) => {}
        () = is_restored => tokio::time::sleep(context.timing.create_outcome()).await,
    }
}

/// Waits for a chain of renewal tokens, so that the resync proves the records complete.
async fn wait_for_chain<B: Backends>(context: &Context<B>) -> Result<ChainId, Blocker> {
    let chain = tokio::time::timeout(CHAIN_TIMEOUT, context.continuity.chain()).await;
    chain.map_err(|_| Blocker::no_renewal_token(CHAIN_TIMEOUT))
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
) -> Result<ResyncReport, Blocker> {
    let began = Instant::now();
    let (store, kubernetes) = (context.backends.store(), context.backends.kubernetes());
    // Read first: an orphan counts as not found since the beginning of this list. A failure must not keep the
    // accounts from the inventory.
    let rows = store.orphans(namespace).await;
    // A resource that is created during the lists may be missing from them.
    let before = kubernetes.cache().accounts();
    let (inventory, complete) = list(context, namespace).await?;
    context.learn_aws_account(&complete.arns);
    let mut recorded = store.all_recorded().await?;
    // Read last, so that a resource that was created in the meantime does not look like an orphan.
    let accounts = kubernetes.cache().accounts();
    let states = account_states(&accounts);
    let exists = |account: &&Arc<CachedAccount>| states.contains_key(&account.reference);
    let statuses: Vec<_> =
        before.iter().filter(exists).flat_map(|account| account.resources_in_status()).collect();
    let named = recorded_resources(context, namespace, &recorded, &statuses, &states);
    let elsewhere = check_recorded_elsewhere(context, &named);
    let changed_users = note_absences(context, &complete, &named, began).await?;
    drop((named, complete));
    // Another controller of this installation serves the other namespaces.
    recorded.retain(|row| is_in(namespace, &row.owner.account));
    let inventory = context.publish_inventory(inventory, chain);
    let rows = rows?;
    let duplicates = rows.iter().filter_map(duplicate).collect();
    let report = compare_with_records(&inventory, &states, &statuses, &recorded, &duplicates);
    mark_recorded_elsewhere_dirty(context, &statuses);
    for (account, state) in &states {
        if state.user.is_some_and(|user| changed_users.contains(&user)) {
            context.mark_dirty(AccountRef::clone(account));
        }
    }
    for account in report.drifted {
        tracing::info!(%account, "drift: status, database and AWS differ");
        context.mark_dirty(account);
    }
    for account in accounts.iter().filter(|account| needs_requeue(account)) {
        context.requeue(account.reference.clone());
    }
    schedule_rechecks(context, &accounts, &pending_rechecks(&recorded, &statuses, context.timing.grace));
    let orphans = update_orphan_list(context, rows, report.orphans).await?;
    let are_all_recorded = are_all_recorded(&inventory, &recorded, &orphans);
    Ok(ResyncReport { orphans, elsewhere, are_all_recorded })
}

/// Returns true if each listed resource has a row, or is on the orphan list.
fn are_all_recorded(
    inventory: &Inventory,
    recorded: &[RecordedResource],
    orphans: &BTreeMap<String, Orphan>,
) -> bool {
    let rows: HashSet<_> = recorded.iter().map(|row| &row.arn).collect();
    inventory
        .all()
        .all(|resource| rows.contains(&resource.arn) || orphans.contains_key(&resource.arn.to_string()))
}

/// Returns a text about the records that name another AWS account or region. Needs no list of AWS.
async fn recheck_recorded_elsewhere<B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
) -> Result<Option<String>, Blocker> {
    let recorded = context.backends.store().all_recorded().await?;
    let accounts = context.backends.kubernetes().cache().accounts();
    let states = account_states(&accounts);
    let statuses: Vec<_> = accounts.iter().flat_map(|account| account.resources_in_status()).collect();
    let elsewhere = check_recorded_elsewhere(
        context,
        &recorded_resources(context, namespace, &recorded, &statuses, &states),
    );
    mark_recorded_elsewhere_dirty(context, &statuses);
    Ok(elsewhere)
}

/// Lists all resources of this installation in the served namespace, and the complete list of all ARNs.
async fn list<B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
) -> Result<(Inventory, CompleteList), Blocker> {
    let began = Instant::now();
    let (backends, installation) = (&context.backends, context.installation.as_str());
    let list = async |kind| dispatch_kind!(backends, kind, |kind| Listing::of_kind(kind, installation).await);
    let listings = futures::future::try_join_all(ResourceKind::ALL.map(list)).await?;
    let (mut ours, mut arns) = (Vec::new(), Vec::new());
    for listing in listings {
        ours.extend(listing.ours);
        arns.extend(listing.arns);
    }
    let (has_ours, took) = (!ours.is_empty(), began.elapsed());
    let complete = CompleteList { arns: arns.into_iter().collect(), has_ours, took };
    if let Some(namespace) = namespace {
        // Another controller of this installation serves the other namespaces.
        let prefix = format!("{namespace}/");
        ours.retain(|resource: &TaggedResource| {
            resource.account.as_ref().is_some_and(|account| account.starts_with(&prefix))
        });
    }
    Ok((Inventory::new(installation, ours), complete))
}
