//! The pure parts that run for each account at each reconcile or resync, measured with Criterion: `cargo
//! bench
//! --bench decisions`. The time for an account must not grow with the number of accounts.

#![allow(missing_docs, reason = "criterion_group! defines functions")]

mod fleet;

use std::{collections::BTreeSet, hint::black_box, sync::Arc};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use streamcat_operator::{
    api::{AccountRef, Arn, CompactId, RecreatePolicy, ResourceKind, StreamerAccountSpec},
    controller::{Queue, Turn},
    ivs::Listed,
    lanes::{FairQueue, Lane, Origin},
    provision::{
        AccountState, DecisionContext, DecisionInput, DeclaredFields, Inventory, Observed, RecordedRows,
        StatusEntry, StatusRecord, StatusRecords, compare_with_records, is_confirmed_absent, next_step,
    },
    store::{Absences, Missing, RecordChain, RecordedResource, ResourceRecord},
};

use fleet::{TIMING, account, arn, inventory, recorded, target, user};
use tokio::time::Instant;

/// Numbers of accounts: one page of a list of AWS, and the records of a large installation.
const ACCOUNTS: [usize; 2] = [100, 10_000];

/// The kind of the resource that each account has.
const KIND: ResourceKind = ResourceKind::Channel;

/// The status of a settled account.
#[derive(Debug)]
struct Settled {
    account: AccountRef,
    uid: CompactId,
    arn: Arn,
    number: usize,
    declared: DeclaredFields,
}

impl StatusRecord for Settled {
    fn account(&self) -> &AccountRef {
        &self.account
    }

    fn username(&self) -> &str {
        &self.account.name
    }

    fn state(&self) -> AccountState<'_> {
        AccountState { uid: Some(&self.uid), user: Some(user(self.number)), is_stalled: false }
    }

    fn resource(&self, kind: ResourceKind) -> Option<StatusEntry<'_>> {
        let entry = StatusEntry { account: &self.account, kind, arn: &self.arn, is_ready: true };
        (kind == KIND).then_some(entry)
    }

    fn contradicts(&self, kind: ResourceKind, listed: &Listed) -> bool {
        self.declared.differ_from(kind, listed)
    }
}

fn status(number: usize) -> Arc<dyn StatusRecord> {
    let (account, uid) = (account(number), CompactId::Uuid(user(number)));
    let declared = DeclaredFields::of(&StreamerAccountSpec::with_defaults(account.name.clone()));
    Arc::new(Settled { account, uid, arn: arn(number, KIND).as_str().into(), number, declared })
}

/// Settled accounts, each with a channel, as a resync sees them.
struct Fleet {
    count: usize,
    statuses: StatusRecords,
    rows: Vec<RecordedResource>,
}

impl Fleet {
    fn new(count: usize) -> Self {
        let statuses = StatusRecords::new((0..count).map(status));
        Self { count, statuses, rows: (0..count).flat_map(|number| recorded(number, &[KIND])).collect() }
    }

    fn inventory(&self) -> Inventory {
        inventory(0..self.count, &self.statuses)
    }

    fn recorded(&self, inventory: &Inventory) -> RecordedRows {
        let mut recorded = RecordedRows::new(inventory, &Absences::default());
        let target = target();
        for row in &self.rows {
            recorded.add(row.clone(), inventory, &target);
        }
        recorded.compare_with(inventory, &self.statuses);
        recorded
    }
}

/// The decisions about one resource: one that is to be created, one that is settled, and one that is missing.
fn decide(criterion: &mut Criterion) {
    let context = DecisionContext {
        timing: TIMING,
        target: Arc::new(target()),
        brake: None,
        records: RecordChain::default(),
        is_aws_listed: false,
    };
    let settled_arn = arn(1, KIND);
    let settled = ResourceRecord { arn: Some(arn(1, KIND)), ..ResourceRecord::default() };
    for (name, status_arn, record) in
        [("create", None, ResourceRecord::default()), ("settled", Some(settled_arn.as_str()), settled)]
    {
        let input = DecisionInput {
            status_arn,
            inventory_arn: None,
            is_known_user: status_arn.is_some(),
            is_settled: status_arn.is_some(),
            was_sent: status_arn.is_some(),
            reports_drift: false,
            is_dirty: false,
            recreate: RecreatePolicy::default(),
        };
        let observed = Observed::default();
        criterion.bench_function(format!("decide/{name}").as_str(), |bencher| {
            bencher.iter(|| next_step(black_box(&input), black_box(&record), &observed, &context));
        });
    }
    let missing = Missing { arn: arn(1, KIND), unlisted_for: Some(TIMING.resync), ..Missing::default() };
    let record =
        ResourceRecord { arn: Some(arn(1, KIND)), missing: vec![missing], ..ResourceRecord::default() };
    let arn = arn(1, KIND);
    criterion.bench_function("decide/confirmed absence", |bencher| {
        bencher.iter(|| is_confirmed_absent(black_box(&arn), black_box(&record), black_box(&context)));
    });
}

/// The comparisons of a resync.
fn compare(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compare");
    for count in ACCOUNTS {
        let fleet = Fleet::new(count);
        let inventory = fleet.inventory();
        let recorded = fleet.recorded(&inventory);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("lists", count), |bencher| bencher.iter(|| fleet.inventory()));
        group.bench_function(BenchmarkId::new("rows", count), |bencher| {
            bencher.iter(|| fleet.recorded(black_box(&inventory)));
        });
        group.bench_function(BenchmarkId::new("records", count), |bencher| {
            bencher.iter(|| {
                compare_with_records(black_box(&inventory), &fleet.statuses, &recorded, &BTreeSet::new())
            });
        });
    }
    group.finish();
}

/// Accounts that wait: each is added and taken out once, in the work queue and in the queue of lanes beneath
/// it.
fn wait(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue");
    for count in ACCOUNTS {
        let accounts: Vec<_> = (0..count).map(waiting_account).collect();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("accounts", count), |bencher| {
            bencher.iter_batched(|| accounts.clone(), work_off, BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("lanes", count), |bencher| {
            bencher.iter_batched(FairQueue::default, |queue| pass(queue, &accounts), BatchSize::LargeInput);
        });
    }
    group.finish();
}

/// An account in one of ten namespaces, and its lane. One of a hundred is a person's.
fn waiting_account(number: usize) -> (AccountRef, Lane) {
    let namespace = format!("team-{}", number % 10);
    let lane = if number.is_multiple_of(100) { Lane::Interactive } else { Lane::Bulk };
    (AccountRef { namespace, ..account(number) }, lane)
}

/// Adds accounts to a work queue, and reconciles them.
fn work_off(accounts: Vec<(AccountRef, Lane)>) {
    let (mut queue, at) = (Queue::default(), Instant::now());
    for (account, lane) in accounts {
        queue.add(account, Turn { at, lane });
    }
    while let Some(taken) = queue.take(at, |_| true, |_, _| true) {
        queue.finish(black_box(taken).account, None, at);
    }
}

/// Adds numbers to a queue of lanes, and takes them out.
fn pass(mut queue: FairQueue<usize>, accounts: &[(AccountRef, Lane)]) {
    for (number, (account, lane)) in accounts.iter().enumerate() {
        queue.push(&Origin { lane: *lane, namespace: account.namespace.clone() }, number);
    }
    while let Some(next) = queue.pop() {
        black_box(next);
    }
}

criterion_group!(benches, decide, compare, wait);
criterion_main!(benches);
