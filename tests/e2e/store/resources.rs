//! Owners of users, and the resources of users.

use sqlx::AssertSqlSafe;
use streamcat_operator::api::{Field, FieldDifference};

use super::*;
use crate::support::count;

fn stage(arn: &str) -> ResourceStatus {
    StageStatus { arn: arn.to_owned(), ..StageStatus::default() }.into()
}

#[tokio::test]
async fn username_belongs_to_one_account_or_to_its_registration() {
    let tenant = tenant("holder").await;
    let store = store(&tenant);
    let user = held(&store, "ann").await;
    let Claim::Held(again) = claim(&store, "ann", "ann", None).await else { panic!("the claim is refused") };
    assert_eq!((again.user, again.uid.as_deref()), (user, Some("ann")));
    let claimed = store.claim(claimant("ANN", &account("ann"), "later")).await.unwrap();
    let Claim::Refused(ClaimRefusal::SpellingMismatch(kept)) = claimed else {
        panic!("the spelling is accepted")
    };
    assert_eq!(kept.username(), "ann");
    let Claim::Refused(ClaimRefusal::Taken(by)) = claim(&store, "ann", "other", None).await else {
        panic!("the username is not taken")
    };
    assert_eq!(by.account(), &account("ann"));

    let todd = register(&store, "todd").await.unwrap();
    let registered = Claim::Refused(ClaimRefusal::Registered);
    assert_eq!(claim(&store, "todd", "todd", None).await, registered);
    assert_eq!(claim(&store, "todd", "todd", Some(Uuid::new_v4())).await, registered);
    let claimed = claim(&store, "todd", "todd", Some(todd.id)).await;
    assert!(matches!(claimed, Claim::Held(owner) if owner.user == todd.id));
}

#[tokio::test]
async fn id_of_an_existing_or_deleted_user_is_not_reused() {
    let tenant = tenant("ids").await;
    let store = store(&tenant);
    let user = held(&store, "erin").await;
    let account: &'static AccountRef = Box::leak(Box::new(account("erin")));
    let known = |wanted: Claimant<'static>| Claimant { known: Some(user), ..wanted };
    let claimed = store.claim(known(claimant("erin-two", account, "erin-two"))).await.unwrap();
    assert!(matches!(claimed, Claim::Held(owner) if owner.user != user));

    assert!(!store.delete_user(user, "another", false).await.unwrap());
    assert!(store.deleted_users(&[user]).await.unwrap().is_empty(), "an object deletes only its own user");
    assert!(store.delete_user(user, "erin", false).await.unwrap());
    let refused = Claim::Refused(ClaimRefusal::Deleted);
    assert_eq!(claim(&store, "erin", "erin", None).await, refused, "the object never owns a user again");
    assert_eq!(store.deleted_users(&[user, Uuid::new_v4()]).await.unwrap(), [user]);
    let claimed = store.claim(known(claimant("erin", account, "new"))).await.unwrap();
    assert!(matches!(claimed, Claim::Held(owner) if owner.user != user), "the id is not reused");
}

#[tokio::test]
async fn earlier_object_cannot_change_the_user_after_the_transfer() {
    let tenant = tenant("reuse").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    assert!(
        !store.transfer(transfer(user, Some("another"), "new", "here")).await.unwrap(),
        "another object owns it"
    );
    assert!(store.mark_deleting(user, "todd").await.unwrap());
    let attempt = || store.open(user, ResourceKind::Stage, None, Duration::from_mins(1), None, NO_FIELDS);
    assert_eq!(attempt().await.unwrap(), None, "no attempt is opened for a user that is being deleted");

    let interrupted =
        Transfer { min_deletion_age: Duration::ZERO, ..transfer(user, Some("todd"), "new", "here") };
    assert!(store.transfer(interrupted).await.unwrap());
    assert!(attempt().await.unwrap().is_some(), "the transfer ends the deletion");
    assert!(!store.mark_deleting(user, "todd").await.unwrap());
    assert!(!store.mark_retained(user, "todd").await.unwrap());
    assert!(!store.delete_user(user, "todd", false).await.unwrap());
    let claimed = store.claim(claimant("todd", &account("todd"), "new")).await.unwrap();
    let Claim::Held(owner) = claimed else { panic!("{claimed:?}") };
    assert_eq!((owner.user, owner.uid.as_deref(), owner.retained), (user, Some("new"), false));
    assert!(store.deleted_users(&[user]).await.unwrap().is_empty());
}

#[tokio::test]
async fn record_is_refused_if_the_state_has_changed() {
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
    let nonce =
        store.open(user, ResourceKind::Stage, Some("second"), lasts, None, NO_FIELDS).await.unwrap().unwrap();
    assert!(!record(Some("second"), "third").await, "the caller does not know the open attempt");
    let known = record_of(&store, user, ResourceKind::Stage).await;
    let third = stage("third");
    assert!(store.record(user, "todd", &known, &third).await.unwrap());
    assert!(!store.record_made(nonce, user, "todd", &third).await.unwrap(), "that ended the attempt");
    assert!(record(Some("third"), "second").await);
    let recorded = record_of(&store, user, ResourceKind::Stage).await;
    assert_eq!(recorded.arn.as_deref(), Some("second"));
}

#[tokio::test]
async fn one_attempt_is_open_at_a_time_and_a_late_one_records_nothing() {
    let tenant = tenant("journal").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let lasts = Duration::from_mins(1);
    let nonce = store.open(user, ResourceKind::Stage, None, lasts, None, NO_FIELDS).await.unwrap().unwrap();
    assert_eq!(store.open(user, ResourceKind::Stage, None, lasts, None, NO_FIELDS).await.unwrap(), None);
    assert!(store.open(user, ResourceKind::Channel, None, lasts, None, NO_FIELDS).await.unwrap().is_some());
    let open = record_of(&store, user, ResourceKind::Stage).await;
    assert!(open.attempt.is_some_and(|attempt| attempt.nonce == nonce && attempt.due_in > lasts / 2));

    store.end(nonce, AttemptOutcome::GivenUp).await.unwrap();
    let resource = stage("late");
    assert!(!store.record_made(nonce, user, "todd", &resource).await.unwrap());
    let second = store.open(user, ResourceKind::Stage, None, lasts, None, NO_FIELDS).await.unwrap().unwrap();
    let resource = stage("made");
    assert!(store.record_made(second, user, "todd", &resource).await.unwrap());
    let recorded = record_of(&store, user, ResourceKind::Stage).await;
    assert_eq!((recorded.arn.as_deref(), recorded.attempt), (Some("made"), None));

    assert_eq!(store.attempts(user, ResourceKind::Stage).await.unwrap(), [nonce, second], "the oldest first");
    let late = store.open(user, ResourceKind::Stage, None, lasts, None, NO_FIELDS).await.unwrap();
    assert_eq!(late, None, "the caller does not know the recorded ARN");
    assert!(
        store.open(user, ResourceKind::Stage, Some("made"), lasts, None, NO_FIELDS).await.unwrap().is_some()
    );
}

#[tokio::test]
async fn attempts_without_a_resource_do_not_accumulate() {
    let tenant = tenant("attempts").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let attempt = async |how| {
        let lasts = Duration::from_mins(1);
        let nonce =
            store.open(user, ResourceKind::Stage, None, lasts, None, NO_FIELDS).await.unwrap().unwrap();
        store.end(nonce, how).await.unwrap();
        nonce
    };
    let mut last = Uuid::nil();
    for _ in 0..20 {
        last = attempt(AttemptOutcome::Failed).await;
    }
    assert_eq!(store.attempts(user, ResourceKind::Stage).await.unwrap(), [last]);
    assert!(record_of(&store, user, ResourceKind::Stage).await.is_tried);

    let mut nonces = vec![last];
    for _ in 0..20 {
        nonces.push(attempt(AttemptOutcome::GivenUp).await);
    }
    nonces.drain(1..11);
    assert_eq!(store.attempts(user, ResourceKind::Stage).await.unwrap(), nonces, "the latest ten");
}

#[tokio::test]
async fn a_row_follows_the_endpoints_of_its_resource() {
    let tenant = tenant("endpoints").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let channel = |host: &str| -> ResourceStatus {
        let (ingest_endpoint, playback_url) = (Some(format!("ingest.{host}")), Some(format!("play.{host}")));
        ChannelStatus { arn: "c".to_owned(), ingest_endpoint, playback_url, ..ChannelStatus::default() }
            .into()
    };
    let room = |host: &str| -> ResourceStatus {
        ChatRoomStatus { arn: "r".to_owned(), endpoint: Some(host.to_owned()), ..ChatRoomStatus::default() }
            .into()
    };
    let stage = |host: &str| -> ResourceStatus {
        let endpoint = |name: &str| Some(format!("{name}.{host}"));
        let endpoints = StageEndpoints {
            events: endpoint("events"),
            whip: endpoint("whip"),
            rtmp: None,
            rtmps: endpoint("rtmps"),
        };
        StageStatus { arn: "s".to_owned(), endpoints: Some(endpoints), ..StageStatus::default() }.into()
    };
    for of in [&channel as &dyn Fn(&str) -> ResourceStatus, &room, &stage] {
        assert!(store.record(user, "todd", &ResourceRecord::default(), &of("one")).await.unwrap());
        assert!(!store.correct(user, "todd", &of("one")).await.unwrap());
        assert!(store.correct(user, "todd", &of("two")).await.unwrap());
        assert!(!store.correct(user, "todd", &of("two")).await.unwrap());
    }
    let rows =
        "select concat_ws(' ', ingest_endpoint, playback_url, endpoint, events_endpoint, whip_endpoint,
                                 rtmp_endpoint, rtmps_endpoint)
                from channels join chat_rooms using (user_id) join stages using (user_id)";
    let row: String = sqlx::query_scalar(rows).fetch_one(&tenant.pool()).await.unwrap();
    assert_eq!(row, "ingest.two play.two two events.two whip.two rtmps.two");
}

#[tokio::test]
async fn evidence_of_absence_ends_when_the_resource_is_listed_or_replaced() {
    let tenant = tenant("missing").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let recorded = async || record_of(&store, user, ResourceKind::Stage).await;
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
    assert_eq!((b.unlisted_for, b.deletion_requested), (None, true), "the list may lag behind the deletion");

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
    assert!(store.absences().await.unwrap().replaced.is_empty(), "it is listed again");
}

#[tokio::test]
async fn brake_release_applies_to_resources_missing_by_then() {
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

/// Returns an orphaned stage of todd's.
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
async fn pending_update_stays_until_it_ends_or_a_later_one_replaces_it() {
    let tenant = tenant("changes").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let begin = async || {
        store
            .begin_update(user, ResourceKind::Stage, Duration::from_secs(40), 2, NO_FIELDS)
            .await
            .unwrap()
            .unwrap()
    };
    let (first, second) = (begin().await, begin().await);
    assert_ne!(first, second);
    store.end_update(first).await.unwrap();
    let update = record_of(&store, user, ResourceKind::Stage).await.pending_update.unwrap();
    assert_eq!((update.in_flight.nonce, update.repeats), (second, 2));
    assert!(
        update.in_flight.due_in > Duration::from_secs(30) && update.in_flight.overdue.is_zero(),
        "{update:?}"
    );
    assert_eq!(record_of(&store, user, ResourceKind::Channel).await.pending_update, None);
    store.end_update(second).await.unwrap();
    assert_eq!(record_of(&store, user, ResourceKind::Stage).await.pending_update, None);

    begin().await;
    store.delete_user(user, "todd", false).await.unwrap();
    let gone =
        store.begin_update(user, ResourceKind::Stage, Duration::from_secs(40), 0, NO_FIELDS).await.unwrap();
    assert_eq!(gone, None);
}

#[tokio::test]
async fn corrections_of_a_day_are_counted_by_update_and_kept_for_90_days() {
    let tenant = tenant("history").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let drift = [(Field::Name, Some("other")), (Field::Tag("team".to_owned()), None)].map(|(field, live)| {
        FieldDifference { field, live: live.map(str::to_owned), desired: Some("todd".to_owned()) }
    });
    let correct = async |drift: &[FieldDifference]| {
        store.note_drift(user, ResourceKind::Stage, drift, true).await.unwrap();
    };
    let corrections = async || record_of(&store, user, ResourceKind::Stage).await.corrections;
    for drift in [&drift[..], &drift[1..], &[]] {
        correct(drift).await;
    }
    store.note_drift(user, ResourceKind::Stage, &drift[..1], false).await.unwrap();
    assert_eq!(corrections().await, 2);
    assert_eq!(record_of(&store, user, ResourceKind::Channel).await.corrections, 0);
    let rows: Vec<(String, Option<String>, String)> =
        sqlx::query_as("select field, live, desired from drift_history order by id")
            .fetch_all(&tenant.pool())
            .await
            .unwrap();
    let row =
        |field: &str, live: Option<&str>| (field.to_owned(), live.map(str::to_owned), "todd".to_owned());
    let (name, tag) = (|| row("name", Some("other")), || row("tag team", None));
    assert_eq!(rows, [name(), tag(), tag(), name()]);

    let age = async |interval: &str| {
        let update = format!("update drift_history set found_at = found_at - interval '{interval}'");
        sqlx::query(AssertSqlSafe(update)).execute(&tenant.pool()).await.unwrap();
    };
    age("1 day").await;
    assert_eq!(corrections().await, 0);
    age("90 days").await;
    correct(&[]).await;
    assert_eq!(count(&tenant, "select count(*) from drift_history").await, 4);
    correct(&drift[..1]).await;
    assert_eq!(count(&tenant, "select count(*) from drift_history").await, 1);
}

#[tokio::test]
async fn abandoned_user_leaves_resources_and_open_attempt_as_orphans() {
    let tenant = tenant("abandon").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    store.record(user, "todd", &ResourceRecord::default(), &stage("recorded")).await.unwrap();
    let attempt =
        store.open(user, ResourceKind::Channel, None, Duration::from_mins(1), None, NO_FIELDS).await.unwrap();
    let known = |arn| Orphan { user: Some(user), ..orphan(Some(arn), None, OrphanReason::Abandoned) };
    let unowned = Orphan { reason: OrphanReason::Unowned, ..known("in tags") };
    let added = OrphanChanges { added: vec![unowned], ..OrphanChanges::default() };
    store.change_orphans(&added).await.unwrap();

    let (account, elsewhere) = (&account("todd"), vec![known("recorded"), known("in tags")]);
    let abandonment = Abandonment { account, uid: "todd", user, elsewhere };
    let open = Orphan { kind: ResourceKind::Channel, arn: None, attempt, ..known("") };
    let expected = [open, known("in tags"), known("recorded")];
    let mut left = store.abandon(&abandonment).await.unwrap().unwrap();
    left.sort_by_key(|orphan| orphan.arn.clone());
    assert_eq!(left, expected);
    assert_eq!(store.abandon(&abandonment).await.unwrap(), None, "the user is deleted");
    assert!(!store.is_held("todd").await.unwrap());
    assert!(store.deleted_users(&[user]).await.unwrap().is_empty(), "its resources stay");

    let anns = held(&store, "ann").await;
    let abandonment = Abandonment { account, uid: "todd", user: anns, elsewhere: Vec::new() };
    assert_eq!(store.abandon(&abandonment).await.unwrap(), None);
    assert!(store.is_held("ann").await.unwrap(), "another account owns it");
    assert_eq!(store.orphans(Some("default")).await.unwrap().len(), 3);
    assert_eq!(store.orphans(Some("another")).await.unwrap(), []);
}

#[tokio::test]
async fn orphan_list_tracks_when_an_orphan_was_not_found() {
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
async fn constraints_enforce_one_resource_of_each_kind_per_user() {
    let tenant = tenant("constraints").await;
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
    let orphan = "insert into channels (user_id, name, arn, ingest_endpoint, playback_url)
                  values (null, '', '', '', '')";
    assert!(sqlx::query(orphan).execute(&tenant.pool()).await.is_err(), "a channel without a user");

    store.delete_user(todd, "todd", false).await.unwrap();
    let mut left = 0;
    store.all_recorded(|_| left += 1).await.unwrap();
    assert_eq!(left, 0, "the rows go with the user");
}

/// Returns the fields that the spec of the user's stage names or has named.
async fn applied(store: &Postgres, user: Uuid) -> Vec<String> {
    let recorded = store.recorded(user).await.unwrap();
    recorded[ResourceKind::Stage].applied_fields.iter().map(Field::to_string).collect()
}

fn fields(texts: &[&str]) -> AppliedFields {
    texts.iter().map(|text| Field::from((*text).to_owned())).collect()
}

#[tokio::test]
async fn fields_are_noted_before_they_are_sent_and_kept_until_they_are_replaced() {
    let tenant = tenant("fields").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let (kind, lasts) = (ResourceKind::Stage, Duration::from_mins(1));
    assert_eq!(applied(&store, user).await, [""; 0]);
    let opened = store.open(user, kind, None, lasts, None, &fields(&["a", "tag team"])).await.unwrap();
    assert_eq!(applied(&store, user).await, ["a", "tag team"]);
    let refused = store.open(user, kind, None, lasts, None, &fields(&["refused"])).await.unwrap();
    assert_eq!((refused, applied(&store, user).await.len()), (None, 2));

    let mut created = StageStatus { arn: "s".to_owned(), ..StageStatus::default() };
    created.applied_fields = fields(&["b"]);
    assert!(store.record_made(opened.unwrap(), user, "todd", &created.into()).await.unwrap());
    assert_eq!(applied(&store, user).await, ["a", "b", "tag team"]);
    let replace = async |known: &[&str], by: &[&str]| {
        store.replace_applied_fields(user, kind, &fields(known), &fields(by)).await.unwrap()
    };
    assert!(!replace(&["a"], &["b"]).await, "these are not the known ones");
    assert!(replace(&["tag team", "b", "a"], &["b"]).await);
    assert_eq!(applied(&store, user).await, ["b"]);
    let update = store.begin_update(user, kind, lasts, 0, &fields(&["c", "b"])).await.unwrap().unwrap();
    assert_eq!(applied(&store, user).await, ["b", "c"]);
    assert!(!replace(&["b", "c"], &["c"]).await, "an update is pending");
    store.end_update(update).await.unwrap();
    assert!(replace(&["b", "c"], &["c"]).await);
    assert_eq!(store.recorded(user).await.unwrap()[ResourceKind::Channel].applied_fields, fields(&[]));
    assert!(replace(&["c"], &[]).await);
    assert_eq!(count(&tenant, "select count(*) from applied_fields").await, 0);
}
