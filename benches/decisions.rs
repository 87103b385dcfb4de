//! The pure parts that run for each account at each resync, measured with Criterion: `cargo bench --bench
//! decisions`. The time for an account must not grow with the number of accounts.

#![allow(missing_docs, reason = "criterion_group! defines functions")]

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
    sync::Arc,
    time::Duration,
};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use streamcat_operator::{
    api::{AccountRef, ResourceKind, tags},
    ivs::{Listed, Tags, Target},
    provision::{
        AccountState, BrakeLimits, CompleteList, DecisionContext, Inventory, KnownResource, Listing,
        StatusEntry, Timing, compare_with_records, find_absences, is_confirmed_absent, pending_rechecks,
    },
    store::{Absences, Missing, RecordedResource, ResourceRecord},
};
use uuid::Uuid;

/// Numbers of accounts: one page of a list of AWS, and the records of a large installation.
const ACCOUNTS: [usize; 2] = [100, 10_000];
const REGION: &str = "us-west-2";
const ACCOUNT: &str = "123456789012";
const TIMING: Timing = Timing {
    aws_call_timeout: Duration::from_secs(10),
    grace: Duration::from_secs(15),
    resync: Duration::from_mins(10),
};
const LIMITS: BrakeLimits = BrakeLimits { resources: 5, percent: 2.0 };

/// Settled accounts, each with a channel, as a resync sees them.
struct Fleet {
    listing: Listing,
    complete: CompleteList,
    states: BTreeMap<AccountRef, AccountState>,
    statuses: Vec<StatusEntry>,
    recorded: Vec<RecordedResource>,
    known: Vec<KnownResource>,
}

impl Fleet {
    fn new(count: usize) -> Self {
        let accounts = (0..count).map(account).collect::<Vec<_>>();
        let listed: Vec<_> = accounts.iter().enumerate().map(|(number, one)| listed(number, one)).collect();
        let arns: BTreeSet<_> = listed.iter().map(|listed| listed.arn.clone()).collect();
        let records = || accounts.iter().cloned().enumerate();
        Self {
            listing: Listing(BTreeMap::from([(ResourceKind::Channel, listed)])),
            complete: CompleteList { arns, has_ours: true, took: Duration::from_secs(1) },
            states: records().map(|(number, account)| (account, state(number))).collect(),
            statuses: records()
                .map(|(number, account)| StatusEntry {
                    account,
                    kind: ResourceKind::Channel,
                    arn: arn(number),
                    is_ready: true,
                })
                .collect(),
            recorded: records().map(|(number, account)| recorded(number, account)).collect(),
            known: (0..count).map(known).collect(),
        }
    }
}

fn account(number: usize) -> AccountRef {
    AccountRef { namespace: "streamers".into(), name: format!("streamer-{number:07}") }
}

fn user(number: usize) -> Uuid {
    Uuid::from_u128(number as u128)
}

fn uid(number: usize) -> String {
    format!("uid-{number}")
}

fn arn(number: usize) -> String {
    format!("arn:aws:ivs:{REGION}:{ACCOUNT}:channel/{number:012}")
}

fn listed(number: usize, account: &AccountRef) -> Listed {
    let tags = [
        (tags::INSTALLATION, "bench".to_owned()),
        (tags::USER, user(number).to_string()),
        (tags::ACCOUNT, account.to_string()),
        (tags::ATTEMPT, user(number).to_string()),
    ];
    let tags: Tags = tags.map(|(key, value)| (key.to_owned(), value)).into();
    Listed { arn: arn(number), name: account.name.clone(), tags, updated_at: None }
}

fn state(number: usize) -> AccountState {
    AccountState { uid: Some(uid(number)), user: Some(user(number)), is_stalled: false }
}

fn recorded(number: usize, account: AccountRef) -> RecordedResource {
    RecordedResource {
        user: user(number),
        account,
        uid: Some(uid(number)),
        kind: ResourceKind::Channel,
        arn: arn(number),
        age: Duration::from_hours(1),
        retained: false,
        deleting: false,
        pending_update: None,
    }
}

fn known(number: usize) -> KnownResource {
    KnownResource {
        user: user(number),
        kind: ResourceKind::Channel,
        arn: arn(number),
        has_account: true,
        is_served: true,
        is_being_deleted: false,
        age: Duration::from_hours(1),
        since_update: None,
    }
}

fn target() -> Target {
    Target::new(REGION, Some(ACCOUNT.into()))
}

/// The decision about one missing resource.
fn decide(criterion: &mut Criterion) {
    let context = DecisionContext { timing: TIMING, target: Arc::new(target()), brake: None };
    let missing = Missing { arn: arn(1), unlisted_for: Some(TIMING.resync), ..Missing::default() };
    let record = ResourceRecord { arn: Some(arn(1)), missing: vec![missing], ..ResourceRecord::default() };
    let arn = arn(1);
    criterion.bench_function("decide/confirmed absence", |bencher| {
        bencher.iter(|| is_confirmed_absent(black_box(&arn), black_box(&record), black_box(&context)));
    });
}

/// The comparisons of a resync.
fn compare(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compare");
    for count in ACCOUNTS {
        let fleet = Fleet::new(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("records", count), |bencher| {
            bencher.iter(|| {
                compare_with_records(
                    black_box(&fleet.listing),
                    &fleet.states,
                    &fleet.statuses,
                    &fleet.recorded,
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
            bencher.iter(|| pending_rechecks(black_box(&fleet.recorded), &fleet.statuses, TIMING.grace));
        });
        group.bench_function(BenchmarkId::new("inventory", count), |bencher| {
            bencher.iter_batched(
                || (),
                |()| Inventory::new(black_box(&fleet.listing)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decide, compare);
criterion_main!(benches);
