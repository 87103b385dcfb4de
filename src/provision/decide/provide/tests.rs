use super::*;
use crate::{
    ivs::Tags,
    provision::{
        Timing,
        world::{owner, target},
    },
    store::Missing,
};

const GRACE: Duration = Duration::from_secs(10);

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

fn unsettled(due_in: u64, overdue: u64) -> Unsettled {
    Unsettled { nonce: Uuid::from_u128(7), due_in: seconds(due_in), overdue: seconds(overdue) }
}

fn edit(due_in: u64, overdue: u64, repeats: u32) -> Edit {
    Edit { note: unsettled(due_in, overdue), repeats }
}

fn recorded(arn: Option<&str>) -> Recorded {
    Recorded { arn: arn.map(str::to_owned), ..Recorded::default() }
}

fn trying(arn: Option<&str>, due_in: u64, overdue: u64) -> Recorded {
    Recorded { attempt: Some(unsettled(due_in, overdue)), ..recorded(arn) }
}

fn missing(arn: &str, unlisted_for: u64) -> Recorded {
    let unlisted_for = Some(seconds(unlisted_for));
    Recorded {
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

fn step(wanted: &Wanted<'_>, recorded: &Recorded, observed: &Observed) -> Step {
    step_under(None, wanted, recorded, observed)
}

fn step_under(brake: Option<&str>, wanted: &Wanted<'_>, recorded: &Recorded, observed: &Observed) -> Step {
    let timing = Timing { create_timeout: GRACE, grace: GRACE, resync: GRACE };
    next(wanted, recorded, observed, &Circumstances { timing, target: &target(), brake })
}

#[test]
fn a_new_user_gets_a_create_and_no_look() {
    assert_eq!(step(&NEW, &recorded(None), &Observed::default()), Step::Create(Change::Created));
}

#[test]
fn nothing_is_created_while_a_create_may_be_under_way() {
    let waits = |recorded: &Recorded| match step(&NEW, recorded, &Observed::default()) {
        Step::Wait(Waiting::Outcome(left)) => left,
        other => panic!("{other:?}"),
    };
    assert_eq!(waits(&trying(None, 3, 0)), seconds(13));
    assert_eq!(waits(&trying(Some("a"), 3, 0)), seconds(13));
    assert_eq!(waits(&trying(None, 0, 0)), seconds(10));
    assert_eq!(waits(&trying(None, 0, 4)), seconds(6));
}

#[test]
fn after_the_deadline_and_the_grace_it_looks_and_adopts_what_it_finds_or_gives_the_attempt_up() {
    let over = trying(None, 0, 10);
    assert_eq!(step(&NEW, &over, &Observed::default()), Step::Look);
    assert_eq!(step(&NEW, &over, &listed(&[], &[])), Step::GiveUp(Uuid::from_u128(7)));
    assert_eq!(step(&NEW, &over, &listed(&["a", "b"], &[])), Step::Get(arn("a")));
    let not_shown = listed(&["a"], &[("a", Sight::Absent)]);
    assert_eq!(step(&NEW, &over, &not_shown), Step::Wait(Waiting::Shown));
    let both = listed(&["a", "b"], &[("a", Sight::Ours)]);
    assert_eq!(step(&NEW, &over, &both), Step::Record(arn("a")));
    assert_eq!(step(&NEW, &recorded(Some("a")), &both), Step::Delete(arn("b")), "after it is recorded");
}

#[test]
fn what_is_settled_is_left_alone_if_status_and_database_name_the_same() {
    let settled = Wanted { status: Some("a"), settled: true, ..NEW };
    assert_eq!(step(&settled, &recorded(Some("a")), &Observed::default()), Step::Ready(arn("a")));
    assert_eq!(step(&settled, &recorded(Some("b")), &Observed::default()), Step::Get(arn("b")));
    assert_eq!(step(&settled, &recorded(None), &Observed::default()), Step::Get(arn("a")));
}

#[test]
fn what_is_recorded_anywhere_is_inspected_and_not_made_again() {
    let get = |status, swept, in_database| {
        step(&Wanted { status, swept, ..NEW }, &recorded(in_database), &Observed::default())
    };
    assert_eq!(get(None, None, Some("a")), Step::Get(arn("a")));
    assert_eq!(get(Some("b"), None, None), Step::Get(arn("b")));
    assert_eq!(get(None, Some("b"), None), Step::Get(arn("b")));
    assert_eq!(get(Some("b"), None, Some("a")), Step::Get(arn("a")));
}

#[test]
fn one_that_is_there_is_seen_recorded_and_set_right_in_this_order() {
    let wanted = Wanted { status: Some("a"), ..NEW };
    let mut observed = shown(&[("a", Sight::Untagged)]);
    observed.differing.insert(arn("a"));
    assert_eq!(step(&wanted, &missing("a", 3), &observed), Step::NoteSeen);
    assert_eq!(step(&wanted, &recorded(None), &observed), Step::Record(arn("a")));
    assert_eq!(step(&wanted, &recorded(Some("a")), &observed), Step::Edit(arn("a")));
    observed.differing.clear();
    assert_eq!(step(&wanted, &recorded(Some("a")), &observed), Step::Ready(arn("a")));
}

#[test]
fn who_doubts_looks_for_others_too_and_takes_away_those_that_are_ours() {
    let doubted = Wanted { doubted: true, ..NEW };
    let a = recorded(Some("a"));
    assert_eq!(step(&doubted, &a, &shown(&[("a", Sight::Ours)])), Step::Look);
    let mut both = listed(&["a", "b"], &[("a", Sight::Ours)]);
    assert_eq!(step(&doubted, &a, &both), Step::Delete(arn("b")));
    both.deleted.insert(arn("b"));
    assert_eq!(step(&doubted, &a, &both), Step::Ready(arn("a")));
    for other in [Sight::Foreign, Sight::Absent] {
        let seen = listed(&["a", "b"], &[("a", Sight::Ours), ("b", other)]);
        assert_eq!(step(&doubted, &a, &seen), Step::Ready(arn("a")));
    }
}

#[test]
fn one_that_is_not_shown_is_believed_gone_after_the_grace_and_only_if_it_is_that_one() {
    let absent = shown(&[("a", Sight::Absent)]);
    let other = Recorded { missing: missing("another", 60).missing, ..recorded(Some("a")) };
    assert_eq!(step(&NEW, &recorded(Some("a")), &absent), Step::NoteMissing(arn("a")));
    assert_eq!(step(&NEW, &other, &absent), Step::NoteMissing(arn("a")));
    let waits = |left| Step::Wait(Waiting::Missing(arn("a"), seconds(left)));
    assert_eq!(step(&NEW, &missing("a", 0), &absent), waits(10));
    assert_eq!(step(&NEW, &missing("a", 4), &absent), waits(6));
    assert_eq!(step(&NEW, &missing("a", 10), &absent), Step::Look);
}

#[test]
fn in_place_of_one_that_is_gone_comes_another_of_ours_or_what_the_policy_says() {
    let gone = missing("a", 10);
    let none = listed(&["a"], &[("a", Sight::Absent)]);
    assert_eq!(step(&NEW, &gone, &none), Step::Create(Change::Recreated));
    let never = Wanted { recreate: RecreatePolicy::Never, ..NEW };
    assert_eq!(step(&never, &gone, &none), Step::Gone(arn("a")));
    assert_eq!(step(&never, &gone, &listed(&["a", "b"], &[("a", Sight::Absent)])), Step::Get(arn("b")));
    let status = Wanted { status: Some("c"), ..never };
    assert_eq!(step(&status, &gone, &shown(&[("a", Sight::Absent)])), Step::Get(arn("c")));
    let there = shown(&[("a", Sight::Absent), ("c", Sight::Untagged)]);
    assert_eq!(step(&status, &gone, &there), Step::Record(arn("c")));
}

#[test]
fn one_that_is_anothers_is_left_alone() {
    let foreign = [("a", Sight::Foreign)];
    assert_eq!(step(&NEW, &recorded(Some("a")), &shown(&foreign)), Step::Look);
    assert_eq!(step(&NEW, &recorded(Some("a")), &listed(&["a"], &foreign)), Step::Foreign(arn("a")));
}

#[test]
fn what_was_changed_is_looked_at_when_nothing_older_can_come_any_more() {
    let settled = Wanted { status: Some("a"), settled: true, ..NEW };
    let changed = |due_in, overdue| Recorded { edit: Some(edit(due_in, overdue, 0)), ..recorded(Some("a")) };
    let (unseen, seen) = (Observed::default(), shown(&[("a", Sight::Ours)]));
    for recorded in [changed(9, 0), changed(0, 19)] {
        assert_eq!(step(&settled, &recorded, &unseen), Step::Ready(arn("a")));
        assert_eq!(step(&NEW, &recorded, &seen), Step::Ready(arn("a")), "it may yet be changed back");
    }
    assert_eq!(step(&settled, &changed(0, 20), &unseen), Step::Get(arn("a")));
    assert_eq!(step(&settled, &changed(0, 20), &seen), Step::EndEdit(Uuid::from_u128(7)));
    let mut older = shown(&[("a", Sight::Ours)]);
    older.differing.insert(arn("a"));
    assert_eq!(step(&settled, &changed(0, 20), &older), Step::Edit(arn("a")));
}

#[test]
fn what_does_not_stay_is_sent_again_three_times_and_then_left_until_there_is_another_spec() {
    let settled = Wanted { status: Some("a"), settled: true, ..NEW };
    let changed_back = |repeats| Recorded { edit: Some(edit(0, 20, repeats)), ..recorded(Some("a")) };
    let mut differing = shown(&[("a", Sight::Ours)]);
    differing.differing.insert(arn("a"));
    assert_eq!(step(&settled, &changed_back(2), &differing), Step::Edit(arn("a")));
    assert_eq!(step(&settled, &changed_back(3), &differing), Step::LeaveEdit(Uuid::from_u128(7)));
    assert_eq!(step(&NEW, &changed_back(3), &differing), Step::Edit(arn("a")));
}

fn ranked(in_database: Option<&str>, status: Option<&str>, attempts: &[u128]) -> Vec<String> {
    let listed = |arn: &str, nonce: u128| {
        let tags = owner().tags(Uuid::from_u128(nonce), &Tags::new());
        Listed { arn: arn.to_owned(), name: "todd".to_owned(), tags, updated_at: None }
    };
    let attempts: Vec<_> = attempts.iter().copied().map(Uuid::from_u128).collect();
    let mut ours = vec![listed("c", 2), listed("b", 7), listed("a", 1)];
    rank(&mut ours, &Wanted { status, ..NEW }, &recorded(in_database), &attempts);
    ours.into_iter().map(|listed| listed.arn).collect()
}

#[test]
fn the_recorded_one_is_kept_else_the_one_of_the_oldest_attempt() {
    assert_eq!(ranked(Some("c"), Some("b"), &[7, 1, 2]), ["c", "b", "a"]);
    assert_eq!(ranked(None, Some("c"), &[7, 1, 2]), ["c", "b", "a"]);
    assert_eq!(ranked(None, None, &[7, 2, 1]), ["b", "c", "a"]);
    assert_eq!(ranked(None, None, &[]), ["a", "b", "c"], "the journal was lost");
}

#[test]
fn one_that_only_a_sweep_has_seen_and_is_gone_is_no_reason_to_make_none() {
    let never = Wanted { swept: Some("a"), recreate: RecreatePolicy::Never, ..NEW };
    let missed = Recorded { arn: None, ..missing("a", 10) };
    let none = listed(&[], &[("a", Sight::Absent)]);
    assert_eq!(step(&never, &missed, &none), Step::Create(Change::Created));
    let was_its = Wanted { status: Some("a"), ..never };
    assert_eq!(step(&was_its, &missed, &none), Step::Gone(arn("a")));
}

#[test]
fn what_no_record_names_of_a_user_that_was_known_is_looked_for_before_one_is_made() {
    let known = Wanted { known: true, ..NEW };
    let untried = recorded(None);
    assert_eq!(step(&NEW, &untried, &Observed::default()), Step::Create(Change::Created));
    assert_eq!(step(&known, &untried, &Observed::default()), Step::Look);
    assert_eq!(step(&known, &untried, &listed(&[], &[])), Step::Create(Change::Created));
    assert_eq!(step(&known, &untried, &listed(&["a"], &[])), Step::Get(arn("a")));
    assert_eq!(step(&known, &untried, &listed(&["a"], &[("a", Sight::Ours)])), Step::Record(arn("a")));
    let let_go = Recorded { is_let_go: true, ..untried.clone() };
    assert_eq!(step(&NEW, &let_go, &Observed::default()), Step::Look);
    let tried = Recorded { is_tried: true, ..let_go };
    assert_eq!(step(&known, &tried, &Observed::default()), Step::Create(Change::Created), "it made nothing");
}
