//! The database: what holds by constraint, and who wins.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use secrecy::SecretString;
use streamcat_operator::{
    api::{AccountRef, ResourceKind, ResourceStatus, StageStatus, username_key},
    store::{
        Addition, AttemptEnd, Claim, Claimant, Journal, KeyHash, LetGo, NewRegistrant, Orphan, OrphanChanges,
        OrphanReason, Orphans, Postgres, Recorded, Registrant, Registrants, Resources, Users,
    },
};
use testbed::Tenant;
use uuid::Uuid;

use crate::support::tenant;

fn store(tenant: &Tenant) -> Postgres {
    Postgres::new(&SecretString::from(tenant.database_url()), 4).unwrap()
}

fn account(name: &str) -> AccountRef {
    AccountRef { namespace: "default".to_owned(), name: name.to_owned() }
}

async fn claim(store: &Postgres, username: &str, name: &str, registration: Option<Uuid>) -> Claim {
    let account = account(name);
    store.claim(Claimant { username, account: &account, uid: name, known: None, registration }).await.unwrap()
}

async fn held(store: &Postgres, username: &str) -> Uuid {
    match claim(store, username, username, None).await {
        Claim::Held(holder) => holder.user,
        other => panic!("{other:?}"),
    }
}

/// Adds a user who came by the page, with an Idempotency-Key and with a name of a deleted account held back for a minute.
async fn add(store: &Postgres, username: &str, key: Option<&KeyHash>) -> Addition {
    let password_hash = &SecretString::from("canary");
    let new = NewRegistrant {
        username,
        password_hash,
        account_namespace: "default",
        account_name: "todd",
        key,
        held_back: Some(Duration::from_mins(1)),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    store.add(&new).await.unwrap()
}

async fn register(store: &Postgres, username: &str) -> Option<Registrant> {
    match add(store, username, None).await {
        Addition::Added(registrant) => Some(registrant),
        Addition::Exists => None,
        other => panic!("{other:?}"),
    }
}

fn stage(arn: &str) -> ResourceStatus {
    StageStatus { arn: arn.to_owned(), ..StageStatus::default() }.into()
}

#[tokio::test]
async fn a_username_and_its_look_alikes_are_one_person() {
    let tenant = tenant("username").await;
    let store = store(&tenant);
    let first = register(&store, "Todd_the-1st").await.unwrap();
    for look_alike in ["tODD_the-1st", "Todd-the_1st", "todd__the-1st"] {
        let other = look_alike.contains("__");
        assert_eq!(register(&store, look_alike).await.is_some(), other, "{look_alike}");
        let found = store.registrant(look_alike).await.unwrap().unwrap();
        assert_eq!((found.id == first.id, found.turn, found.open), (!other, 1, true), "{look_alike}");
        let key: String = sqlx::query_scalar("select username_key($1)")
            .bind(look_alike)
            .fetch_one(&tenant.pool())
            .await
            .unwrap();
        assert_eq!(key, username_key(look_alike), "PostgreSQL and we disagree");
    }
    assert!(store.registrant("mary").await.unwrap().is_none());
    assert!(!format!("{first:?}").contains("canary"));
}

#[tokio::test]
async fn only_who_took_up_a_registration_last_settles_it_or_takes_it_back() {
    let tenant = tenant("takeback").await;
    let store = store(&tenant);
    let first = register(&store, "todd").await.unwrap();
    let second = store.take_up(&first).await.unwrap().unwrap();
    assert!(!store.take_back(&first).await.unwrap());
    store.settle(&first).await.unwrap();
    assert!(store.registrant("todd").await.unwrap().unwrap().open);
    store.settle(&second).await.unwrap();
    assert!(!store.registrant("todd").await.unwrap().unwrap().open);
    assert!(!store.take_back(&second).await.unwrap(), "it has its account");

    let third = store.take_up(&second).await.unwrap().unwrap();
    assert!(store.take_back(&third).await.unwrap());
    assert!(store.registrant("todd").await.unwrap().is_none());
    assert!(store.take_up(&first).await.unwrap().is_none(), "it is gone");
}

#[tokio::test]
async fn what_is_unwanted_is_neither_made_nor_settled_by_who_was_making_it() {
    let tenant = tenant("unwanted").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    store.renounce(&todd).await.unwrap();
    store.settle(&todd).await.unwrap();
    assert!(!store.take_back(&todd).await.unwrap(), "somebody else sees to it");
    assert!(store.take_up(&todd).await.unwrap().is_none(), "nobody makes it any more");
    assert_eq!(store.take_up_due(9).await.unwrap().len(), 0, "whoever was making it may still be at it");
    let due = "update registrations set due_at = now() - interval '1 second'";
    sqlx::query(due).execute(&tenant.pool()).await.unwrap();
    let due = store.take_up_due(9).await.unwrap();
    assert!(due.len() == 1 && due[0].unwanted && due[0].open, "{due:?}");
    assert!(store.take_back(&due[0]).await.unwrap());
    assert!(store.registrant("todd").await.unwrap().is_none());
}

#[tokio::test]
async fn who_has_had_an_account_is_not_taken_back() {
    let tenant = tenant("had-account").await;
    let store = store(&tenant);
    let todd = register(&store, "todd").await.unwrap();
    claim(&store, "todd", "todd", Some(todd.id)).await;
    assert!(store.inherit(todd.id, None, "uid").await.unwrap());
    assert!(!store.take_back(&todd).await.unwrap());
}

#[tokio::test]
async fn what_is_due_is_taken_up_once() {
    let tenant = tenant("due").await;
    let store = store(&tenant);
    for username in ["ann", "todd", "zoe"] {
        register(&store, username).await.unwrap();
    }
    assert_eq!(store.take_up_due(9).await.unwrap().len(), 0, "their requests are at them");
    let due = "update registrations set due_at = now() - interval '1 second'";
    sqlx::query(due).execute(&tenant.pool()).await.unwrap();
    let (some, others) = tokio::join!(store.take_up_due(2), store.take_up_due(2));
    let taken = [some.unwrap(), others.unwrap()].concat();
    let mut names: Vec<_> = taken.iter().map(|registrant| registrant.username.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "todd", "zoe"]);
    assert!(taken.iter().all(|registrant| registrant.turn == 2 && registrant.open));
    store.put_off(&taken[0]).await.unwrap();
    assert_eq!(store.take_up_due(9).await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_idempotency_key_is_one_users() {
    let tenant = tenant("key").await;
    let store = store(&tenant);
    assert!(matches!(add(&store, "todd", Some(&[1; 32])).await, Addition::Added(_)));
    assert!(matches!(add(&store, "mary", Some(&[1; 32])).await, Addition::KeyUsed));
    assert!(store.registrant("mary").await.unwrap().is_none(), "both, or nothing");
    assert_eq!(store.username_by_key(&[1; 32]).await.unwrap().as_deref(), Some("todd"));
    assert_eq!(store.username_by_key(&[2; 32]).await.unwrap(), None);
}

#[tokio::test]
async fn the_name_of_a_deleted_account_is_held_back() {
    let tenant = tenant("held").await;
    let store = store(&tenant);
    let user = held(&store, "Todd").await;
    store.release(user, "Todd").await.unwrap();
    assert!(matches!(add(&store, "todd", None).await, Addition::HeldBack));
    assert!(store.registrant("todd").await.unwrap().is_none());
    let long_ago = "update former_usernames set freed_at = freed_at - interval '2 minutes'";
    sqlx::query(long_ago).execute(&tenant.pool()).await.unwrap();
    assert!(register(&store, "todd").await.is_some());
}

#[tokio::test]
async fn one_account_holds_a_username_and_a_registered_one_only_the_account_made_for_it() {
    let tenant = tenant("holder").await;
    let store = store(&tenant);
    let user = held(&store, "ann").await;
    let Claim::Held(again) = claim(&store, "ann", "ann", None).await else { panic!("it is not held") };
    assert_eq!((again.user, again.uid.as_deref()), (user, Some("ann")));
    let Claim::Spelled(kept) = claim(&store, "ANN", "ann", None).await else {
        panic!("it is not spelled so")
    };
    assert_eq!(kept.username, "ann");
    let Claim::Taken(by) = claim(&store, "ann", "other", None).await else { panic!("it is not taken") };
    assert_eq!(by.account, account("ann"));

    let todd = register(&store, "todd").await.unwrap();
    assert_eq!(claim(&store, "todd", "todd", None).await, Claim::Registered);
    assert_eq!(claim(&store, "todd", "todd", Some(Uuid::new_v4())).await, Claim::Registered);
    let claimed = claim(&store, "todd", "todd", Some(todd.id)).await;
    assert!(matches!(claimed, Claim::Held(holder) if holder.user == todd.id));
}

#[tokio::test]
async fn an_id_that_another_user_has_is_not_used_twice() {
    let tenant = tenant("ids").await;
    let store = store(&tenant);
    let user = held(&store, "erin").await;
    let account = account("erin");
    let claimant = Claimant {
        username: "erin-two",
        account: &account,
        uid: "erin-two",
        known: Some(user),
        registration: None,
    };
    let claimed = store.claim(claimant).await.unwrap();
    assert!(matches!(claimed, Claim::Held(holder) if holder.user != user));

    store.release(user, "erin").await.unwrap();
    assert_eq!(claim(&store, "erin", "erin", None).await, Claim::Released, "the object holds nothing again");
    assert_eq!(store.released(&[user, Uuid::new_v4()]).await.unwrap(), [user]);
    let again =
        Claimant { username: "erin", account: &account, uid: "new", known: Some(user), registration: None };
    let claimed = store.claim(again).await.unwrap();
    assert!(matches!(claimed, Claim::Held(holder) if holder.user != user), "nor is the id used again");
}

#[tokio::test]
async fn an_old_object_takes_nothing_from_a_new_one_of_its_name() {
    let tenant = tenant("reuse").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    assert!(!store.inherit(user, Some("another"), "new").await.unwrap(), "it is not that one's");
    assert!(store.leave(user, "todd").await.unwrap());
    let attempt = || store.open(user, ResourceKind::Stage, None, Duration::from_mins(1));
    assert_eq!(attempt().await.unwrap(), None, "nothing is created for a user that leaves");

    assert!(store.inherit(user, Some("todd"), "new").await.unwrap());
    assert!(attempt().await.unwrap().is_some(), "the new object's user stays");
    assert!(!store.leave(user, "todd").await.unwrap());
    assert!(!store.retain(user, "todd").await.unwrap());
    store.release(user, "todd").await.unwrap();
    let holder = store.holder("todd").await.unwrap().unwrap();
    assert_eq!((holder.user, holder.uid.as_deref(), holder.retained), (user, Some("new"), false));
    assert!(store.released(&[user]).await.unwrap().is_empty());
}

#[tokio::test]
async fn of_two_who_record_the_second_sees_the_first() {
    let tenant = tenant("record").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let record = async |known: Option<&str>, arn: &str| {
        let known = Recorded { arn: known.map(str::to_owned), ..Recorded::default() };
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
async fn since_when_one_is_missing_stays_until_it_is_seen_or_replaced() {
    let tenant = tenant("missing").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    let missing = async || store.recorded(user, ResourceKind::Stage).await.unwrap().missing;
    let minute = Duration::from_mins(1);
    for seen in [true, false] {
        store.note_missing(user, ResourceKind::Stage, "a").await.unwrap();
        let a_minute_ago = "update missing_resources set since = since - interval '1 minute'";
        sqlx::query(a_minute_ago).execute(&tenant.pool()).await.unwrap();
        store.note_missing(user, ResourceKind::Stage, "a").await.unwrap();
        assert!(missing().await.is_some_and(|missing| missing.arn == "a" && missing.age >= minute));
        store.note_missing(user, ResourceKind::Stage, "b").await.unwrap();
        assert!(missing().await.is_some_and(|missing| missing.arn == "b" && missing.age < minute));

        if seen {
            store.note_seen(user, ResourceKind::Stage).await.unwrap();
        } else {
            store.record(user, "todd", &Recorded::default(), &stage("c")).await.unwrap();
        }
        assert_eq!(missing().await, None);
    }
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
async fn who_is_let_go_of_leaves_its_resources_and_its_open_attempt_on_the_orphan_list() {
    let tenant = tenant("letgo").await;
    let store = store(&tenant);
    let user = held(&store, "todd").await;
    store.record(user, "todd", &Recorded::default(), &stage("recorded")).await.unwrap();
    let attempt = store.open(user, ResourceKind::Channel, None, Duration::from_mins(1)).await.unwrap();
    let known = |arn| Orphan { user: Some(user), ..orphan(Some(arn), None, OrphanReason::LetGo) };
    let swept = Orphan { reason: OrphanReason::Unowned, ..known("in tags") };
    let added = OrphanChanges { added: vec![swept], ..OrphanChanges::default() };
    store.change_orphans(&added).await.unwrap();

    let (account, elsewhere) = (&account("todd"), vec![known("recorded"), known("in tags")]);
    let whom = LetGo { account, uid: "todd", user: Some(user), elsewhere };
    let open = Orphan { kind: ResourceKind::Channel, arn: None, attempt, ..known("") };
    let expected = [open, known("in tags"), known("recorded")];
    for _ in 0..2 {
        let mut left = store.let_go(&whom).await.unwrap();
        left.sort_by_key(|orphan| orphan.arn.clone());
        assert_eq!(left, expected, "a second time says the same");
    }
    assert!(store.holder("todd").await.unwrap().is_none());
    assert!(store.released(&[user]).await.unwrap().is_empty(), "what it left is not taken for late");

    let anns = held(&store, "ann").await;
    let whom = LetGo { account, uid: "todd", user: Some(anns), elsewhere: Vec::new() };
    assert_eq!(store.let_go(&whom).await.unwrap(), []);
    assert!(store.holder("ann").await.unwrap().is_some(), "it is another account's");
    assert_eq!(store.orphans(Some("default")).await.unwrap().len(), 3);
    assert_eq!(store.orphans(Some("another")).await.unwrap(), []);
}

#[tokio::test]
async fn the_orphan_list_says_since_when_what_is_not_found() {
    let tenant = tenant("orphans").await;
    let store = store(&tenant);
    let attempt = Some(Uuid::new_v4());
    let added =
        vec![orphan(Some("a"), None, OrphanReason::Unowned), orphan(None, attempt, OrphanReason::LetGo)];
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
    assert_eq!(rows[1].orphan, orphan(Some("b"), attempt, OrphanReason::LetGo));

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
    store.record(todd, "todd", &Recorded::default(), &resource).await.unwrap();
    assert!(
        store.record(ann, "ann", &Recorded::default(), &resource).await.is_err(),
        "one stage of two users"
    );
    let twice = "insert into stages (user_id, name, arn) values ($1, 'todd', 'another')";
    assert!(sqlx::query(twice).bind(todd).execute(&tenant.pool()).await.is_err(), "two stages of one user");
    let orphan = "insert into channels (user_id, name, arn, ingest_endpoint, playback_url) values (null, '', '', '', '')";
    assert!(sqlx::query(orphan).execute(&tenant.pool()).await.is_err(), "a channel of nobody");

    store.release(todd, "todd").await.unwrap();
    assert!(store.all_recorded().await.unwrap().is_empty(), "the rows go with the user");
}
