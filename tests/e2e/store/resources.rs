//! Who holds a user, and what was made for it.

use super::*;

fn stage(arn: &str) -> ResourceStatus {
    StageStatus { arn: arn.to_owned(), ..StageStatus::default() }.into()
}

#[tokio::test]
async fn one_account_holds_a_username_and_a_registered_one_only_the_account_made_for_it() {
    let tenant = tenant("holder").await;
    let store = store(&tenant);
    let user = held(&store, "ann").await;
    let Claim::Held(again) = claim(&store, "ann", "ann", None).await else { panic!("it is not held") };
    assert_eq!((again.user, again.uid.as_deref()), (user, Some("ann")));
    let claimed = store.claim(claimant("ANN", &account("ann"), "later")).await.unwrap();
    let Claim::Refused(ClaimRefusal::SpellingMismatch(kept)) = claimed else {
        panic!("it is not spelled so")
    };
    assert_eq!(kept.username(), "ann");
    let Claim::Refused(ClaimRefusal::Taken(by)) = claim(&store, "ann", "other", None).await else {
        panic!("it is not taken")
    };
    assert_eq!(by.account(), &account("ann"));

    let todd = register(&store, "todd").await.unwrap();
    let registered = Claim::Refused(ClaimRefusal::Registered);
    assert_eq!(claim(&store, "todd", "todd", None).await, registered);
    assert_eq!(claim(&store, "todd", "todd", Some(Uuid::new_v4())).await, registered);
    let claimed = claim(&store, "todd", "todd", Some(todd.id)).await;
    assert!(matches!(claimed, Claim::Held(holder) if holder.user == todd.id));
}

#[tokio::test]
async fn an_id_that_another_user_has_is_not_used_twice() {
    let tenant = tenant("ids").await;
    let store = store(&tenant);
    let user = held(&store, "erin").await;
    let account: &'static AccountRef = Box::leak(Box::new(account("erin")));
    let known = |wanted: Claimant<'static>| Claimant { known: Some(user), ..wanted };
    let claimed = store.claim(known(claimant("erin-two", account, "erin-two"))).await.unwrap();
    assert!(matches!(claimed, Claim::Held(holder) if holder.user != user));

    assert!(!store.delete_user(user, "another", false).await.unwrap());
    assert!(store.deleted_users(&[user]).await.unwrap().is_empty(), "nobody releases what another holds");
    assert!(store.delete_user(user, "erin", false).await.unwrap());
    let released = Claim::Refused(ClaimRefusal::Deleted);
    assert_eq!(claim(&store, "erin", "erin", None).await, released, "the object holds nothing again");
    assert_eq!(store.deleted_users(&[user, Uuid::new_v4()]).await.unwrap(), [user]);
    let claimed = store.claim(known(claimant("erin", account, "new"))).await.unwrap();
    assert!(matches!(claimed, Claim::Held(holder) if holder.user != user), "nor is the id used again");
}

#[tokio::test]
async fn an_old_object_takes_nothing_from_a_new_one_of_its_name() {
    let tenant = tenant("reuse").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    assert!(!store.transfer(user, Some("another"), "new", "here").await.unwrap(), "it is not that one's");
    assert!(store.mark_deleting(user, "todd").await.unwrap());
    let attempt = || store.open(user, ResourceKind::Stage, None, Duration::from_mins(1));
    assert_eq!(attempt().await.unwrap(), None, "nothing is created for a user that leaves");

    assert!(store.transfer(user, Some("todd"), "new", "here").await.unwrap());
    assert!(attempt().await.unwrap().is_some(), "the new object's user stays");
    assert!(!store.mark_deleting(user, "todd").await.unwrap());
    assert!(!store.mark_retained(user, "todd").await.unwrap());
    assert!(!store.delete_user(user, "todd", false).await.unwrap());
    let claimed = store.claim(claimant("todd", &account("todd"), "new")).await.unwrap();
    let Claim::Held(holder) = claimed else { panic!("{claimed:?}") };
    assert_eq!((holder.user, holder.uid.as_deref(), holder.retained), (user, Some("new"), false));
    assert!(store.deleted_users(&[user]).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_two_who_record_the_second_sees_the_first() {
    let tenant = tenant("record").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let record = async |known: Option<&str>, arn: &str| {
        let known = ResourceRecord { arn: known.map(str::to_owned), ..ResourceRecord::default() };
        store.record(user, "todd", &known, &stage(arn)).await.unwrap()
    };
    assert!(record(None, "first").await);
    assert!(!record(None, "second").await);
    assert!(record(Some("first"), "second").await);

    let lasts = Duration::from_mins(1);
    let nonce = store.open(user, ResourceKind::Stage, Some("second"), lasts).await.unwrap().unwrap();
    assert!(!record(Some("second"), "third").await, "an attempt is open that the caller does not know of");
    let known = store.recorded(user, ResourceKind::Stage).await.unwrap();
    let third = stage("third");
    assert!(store.record(user, "todd", &known, &third).await.unwrap());
    assert!(!store.record_made(nonce, user, "todd", &third).await.unwrap(), "that ended the attempt");
    assert!(record(Some("third"), "second").await);
    let recorded = store.recorded(user, ResourceKind::Stage).await.unwrap();
    assert_eq!(recorded.arn.as_deref(), Some("second"));
}

#[tokio::test]
async fn one_attempt_at_a_time_and_a_late_one_records_nothing() {
    let tenant = tenant("journal").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let lasts = Duration::from_mins(1);
    let nonce = store.open(user, ResourceKind::Stage, None, lasts).await.unwrap().unwrap();
    assert_eq!(store.open(user, ResourceKind::Stage, None, lasts).await.unwrap(), None);
    assert!(store.open(user, ResourceKind::Channel, None, lasts).await.unwrap().is_some());
    let open = store.recorded(user, ResourceKind::Stage).await.unwrap();
    assert!(open.attempt.is_some_and(|attempt| attempt.nonce == nonce && attempt.due_in > lasts / 2));

    store.end(nonce, AttemptEnd::GivenUp).await.unwrap();
    let resource = stage("late");
    assert!(!store.record_made(nonce, user, "todd", &resource).await.unwrap());
    let second = store.open(user, ResourceKind::Stage, None, lasts).await.unwrap().unwrap();
    let resource = stage("made");
    assert!(store.record_made(second, user, "todd", &resource).await.unwrap());
    let recorded = store.recorded(user, ResourceKind::Stage).await.unwrap();
    assert_eq!((recorded.arn.as_deref(), recorded.attempt), (Some("made"), None));

    assert_eq!(store.attempts(user, ResourceKind::Stage).await.unwrap(), [nonce, second], "the oldest first");
    let late = store.open(user, ResourceKind::Stage, None, lasts).await.unwrap();
    assert_eq!(late, None, "whoever does not know of what is recorded opens nothing");
    assert!(store.open(user, ResourceKind::Stage, Some("made"), lasts).await.unwrap().is_some());
}

#[tokio::test]
async fn evidence_of_absence_grows_until_the_resource_shows_or_is_replaced() {
    let tenant = tenant("missing").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let recorded = async || store.recorded(user, ResourceKind::Stage).await.unwrap();
    let minute = Duration::from_mins(1);
    let unlisted = |arn: &str| AbsenceChanges {
        unlisted: vec![(user, ResourceKind::Stage, arn.to_owned())],
        ..AbsenceChanges::default()
    };
    assert!(store.record(user, "todd", &ResourceRecord::default(), &stage("a")).await.unwrap());
    store.note_absences(&unlisted("a"), minute * 2).await.unwrap();
    store.note_absences(&unlisted("a"), minute).await.unwrap();
    store.note_absences(&unlisted("b"), minute).await.unwrap();
    let missing = recorded().await.missing;
    let a = missing.iter().find(|missing| missing.arn == "a").unwrap();
    let unlisted_for = a.unlisted_for.unwrap();
    assert!(unlisted_for > minute.mul_f64(0.9) && unlisted_for < minute.mul_f64(1.1), "{unlisted_for:?}");
    assert!(!a.released && !a.deletion_requested);
    assert_eq!(missing.iter().find(|missing| missing.arn == "b").unwrap().unlisted_for, Some(Duration::ZERO));

    store.note_deletion(user, ResourceKind::Stage, "b", true).await.unwrap();
    let listed = AbsenceChanges { listed: vec!["b".to_owned()], ..AbsenceChanges::default() };
    store.note_absences(&listed, Duration::ZERO).await.unwrap();
    let b = recorded().await.missing.into_iter().find(|missing| missing.arn == "b").unwrap();
    assert_eq!((b.unlisted_for, b.deletion_requested), (None, true), "a list may be behind a deletion");

    assert_eq!(store.absences().await.unwrap().rows.len(), 2);
    let known = recorded().await;
    assert!(store.record(user, "todd", &known, &stage("c")).await.unwrap());
    let replaced = recorded().await;
    assert_eq!((replaced.missing, replaced.former), (vec![], vec!["a".to_owned()]));
    assert_eq!(store.absences().await.unwrap().replaced[&ResourceKind::Stage], 1);

    let known = recorded().await;
    assert!(store.record(user, "todd", &known, &stage("a")).await.unwrap());
    let returned = recorded().await;
    assert_eq!((returned.arn.as_deref(), returned.former), (Some("a"), vec![]), "it was recorded first");
    assert!(store.absences().await.unwrap().replaced.is_empty(), "it shows again");
}

#[tokio::test]
async fn a_released_brake_counts_for_what_was_missing_by_then() {
    let tenant = tenant("released").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let unlisted = |kind, arn: &str| AbsenceChanges {
        unlisted: vec![(user, kind, arn.to_owned())],
        ..AbsenceChanges::default()
    };
    store.note_absences(&unlisted(ResourceKind::Stage, "a"), Duration::from_mins(1)).await.unwrap();
    store.note_absences(&unlisted(ResourceKind::Channel, "c"), Duration::from_mins(1)).await.unwrap();
    store.release_brake(&[ResourceKind::Stage]).await.unwrap();
    store.note_absences(&unlisted(ResourceKind::Stage, "b"), Duration::ZERO).await.unwrap();
    let rows = store.absences().await.unwrap().rows;
    let is_released = |arn: &str| rows.iter().find(|row| row.missing.arn == arn).unwrap().missing.released;
    assert_eq!(["a", "b", "c"].map(is_released), [true, false, false]);
}

/// A stage of todd's that is nobody's.
fn orphan(arn: Option<&str>, attempt: Option<Uuid>, reason: OrphanReason) -> Orphan {
    let (account, username) = (Some(account("todd")), Some("todd".to_owned()));
    Orphan {
        kind: ResourceKind::Stage,
        arn: arn.map(str::to_owned),
        attempt,
        user: None,
        account,
        username,
        reason,
    }
}

#[tokio::test]
async fn a_change_is_noted_until_it_was_seen_to_stay_and_a_newer_one_takes_its_place() {
    let tenant = tenant("changes").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let begin = async || {
        store.begin_update(user, ResourceKind::Stage, Duration::from_secs(40), 2).await.unwrap().unwrap()
    };
    let (first, second) = (begin().await, begin().await);
    assert_ne!(first, second);
    store.end_update(first).await.unwrap();
    let edit = store.recorded(user, ResourceKind::Stage).await.unwrap().pending_update.unwrap();
    assert_eq!((edit.in_flight.nonce, edit.repeats), (second, 2));
    assert!(edit.in_flight.due_in > Duration::from_secs(30) && edit.in_flight.overdue.is_zero(), "{edit:?}");
    assert_eq!(store.recorded(user, ResourceKind::Channel).await.unwrap().pending_update, None);
    store.end_update(second).await.unwrap();
    assert_eq!(store.recorded(user, ResourceKind::Stage).await.unwrap().pending_update, None);

    begin().await;
    store.delete_user(user, "todd", false).await.unwrap();
    let gone = store.begin_update(user, ResourceKind::Stage, Duration::from_secs(40), 0).await.unwrap();
    assert_eq!(gone, None);
}

#[tokio::test]
async fn who_is_abandoned_of_leaves_its_resources_and_its_open_attempt_on_the_orphan_list() {
    let tenant = tenant("letgo").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    store.record(user, "todd", &ResourceRecord::default(), &stage("recorded")).await.unwrap();
    let attempt = store.open(user, ResourceKind::Channel, None, Duration::from_mins(1)).await.unwrap();
    let known = |arn| Orphan { user: Some(user), ..orphan(Some(arn), None, OrphanReason::Abandoned) };
    let swept = Orphan { reason: OrphanReason::Unowned, ..known("in tags") };
    let added = OrphanChanges { added: vec![swept], ..OrphanChanges::default() };
    store.change_orphans(&added).await.unwrap();

    let (account, elsewhere) = (&account("todd"), vec![known("recorded"), known("in tags")]);
    let whom = Abandonment { account, uid: "todd", user, elsewhere };
    let open = Orphan { kind: ResourceKind::Channel, arn: None, attempt, ..known("") };
    let expected = [open, known("in tags"), known("recorded")];
    let mut left = store.abandon(&whom).await.unwrap().unwrap();
    left.sort_by_key(|orphan| orphan.arn.clone());
    assert_eq!(left, expected);
    assert_eq!(store.abandon(&whom).await.unwrap(), None, "it is nobody's by now");
    assert!(!store.is_held("todd").await.unwrap());
    assert!(store.deleted_users(&[user]).await.unwrap().is_empty(), "what it left is not taken for late");

    let anns = held(&store, "ann").await;
    let whom = Abandonment { account, uid: "todd", user: anns, elsewhere: Vec::new() };
    assert_eq!(store.abandon(&whom).await.unwrap(), None);
    assert!(store.is_held("ann").await.unwrap(), "it is another account's");
    assert_eq!(store.orphans(Some("default")).await.unwrap().len(), 3);
    assert_eq!(store.orphans(Some("another")).await.unwrap(), []);
}

#[tokio::test]
async fn the_orphan_list_says_since_when_what_is_not_found() {
    let tenant = tenant("orphans").await;
    let store = store(&tenant);
    let attempt = Some(Uuid::new_v4());
    let added =
        vec![orphan(Some("a"), None, OrphanReason::Unowned), orphan(None, attempt, OrphanReason::Abandoned)];
    store.change_orphans(&OrphanChanges { added, ..OrphanChanges::default() }).await.unwrap();
    let list = async || store.orphans(None).await.unwrap();
    let rows = list().await;
    assert!(rows.iter().all(|row| row.unseen.is_none()), "{rows:#?}");
    let (a, open) = (rows[0].id, rows[1].id);

    let unseen =
        OrphanChanges { unseen: vec![a], named: vec![(open, "b".to_owned())], ..OrphanChanges::default() };
    store.change_orphans(&unseen).await.unwrap();
    let rows = list().await;
    assert!(rows[0].unseen.is_some() && rows[1].unseen.is_none(), "{rows:#?}");
    assert_eq!(rows[1].orphan, orphan(Some("b"), attempt, OrphanReason::Abandoned));

    let seen = OrphanChanges { seen: vec![a], gone: vec![open], ..OrphanChanges::default() };
    store.change_orphans(&seen).await.unwrap();
    let rows = list().await;
    assert_eq!((rows.len(), rows[0].id, rows[0].unseen), (1, a, None));
}

#[tokio::test]
async fn the_one_to_one_holds_by_constraint() {
    let tenant = tenant("onetoone").await;
    let store = store(&tenant);
    let (todd, ann) = (held(&store, "todd").await, held(&store, "ann").await);
    let resource = stage("arn");
    store.record(todd, "todd", &ResourceRecord::default(), &resource).await.unwrap();
    assert!(
        store.record(ann, "ann", &ResourceRecord::default(), &resource).await.is_err(),
        "one stage of two users"
    );
    let twice = "insert into stages (user_id, name, arn) values ($1, 'todd', 'another')";
    assert!(sqlx::query(twice).bind(todd).execute(&tenant.pool()).await.is_err(), "two stages of one user");
    let orphan = "insert into channels (user_id, name, arn, ingest_endpoint, playback_url) values (null, '', '', '', '')";
    assert!(sqlx::query(orphan).execute(&tenant.pool()).await.is_err(), "a channel of nobody");

    store.delete_user(todd, "todd", false).await.unwrap();
    assert!(store.all_recorded().await.unwrap().is_empty(), "the rows go with the user");
}
