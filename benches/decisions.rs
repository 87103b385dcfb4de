//! The pure parts that run for each account at each resync, measured with Criterion: `cargo bench --bench
//! decisions`. The time for an account must not grow with the number of accounts.

#![allow(missing_docs, reason = "criterion_group! defines functions")]

use std::{collections::BTreeSet, hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use streamcat_operator::{
    api::{AccountRef, Arn, CompactId, ResourceKind, tags},
    ivs::{Listed, Tags, Target},
    provision::{
        AccountState, AccountStates, BrakeLimits, CompleteList, DecisionContext, Inventory, KnownResource,
        StatusEntry, TaggedResource, Timing, compare_with_records, find_absences, is_confirmed_absent,
        pending_rechecks,
    },
    store::{Absences, Missing, RecordedResource, RecordedUser, ResourceRecord},
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
        let recorded: &'static [_] = (0..count).map(recorded).collect::<Vec<_>>().leak();
        let status = |row: &'static RecordedResource| StatusEntry {
            account: &row.owner.account,
            kind: row.kind,
            arn: &row.arn,
            is_ready: true,
        };
        let arns = recorded.iter().map(|row| row.arn.clone()).collect();
        Self {
            listed: (0..count).map(listed).collect(),
            complete: CompleteList { arns, has_ours: true, took: Duration::from_secs(1) },
            states: recorded.iter().map(|row| (&row.owner.account, state(&row.owner))).collect(),
            statuses: recorded.iter().map(status).collect(),
            recorded,
            known: recorded.iter().map(known).collect(),
        }
    }

    fn inventory(&self) -> Inventory {
        Inventory::new("bench", self.listed.clone())
    }
}

fn account(number: usize) -> AccountRef {
    AccountRef { namespace: "streamers".into(), name: format!("streamer-{number:07}") }
}

fn user(number: usize) -> Uuid {
    Uuid::from_u128(number as u128)
}

fn arn(number: usize) -> String {
    format!("arn:aws:ivs:{REGION}:{ACCOUNT}:channel/{number:012}")
}

fn listed(number: usize) -> TaggedResource {
    let account = account(number);
    let tags = [
        (tags::INSTALLATION, "bench".to_owned()),
        (tags::USER, user(number).to_string()),
        (tags::ACCOUNT, account.to_string()),
        (tags::ATTEMPT, user(number).to_string()),
    ];
    let tags: Tags = tags.map(|(key, value)| (key.to_owned(), value)).into();
    let listed = Listed { arn: arn(number), name: account.name, tags, updated_at: None };
    TaggedResource::new(ResourceKind::Channel, &listed)
}

fn state(owner: &'static RecordedUser) -> AccountState<'static> {
    AccountState { uid: owner.uid.as_ref(), user: Some(owner.user), is_stalled: false }
}

fn recorded(number: usize) -> RecordedResource {
    let (user, account) = (user(number), account(number));
    let uid = Some(CompactId::Uuid(user));
    RecordedResource {
        owner: RecordedUser { user, account, uid, retained: false, deleting: false }.into(),
        kind: ResourceKind::Channel,
        arn: Arn::from(arn(number).as_str()),
        age: Duration::from_hours(1),
        pending_update: None,
    }
}

fn known(row: &'static RecordedResource) -> KnownResource<'static> {
    KnownResource {
        user: row.owner.user,
        kind: row.kind,
        arn: &row.arn,
        has_account: true,
        is_served: true,
        is_being_deleted: false,
        age: row.age,
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
                |listed| Inventory::new("bench", black_box(listed)),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, decide, compare);
criterion_main!(benches);
