//! The pure parts that run for each account at each resync, measured with Criterion: `cargo bench --bench
//! decisions`. The time for an account must not grow with the number of accounts.

#![allow(missing_docs, reason = "criterion_group! defines functions")]

mod fleet;

use std::{collections::BTreeSet, hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use streamcat_operator::{
    api::ResourceKind,
    provision::{
        AccountState, AccountStates, CompleteList, DecisionContext, Inventory, KnownResource, StatusEntry,
        TaggedResource, compare_with_records, find_absences, is_confirmed_absent, pending_rechecks,
    },
    store::{Absences, Missing, RecordChain, RecordedResource, RecordedUser, ResourceRecord},
};

use fleet::{INSTALLATION, LIMITS, TIMING, arn, known, listed, recorded, target};

/// Numbers of accounts: one page of a list of AWS, and the records of a large installation.
const ACCOUNTS: [usize; 2] = [100, 10_000];

/// The kind of the resource that each account has.
const KIND: ResourceKind = ResourceKind::Channel;

/// Settled accounts, each with a channel, as a resync sees them. They live as long as the benchmark.
struct Fleet {
    listed: Vec<TaggedResource>,
    complete: CompleteList,
    states: AccountStates<'static>,
    statuses: Vec<StatusEntry<'static>>,
    recorded: &'static [RecordedResource],
    known: Vec<KnownResource<'static>>,
}

impl Fleet {
    fn new(count: usize) -> Self {
        let recorded: &'static [_] =
            (0..count).flat_map(|number| recorded(number, &[KIND])).collect::<Vec<_>>().leak();
        let status = |row: &'static RecordedResource| StatusEntry {
            account: &row.owner.account,
            kind: row.kind,
            arn: &row.arn,
            is_ready: true,
        };
        let arns = recorded.iter().map(|row| row.arn.clone()).collect();
        Self {
            listed: (0..count).map(|number| listed(number, KIND)).collect(),
            complete: CompleteList { arns, has_ours: true, took: Duration::from_secs(1) },
            states: recorded.iter().map(|row| (&row.owner.account, state(&row.owner))).collect(),
            statuses: recorded.iter().map(status).collect(),
            recorded,
            known: recorded.iter().map(|row| known(row.owner.user, row.kind, &row.arn)).collect(),
        }
    }

    fn inventory(&self) -> Inventory {
        Inventory::new(INSTALLATION, self.listed.clone())
    }
}

fn state(owner: &'static RecordedUser) -> AccountState<'static> {
    AccountState { uid: owner.uid.as_ref(), user: Some(owner.user), is_stalled: false }
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
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("records", count), |bencher| {
            bencher.iter(|| {
                compare_with_records(
                    black_box(&inventory),
                    &fleet.states,
                    &fleet.statuses,
                    fleet.recorded,
                    &BTreeSet::new(),
                )
            });
        });
        let (target, absences) = (target(), Absences::default());
        group.bench_function(BenchmarkId::new("absences", count), |bencher| {
            bencher.iter(|| {
                find_absences(black_box(&fleet.complete), &fleet.known, &absences, &target, LIMITS, TIMING)
            });
        });
        group.bench_function(BenchmarkId::new("rechecks", count), |bencher| {
            bencher.iter(|| pending_rechecks(black_box(fleet.recorded), &fleet.statuses, TIMING.grace));
        });
        group.bench_function(BenchmarkId::new("inventory", count), |bencher| {
            bencher.iter_batched(
                || fleet.listed.clone(),
                |listed| Inventory::new(INSTALLATION, black_box(listed)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decide, compare);
criterion_main!(benches);
