//! Accounts that wait together for what keeps a call to AWS from succeeding, such as a used-up quota, a
//! denied permission, or an outage.
//!
//! A cause is shared once several accounts have failed with it and none has succeeded since. From then on, an
//! account that needs the call waits without a place in the queue. One after another tries, with a growing
//! delay; each success lets one more through. A Create whose outcome is unknown and a deletion never wait. A
//! restart forgets the causes, and they are learned again from a few failures.

mod calls;
mod cause;
mod shared_cause;

use std::{collections::BTreeMap, sync::Mutex};

use tokio::{sync::mpsc, time::Instant};

pub(super) use self::calls::SharedCalls;
use self::{
    cause::{Call, Cause},
    shared_cause::SharedCause,
};
use super::queue::{Requeue, Turn};
use crate::{
    api::{AccountRef, Reason, ResourceKind},
    ivs::{self, Class},
    lanes::{Lane, Origin},
    lock::lock,
    telemetry::Metrics,
};

/// The causes that accounts have failed with, and the accounts that wait for them.
#[derive(Debug)]
pub struct SharedWaits {
    causes: Mutex<Causes>,
    requeue: mpsc::UnboundedSender<Requeue>,
    metrics: Metrics,
}

type Causes = BTreeMap<Cause, SharedCause>;

/// Maximum number of causes. Each call looks through all of them, and every account can add its own, such as
/// a configuration that does not exist. Accounts with any further cause retry by themselves.
const MAX_CAUSES: usize = 1_000;

/// A call that an account is about to make or has made.
struct AccountCall<'a> {
    account: &'a AccountRef,
    kind: ResourceKind,
    call: Call,
    /// Tells whether the spec of the account refers to an ARN.
    refers_to: &'a dyn Fn(&str) -> bool,
}

impl AccountCall<'_> {
    /// Returns the causes that can keep this call from succeeding.
    fn causes<'c>(&self, causes: &'c mut Causes) -> impl Iterator<Item = (&'c Cause, &'c mut SharedCause)> {
        causes.iter_mut().filter(move |(cause, _)| {
            cause.kind == self.kind
                && cause.call == self.call
                && cause.concerns(&self.account.namespace, self.refers_to)
        })
    }
}

/// The cause that a call was held back for or failed with.
#[derive(Clone, Debug)]
struct Failed {
    cause: Cause,
    /// The error that all accounts show, if the account waits for the cause.
    shown: Option<ivs::Error>,
}

impl SharedWaits {
    /// Returns the causes of a controller that has not failed yet.
    pub fn new(requeue: mpsc::UnboundedSender<Requeue>, metrics: Metrics) -> Self {
        Self { causes: Mutex::default(), requeue, metrics }
    }

    /// Removes an account that needs nothing anymore.
    pub fn forget(&self, account: &AccountRef) {
        self.update(|causes, _| causes.values_mut().for_each(|shared| shared.remove(account)));
    }

    /// Ends the turn of an account in the queue. If it was let through and did not call, another is.
    pub fn end_turn(&self, account: &AccountRef) {
        self.update(|causes, now| {
            causes
                .values_mut()
                .filter_map(|shared| shared.end_turn(account, now))
                .for_each(|it| self.wake(it));
        });
    }

    /// Returns the cause that a call must wait for, if there is one. The account then waits for it.
    fn hold(&self, call: &AccountCall<'_>) -> Option<Failed> {
        self.update(|causes, now| {
            let origin = origin(call.account);
            call.causes(causes).find_map(|(cause, shared)| {
                let is_held = shared.holds(call.account, &origin, now);
                is_held.then(|| Failed { cause: cause.clone(), shown: Some(shared.error.clone()) })
            })
        })
    }

    /// Records that a call failed. Returns its cause, if other accounts can have the same.
    fn record_failure(&self, call: &AccountCall<'_>, error: &ivs::Error) -> Option<Failed> {
        self.update(|causes, now| {
            if error.class == Class::Ambiguous {
                call.causes(causes).for_each(|(_, shared)| shared.leave_open(call.account, now));
                if call.call == Call::Create {
                    // Whether or not it has created something, others need not try, too.
                    let cause = Cause::outage(call.kind, call.call, error.code.clone());
                    let outage = ivs::Error { class: Class::Transient, ..error.clone() };
                    let shared = cause_in(causes, &cause, outage, Reason::AwsUnavailable, now)?;
                    shared.fail_openly(call.account, now);
                }
                return None;
            }
            let (cause, reason) =
                Cause::of(call.kind, call.call, error, &call.account.namespace, call.refers_to)?;
            let shared = cause_in(causes, &cause, error.clone(), reason, now)?;
            let waits = shared.fail(call.account, &origin(call.account), now);
            Some(Failed { cause, shown: waits.then(|| shared.error.clone()) })
        })
    }

    /// Records that a call succeeded.
    fn record_success(&self, call: &AccountCall<'_>) {
        self.update(|causes, now| {
            let all = call.causes(causes).filter_map(|(_, shared)| shared.succeed(call.account, now));
            all.for_each(|wake| self.wake(wake));
        });
    }

    /// Records that a resource of a kind was deleted: the quota may have room for another.
    fn record_deletion(&self, kind: ResourceKind) {
        self.update(|causes, now| {
            let of_creates = |cause: &Cause| cause.kind == kind && cause.call == Call::Create;
            let creates = causes.iter_mut().filter(|(cause, _)| of_creates(cause));
            creates.filter_map(|(_, shared)| shared.let_one_through(now)).for_each(|wake| self.wake(wake));
        });
    }

    /// Removes an account from the causes of a kind that its latest pass did not meet.
    fn leave_others(&self, account: &AccountRef, kind: ResourceKind, met: Option<&Cause>) {
        self.update(|causes, _| {
            let others = causes.iter_mut().filter(|(cause, _)| cause.kind == kind && Some(*cause) != met);
            others.for_each(|(_, shared)| shared.remove(account));
        });
    }

    /// Changes the causes, lets the next accounts through, and forgets the causes that nobody waits for.
    fn update<T>(&self, change: impl FnOnce(&mut Causes, Instant) -> T) -> T {
        let (mut causes, now) = (lock(&self.causes), Instant::now());
        let had_any = !causes.is_empty();
        let changed = change(&mut causes, now);
        causes.values_mut().flat_map(|shared| shared.next_probes(now)).for_each(|wake| self.wake(wake));
        causes.retain(|_, shared| !shared.is_over(now));
        if had_any || !causes.is_empty() {
            self.metrics.set_shared_waits(&counts(&causes));
        }
        changed
    }

    fn wake(&self, (account, at): (AccountRef, Instant)) {
        // A few at a time, on behalf of all that wait. The receiver is gone only while the controller stops.
        let _ = self.requeue.send(Requeue { account, turn: Turn { at, lane: Lane::Bulk } });
    }
}

/// Returns a cause, with the error that its accounts show. Adds it if there is room.
fn cause_in<'c>(
    causes: &'c mut Causes,
    cause: &Cause,
    error: ivs::Error,
    reason: Reason,
    now: Instant,
) -> Option<&'c mut SharedCause> {
    if !causes.contains_key(cause) && causes.len() >= MAX_CAUSES {
        return None;
    }
    Some(causes.entry(cause.clone()).or_insert_with(|| SharedCause::new(error, reason, now)))
}

fn origin(account: &AccountRef) -> Origin {
    Origin { lane: Lane::current(), namespace: account.namespace.clone() }
}

/// Returns the number of accounts that wait, by operation and reason.
fn counts(causes: &Causes) -> BTreeMap<(&'static str, &'static str), usize> {
    let mut counts = BTreeMap::new();
    for shared in causes.values().filter(|shared| shared.len() > 0) {
        *counts.entry((shared.error.operation, shared.reason.as_str())).or_default() += shared.len();
    }
    counts
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::{cause::tests::error, *};

    fn waits() -> (SharedWaits, UnboundedReceiver<Requeue>, Metrics) {
        let ((requeue, requeued), metrics) = (mpsc::unbounded_channel(), Metrics::default());
        (SharedWaits::new(requeue, metrics.clone()), requeued, metrics)
    }

    fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "team".to_owned(), name: name.to_owned() }
    }

    fn stage<'a>(account: &'a AccountRef, refers_to: &'a dyn Fn(&str) -> bool) -> AccountCall<'a> {
        AccountCall { account, kind: ResourceKind::Stage, call: Call::Create, refers_to }
    }

    fn fail(waits: &SharedWaits, name: &str, error: &ivs::Error) -> Option<Failed> {
        waits.record_failure(&stage(&account(name), &|_| true), error)
    }

    fn is_held(waits: &SharedWaits, name: &str, kind: ResourceKind, refers_to: bool) -> bool {
        let (account, refers_to) = (account(name), move |_: &str| refers_to);
        waits.hold(&AccountCall { kind, ..stage(&account, &refers_to) }).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_does_not_wait_for_the_cause_of_another() {
        let (waits, _requeued, metrics) = waits();
        let quota = error(Class::Blocked, Some("ServiceQuotaExceededException"), "1000 stages");
        for name in ["a", "b", "c"] {
            fail(&waits, name, &quota);
        }
        assert!(is_held(&waits, "new", ResourceKind::Stage, false));
        assert!(!is_held(&waits, "new", ResourceKind::Channel, false));
        let labels = r#"{operation="CreateStage",reason="QuotaExceeded"} 2"#;
        assert!(metrics.text().contains(labels), "c and new wait: {}", metrics.text());
        waits.forget(&account("new"));
        waits.forget(&account("c"));
        assert!(lock(&waits.causes).is_empty());
        assert!(!metrics.text().contains("QuotaExceeded"));
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_that_refer_to_something_else_do_not_wait() {
        let (waits, _requeued, _) = waits();
        let missing = error(Class::MissingReference, Some("ResourceNotFoundException"), "arn:a not found");
        for name in ["a", "b", "c"] {
            fail(&waits, name, &missing);
        }
        assert!(is_held(&waits, "same", ResourceKind::Stage, true));
        assert!(!is_held(&waits, "other", ResourceKind::Stage, false));
    }

    #[tokio::test(start_paused = true)]
    async fn new_accounts_wait_while_outcomes_are_unknown() {
        let (waits, _requeued, _) = waits();
        let unknown = error(Class::Ambiguous, Some("InternalServerException"), "AWS failed");
        for name in ["a", "b", "c"] {
            assert!(!is_held(&waits, "new", ResourceKind::Stage, false), "before {name}");
            assert!(fail(&waits, name, &unknown).is_none());
        }
        let new = account("new");
        let held = waits.hold(&stage(&new, &|_| false)).and_then(|held| held.shown).expect("it waits");
        assert_eq!(held.class, Class::Transient, "it has not called, so its own outcome is known");
        assert!(!is_held(&waits, "new", ResourceKind::Channel, false));
        waits.record_success(&stage(&account("a"), &|_| false));
        assert!(!is_held(&waits, "another", ResourceKind::Stage, false));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_causes_are_remembered_than_a_call_can_look_through() {
        let (waits, _requeued, _) = waits();
        for number in 0..=MAX_CAUSES {
            let arn = format!("arn:{number}");
            let missing = error(Class::MissingReference, Some("ResourceNotFoundException"), &arn);
            fail(&waits, &arn, &missing);
        }
        assert_eq!(lock(&waits.causes).len(), MAX_CAUSES);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_outcome_postpones_the_next_probe() {
        let (waits, mut requeued, _) = waits();
        let (unknown, denied) = (
            error(Class::Ambiguous, None, "the call timed out"),
            error(Class::Blocked, Some("AccessDeniedException"), "denied"),
        );
        for name in ["a", "b", "c"] {
            fail(&waits, name, &denied);
        }
        assert!(is_held(&waits, "d", ResourceKind::Stage, false));
        let first = requeued.recv().await.expect("a probe");
        tokio::time::sleep_until(first.turn.at).await;
        assert!(fail(&waits, &first.account.name, &unknown).is_none());
        let second = requeued.recv().await.expect("another probe");
        assert_eq!(second.account.name, "d");
        assert!(second.turn.at > Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn all_accounts_show_the_same_error() {
        let (waits, _requeued, _) = waits();
        let denied = |message: &str| error(Class::Blocked, Some("AccessDeniedException"), message);
        let shown = ["a", "b", "c", "d"]
            .map(|name| fail(&waits, name, &denied(name)).and_then(|failed| failed.shown));
        assert_eq!(shown[..2], [None, None], "they retry by themselves");
        assert_eq!(shown[2..], [Some(denied("a")), Some(denied("a"))]);
    }
}
