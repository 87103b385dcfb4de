//! The memory that an account takes, by part. The requested bytes of the heap are counted, so that the
//! figures depend neither on the machine nor on optimization: `cargo test --test memory -- --nocapture` prints
//! them. docs/sizing.md explains them.

#[path = "../../benches/fleet/mod.rs"]
mod fleet;

use std::{alloc::System, sync::Arc, time::Duration};

use cap::Cap;
use serde_json::{Value, json};
use streamcat_operator::{
    api::{AccountRef, ObservedAccount, ResourceKind},
    controller::{CachedAccount, CachedAccounts},
    provision::{AccountStates, CompleteList, Inventory, StatusEntry, compare_with_records, find_absences},
    store::{Absences, RecordedResource},
};
use uuid::Uuid;

use fleet::{INSTALLATION, LIMITS, TIMING, account, arn, known, listed, recorded, target, user};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

const ACCOUNTS: usize = 10_000;

/// Maximum bytes of each part for one account. A part that grows needs other figures in docs/sizing.md.
const CACHE: usize = 500;
const INVENTORY: usize = 600;
const ROWS: usize = 420;
const COMPARISON: usize = 950;

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

fn inventory() -> Inventory {
    let all =
        ResourceKind::ALL.into_iter().flat_map(|kind| (0..ACCOUNTS).map(move |number| listed(number, kind)));
    Inventory::new(INSTALLATION, all.collect())
}

fn rows() -> Vec<RecordedResource> {
    (0..ACCOUNTS).flat_map(|number| recorded(number, &ResourceKind::ALL)).collect()
}

/// Compares everything as a resync does. Returns the bytes for an account that this needs at the same time.
fn compare(accounts: &[Arc<CachedAccount>], inventory: &Inventory, rows: &[RecordedResource]) -> usize {
    let before = HEAP.allocated();
    let states: AccountStates<'_> =
        accounts.iter().map(|account| (&account.reference, account.state())).collect();
    let statuses: Vec<StatusEntry<'_>> =
        accounts.iter().flat_map(|account| account.resources_in_status()).collect();
    let of_rows = rows.iter().map(|row| known(row.owner.user, row.kind, &row.arn));
    let of_statuses = statuses.iter().map(|status| known(Uuid::nil(), status.kind, status.arn));
    let known: Vec<_> = of_rows.chain(of_statuses).collect();
    let arns = inventory.all().map(|resource| resource.arn.clone()).collect();
    let complete = CompleteList { arns, has_ours: true, took: Duration::from_secs(1) };
    let found = find_absences(&complete, &known, &Absences::default(), &target(), LIMITS, TIMING);
    assert!(found.changes.is_empty());
    drop((known, complete));
    let report = compare_with_records(inventory, &states, &statuses, rows, &[].into());
    assert!(report.drifted.is_empty() && report.orphans.is_empty(), "{report:?}");
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
    let (cache, cached) = bytes_of(|| {
        let cache = CachedAccounts::default();
        (0..ACCOUNTS).for_each(|number| cache.insert(CachedAccount::new(&object(number))));
        cache
    });
    let (inventory, inventoried) = bytes_of(inventory);
    let (rows, recorded) = bytes_of(rows);
    let compared = compare(&cache.accounts(), &inventory, &rows);
    // Last, because the maximum counts everything before.
    let (_, objects) = bytes_of(|| (0..ACCOUNTS).map(object).collect::<Vec<_>>());
    println!(
        "bytes for an account: {objects} as an object, {cached} in the cache, {inventoried} in the inventory"
    );
    println!("during a resync: {recorded} of rows, {compared} of comparisons");
    for (part, bytes, most) in [
        ("cache", cached, CACHE),
        ("inventory", inventoried, INVENTORY),
        ("rows", recorded, ROWS),
        ("comparisons", compared, COMPARISON),
    ] {
        assert!(bytes <= most, "the {part} takes {bytes} bytes for an account, not at most {most}");
    }
}
