//! The memory that an account takes, by part. The requested bytes of the heap are counted, so that the
//! figures depend neither on the machine nor on optimization: `cargo test --test memory -- --nocapture`
//! prints them. docs/sizing.md explains them.

#[path = "../../benches/fleet/mod.rs"]
mod fleet;

use std::{alloc::System, sync::Arc, time::Duration};

use cap::Cap;
use serde_json::{Value, json};
use streamcat_operator::{
    api::{AccountRef, ObservedAccount, ResourceKind},
    controller::{CachedAccount, CachedAccounts, Queue, Turn},
    lanes::Lane,
    provision::{
        BrakeLimits, CompleteList, Inventory, RecordedRows, StatusRecord, StatusRecords,
        compare_with_records, find_absences,
    },
    store::{Absences, RecordedResource},
};
use tokio::time::Instant;

use fleet::{TIMING, account, arn, inventory, recorded, target, user};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const ACCOUNTS: usize = 10_000;

const LIMITS: BrakeLimits = BrakeLimits { resources: 5, percent: 2.0 };

/// Maximum bytes of each part for one account. A part that grows needs other figures in docs/sizing.md.
const CACHE: usize = 500;
const INVENTORY: usize = 30;
const UNRECORDED: usize = 600;
const COMPARISON: usize = 60;
const UNRECORDED_ROWS: usize = 500;
const QUEUE: usize = 400;

/// Returns a settled account as the API server returns it.
fn object(number: usize) -> ObservedAccount {
    let AccountRef { namespace, name } = account(number);
    let conditions = ["Ready", "UserReady", "ChannelReady", "ChatRoomReady", "StageReady"].map(|kind| {
        json!({
            "type": kind, "status": "True", "reason": "Ready", "message": "The resource is as the spec says.",
            "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    });
    let [channel, room, stage] = ResourceKind::ALL.map(|kind| arn(number, kind));
    let object: Value = json!({
        "apiVersion": "streamcat.dev/v1alpha1",
        "kind": "StreamerAccount",
        "metadata": {
            "namespace": namespace, "name": name, "uid": user(number), "generation": 1,
            "resourceVersion": "1234567", "creationTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": ["streamcat.dev/aws-resources"],
        },
        "spec": { "username": name },
        "status": {
            "observedGeneration": 1, "userId": user(number), "conditions": conditions,
            "channel": { "arn": channel }, "chatRoom": { "arn": room }, "stage": { "arn": stage },
        },
    });
    serde_json::from_value(object).expect("an account")
}

fn statuses(accounts: &[Arc<CachedAccount>]) -> StatusRecords {
    StatusRecords::new(accounts.iter().map(|account| Arc::clone(account) as Arc<dyn StatusRecord>))
}

fn rows() -> impl Iterator<Item = RecordedResource> {
    (0..ACCOUNTS).flat_map(|number| recorded(number, &ResourceKind::ALL))
}

/// Compares everything as a resync does, in the same order. Returns the bytes for an account that this needs
/// at the same time.
fn compare(cache: &CachedAccounts, inventory: &Inventory) -> usize {
    let before = HEAP.allocated();
    let mut recorded = RecordedRows::new(inventory, &Absences::default());
    rows().for_each(|row| recorded.add(row, inventory, &target()));
    let accounts = statuses(&cache.accounts());
    recorded.compare_with(inventory, &accounts);
    assert!(recorded.others().is_empty() && recorded.differing(inventory, &accounts).next().is_none());
    let mut complete =
        CompleteList { has_ours: true, took: Duration::from_secs(1), ..CompleteList::default() };
    complete.add_consistent(&recorded, inventory, &[]);
    let found = find_absences(&complete, &[], &Absences::default(), &target(), LIMITS, TIMING);
    assert!(found.changes.is_empty());
    let report = compare_with_records(inventory, &accounts, &recorded, &[].into());
    assert!(report.drifted.is_empty() && report.orphans.is_empty(), "{report:?}");
    (HEAP.max_allocated() - before) / ACCOUNTS
}

/// Returns the rows that a resync keeps if no status names their resources.
fn kept_rows() -> RecordedRows {
    let inventory = Inventory::default();
    let mut recorded = RecordedRows::new(&inventory, &Absences::default());
    rows().for_each(|row| recorded.add(row, &inventory, &target()));
    recorded
}

/// Adds all accounts to the queue, and makes them due. Returns the bytes for an account that this needs at
/// the same time.
fn queue() -> usize {
    let (before, now) = (HEAP.allocated(), Instant::now());
    let mut queue = Queue::default();
    for number in 0..ACCOUNTS {
        queue.add(account(number), Turn { at: now, lane: Lane::Bulk });
    }
    assert!(queue.take(now, |_| true, |_, _| true).is_some());
    (HEAP.max_allocated() - before) / ACCOUNTS
}

/// Makes something of all accounts. Returns the bytes of it for one account.
fn bytes_of<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let before = HEAP.allocated();
    let value = make();
    let bytes = (HEAP.allocated() - before) / ACCOUNTS;
    (value, bytes)
}

#[test]
fn an_account_takes_no_more_memory_than_the_sizing_says() {
    // First, because the maximum counts everything before.
    let queued = queue();
    let (cache, cached) = bytes_of(|| {
        let cache = CachedAccounts::default();
        (0..ACCOUNTS).for_each(|number| cache.insert(CachedAccount::new(&object(number))));
        cache
    });
    let accounts = statuses(&cache.accounts());
    let (settled, inventoried) = bytes_of(|| inventory(0..ACCOUNTS, &accounts));
    drop(accounts);
    let compared = compare(&cache, &settled);
    drop(settled);
    // Last, because the maximum counts everything before.
    let (_, unrecorded) = bytes_of(|| inventory(0..ACCOUNTS, &StatusRecords::default()));
    let (_, kept) = bytes_of(kept_rows);
    let (_, objects) = bytes_of(|| (0..ACCOUNTS).map(object).collect::<Vec<_>>());
    println!("bytes for an account: {objects} as an object, {cached} in the cache");
    println!("settled: {inventoried} in the inventory, {compared} of comparisons during a resync");
    println!("while an account waits for a reconcile: {queued} in the queue");
    println!("without a status: {unrecorded} in the inventory, {kept} of rows during a resync");
    for (part, bytes, most) in [
        ("cache", cached, CACHE),
        ("inventory", inventoried, INVENTORY),
        ("inventory without statuses", unrecorded, UNRECORDED),
        ("comparisons", compared, COMPARISON),
        ("rows without statuses", kept, UNRECORDED_ROWS),
        ("queue", queued, QUEUE),
    ] {
        assert!(bytes <= most, "the {part} takes {bytes} bytes for an account, not at most {most}");
    }
}
