//! The sweep, at the start and at every resync: what AWS has, held against status and database.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Cluster, Context, World, latecomers,
    problem::Problem,
    report::{is_settled, records, reference, stalled, user_in_status},
    world::with_kind,
};
use crate::{
    admin::Gates,
    api::{AccountRef, ResourceKind, StreamerAccount},
    ivs::Listed,
    provision::{Inventory, Listing, Standing, changed, compare, orphan_changes},
    store::{Orphan, OrphanChanges, Orphans, Resources},
};

/// How soon a sweep that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// The longest that a sweep may take: 10,000 accounts at 5 calls a second take 40 s, and every call has its time-out.
const LONGEST: Duration = Duration::from_mins(30);

/// The gate that the first sweep opens.
pub(super) const AWS_GATE: &str = "aws";

/// Sweeps now and every `resync` from then on. `namespace`: the one that is served, if not all are.
pub async fn run<W: World>(context: &Context<W>, namespace: Option<&str>, resync: Duration, gates: &Gates) {
    let mut orphans = BTreeMap::new();
    loop {
        let swept = tokio::time::timeout(LONGEST, sweep(context, namespace)).await;
        match swept.unwrap_or_else(|_| Err(Problem::aws_not_seen("it took too long", AGAIN))) {
            Ok(found) => {
                gates.open(AWS_GATE);
                report(&found, &orphans);
                context.metrics.orphans(found.len());
                orphans = found;
                tokio::time::sleep(resync).await;
            }
            Err(problem) => {
                context.sweep_failed(&problem.message);
                tracing::warn!(
                    reason = problem.reason,
                    "the sweep failed and is tried again: {}",
                    problem.message
                );
                // Only the first one decides whether we are ready: accounts do not wait for later ones.
                if gates.closed().contains_key(AWS_GATE) {
                    gates.close(AWS_GATE, problem.message);
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn report(found: &BTreeMap<String, Orphan>, known: &BTreeMap<String, Orphan>) {
    for arn in found.keys().filter(|arn| !known.contains_key(*arn)) {
        tracing::warn!(arn, "orphan: it carries this installation's tag, and no account owns it");
    }
}

/// One sweep; the orphans it found, by ARN.
async fn sweep<W: World>(
    context: &Context<W>,
    namespace: Option<&str>,
) -> Result<BTreeMap<String, Orphan>, Problem> {
    // Read first: since when something was not found counts up to the beginning of this list.
    let rows = context.world.store().orphans(namespace).await?;
    // What was made during the lists need not be on them.
    let before = context.world.cluster().accounts();
    let listing = list(context, namespace).await?;
    let recorded = context.world.store().all_recorded().await?;
    // The accounts are read last, so that what was made meanwhile is not taken for an orphan's.
    let accounts = context.world.cluster().accounts();
    let standings: BTreeMap<_, _> =
        accounts.iter().map(|account| (reference(account), standing(account))).collect();
    let is_there = |account: &&Arc<StreamerAccount>| standings.contains_key(&reference(account));
    let statuses: Vec<_> = before.iter().filter(is_there).flat_map(|account| records(account)).collect();
    context.swept(Inventory::new(&listing));
    let report = compare(&listing, &standings, &statuses, &recorded);
    for account in report.drifted {
        tracing::info!(%account, "its records do not agree with AWS: it is looked at");
        context.doubt(account);
    }
    for account in accounts.iter().filter(|account| is_to_be_looked_at(account)) {
        context.wake(reference(account));
    }
    plan_looks(context, &accounts, &changed(&recorded, &statuses, context.timing.grace));
    let mut orphans = report.orphans;
    latecomers::take_away(context, &mut orphans).await?;
    let changes = orphan_changes(&rows, &orphans, context.timing.grace);
    if changes != OrphanChanges::default() {
        context.world.store().change_orphans(&changes).await?;
    }
    Ok(orphans)
}

/// Of what was changed by another process, or by one that is gone, it is seen to here too that it stays. Others are looked at before
/// they are ready again.
fn plan_looks<W: World>(
    context: &Context<W>,
    accounts: &[Arc<StreamerAccount>],
    changed: &BTreeMap<AccountRef, Duration>,
) {
    let is_left_alone = |account: &&Arc<StreamerAccount>| is_settled(account) || stalled(account).is_some();
    for account in accounts.iter().filter(is_left_alone) {
        let key = reference(account);
        if let Some(left) = changed.get(&key) {
            context.looks.plan(&key, Some(*left));
            context.wake(key);
        }
    }
}

async fn list<W: World>(context: &Context<W>, namespace: Option<&str>) -> Result<Listing, Problem> {
    let (world, installation) = (&context.world, context.installation.as_str());
    let list = async |kind| with_kind!(world, kind, |kind| Listing::add(kind, installation).await);
    let listed = futures::future::try_join_all(ResourceKind::ALL.map(list)).await?;
    let mut all: BTreeMap<ResourceKind, Vec<Listed>> = listed.into_iter().collect();
    if let Some(namespace) = namespace {
        // Another controller of the same installation serves the others.
        let prefix = format!("{namespace}/");
        let is_ours = |listed: &Listed| {
            listed.tags.get(crate::api::tags::ACCOUNT).is_some_and(|account| account.starts_with(&prefix))
        };
        for listed in all.values_mut() {
            listed.retain(is_ours);
        }
    }
    Ok(Listing(all))
}

fn standing(account: &StreamerAccount) -> Standing {
    Standing {
        uid: account.metadata.uid.clone(),
        user: user_in_status(account),
        is_stalled: stalled(account).is_some(),
    }
}

/// Whether nobody else may see to it: a status that was lost in a restore, or overwritten by a write that came late, is no
/// change that is watched; nor is a username that another controller's account gives up.
fn is_to_be_looked_at(account: &StreamerAccount) -> bool {
    stalled(account).map_or(!is_settled(account), |reason| reason == "UsernameTaken")
}
