//! Checks after each effect, at the time it happens.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde::Serialize;
use serde_json::Value;
use streamcat_operator::{
    api::{
        ABANDON_ANNOTATION, AccountRef, DeletionPolicy, FINALIZER, ResourceKind, StreamerAccount,
        StreamerAccountSpec, StreamerAccountStatus,
        condition::{READY, find, is_true},
        tags,
    },
    ivs::Tags,
};
use uuid::Uuid;

use crate::{
    aws::{CANARY, Resource, channel_of},
    cluster::reference,
    world::{INSTALLATION, State},
};

/// Time for which an update stays pending.
const UPDATE_RECORD_LIFETIME: Duration = Duration::from_secs(90);

fn report_violation(state: &mut State, what: String) {
    if let Some(trace) = &mut state.trace {
        trace.push(format!("           VIOLATED {what}"));
    }
    state.violations.push(what);
}

/// Returns true if tags name this installation.
pub fn is_ours(of: &Tags) -> bool {
    of.get(tags::INSTALLATION).is_some_and(|installation| installation == INSTALLATION)
}

/// Returns the user that tags name.
pub fn user_of(of: &Tags) -> Option<Uuid> {
    of.get(tags::USER)?.parse().ok()
}

/// Returns the account that tags name.
fn account_of(of: &Tags) -> Option<AccountRef> {
    let (namespace, name) = of.get(tags::ACCOUNT)?.split_once('/')?;
    Some(AccountRef { namespace: namespace.to_owned(), name: name.to_owned() })
}

/// Nothing is changed in AWS for a suspended account. `about`: the tags of the resource.
pub fn check_not_suspended(state: &mut State, about: &Tags, what: &str) {
    let account = account_of(about).filter(|account| state.suspended.contains(account));
    if let Some(account) = account.filter(|_| !state.aws.is_late()) {
        report_violation(state, format!("{what} is called for {account}, which is suspended"));
    }
}

/// I3: a Create is executed only while its account has our finalizer. I1: and only while the user has no
/// resource of the kind. A Create that is executed after every deadline is beyond these promises. Its
/// resource is deleted later (I6), but another may be created before that.
pub fn check_create(state: &mut State, now: Duration, resource: &Resource) {
    check_not_suspended(state, &resource.tags, "a Create");
    let account = account_of(&resource.tags);
    let found = account.as_ref().and_then(|account| state.cluster.accounts.get(account));
    let is_held = found.is_some_and(|account| account.finalizers().iter().any(|name| name == FINALIZER));
    if state.aws.is_too_late() {
        return;
    }
    // An account whose resources stay does not wait for calls in flight. Neither does one whose cluster is
    // lost.
    let user = user_of(&resource.tags);
    let is_abandoned = user.is_some_and(|user| state.abandoned.contains(&user));
    let stays =
        is_abandoned || user.and_then(|user| state.database.users.get(&user)).is_some_and(|row| row.retained);
    let began = now.saturating_sub(state.aws.age);
    let removed_at = account.as_ref().and_then(|account| state.cluster.removed_at.get(account));
    let is_earlier = removed_at.is_some_and(|removed_at| began <= *removed_at);
    // The API server does not say that it removes an object whose finalizer was just added.
    let is_removed_early = account.as_ref().is_some_and(|key| state.cluster.removed_early.contains(key));
    let is_excused = is_held || is_removed_early || stays && is_earlier;
    if !is_excused && is_of_this_cluster(state, now) {
        report_violation(
            state,
            format!("I3: a {} is created for an account without our finalizer", resource.kind),
        );
    }
    check_not_replacing_hidden(state, now, resource);
    let is_another = |(arn, other): (&String, &Arc<Resource>)| {
        let is_excused = state.aws.came_too_late(arn) && state.database.owner_of(arn).is_none();
        other.kind == resource.kind && user_of(&other.tags) == user && !is_excused
    };
    // A person who abandons an account during its Create is told about it, and may re-create the account at
    // once.
    if !(is_abandoned && is_earlier) && state.aws.resources().iter().any(is_another) {
        report_violation(state, format!("I1: a second {} of {} is created", resource.kind, resource.name));
    }
}

/// No resource is created to replace one that may still exist: under the brake, at the wrong endpoint, or
/// without evidence of its absence.
fn check_not_replacing_hidden(state: &mut State, now: Duration, resource: &Resource) {
    if state.is_braked && resource.kind == ResourceKind::Channel {
        report_violation(state, format!("brake: a {} of {} is created", resource.kind, resource.name));
    }
    if state.aws.is_wrong_endpoint {
        report_violation(
            state,
            format!("wrong endpoint: a {} of {} is created", resource.kind, resource.name),
        );
    }
    let is_hidden_one =
        |hidden: &Resource| hidden.kind == resource.kind && user_of(&hidden.tags) == user_of(&resource.tags);
    if let Some(arn) = unproven_absence(state, now, is_hidden_one) {
        report_violation(
            state,
            format!("I1: a {} is created to replace {arn}, which may still exist", resource.kind),
        );
    }
}

/// Returns an existing resource that has been hidden for less time than the evidence of its absence takes.
fn unproven_absence(state: &State, now: Duration, is_match: impl Fn(&Resource) -> bool) -> Option<String> {
    // The evidence is two lists a resync apart, whatever the controller concludes.
    let proof = if state.is_braked { Duration::MAX } else { state.resync.mul_f64(0.9) };
    let is_unproven = |since: Duration| now.saturating_sub(since) < proof;
    let hidden = state.aws.hidden().iter();
    let mut found = hidden.filter(|(_, (resource, since))| is_match(resource) && is_unproven(*since));
    found.next().map(|(arn, _)| arn.clone())
}

/// Returns true if the current call was begun in the current cluster.
fn is_of_this_cluster(state: &State, now: Duration) -> bool {
    now.saturating_sub(state.aws.age) >= state.cluster.since
}

/// I2: an object's reconcile deletes only what the object owns according to the ledger: all of it when the
/// object is deleted, and duplicates before that. A resync deletes only late creates of deleted objects.
/// Nothing is deleted that an existing account has.
pub fn check_delete(state: &mut State, now: Duration, arn: &str) {
    let Some(resource) = state.aws.resources().get(arn).cloned() else { return };
    check_not_suspended(state, &resource.tags, "a Delete");
    // AWS has no preconditions: if the caller was suspended before the call, ownership counts when the call
    // began.
    let was_frozen = state.aws.is_too_late();
    let is_allowed = match &state.reconciled_uid {
        Some(uid) => state.ownership.owns(uid, arn) || was_frozen && state.ownership.has_owned(uid, arn),
        None => state.ownership.is_late_create(arn),
    };
    if !is_allowed {
        let deleter = state.reconciled_uid.clone().unwrap_or_else(|| "a resync".to_owned());
        report_violation(state, format!("I2: {arn} is deleted for {deleter}, which does not own it"));
    }
    let has_lost_its_tags = !resource.tags.keys().any(|key| tags::is_reserved(key))
        || is_ours(&resource.tags) && user_of(&resource.tags).is_none();
    // The creator knows the owner from the response or a record, and a lagging read still shows the tags.
    let is_known = has_lost_its_tags && state.aws.ours.contains(arn);
    if !is_known && (!is_ours(&resource.tags) || user_of(&resource.tags).is_none()) {
        return report_violation(state, format!("I2: {arn} is deleted, which is a foreign resource"));
    }
    // The next object of the same name has not taken it over from the removed one.
    let is_of_removed = |uid: &String| state.ownership.is_removed(uid) && state.ownership.owns(uid, arn);
    if !belongs_to_live_account(state, arn) || state.reconciled_uid.as_ref().is_some_and(is_of_removed) {
        return;
    }
    if state.aws.is_too_late() || !is_of_this_cluster(state, now) {
        // AWS has no preconditions: a delete whose caller was suspended can hit a resource that another
        // object has taken over since. That one is re-created.
        state.aws.external_deletes.insert(arn.to_owned());
    } else {
        report_violation(state, format!("I2: {arn} is deleted, which an existing account has"));
    }
}

/// Returns true if the database has the resource as that of an existing account.
pub fn belongs_to_live_account(state: &State, arn: &str) -> bool {
    state.database.owner_of(arn).is_some_and(|user| state.is_live_account(&user.account))
}

/// A controller with a Lease claims and creates only with its renewal token, which shows whether the database
/// was restored.
pub fn check_has_token(state: &mut State, has_lease: bool, token: Option<Uuid>) {
    if has_lease && token.is_none() {
        report_violation(state, "something is claimed or created without a renewal token".to_owned());
    }
}

/// I2: a user is transferred from another cluster only if that cluster no longer works, and never in order to
/// delete it.
pub fn check_transfer(state: &mut State, now: Duration, from: Option<&str>, uid: &str) {
    let began = now.saturating_sub(state.aws.age);
    if let Some(wrong) = state.ownership.check_takeover(uid, from, began, now, state.takeover_after) {
        report_violation(state, format!("I2: {wrong}"));
    }
}

/// I3: a user is deleted only after it was marked as deleting, so that nothing was begun for it since.
pub fn check_user_deletion(state: &mut State, user: Uuid, uid: &str) {
    let row = state.database.users.get(&user).filter(|row| row.uid.as_deref() == Some(uid));
    if row.is_some_and(|row| !row.deleting) {
        report_violation(state, format!("I3: the user {user} is deleted before it was marked as deleting"));
    }
}

/// I3: our finalizer is removed only when no resource of the account is left, unless the policy is Retain or
/// the account is abandoned.
pub fn check_finalizer_removed(state: &mut State, now: Duration, account: &StreamerAccount) {
    let is_abandoned = account.annotations().get(ABANDON_ANNOTATION).is_some_and(|value| value == "true");
    if account.spec.deletion_policy == Some(DeletionPolicy::Retain) || is_abandoned {
        return;
    }
    let key = reference(account).to_string();
    let user = state.database.user_of(&account.uid().unwrap_or_default());
    // If the database does not know that the resource is new, AWS's answer that it does not exist is
    // believed.
    let is_hidden = |arn: &str| state.aws.came_too_late(arn) && state.database.owner_of(arn).is_none();
    let uid = account.uid().unwrap_or_default();
    let is_left = |(arn, resource): &(&String, &Arc<Resource>)| {
        is_ours(&resource.tags)
            && state.ownership.owns(&uid, arn)
            && !is_hidden(arn)
            && user_of(&resource.tags)
                .is_some_and(|found| Some(found) == user || !state.abandoned.contains(&found))
            && resource.tags.get(tags::ACCOUNT) == Some(&key)
    };
    let left = state.aws.resources().iter().find(is_left).map(|(arn, _)| arn.clone());
    let hidden = unproven_absence(state, now, |hidden| hidden.tags.get(tags::ACCOUNT) == Some(&key));
    if let Some(arn) = left.or(hidden) {
        report_violation(state, format!("I3: the finalizer of {key} is removed, and {arn} is left"));
    }
}

/// Returns the ARNs in a status, by kind.
pub fn arns(status: &StreamerAccountStatus) -> [(ResourceKind, &str, Option<&str>); 3] {
    ResourceKind::ALL.map(|kind| (kind, kind.condition(), status.arn(kind)))
}

/// Checks I7, I9, and I10 for a status that was just written.
pub fn check_status_written(
    state: &mut State,
    now: Duration,
    before: &StreamerAccount,
    after: &StreamerAccount,
) {
    let Some(status) = &after.status else { return };
    check_no_stream_key(state, &serde_json::to_string(status).expect("a status is JSON"));
    let empty = StreamerAccountStatus::default();
    let was = before.status.as_ref().unwrap_or(&empty);
    check_recorded_first(state, was, status);
    check_arn_change_reported(state, &reference(after), was, status);
    if is_true(&status.conditions, READY) {
        check_ready(state, now, after, status);
    }
}

/// PostgreSQL first, then status: status names no ARN that was never recorded in the database.
fn check_recorded_first(state: &mut State, before: &StreamerAccountStatus, after: &StreamerAccountStatus) {
    for ((kind, _, was), (_, _, is)) in arns(before).into_iter().zip(arns(after)) {
        if let Some(arn) = is.filter(|_| was != is).filter(|arn| !state.recorded.contains(*arn)) {
            report_violation(
                state,
                format!("journal: status names the {kind} {arn}, which was never recorded in the database"),
            );
        }
    }
}

/// I7: an ARN changes only together with a condition that says so.
fn check_arn_change_reported(
    state: &mut State,
    account: &AccountRef,
    before: &StreamerAccountStatus,
    after: &StreamerAccountStatus,
) {
    for ((kind, condition, was), (_, _, is)) in arns(before).into_iter().zip(arns(after)) {
        let reason = find(&after.conditions, condition).map(|condition| condition.reason.as_str());
        let is_reported = matches!(reason, Some("Recreated" | "ArnChanged"));
        if was.is_none() || was == is {
            continue;
        }
        state.changed_arns.insert(account.clone());
        if !is_reported {
            report_violation(
                state,
                format!("I7: the ARN of the {kind} changes from {was:?} to {is:?}: {reason:?}"),
            );
        }
    }
}

/// I10: Ready is True only for the current generation, and only if all three resources are as the spec says.
/// If the controller had a wrong view (an update took effect late or after its read, or the read lagged), the
/// re-check of its own update must still be pending.
fn check_ready(state: &mut State, now: Duration, account: &StreamerAccount, status: &StreamerAccountStatus) {
    let generation = account.metadata.generation.unwrap_or_default();
    let observed = find(&status.conditions, READY).and_then(|ready| ready.observed_generation);
    if status.observed_generation != generation || observed != Some(generation) {
        report_violation(
            state,
            format!("I10: Ready is for generation {observed:?}, but the generation is {generation}"),
        );
    }
    if state.cluster.not_understood.contains(&reference(account)) {
        report_violation(state, "I10: an account is Ready although its spec is not understood".to_owned());
    }
    let spec = &account.spec;
    let wanted = settings(spec);
    for ((kind, _, arn), wanted) in arns(status).into_iter().zip(wanted) {
        let arn = arn.unwrap_or_default();
        let may_be_misled = state.has_two_controllers || state.aws.may_be_misread(arn);
        // The pending update is lost with the database.
        let replaced = state.aws.journal_since;
        let is_record_lost = !replaced.is_zero() && now < replaced + UPDATE_RECORD_LIFETIME;
        let is_pending = is_record_lost || state.database.has_pending_update(arn);
        let is_others_doing =
            state.aws.external_deletes.contains(arn) || state.aws.external_changes.contains(arn);
        if is_others_doing || may_be_misled && is_pending {
            continue;
        }
        let matches =
            state.aws.resources().get(arn).is_some_and(|found| matches_spec(found, kind, spec, &wanted));
        let was_shown = !state.aws.resources().contains_key(arn) && state.aws.was_shown(arn, now);
        if !matches && !was_shown {
            report_violation(
                state,
                format!("I10: Ready, but the {kind} {arn:?} differs from generation {generation}"),
            );
        }
    }
}

/// Returns the settings in a spec, by kind.
pub fn settings(spec: &StreamerAccountSpec) -> [Value; 3] {
    [json(&spec.channel), json(&spec.chat_room), json(&spec.stage)]
}

/// Returns true if a resource is of this kind and has the settings and the tags of the spec.
pub fn matches_spec(
    found: &Resource,
    kind: ResourceKind,
    spec: &StreamerAccountSpec,
    wanted: &Value,
) -> bool {
    let has_tags = spec.tags.iter().all(|(key, value)| found.tags.get(key) == Some(value));
    found.kind == kind && has_tags && contains(&found.settings, wanted)
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("settings are JSON")
}

fn contains(found: &Value, wanted: &Value) -> bool {
    let wanted = wanted.as_object().expect("settings are an object");
    wanted.iter().all(|(name, value)| found.get(name) == Some(value))
}

/// A valid stream key is never replaced by a deleted one.
pub fn check_secret_replaced(state: &mut State, before: &Secret, after: &Secret) {
    let is_good = |secret: &Secret| {
        let key = secret.data.as_ref().and_then(|data| data.get("streamKey"));
        let key = key.map(|key| String::from_utf8_lossy(&key.0).into_owned());
        key.is_some_and(|key| state.aws.stream_key(channel_of(&key)) == Some(&key))
    };
    if is_good(before) && !is_good(after) {
        report_violation(state, format!("a deleted stream key replaces a valid one in {}", after.name_any()));
    }
}

/// I9: a stream key is only in the Secret of its channel's account, under its own key.
pub fn check_secret_written(state: &mut State, secret: &Secret) {
    let namespace = secret.namespace().unwrap_or_default();
    let owner = secret.owner_references().first().map(|owner| owner.name.clone()).unwrap_or_default();
    let account = format!("{namespace}/{owner}");
    for (key, value) in secret.data.iter().flatten() {
        let text = String::from_utf8_lossy(&value.0).into_owned();
        if key != "streamKey" {
            check_no_stream_key(state, &text);
            continue;
        }
        let channel = channel_of(&text);
        let holder = state.database.owner_of(channel).map(|user| user.account.to_string());
        // A channel without an owner may have been deleted meanwhile. Then the Secret is deleted too.
        if holder.is_some_and(|holder| holder != account) {
            report_violation(
                state,
                format!("I9: the Secret of {account} has the stream key of another account's channel"),
            );
        }
        if !state.recorded.contains(channel) {
            let what = format!("journal: the Secret of {account} has the key of {channel}, never recorded");
            report_violation(state, what);
        }
    }
}

/// I9: no published text contains a stream key.
pub fn check_no_stream_key(state: &mut State, text: &str) {
    if text.contains(CANARY) {
        report_violation(state, format!("I9: a stream key is published: {text}"));
    }
}
