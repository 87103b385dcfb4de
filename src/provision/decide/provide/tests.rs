use super::*;
use crate::{
    ivs::Tags,
    provision::{
        Timing,
        world::{circumstances, owner},
    },
    store::Missing,
};

const GRACE: Duration = Duration::from_secs(10);
const A: &str = "arn:aws:ivs:eu-west-1:1:stage/a";
const B: &str = "arn:aws:ivs:eu-west-1:1:stage/b";
const C: &str = "arn:aws:ivs:eu-west-1:1:stage/c";
const ANOTHER: &str = "arn:aws:ivs:eu-west-1:1:stage/another";

const NEW: Wanted<'_> = Wanted {
    status: None,
    swept: None,
    known: false,
    settled: false,
    sent: false,
    doubted: false,
    recreate: RecreatePolicy::Always,
};

fn arn(name: &str) -> String {
    name.to_owned()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn unsettled(due_in: u64, overdue: u64) -> InFlight {
    InFlight { nonce: Uuid::from_u128(7), due_in: seconds(due_in), overdue: seconds(overdue) }
}

fn edit(due_in: u64, overdue: u64, repeats: u32) -> PendingUpdate {
    PendingUpdate { in_flight: unsettled(due_in, overdue), repeats }
}

fn recorded(arn: Option<&str>) -> ResourceRecord {
    ResourceRecord { arn: arn.map(str::to_owned), ..ResourceRecord::default() }
}

fn trying(arn: Option<&str>, due_in: u64, overdue: u64) -> ResourceRecord {
    ResourceRecord { attempt: Some(unsettled(due_in, overdue)), ..recorded(arn) }
}

fn missing(arn: &str, unlisted_for: u64) -> ResourceRecord {
    let unlisted_for = Some(seconds(unlisted_for));
    ResourceRecord {
        missing: vec![Missing { arn: arn.to_owned(), unlisted_for, ..Missing::default() }],
        ..recorded(Some(arn))
    }
}

fn shown(all: &[(&str, Sight)]) -> Observed {
    let shown = all.iter().map(|(arn, sight)| ((*arn).to_owned(), *sight)).collect();
    Observed { shown, ..Observed::default() }
}

fn listed(ours: &[&str], all: &[(&str, Sight)]) -> Observed {
    Observed { ours: Some(ours.iter().map(ToString::to_string).collect()), ..shown(all) }
}

fn step(wanted: &Wanted<'_>, recorded: &ResourceRecord, observed: &Observed) -> Step {
    step_under(None, wanted, recorded, observed)
}

fn step_under(brake: Option<&str>, wanted: &Wanted<'_>, recorded: &ResourceRecord, observed: &Observed) -> Step {
    let timing = Timing { aws_call_timeout: GRACE, grace: GRACE, resync: GRACE };
    next(wanted, recorded, observed, &circumstances(timing, brake))
}

#[test]
fn a_new_user_gets_a_create_and_no_look() {
    assert_eq!(step(&NEW, &recorded(None), &Observed::default()), Step::Create(Change::Created));
}

#[test]
fn nothing_is_created_while_a_create_may_be_under_way() {
    let waits = |recorded: &ResourceRecord| match step(&NEW, recorded, &Observed::default()) {
        Step::Wait(Waiting::Outcome(left)) => left,
        other => panic!("{other:?}"),
    };
    assert_eq!(waits(&trying(None, 3, 0)), seconds(13));
    assert_eq!(waits(&trying(Some(A), 3, 0)), seconds(13));
    assert_eq!(waits(&trying(None, 0, 0)), seconds(10));
    assert_eq!(waits(&trying(None, 0, 4)), seconds(6));
}

#[test]
fn after_the_deadline_and_the_grace_it_looks_and_adopts_what_it_finds_or_gives_the_attempt_up() {
    let over = trying(None, 0, 10);
    assert_eq!(step(&NEW, &over, &Observed::default()), Step::Look);
    assert_eq!(step(&NEW, &over, &listed(&[], &[])), Step::GiveUp(Uuid::from_u128(7)));
    assert_eq!(step(&NEW, &over, &listed(&[A, B], &[])), Step::Get(arn(A)));
    let not_shown = listed(&[A], &[(A, Sight::Absent)]);
    assert_eq!(step(&NEW, &over, &not_shown), Step::Wait(Waiting::Shown));
    let both = listed(&[A, B], &[(A, Sight::Ours)]);
    assert_eq!(step(&NEW, &over, &both), Step::Record(arn(A)));
    assert_eq!(step(&NEW, &recorded(Some(A)), &both), Step::Get(arn(B)), "after it is recorded");
}

#[test]
fn what_is_settled_is_left_alone_if_status_and_database_name_the_same() {
    let settled = Wanted { status: Some(A), settled: true, ..NEW };
    assert_eq!(step(&settled, &recorded(Some(A)), &Observed::default()), Step::Ready(arn(A)));
    assert_eq!(step(&settled, &recorded(Some(B)), &Observed::default()), Step::Get(arn(B)));
    assert_eq!(step(&settled, &recorded(None), &Observed::default()), Step::Get(arn(A)));
}

#[test]
fn what_is_recorded_anywhere_is_inspected_and_not_made_again() {
    let get = |status, swept, in_database| {
        step(&Wanted { status, swept, ..NEW }, &recorded(in_database), &Observed::default())
    };
    assert_eq!(get(None, None, Some(A)), Step::Get(arn(A)));
    assert_eq!(get(Some(B), None, None), Step::Get(arn(B)));
    assert_eq!(get(None, Some(B), None), Step::Get(arn(B)));
    assert_eq!(get(Some(B), None, Some(A)), Step::Get(arn(A)));
}

#[test]
fn one_that_is_there_is_seen_recorded_and_set_right_in_this_order() {
    let wanted = Wanted { status: Some(A), ..NEW };
    let mut observed = shown(&[(A, Sight::Untagged)]);
    observed.differing.insert(arn(A));
    assert_eq!(step(&wanted, &recorded(None), &observed), Step::Record(arn(A)));
    assert_eq!(step(&wanted, &recorded(Some(A)), &observed), Step::Edit(arn(A)));
    observed.differing.clear();
    assert_eq!(step(&wanted, &recorded(Some(A)), &observed), Step::Ready(arn(A)));
}

#[test]
fn who_doubts_looks_for_others_too_and_takes_away_those_that_are_ours() {
    let doubted = Wanted { doubted: true, ..NEW };
    let a = recorded(Some(A));
    assert_eq!(step(&doubted, &a, &shown(&[(A, Sight::Ours)])), Step::Look);
    let mut both = listed(&[A, B], &[(A, Sight::Ours)]);
    assert_eq!(step(&doubted, &a, &both), Step::Get(arn(B)), "its tags are read once more");
    both.shown.insert(arn(B), Sight::Ours);
    assert_eq!(step(&doubted, &a, &both), Step::DeleteDuplicate(arn(B)));
    both.deleted.insert(arn(B));
    assert_eq!(step(&doubted, &a, &both), Step::Ready(arn(A)));
    for other in [Sight::Foreign, Sight::OtherInstallation, Sight::Untagged, Sight::Absent] {
        let seen = listed(&[A, B], &[(A, Sight::Ours), (B, other)]);
        assert_eq!(step(&doubted, &a, &seen), Step::Ready(arn(A)));
    }
}

#[test]
fn an_absence_is_believed_after_two_complete_lists_a_resync_apart() {
    let absent = shown(&[(A, Sight::Absent)]);
    let other = ResourceRecord { missing: missing(ANOTHER, 60).missing, ..recorded(Some(A)) };
    let waits = Step::Wait(Waiting::Missing(arn(A)));
    for unproven in [recorded(Some(A)), other, missing(A, 0), missing(A, 9)] {
        assert_eq!(step(&NEW, &unproven, &absent), waits, "{unproven:?}");
    }
    assert_eq!(step(&NEW, &missing(A, 10), &absent), Step::Look);
}

#[test]
fn a_deletion_that_was_asked_for_once_proves_nothing_for_who_lives_on() {
    let absent = shown(&[(A, Sight::Absent)]);
    let mut asked_for = missing(A, 0);
    asked_for.missing[0].deletion_requested = true;
    assert_eq!(step(&NEW, &asked_for, &absent), Step::Wait(Waiting::Missing(arn(A))));
}

#[test]
fn what_is_braked_is_not_asked_for() {
    let unseen = Observed::default();
    assert_eq!(step_under(Some("much is missing"), &NEW, &missing(A, 0), &unseen), Step::Braked(arn(A)));
    assert_eq!(step_under(Some("much is missing"), &NEW, &recorded(Some(A)), &unseen), Step::Get(arn(A)));
}

#[test]
fn under_the_brake_an_absence_is_believed_only_if_a_person_released_it() {
    let absent = shown(&[(A, Sight::Absent)]);
    let step = |recorded: &ResourceRecord| step_under(Some("much is missing"), &NEW, recorded, &absent);
    assert_eq!(step(&missing(A, 10)), Step::Braked(arn(A)));
    let mut released = missing(A, 10);
    released.missing[0].released = true;
    assert_eq!(step(&released), Step::Look);
    released.missing[0].unlisted_for = Some(seconds(1));
    assert_eq!(step(&released), Step::Wait(Waiting::Missing(arn(A))), "it may show again");
}

#[test]
fn a_record_of_another_region_or_account_ends_before_any_call() {
    for elsewhere in ["arn:aws:ivs:us-west-2:1:stage/a", "arn:aws:ivs:eu-west-1:2:stage/a", "no ARN"] {
        let end = Step::Elsewhere(arn(elsewhere));
        assert_eq!(step(&NEW, &recorded(Some(elsewhere)), &Observed::default()), end);
        assert_eq!(step(&NEW, &trying(Some(elsewhere), 3, 0), &Observed::default()), end);
        let settled = Wanted { status: Some(elsewhere), settled: true, ..NEW };
        assert_eq!(step(&settled, &recorded(None), &Observed::default()), end);
    }
}

#[test]
fn one_of_another_installation_is_left_alone_and_blocks() {
    let seen = shown(&[(A, Sight::OtherInstallation)]);
    assert_eq!(step(&NEW, &recorded(Some(A)), &seen), Step::OtherInstallation(arn(A)));
}

#[test]
fn of_two_that_are_there_the_one_recorded_first_is_kept() {
    let replaced = ResourceRecord { former: vec![arn(C), arn(B)], ..recorded(Some(A)) };
    let doubted = Wanted { doubted: true, ..NEW };
    let mut seen = listed(&[A, B], &[(A, Sight::Ours)]);
    assert_eq!(step(&doubted, &replaced, &seen), Step::Get(arn(B)));
    seen.shown.insert(arn(B), Sight::Ours);
    assert_eq!(step(&doubted, &replaced, &seen), Step::Record(arn(B)));
    seen.shown.insert(arn(B), Sight::Absent);
    assert_eq!(step(&doubted, &replaced, &seen), Step::Ready(arn(A)), "a list may be behind");
}

#[test]
fn in_place_of_one_that_is_gone_comes_another_of_ours_or_what_the_policy_says() {
    let gone = missing(A, 10);
    let none = listed(&[A], &[(A, Sight::Absent)]);
    assert_eq!(step(&NEW, &gone, &none), Step::Create(Change::Recreated));
    let never = Wanted { recreate: RecreatePolicy::Never, ..NEW };
    assert_eq!(step(&never, &gone, &none), Step::Gone(arn(A)));
    assert_eq!(step(&never, &gone, &listed(&[A, B], &[(A, Sight::Absent)])), Step::Get(arn(B)));
    let status = Wanted { status: Some(C), ..never };
    assert_eq!(step(&status, &gone, &shown(&[(A, Sight::Absent)])), Step::Get(arn(C)));
    let there = shown(&[(A, Sight::Absent), (C, Sight::Untagged)]);
    assert_eq!(step(&status, &gone, &there), Step::Record(arn(C)));
}

#[test]
fn one_that_is_anothers_is_left_alone() {
    let foreign = [(A, Sight::Foreign)];
    assert_eq!(step(&NEW, &recorded(Some(A)), &shown(&foreign)), Step::Look);
    assert_eq!(step(&NEW, &recorded(Some(A)), &listed(&[A], &foreign)), Step::Foreign(arn(A)));
}

#[test]
fn what_was_changed_is_looked_at_when_nothing_older_can_come_any_more() {
    let settled = Wanted { status: Some(A), settled: true, ..NEW };
    let changed = |due_in, overdue| ResourceRecord { pending_update: Some(edit(due_in, overdue, 0)), ..recorded(Some(A)) };
    let (unseen, seen) = (Observed::default(), shown(&[(A, Sight::Ours)]));
    for recorded in [changed(9, 0), changed(0, 19)] {
        assert_eq!(step(&settled, &recorded, &unseen), Step::Ready(arn(A)));
        assert_eq!(step(&NEW, &recorded, &seen), Step::Ready(arn(A)), "it may yet be changed back");
    }
    assert_eq!(step(&settled, &changed(0, 20), &unseen), Step::Get(arn(A)));
    assert_eq!(step(&settled, &changed(0, 20), &seen), Step::EndEdit(Uuid::from_u128(7)));
    let mut older = shown(&[(A, Sight::Ours)]);
    older.differing.insert(arn(A));
    assert_eq!(step(&settled, &changed(0, 20), &older), Step::Edit(arn(A)));
}

#[test]
fn what_does_not_stay_is_sent_again_three_times_and_then_left_until_there_is_another_spec() {
    let settled = Wanted { status: Some(A), settled: true, sent: true, ..NEW };
    let changed_back = |repeats| ResourceRecord { pending_update: Some(edit(0, 20, repeats)), ..recorded(Some(A)) };
    let mut differing = shown(&[(A, Sight::Ours)]);
    differing.differing.insert(arn(A));
    assert_eq!(step(&settled, &changed_back(2), &differing), Step::Edit(arn(A)));
    assert_eq!(step(&settled, &changed_back(3), &differing), Step::DriftPersists(arn(A)));
    let recent = ResourceRecord { pending_update: Some(edit(9, 0, 0)), ..recorded(Some(A)) };
    let reported = Wanted { settled: false, ..settled };
    assert_eq!(
        step(&reported, &recent, &differing),
        Step::DriftPersists(arn(A)),
        "an older change may yet land"
    );
    assert_eq!(step(&reported, &changed_back(3), &differing), Step::DriftPersists(arn(A)));
    assert_eq!(step(&NEW, &changed_back(3), &differing), Step::Edit(arn(A)));
    differing.unconfirmed.insert(arn(A));
    assert_eq!(
        step(&NEW, &changed_back(0), &differing),
        Step::DriftPersists(arn(A)),
        "AWS's answer shows it"
    );
}

fn ranked(in_database: Option<&str>, status: Option<&str>, attempts: &[u128]) -> Vec<String> {
    let listed = |arn: &str, nonce: u128| {
        let tags = owner().tags(Uuid::from_u128(nonce), &Tags::new());
        Listed { arn: arn.to_owned(), name: "todd".to_owned(), tags, updated_at: None }
    };
    let attempts: Vec<_> = attempts.iter().copied().map(Uuid::from_u128).collect();
    let mut ours = vec![listed(C, 2), listed(B, 7), listed(A, 1)];
    rank(&mut ours, &Wanted { status, ..NEW }, &recorded(in_database), &attempts);
    ours.into_iter().map(|listed| listed.arn).collect()
}

#[test]
fn the_recorded_one_is_kept_else_the_one_of_the_oldest_attempt() {
    assert_eq!(ranked(Some(C), Some(B), &[7, 1, 2]), [C, B, A]);
    assert_eq!(ranked(None, Some(C), &[7, 1, 2]), [C, B, A]);
    assert_eq!(ranked(None, None, &[7, 2, 1]), [B, C, A]);
    assert_eq!(ranked(None, None, &[]), [A, B, C], "the journal was lost");
}

#[test]
fn one_that_only_a_sweep_has_seen_and_is_gone_is_no_reason_to_make_none() {
    let never = Wanted { swept: Some(A), recreate: RecreatePolicy::Never, ..NEW };
    let missed = ResourceRecord { arn: None, ..missing(A, 10) };
    let none = listed(&[], &[(A, Sight::Absent)]);
    assert_eq!(step(&never, &missed, &none), Step::Create(Change::Created));
    let was_its = Wanted { status: Some(A), ..never };
    assert_eq!(step(&was_its, &missed, &none), Step::Gone(arn(A)));
}

#[test]
fn what_no_record_names_of_a_user_that_was_known_is_looked_for_before_one_is_made() {
    let known = Wanted { known: true, ..NEW };
    let untried = recorded(None);
    assert_eq!(step(&NEW, &untried, &Observed::default()), Step::Create(Change::Created));
    assert_eq!(step(&known, &untried, &Observed::default()), Step::Look);
    assert_eq!(step(&known, &untried, &listed(&[], &[])), Step::Create(Change::Created));
    assert_eq!(step(&known, &untried, &listed(&[A], &[])), Step::Get(arn(A)));
    assert_eq!(step(&known, &untried, &listed(&[A], &[(A, Sight::Ours)])), Step::Record(arn(A)));
    let abandoned = ResourceRecord { is_abandoned: true, ..untried.clone() };
    assert_eq!(step(&NEW, &abandoned, &Observed::default()), Step::Look);
    let tried = ResourceRecord { is_tried: true, ..abandoned };
    assert_eq!(step(&known, &tried, &Observed::default()), Step::Create(Change::Created), "it made nothing");
}
