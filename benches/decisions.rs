//! The pure parts that run for each account at each resync, measured with Criterion: `cargo bench --bench
//! decisions`. The time for an account must not grow with the number of accounts.

#![allow(missing_docs, reason = "criterion_group! defines functions")]

mod fleet;

use std::{collections::BTreeSet, hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use streamcat_operator::{
    api::{AccountRef, Arn, CompactId, ResourceKind},
    provision::{
        AccountState, DecisionContext, Inventory, RecordedRows, StatusEntry, StatusRecord, StatusRecords,
        compare_with_records, is_confirmed_absent,
    },
    store::{Absences, Missing, RecordChain, RecordedResource, ResourceRecord},
};

use fleet::{TIMING, account, arn, inventory, recorded, target, user};

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
}

fn status(number: usize) -> Arc<dyn StatusRecord> {
    let (account, uid) = (account(number), CompactId::Uuid(user(number)));
    Arc::new(Settled { account, uid, arn: arn(number, KIND).as_str().into(), number })
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

/// The decision about one missing resource.
fn decide(criterion: &mut Criterion) {
    let context = DecisionContext {
        timing: TIMING,
        target: Arc::new(target()),
        brake: None,
        records: RecordChain::default(),
    };
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

criterion_group!(benches, decide, compare);
criterion_main!(benches);
