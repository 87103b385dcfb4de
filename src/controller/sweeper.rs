//! The sweep, at the start and at every resync: what AWS has, held against status and database.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Cluster, Context, World, latecomers,
    problem::Problem,
    report::{is_settled, records, reference, stalled, user_in_status},
    run::shut,
    world::with_kind,
};
use crate::{
    admin::Gates,
    api::{AccountRef, ResourceKind, StreamerAccount},
    ivs::{ArnLocation, Listed, Target},
    provision::{
        AccountState, CompleteList, Inventory, KnownResource, Listing, StatusEntry, find_absences,
        find_drift, orphan_changes, pending_rechecks,
    },
    store::{Evidence, Orphan, OrphanChanges, OrphanReason, OrphanRow, Orphans, RecordedResource, Resources},
};

/// How soon a sweep that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// The longest that a sweep may take: 10,000 accounts at 5 calls a second take 40 s, and every call has its time-out.
const LONGEST: Duration = Duration::from_mins(30);

/// The gate that the first sweep opens. It is shut again while a record names another AWS account or region.
pub(super) const AWS_GATE: &str = "aws";

/// Sweeps now and every `resync` from then on. `namespace`: the one that is served, if not all are.
pub async fn run<W: World>(context: &Context<W>, namespace: Option<&str>, resync: Duration, gates: &Gates) {
    let mut orphans = BTreeMap::new();
    loop {
        let swept = tokio::time::timeout(LONGEST, sweep(context, namespace)).await;
        match swept.unwrap_or_else(|_| Err(Problem::aws_not_seen("it took too long", AGAIN))) {
            Ok(Swept { orphans: found, misplaced }) => {
                show(context, gates, misplaced);
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
                // In another place than the records', AWS may refuse even to list.
                let misplaced = look_at_records(context, namespace).await.ok().flatten();
                if let Some(misplaced) = misplaced.filter(|_| context.halt().is_some()) {
                    shut(gates, AWS_GATE, misplaced);
                } else if gates.closed().contains_key(AWS_GATE) {
                    // Only the first one decides whether we are ready: accounts do not wait for later ones.
                    gates.close(AWS_GATE, problem.message);
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn report(found: &BTreeMap<String, Orphan>, known: &BTreeMap<String, Orphan>) {
    for arn in found.keys().filter(|arn| !known.contains_key(*arn)) {
        tracing::warn!(
            arn,
            "orphan: it carries this installation's tag, and is not the resource of any account"
        );
    }
}

/// Says in `/readyz` whether records name another place than ours, and which brakes are on.
fn show<W: World>(context: &Context<W>, gates: &Gates, misplaced: Option<String>) {
    match &misplaced {
        Some(misplaced) if context.halt().is_some() => shut(gates, AWS_GATE, misplaced.clone()),
        _ => gates.open(AWS_GATE),
    }
    gates.note("recorded elsewhere", misplaced.filter(|_| context.halt().is_none()));
    for kind in ResourceKind::ALL {
        gates.note(brake_note(kind), context.brake(kind));
    }
}

/// The name of the note in `/readyz` that a brake is on.
fn brake_note(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Channel => "brake on channels",
        ResourceKind::ChatRoom => "brake on chat rooms",
        ResourceKind::Stage => "brake on stages",
    }
}

/// The result of one sweep.
struct Swept {
    /// The orphans, by ARN.
    orphans: BTreeMap<String, Orphan>,
    /// The records of another AWS account or region, in words.
    misplaced: Option<String>,
}

/// One sweep.
async fn sweep<W: World>(context: &Context<W>, namespace: Option<&str>) -> Result<Swept, Problem> {
    let began = Instant::now();
    // Read first: since when something was not found counts up to the beginning of this list.
    let rows = context.world.store().orphans(namespace).await?;
    // What was made during the lists need not be on them.
    let before = context.world.cluster().accounts();
    let (listing, complete) = list(context, namespace).await?;
    context.learn_account(&complete.arns);
    let mut recorded = context.world.store().all_recorded().await?;
    // The accounts are read last, so that what was made meanwhile is not taken for an orphan's.
    let accounts = context.world.cluster().accounts();
    let standings = standings(&accounts);
    let is_there = |account: &&Arc<StreamerAccount>| standings.contains_key(&reference(account));
    let statuses: Vec<_> = before.iter().filter(is_there).flat_map(|account| records(account)).collect();
    let named = named(context, namespace, &recorded, &statuses, &standings);
    let misplaced = misplaced(context, &named);
    // Another controller of the same installation serves the others.
    recorded.retain(|row| is_in(namespace, &row.account));
    let changed_users = note_absences(context, &complete, &named, began).await?;
    context.swept(Inventory::new(&listing));
    let duplicates: BTreeSet<_> = rows.iter().filter_map(duplicate).collect();
    let report = find_drift(&listing, &standings, &statuses, &recorded, &duplicates);
    doubt_elsewhere(context, &statuses);
    for (account, standing) in &standings {
        if standing.user.is_some_and(|user| changed_users.contains(&user)) {
            context.doubt(account.clone());
        }
    }
    for account in report.drifted {
        tracing::info!(%account, "its records do not agree with AWS: it is looked at");
        context.doubt(account);
    }
    for account in accounts.iter().filter(|account| is_to_be_looked_at(account)) {
        context.wake(reference(account));
    }
    plan_looks(context, &accounts, &pending_rechecks(&recorded, &statuses, context.timing.grace));
    let orphans = settle_orphans(context, rows, report.orphans).await?;
    Ok(Swept { orphans, misplaced })
}

/// Looks whether the records name another AWS account or region than ours, without a list; in words.
async fn look_at_records<W: World>(
    context: &Context<W>,
    namespace: Option<&str>,
) -> Result<Option<String>, Problem> {
    let recorded = context.world.store().all_recorded().await?;
    let accounts = context.world.cluster().accounts();
    let standings = standings(&accounts);
    let statuses: Vec<_> = accounts.iter().flat_map(|account| records(account)).collect();
    let misplaced = misplaced(context, &named(context, namespace, &recorded, &statuses, &standings));
    doubt_elsewhere(context, &statuses);
    Ok(misplaced)
}

/// Asks for a look at the accounts whose status says that all is well with a resource that is elsewhere.
fn doubt_elsewhere<W: World>(context: &Context<W>, statuses: &[StatusEntry]) {
    let target = context.target();
    let elsewhere = statuses.iter().filter(|status| status.is_ready && !target.holds(&status.arn));
    elsewhere.for_each(|status| context.doubt(status.account.clone()));
}

/// Compares a complete list, which began at `began`, with what records name: notes what is missing, and sets the
/// brakes. The users of whose resources something was noted.
async fn note_absences<W: World>(
    context: &Context<W>,
    list: &CompleteList,
    named: &[KnownResource],
    began: Instant,
) -> Result<BTreeSet<Uuid>, Problem> {
    let absences = context.world.store().absences().await?;
    let target = context.target();
    let findings = find_absences(list, named, &absences, &target, context.limits, context.timing);
    // Whoever is somewhere else than the records writes nothing about what is there.
    if !findings.changes.is_empty() && context.halt().is_none() {
        context.world.store().note_absences(&findings.changes, began.elapsed()).await?;
    }
    context.metrics.absences(&findings.missing, &findings.brakes.keys().copied().collect());
    context.set_brakes(findings.brakes);
    Ok(findings.users)
}

/// Deletes late creates of users that are gone, and writes the rest onto the orphan list. Whoever is somewhere else than the
/// records, or sees nothing of them, knows of no orphan.
async fn settle_orphans<W: World>(
    context: &Context<W>,
    rows: Vec<OrphanRow>,
    mut orphans: BTreeMap<String, Orphan>,
) -> Result<BTreeMap<String, Orphan>, Problem> {
    if context.halt().is_some() || context.blindness().is_some() {
        return Ok(orphans);
    }
    latecomers::take_away(context, &mut orphans).await?;
    let target = context.target();
    let rows: Vec<_> = rows.into_iter().filter(|row| is_here(row, &target)).collect();
    let changes = orphan_changes(&rows, &orphans, context.timing.grace);
    if changes != OrphanChanges::default() {
        context.world.store().change_orphans(&changes).await?;
    }
    Ok(orphans)
}

/// Returns true if a row of the orphan list is about the AWS account and region that were listed.
fn is_here(row: &OrphanRow, target: &Target) -> bool {
    row.orphan.arn.as_ref().is_none_or(|arn| target.holds(arn))
}

/// The ARN of a row of the orphan list that is a duplicate.
fn duplicate(row: &OrphanRow) -> Option<&str> {
    row.orphan.arn.as_deref().filter(|_| row.orphan.reason == OrphanReason::Duplicate)
}

/// The records that name another AWS account or region than ours, in words. Where most do, nothing is made.
fn misplaced<W: World>(context: &Context<W>, named: &[KnownResource]) -> Option<String> {
    let target = context.target();
    let all: BTreeSet<&str> = named.iter().map(|named| named.arn.as_str()).collect();
    let elsewhere: Vec<_> = all.iter().filter(|arn| !target.holds(arn)).collect();
    let message = elsewhere.first().map(|first| {
        format!(
            "{} of {} resources are recorded in {}; this controller works in {}: start it with the region and credentials of the records",
            elsewhere.len(),
            all.len(),
            ArnLocation::parse(first).map_or_else(|| (**first).to_owned(), |place| place.to_string()),
            target.describe()
        )
    });
    let are_most = elsewhere.len() * 2 > all.len();
    context.set_halt(message.as_deref().filter(|_| are_most).map(Problem::recorded_elsewhere));
    message
}

/// Returns true if an account is in the namespace that is served.
fn is_in(namespace: Option<&str>, account: &AccountRef) -> bool {
    namespace.is_none_or(|namespace| account.namespace == namespace)
}

/// Everything that a record names: the rows in PostgreSQL, and what the status of an account says.
fn named<W: World>(
    context: &Context<W>,
    namespace: Option<&str>,
    recorded: &[RecordedResource],
    statuses: &[StatusEntry],
    standings: &BTreeMap<AccountRef, AccountState>,
) -> Vec<KnownResource> {
    let (before, now) = (context.last_inventory().unwrap_or_default(), context.world.now().0);
    let seen = before.update_times();
    let updated = |arn: &str| now.duration_since(*seen.get(arn)?).try_into().ok();
    let rows = recorded.iter().map(|row| KnownResource {
        user: row.user,
        kind: row.kind,
        arn: row.arn.clone(),
        // Of an account that is another controller's, nobody here knows.
        has_account: standings.contains_key(&row.account) || !is_in(namespace, &row.account),
        is_served: is_in(namespace, &row.account),
        is_being_deleted: row.deleting,
        age: row.age,
        since_update: updated(&row.arn),
    });
    let of_status = |record: &StatusEntry| {
        let user = standings.get(&record.account)?.user?;
        let (kind, arn, age) = (record.kind, record.arn.clone(), Duration::MAX);
        Some(KnownResource {
            user,
            kind,
            arn,
            has_account: true,
            is_served: true,
            is_being_deleted: false,
            age,
            since_update: None,
        })
    };
    rows.chain(statuses.iter().filter_map(of_status)).collect()
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

/// Everything of ours in the namespace that is served, and what the complete list says of the rest.
async fn list<W: World>(
    context: &Context<W>,
    namespace: Option<&str>,
) -> Result<(Listing, CompleteList), Problem> {
    let began = Instant::now();
    let (world, installation) = (&context.world, context.installation.as_str());
    let list = async |kind| with_kind!(world, kind, |kind| Listing::of_kind(kind, installation).await);
    let listed = futures::future::try_join_all(ResourceKind::ALL.map(list)).await?;
    let (mut all, mut complete) = (BTreeMap::<ResourceKind, Vec<Listed>>::new(), CompleteList::default());
    for (kind, ours, everything) in listed {
        complete.has_ours |= !ours.is_empty();
        complete.arns.extend(everything);
        all.insert(kind, ours);
    }
    complete.took = began.elapsed();
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
    Ok((Listing(all), complete))
}

fn standings(accounts: &[Arc<StreamerAccount>]) -> BTreeMap<AccountRef, AccountState> {
    accounts.iter().map(|account| (reference(account), standing(account))).collect()
}

fn standing(account: &StreamerAccount) -> AccountState {
    AccountState {
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
