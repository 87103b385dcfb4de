//! Tests of the steps that converge one resource.

use super::*;
use crate::{
    ivs::Tags,
    provision::{
        Timing,
        world::{decision_context, owner},
    },
    store::Missing,
};

const GRACE: Duration = Duration::from_secs(10);
const A: &str = "arn:aws:ivs:eu-west-1:1:stage/a";
const B: &str = "arn:aws:ivs:eu-west-1:1:stage/b";
const C: &str = "arn:aws:ivs:eu-west-1:1:stage/c";
const ANOTHER: &str = "arn:aws:ivs:eu-west-1:1:stage/another";

const NEW: DecisionInput<'_> = DecisionInput {
    status_arn: None,
    inventory_arn: None,
    is_known_user: false,
    is_settled: false,
    was_sent: false,
    reports_drift: false,
    is_dirty: false,
    recreate: RecreatePolicy::Always,
};

fn arn(name: &str) -> String {
    name.to_owned()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn in_flight(due_in: u64, overdue: u64) -> InFlight {
    InFlight { nonce: Uuid::from_u128(7), due_in: seconds(due_in), overdue: seconds(overdue) }
}

fn update(due_in: u64, overdue: u64, repeats: u32) -> PendingUpdate {
    PendingUpdate { in_flight: in_flight(due_in, overdue), repeats }
}

fn recorded(arn: Option<&str>) -> ResourceRecord {
    ResourceRecord { arn: arn.map(str::to_owned), ..ResourceRecord::default() }
}

fn trying(arn: Option<&str>, due_in: u64, overdue: u64) -> ResourceRecord {
    ResourceRecord { attempt: Some(in_flight(due_in, overdue)), ..recorded(arn) }
}

fn missing(arn: &str, unlisted_for: u64) -> ResourceRecord {
    let unlisted_for = Some(seconds(unlisted_for));
    ResourceRecord {
        missing: vec![Missing { arn: arn.to_owned(), unlisted_for, ..Missing::default() }],
        ..recorded(Some(arn))
    }
}

fn shown(gets: &[(&str, ObservedOwnership)]) -> Observed {
    let ownership = gets.iter().map(|(arn, ownership)| ((*arn).to_owned(), *ownership)).collect();
    Observed { ownership, ..Observed::default() }
}

fn listed(owned: &[&str], gets: &[(&str, ObservedOwnership)]) -> Observed {
    Observed { owned: Some(owned.iter().map(ToString::to_string).collect()), ..shown(gets) }
}

fn step(input: &DecisionInput<'_>, recorded: &ResourceRecord, observed: &Observed) -> ConvergeStep {
    step_under(None, input, recorded, observed)
}

fn step_under(
    brake: Option<&str>,
    input: &DecisionInput<'_>,
    recorded: &ResourceRecord,
    observed: &Observed,
) -> ConvergeStep {
    let timing = Timing { aws_call_timeout: GRACE, grace: GRACE, resync: GRACE };
    next(input, recorded, observed, &decision_context(timing, brake))
}

#[test]
fn a_new_user_gets_a_create_without_a_list() {
    assert_eq!(step(&NEW, &recorded(None), &Observed::default()), ConvergeStep::Create(Change::Created));
}

#[test]
fn no_create_is_sent_while_another_may_be_in_flight() {
    let waits = |recorded: &ResourceRecord| match step(&NEW, recorded, &Observed::default()) {
        ConvergeStep::Wait(ConvergeWait::CreateOutcome(left)) => left,
        other => panic!("{other:?}"),
    };
    assert_eq!(waits(&trying(None, 3, 0)), seconds(13));
    assert_eq!(waits(&trying(Some(A), 3, 0)), seconds(13));
    assert_eq!(waits(&trying(None, 0, 0)), seconds(10));
    assert_eq!(waits(&trying(None, 0, 4)), seconds(6));
}

#[test]
fn an_overdue_attempt_is_adopted_or_ended() {
    let over = trying(None, 0, 10);
    assert_eq!(step(&NEW, &over, &Observed::default()), ConvergeStep::ListOwned);
    assert_eq!(step(&NEW, &over, &listed(&[], &[])), ConvergeStep::EndAttempt(Uuid::from_u128(7)));
    assert_eq!(step(&NEW, &over, &listed(&[A, B], &[])), ConvergeStep::Get(arn(A)));
    let not_shown = listed(&[A], &[(A, ObservedOwnership::Absent)]);
    assert_eq!(step(&NEW, &over, &not_shown), ConvergeStep::Wait(ConvergeWait::Get));
    let both = listed(&[A, B], &[(A, ObservedOwnership::Owned)]);
    assert_eq!(step(&NEW, &over, &both), ConvergeStep::Record(arn(A)));
    assert_eq!(step(&NEW, &recorded(Some(A)), &both), ConvergeStep::Get(arn(B)), "after it is recorded");
}

#[test]
fn a_settled_resource_is_not_read_if_status_and_database_agree() {
    let settled = DecisionInput { status_arn: Some(A), is_settled: true, ..NEW };
    assert_eq!(step(&settled, &recorded(Some(A)), &Observed::default()), ConvergeStep::Ready(arn(A)));
    assert_eq!(step(&settled, &recorded(Some(B)), &Observed::default()), ConvergeStep::Get(arn(B)));
    assert_eq!(step(&settled, &recorded(None), &Observed::default()), ConvergeStep::Get(arn(A)));
}

#[test]
fn a_resource_in_any_record_is_read_and_not_recreated() {
    let get = |status_arn, inventory_arn, in_database| {
        step(
            &DecisionInput { status_arn, inventory_arn, ..NEW },
            &recorded(in_database),
            &Observed::default(),
        )
    };
    assert_eq!(get(None, None, Some(A)), ConvergeStep::Get(arn(A)));
    assert_eq!(get(Some(B), None, None), ConvergeStep::Get(arn(B)));
    assert_eq!(get(None, Some(B), None), ConvergeStep::Get(arn(B)));
    assert_eq!(get(Some(B), None, Some(A)), ConvergeStep::Get(arn(A)));
}

#[test]
fn an_existing_resource_is_read_recorded_and_updated_in_this_order() {
    let wanted = DecisionInput { status_arn: Some(A), ..NEW };
    let mut observed = shown(&[(A, ObservedOwnership::Untagged)]);
    observed.differing.insert(arn(A));
    assert_eq!(step(&wanted, &recorded(None), &observed), ConvergeStep::Record(arn(A)));
    assert_eq!(step(&wanted, &recorded(Some(A)), &observed), ConvergeStep::Update(arn(A)));
    observed.differing.clear();
    assert_eq!(step(&wanted, &recorded(Some(A)), &observed), ConvergeStep::Ready(arn(A)));
}

#[test]
fn a_dirty_account_lists_and_deletes_its_own_duplicates() {
    let dirty = DecisionInput { is_dirty: true, ..NEW };
    let a = recorded(Some(A));
    assert_eq!(step(&dirty, &a, &shown(&[(A, ObservedOwnership::Owned)])), ConvergeStep::ListOwned);
    let mut both = listed(&[A, B], &[(A, ObservedOwnership::Owned)]);
    assert_eq!(step(&dirty, &a, &both), ConvergeStep::Get(arn(B)), "its tags are read again");
    both.ownership.insert(arn(B), ObservedOwnership::Owned);
    assert_eq!(step(&dirty, &a, &both), ConvergeStep::DeleteDuplicate(arn(B)));
    both.deleted.insert(arn(B));
    assert_eq!(step(&dirty, &a, &both), ConvergeStep::Ready(arn(A)));
    for other in [
        ObservedOwnership::Foreign,
        ObservedOwnership::OtherInstallation,
        ObservedOwnership::Untagged,
        ObservedOwnership::Absent,
    ] {
        let seen = listed(&[A, B], &[(A, ObservedOwnership::Owned), (B, other)]);
        assert_eq!(step(&dirty, &a, &seen), ConvergeStep::Ready(arn(A)));
    }
}

#[test]
fn an_absence_is_confirmed_by_two_complete_lists_a_resync_apart() {
    let absent = shown(&[(A, ObservedOwnership::Absent)]);
    let other = ResourceRecord { missing: missing(ANOTHER, 60).missing, ..recorded(Some(A)) };
    let waits = ConvergeStep::Wait(ConvergeWait::NextList(arn(A)));
    for unproven in [recorded(Some(A)), other, missing(A, 0), missing(A, 9)] {
        assert_eq!(step(&NEW, &unproven, &absent), waits, "{unproven:?}");
    }
    assert_eq!(step(&NEW, &missing(A, 10), &absent), ConvergeStep::ListOwned);
}

#[test]
fn an_old_deletion_request_confirms_no_absence_of_a_live_account() {
    let absent = shown(&[(A, ObservedOwnership::Absent)]);
    let mut asked_for = missing(A, 0);
    asked_for.missing[0].deletion_requested = true;
    assert_eq!(step(&NEW, &asked_for, &absent), ConvergeStep::Wait(ConvergeWait::NextList(arn(A))));
}

#[test]
fn a_braked_resource_is_not_read() {
    let unseen = Observed::default();
    assert_eq!(
        step_under(Some("much is missing"), &NEW, &missing(A, 0), &unseen),
        ConvergeStep::Braked(arn(A))
    );
    assert_eq!(
        step_under(Some("much is missing"), &NEW, &recorded(Some(A)), &unseen),
        ConvergeStep::Get(arn(A))
    );
}

#[test]
fn under_the_brake_an_absence_is_confirmed_only_after_a_release() {
    let absent = shown(&[(A, ObservedOwnership::Absent)]);
    let step = |recorded: &ResourceRecord| step_under(Some("much is missing"), &NEW, recorded, &absent);
    assert_eq!(step(&missing(A, 10)), ConvergeStep::Braked(arn(A)));
    let mut released = missing(A, 10);
    released.missing[0].released = true;
    assert_eq!(step(&released), ConvergeStep::ListOwned);
    released.missing[0].unlisted_for = Some(seconds(1));
    assert_eq!(step(&released), ConvergeStep::Wait(ConvergeWait::NextList(arn(A))), "AWS may show it again");
}

#[test]
fn a_record_of_another_target_ends_before_any_call() {
    for elsewhere in ["arn:aws:ivs:us-west-2:1:stage/a", "arn:aws:ivs:eu-west-1:2:stage/a", "no ARN"] {
        let end = ConvergeStep::RecordedElsewhere(arn(elsewhere));
        assert_eq!(step(&NEW, &recorded(Some(elsewhere)), &Observed::default()), end);
        assert_eq!(step(&NEW, &trying(Some(elsewhere), 3, 0), &Observed::default()), end);
        let settled = DecisionInput { status_arn: Some(elsewhere), is_settled: true, ..NEW };
        assert_eq!(step(&settled, &recorded(None), &Observed::default()), end);
    }
}

#[test]
fn a_resource_of_another_installation_is_not_touched_and_blocks() {
    let seen = shown(&[(A, ObservedOwnership::OtherInstallation)]);
    assert_eq!(step(&NEW, &recorded(Some(A)), &seen), ConvergeStep::OtherInstallation(arn(A)));
}

#[test]
fn of_two_existing_resources_the_one_recorded_first_is_kept() {
    let replaced = ResourceRecord { former: vec![arn(C), arn(B)], ..recorded(Some(A)) };
    let dirty = DecisionInput { is_dirty: true, ..NEW };
    let mut seen = listed(&[A, B], &[(A, ObservedOwnership::Owned)]);
    assert_eq!(step(&dirty, &replaced, &seen), ConvergeStep::Get(arn(B)));
    seen.ownership.insert(arn(B), ObservedOwnership::Owned);
    assert_eq!(step(&dirty, &replaced, &seen), ConvergeStep::Record(arn(B)));
    seen.ownership.insert(arn(B), ObservedOwnership::Absent);
    assert_eq!(step(&dirty, &replaced, &seen), ConvergeStep::Ready(arn(A)), "a list may be stale");
}

#[test]
fn a_gone_resource_is_replaced_by_another_or_as_the_policy_says() {
    let gone = missing(A, 10);
    let none = listed(&[A], &[(A, ObservedOwnership::Absent)]);
    assert_eq!(step(&NEW, &gone, &none), ConvergeStep::Create(Change::Recreated));
    let never = DecisionInput { recreate: RecreatePolicy::Never, ..NEW };
    assert_eq!(step(&never, &gone, &none), ConvergeStep::Gone(arn(A)));
    assert_eq!(
        step(&never, &gone, &listed(&[A, B], &[(A, ObservedOwnership::Absent)])),
        ConvergeStep::Get(arn(B))
    );
    let status = DecisionInput { status_arn: Some(C), ..never };
    assert_eq!(step(&status, &gone, &shown(&[(A, ObservedOwnership::Absent)])), ConvergeStep::Get(arn(C)));
    let there = shown(&[(A, ObservedOwnership::Absent), (C, ObservedOwnership::Untagged)]);
    assert_eq!(step(&status, &gone, &there), ConvergeStep::Record(arn(C)));
}

#[test]
fn a_foreign_resource_is_not_touched() {
    let foreign = [(A, ObservedOwnership::Foreign)];
    assert_eq!(step(&NEW, &recorded(Some(A)), &shown(&foreign)), ConvergeStep::ListOwned);
    assert_eq!(step(&NEW, &recorded(Some(A)), &listed(&[A], &foreign)), ConvergeStep::Foreign(arn(A)));
}

#[test]
fn an_update_is_rechecked_once_no_earlier_one_can_take_effect() {
    let settled = DecisionInput { status_arn: Some(A), is_settled: true, ..NEW };
    let updated = |due_in, overdue| ResourceRecord {
        pending_update: Some(update(due_in, overdue, 0)),
        ..recorded(Some(A))
    };
    let (unread, read) = (Observed::default(), shown(&[(A, ObservedOwnership::Owned)]));
    for recorded in [updated(9, 0), updated(0, 19)] {
        assert_eq!(step(&settled, &recorded, &unread), ConvergeStep::Ready(arn(A)));
        assert_eq!(
            step(&NEW, &recorded, &read),
            ConvergeStep::Ready(arn(A)),
            "an earlier update may still undo it"
        );
    }
    assert_eq!(step(&settled, &updated(0, 20), &unread), ConvergeStep::Get(arn(A)));
    assert_eq!(step(&settled, &updated(0, 20), &read), ConvergeStep::EndUpdate(Uuid::from_u128(7)));
    let mut older = shown(&[(A, ObservedOwnership::Owned)]);
    older.differing.insert(arn(A));
    assert_eq!(step(&settled, &updated(0, 20), &older), ConvergeStep::Update(arn(A)));
}

#[test]
fn what_something_else_changes_again_and_again_is_left_as_it_is() {
    let reported = DecisionInput { status_arn: Some(A), was_sent: true, ..NEW };
    let corrected = |corrections| ResourceRecord { corrections, ..recorded(Some(A)) };
    let mut differing = shown(&[(A, ObservedOwnership::Owned)]);
    differing.differing.insert(arn(A));
    assert_eq!(step(&reported, &corrected(4), &differing), ConvergeStep::Update(arn(A)));
    assert_eq!(step(&reported, &corrected(5), &differing), ConvergeStep::DriftPersists(arn(A)));
    assert_eq!(step(&NEW, &corrected(5), &differing), ConvergeStep::Update(arn(A)), "the spec has changed");
}

#[test]
fn drift_that_is_only_to_be_reported_is_not_sent() {
    let reported = DecisionInput { status_arn: Some(A), was_sent: true, reports_drift: true, ..NEW };
    let mut differing = shown(&[(A, ObservedOwnership::Owned)]);
    differing.differing.insert(arn(A));
    assert_eq!(step(&reported, &recorded(Some(A)), &differing), ConvergeStep::DriftDetected(arn(A)));
    let resent = ResourceRecord { pending_update: Some(update(0, 20, 0)), ..recorded(Some(A)) };
    assert_eq!(step(&reported, &resent, &differing), ConvergeStep::Update(arn(A)), "an update was undone");
}

#[test]
fn drift_is_resent_three_times_and_then_left_until_the_spec_changes() {
    let settled = DecisionInput { status_arn: Some(A), is_settled: true, was_sent: true, ..NEW };
    let undone =
        |repeats| ResourceRecord { pending_update: Some(update(0, 20, repeats)), ..recorded(Some(A)) };
    let mut differing = shown(&[(A, ObservedOwnership::Owned)]);
    differing.differing.insert(arn(A));
    assert_eq!(step(&settled, &undone(2), &differing), ConvergeStep::Update(arn(A)));
    assert_eq!(step(&settled, &undone(3), &differing), ConvergeStep::DriftPersists(arn(A)));
    let recent = ResourceRecord { pending_update: Some(update(9, 0, 0)), ..recorded(Some(A)) };
    let reported = DecisionInput { is_settled: false, ..settled };
    assert_eq!(
        step(&reported, &recent, &differing),
        ConvergeStep::DriftPersists(arn(A)),
        "an earlier update may still take effect"
    );
    assert_eq!(step(&reported, &undone(3), &differing), ConvergeStep::DriftPersists(arn(A)));
    assert_eq!(step(&NEW, &undone(3), &differing), ConvergeStep::Update(arn(A)));
    differing.unconfirmed.insert(arn(A));
    assert_eq!(
        step(&NEW, &undone(0), &differing),
        ConvergeStep::DriftPersists(arn(A)),
        "AWS's response contains the drift"
    );
}

fn ranked(in_database: Option<&str>, status_arn: Option<&str>, attempts: &[u128]) -> Vec<String> {
    let listed = |arn: &str, nonce: u128| {
        let tags = owner().create_tags(Uuid::from_u128(nonce), &Tags::new());
        Listed { arn: arn.to_owned(), name: "todd".to_owned(), tags, ..Listed::default() }
    };
    let attempts: Vec<_> = attempts.iter().copied().map(Uuid::from_u128).collect();
    let mut owned = vec![listed(C, 2), listed(B, 7), listed(A, 1)];
    rank(&mut owned, &DecisionInput { status_arn, ..NEW }, &recorded(in_database), &attempts);
    owned.into_iter().map(|listed| listed.arn).collect()
}

#[test]
fn the_recorded_resource_is_kept_else_that_of_the_oldest_attempt() {
    assert_eq!(ranked(Some(C), Some(B), &[7, 1, 2]), [C, B, A]);
    assert_eq!(ranked(None, Some(C), &[7, 1, 2]), [C, B, A]);
    assert_eq!(ranked(None, None, &[7, 2, 1]), [B, C, A]);
    assert_eq!(ranked(None, None, &[]), [A, B, C], "the journal was lost");
}

#[test]
fn a_gone_resource_that_only_the_inventory_names_is_recreated() {
    let never = DecisionInput { inventory_arn: Some(A), recreate: RecreatePolicy::Never, ..NEW };
    let missed = ResourceRecord { arn: None, ..missing(A, 10) };
    let none = listed(&[], &[(A, ObservedOwnership::Absent)]);
    assert_eq!(step(&never, &missed, &none), ConvergeStep::Create(Change::Created));
    let in_status = DecisionInput { status_arn: Some(A), ..never };
    assert_eq!(step(&in_status, &missed, &none), ConvergeStep::Gone(arn(A)));
}

#[test]
fn a_known_user_without_records_is_listed_before_a_create() {
    let known = DecisionInput { is_known_user: true, ..NEW };
    let untried = recorded(None);
    assert_eq!(step(&NEW, &untried, &Observed::default()), ConvergeStep::Create(Change::Created));
    assert_eq!(step(&known, &untried, &Observed::default()), ConvergeStep::ListOwned);
    assert_eq!(step(&known, &untried, &listed(&[], &[])), ConvergeStep::Create(Change::Created));
    assert_eq!(step(&known, &untried, &listed(&[A], &[])), ConvergeStep::Get(arn(A)));
    assert_eq!(
        step(&known, &untried, &listed(&[A], &[(A, ObservedOwnership::Owned)])),
        ConvergeStep::Record(arn(A))
    );
    let abandoned = ResourceRecord { is_abandoned: true, ..untried.clone() };
    assert_eq!(step(&NEW, &abandoned, &Observed::default()), ConvergeStep::ListOwned);
    let tried = ResourceRecord { is_tried: true, ..abandoned };
    assert_eq!(
        step(&known, &tried, &Observed::default()),
        ConvergeStep::Create(Change::Created),
        "the attempt created nothing"
    );
}
