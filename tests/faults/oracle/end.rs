//! Checks of the final state, when faults have stopped and all is quiet.

use std::{collections::BTreeMap, fmt::Write, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::Value;
use streamcat_operator::api::{
    AccountRef, CHANNEL_ARN_ANNOTATION, ObservedAccount, ResourceStatus, StreamerAccount,
    StreamerAccountStatus,
    condition::{READY, STALLED, find, is_true},
    tags,
};
use streamcat_operator::{api::ResourceKind, store::OrphanReason};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::effects::{arns, is_ours, matches_spec, settings, user_of};
use crate::{
    aws::{Resource, defaults},
    cluster::reference,
    database::User,
    world::State,
};

/// Returns the violations in the final state. `reported`: the number of orphans that the last resync
/// reported.
pub fn violations(state: &State, reported: usize) -> Vec<String> {
    let mut found = Vec::new();
    for account in state.cluster.accounts.values() {
        let key = reference(account);
        if account.metadata.deletion_timestamp.is_some() {
            found.push(format!("I4: the deletion of {key} is stuck"));
        }
        let observed = account.status.as_ref().map(|status| status.observed_generation);
        if observed != account.metadata.generation {
            found.push(format!("I4: the status of {key} is of generation {observed:?}"));
        }
        let status = account.status.as_ref().filter(|status| is_true(&status.conditions, READY));
        match status {
            Some(status) => {
                found.extend(inconsistencies(state, account, status).map(|what| format!("{what} of {key}")));
                found.extend(spec_differences(state, account, status));
                found.extend(leftovers(state, account, status));
            }
            None if has_reason(account, STALLED, "UsernameTaken") => {}
            None if state.cluster.not_understood.contains(&key)
                && has_reason(account, STALLED, "SpecNotUnderstood") => {}
            None if has_reason(account, READY, "DriftPersists") && state.aws.discarded_setting.is_some() => {}
            None if has_reason(account, READY, "SecretExists") => {
                let status = account.status.clone().unwrap_or_default();
                if is_secret_of(state, account, &status) {
                    found
                        .push(format!("I4: the Secret of {key} is refused although it is the account's own"));
                }
                let found_of_kinds = inconsistencies(state, account, &status);
                found.extend(
                    found_of_kinds.filter(|what| *what != NO_SECRET).map(|what| format!("{what} of {key}")),
                );
            }
            None => found.push(format!("I4: {key} is not ready")),
        }
    }
    // Attempts of a retained row are ended by the account that takes the row over.
    let attempts = state.database.attempts.values();
    let open = attempts.filter(|attempt| attempt.is_open && !is_kept(state, attempt.user)).count();
    if open > 0 {
        found.push(format!("I4: {open} attempts are open"));
    }
    found.extend(unverified_updates(state));
    found.extend(deletable_duplicates(state));
    found.extend(orphans(state, reported));
    found
}

/// Returns true if a person must release the brake because none of our resources exist.
pub fn needs_brake_release(state: &State) -> bool {
    let mut accounts = state.cluster.accounts.values();
    ours(state).is_empty() && accounts.any(|account| has_reason(account, READY, "BrakeEngaged"))
}

/// Returns the ARNs that are on the orphan list as duplicates.
fn duplicates(state: &State) -> impl Iterator<Item = &str> {
    let listed = state.database.orphans.values().map(|listed| &listed.orphan);
    let duplicates = listed.filter(|orphan| orphan.reason == OrphanReason::Duplicate);
    duplicates.filter_map(|orphan| orphan.arn.as_deref())
}

/// I1: a duplicate is on the list only if it is in use or the journal that knew it is lost.
fn deletable_duplicates(state: &State) -> impl Iterator<Item = String> {
    let is_deletable = |arn: &&str| {
        let resource = state.aws.resources().get(*arn);
        resource.is_some_and(|resource| !resource.in_use) && state.aws.journal_since.is_zero()
    };
    duplicates(state)
        .filter(is_deletable)
        .map(|arn| format!("I1: {arn} is on the orphan list, but could be deleted"))
}

/// I4: the updates of a Ready account have been re-checked.
fn unverified_updates(state: &State) -> impl Iterator<Item = String> {
    state.database.pending_updates.keys().filter_map(|(user, kind)| {
        let key = &state.database.users.get(user)?.account;
        let status = state.cluster.accounts.get(key)?.status.as_ref()?;
        is_true(&status.conditions, READY)
            .then(|| format!("I4: an update of the {kind} of {key} was not re-checked"))
    })
}

/// Returns true if the condition has this reason.
fn has_reason(account: &StreamerAccount, condition: &str, reason: &str) -> bool {
    let conditions = account.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    find(conditions, condition).is_some_and(|found| found.reason == reason)
}

/// Returns true if a row has the addresses that AWS shows.
fn has_addresses(row: &ResourceStatus) -> bool {
    match row {
        ResourceStatus::Channel(channel) => {
            channel.playback_url.is_some() && channel.ingest_endpoint.is_some()
        }
        ResourceStatus::ChatRoom(room) => room.endpoint.is_some(),
        ResourceStatus::Stage(_) => true,
    }
}

/// Returns true if the Secret with the name of the account's Secret names the account's channel.
fn is_secret_of(state: &State, account: &StreamerAccount, status: &StreamerAccountStatus) -> bool {
    let name = (account.namespace().unwrap_or_default(), format!("{}-stream-key", account.name_any()));
    let annotation =
        state.cluster.secrets.get(&name).and_then(|secret| secret.annotations().get(CHANNEL_ARN_ANNOTATION));
    annotation.is_some() && annotation == status.channel.as_ref().map(|channel| &channel.arn)
}

/// Returns true if an account waits for a person to delete a Secret.
pub fn waits_for_secret(state: &State) -> bool {
    state.cluster.accounts.values().any(|account| has_reason(account, READY, "SecretExists"))
}

const NO_SECRET: &str = "I4: wrong Secret";

/// I4: the resources that existed before a loss still exist.
pub fn lost_resources(state: &State, before: &[String]) -> Vec<String> {
    let lost = before.iter().filter(|arn| !state.aws.resources().contains_key(*arn));
    lost.map(|arn| format!("I4: {arn} existed before and is gone")).collect()
}

/// Returns the ARNs of all resources of this installation that have a user.
pub fn ours(state: &State) -> Vec<String> {
    let all = state.aws.resources().iter();
    let ours = all.filter(|(_, resource)| is_ours(&resource.tags) && user_of(&resource.tags).is_some());
    ours.map(|(arn, _)| arn.clone()).collect()
}

/// I7: an event reports each changed ARN, unless the process that tried has ended before the API server
/// accepted it.
pub fn unreported_arn_changes(state: &State) -> Vec<String> {
    let is_lost = |account: &&AccountRef| {
        let mut attempts = state.attempted_reports.iter().filter(|(of, _)| of == *account);
        attempts.any(|(_, ends)| ends.iter().any(CancellationToken::is_cancelled))
    };
    let unreported_arn_changes = state.changed_arns.difference(&state.reported_arn_changes);
    unreported_arn_changes
        .filter(|account| !is_lost(account))
        .map(|account| format!("I7: no event reports the changed ARN of {account}"))
        .collect()
}

/// I1 and I4: status, PostgreSQL, AWS, and the Secret of a Ready account agree.
fn inconsistencies<'s>(
    state: &'s State,
    account: &'s Arc<ObservedAccount>,
    status: &'s StreamerAccountStatus,
) -> impl Iterator<Item = String> + 's {
    let key = reference(account);
    let user = status.user_id.as_ref().and_then(|user| user.parse().ok()).unwrap_or_default();
    let row = state.database.users.get(&user);
    let is_held = row.is_some_and(|row| row.account == key && row.uid == account.uid() && !row.deleting);
    let of_user = (!is_held).then(|| "I4: wrong row of the user".to_owned());
    let of_kinds = arns(status).into_iter().filter_map(move |(kind, _, arn)| {
        let is_of_user = |resource: &&Arc<Resource>| {
            resource.kind == kind && is_ours(&resource.tags) && user_of(&resource.tags) == Some(user)
        };
        let is_listed = |arn: &str| duplicates(state).any(|duplicate| duplicate == arn);
        let all = state.aws.resources().iter();
        let count = all.filter(|(arn, resource)| is_of_user(resource) && !is_listed(arn)).count();
        let in_aws = arn.and_then(|arn| state.aws.resources().get(arn)).is_some_and(|it| is_of_user(&it));
        if count != 1 {
            return Some(format!("I1: {count} resources of kind {kind}"));
        }
        let row = state.database.rows.get(&(user, kind));
        let is_recorded = row.is_some_and(|row| {
            Some(row.resource.arn()) == arn
                && row.name == account.spec.username
                && has_addresses(&row.resource)
        });
        (!in_aws || !is_recorded).then(|| format!("I4: the records disagree about the {kind}"))
    });
    let has_key =
        state.cluster.secrets.values().any(|secret| is_correct_secret(state, secret, account, status));
    let of_secret = (!has_key).then(|| NO_SECRET.to_owned());
    of_user.into_iter().chain(of_kinds).chain(of_secret)
}

/// I4 and I10: names, settings, and tags are as the spec says.
fn spec_differences<'s>(
    state: &'s State,
    account: &'s StreamerAccount,
    status: &'s StreamerAccountStatus,
) -> impl Iterator<Item = String> + 's {
    let wanted = settings(&account.spec);
    let differs = move |((kind, _, arn), wanted): (_, Value)| {
        let arn = arn?;
        let matches = state.aws.resources().get(arn).is_some_and(|found| {
            found.name == account.spec.username && matches_spec(found, kind, &account.spec, &wanted)
        });
        (!matches && !state.aws.was_changed_late(arn))
            .then(|| format!("I4: the {kind} {arn} differs from the spec"))
    };
    arns(status).into_iter().zip(wanted).filter_map(differs)
}

/// Each field that an earlier spec named, and the current one does not, is at AWS's default, unless somebody
/// else has changed the resource, or all records of it were lost.
fn leftovers<'s>(
    state: &'s State,
    account: &'s StreamerAccount,
    status: &'s StreamerAccountStatus,
) -> impl Iterator<Item = String> + 's {
    let wanted = settings(&account.spec);
    let of_kind = move |((kind, _, arn), wanted): ((ResourceKind, _, Option<&'s str>), Value)| {
        let (arn, found) = (arn?, state.aws.resources().get(arn?)?);
        let is_ours_alone = state.aws.journal_since.is_zero()
            && state.abandoned.is_empty()
            && !state.aws.external_changes.contains(arn)
            && !state.aws.was_changed_late(arn);
        let defaults = defaults(kind);
        let is_left = |(name, value): (&String, &Value)| {
            wanted.get(name).is_none() && *value != defaults[name] && !is_recording_off(value)
        };
        let settings = found.settings.as_object().into_iter().flatten().filter(|it| is_left(*it));
        let settings = settings.map(|(name, _)| name);
        let is_own = |key: &&String| !tags::is_reserved(key) && !account.spec.tags.contains_key(*key);
        let left: Vec<_> = settings.chain(found.tags.keys().filter(is_own)).collect();
        (is_ours_alone && !left.is_empty())
            .then(|| format!("the {kind} {arn} keeps {left:?}, which the spec no longer names"))
    };
    arns(status).into_iter().zip(wanted).filter_map(of_kind)
}

fn is_recording_off(value: &Value) -> bool {
    value["storageConfigurationArn"] == ""
}

/// Returns true if the account owns the Secret, and it has the addresses and the current stream key of the
/// channel.
fn is_correct_secret(
    state: &State,
    secret: &Secret,
    account: &StreamerAccount,
    status: &StreamerAccountStatus,
) -> bool {
    let Some(channel) = &status.channel else { return false };
    let is_owned = secret.owner_references().iter().any(|owner| Some(&owner.uid) == account.uid().as_ref());
    let key = state.aws.stream_key(&channel.arn);
    let values = [
        ("streamKey", key),
        ("ingestEndpoint", channel.ingest_endpoint.as_ref()),
        ("playbackUrl", channel.playback_url.as_ref()),
    ];
    let has = |(name, value): (&str, Option<&String>)| {
        let found = secret.data.as_ref().and_then(|data| data.get(name));
        value.is_some() && found.map(|found| found.0.as_slice()) == value.map(String::as_bytes)
    };
    is_owned && values.into_iter().all(has)
}

fn is_lost(state: &State, user: &User) -> bool {
    !state.cluster.accounts.contains_key(&user.account)
}

/// Returns true if a user without an account stays: because of the policy, or because the database is from
/// before the account was deleted and cannot tell a deleted account from a lost one.
fn is_kept(state: &State, id: Uuid) -> bool {
    let is_restored = !state.aws.journal_since.is_zero() && state.backup.users.contains_key(&id);
    state.database.users.get(&id).is_some_and(|user| {
        // Resources of an account in a lost cluster stay until the same account is applied in the next
        // cluster.
        let is_of_another_cluster = user.cluster.as_ref().is_some_and(|cluster| *cluster != state.cluster.id);
        is_lost(state, user) && (user.retained || is_restored || user.registered || is_of_another_cluster)
    })
}

/// I6: a resource of this installation without an account is retained or was reported. A row without an
/// account counts as retained.
fn orphans(state: &State, reported: usize) -> Vec<String> {
    let users = |account: &Arc<ObservedAccount>| account.status.as_ref()?.user_id.as_ref()?.parse().ok();
    let accounts = state.cluster.accounts.iter();
    let accounts: BTreeMap<_, Option<Uuid>> =
        accounts.map(|(key, account)| (key.to_string(), users(account))).collect();
    let retained = |arn: &str| state.database.owner_of(arn).is_some_and(|user| user.retained);
    let is_orphan = |(arn, resource): &(&String, &Arc<Resource>)| {
        let (user, account) = (user_of(&resource.tags), resource.tags.get(tags::ACCOUNT));
        let owner = account.and_then(|account| accounts.get(account)).copied().flatten();
        let is_duplicate = duplicates(state).any(|duplicate| duplicate == *arn);
        is_ours(&resource.tags) && (user.is_none() || user != owner || is_duplicate) && !retained(arn)
    };
    let orphans = state.aws.resources().iter().filter(is_orphan).count();
    let rows = state.database.users.iter();
    let left = rows.filter(|(id, user)| is_lost(state, user) && !is_kept(state, **id));
    let mut found: Vec<_> = left.map(|(_, user)| format!("I4: a row of {} is left", user.username)).collect();
    let listed = state.database.orphans.len();
    if orphans != reported || orphans != listed {
        found.push(format!("I6: {orphans} orphans, {reported} are reported, {listed} are on the list"));
    }
    found
}

/// Returns the final state, one line per thing, so that two runs can be compared. ARNs and ids are replaced
/// by descriptions.
pub fn snapshot(state: &State) -> Vec<String> {
    let names = names(state);
    let mut lines: Vec<_> = accounts(state).chain(secrets(state)).chain(rows(state)).collect();
    lines.extend(resources(state));
    for line in &mut lines {
        for (name, stands_for) in &names {
            if line.contains(name.as_str()) {
                *line = line.replace(name.as_str(), stands_for);
            }
        }
    }
    lines.sort();
    lines
}

/// Returns the description of each ARN and each id.
fn names(state: &State) -> BTreeMap<String, String> {
    let mut names: BTreeMap<_, _> = state
        .aws
        .resources()
        .iter()
        .map(|(arn, resource)| (arn.clone(), format!("<{} of {}>", resource.kind, resource.name)))
        .collect();
    for resource in state.aws.resources().values() {
        if let Some(user) = user_of(&resource.tags) {
            names.insert(user.to_string(), format!("<user {}>", resource.name));
        }
    }
    for (id, user) in &state.database.users {
        names.insert(id.to_string(), format!("<user {}>", user.username));
    }
    names
}

fn accounts(state: &State) -> impl Iterator<Item = String> {
    state.cluster.accounts.values().map(|account| {
        let mut line = format!(
            "account {} generation {:?} finalizers {:?} deleted {}",
            reference(account),
            account.metadata.generation,
            account.finalizers(),
            account.metadata.deletion_timestamp.is_some()
        );
        let Some(status) = &account.status else { return line };
        let _ = write!(line, " observed {} user {:?}", status.observed_generation, status.user_id);
        for (kind, _, arn) in arns(status) {
            let _ = write!(line, " {kind} {arn:?}");
        }
        for condition in &status.conditions {
            let _ = write!(line, "\n    {}={}", condition.type_, condition.status);
            let _ = write!(line, " of {:?}", condition.observed_generation);
            // The reason Recreated stays until the next reconcile, and some faults cause an additional one.
            if !(condition.type_.ends_with(READY) && condition.status == "True") {
                let _ = write!(line, " {}: {}", condition.reason, condition.message);
            }
        }
        line
    })
}

fn secrets(state: &State) -> impl Iterator<Item = String> {
    state.cluster.secrets.iter().map(|((namespace, name), secret)| {
        let data = secret.data.iter().flatten();
        let data: Vec<_> =
            data.map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(&value.0))).collect();
        format!("Secret {namespace}/{name} {data:?}")
    })
}

fn rows(state: &State) -> impl Iterator<Item = String> {
    let users = state.database.users.iter().map(|(id, user)| {
        format!("user {id} {} of {} retained {}", user.username, user.account, user.retained)
    });
    let rows = state.database.rows.iter();
    let orphans = state.database.orphans.values().map(|listed| &listed.orphan);
    let orphans = orphans.filter(|orphan| !is_unjournaled(state, orphan.arn.as_deref())).map(|orphan| {
        format!("orphan {:?} {:?} {:?} {}", orphan.arn, orphan.account, orphan.username, orphan.reason)
    });
    let rows = rows.map(|((user, _), row)| format!("row of {user} {} {:?}", row.name, row.resource));
    users.chain(rows).chain(orphans)
}

fn resources(state: &State) -> impl Iterator<Item = String> {
    let all = state.aws.resources().iter().filter(|(arn, _)| !is_unjournaled(state, Some(arn)));
    let all = all.map(|(arn, resource)| {
        let mut tags = resource.tags.clone();
        tags.remove(tags::ATTEMPT);
        format!("AWS {arn} {tags:?} {}", resource.settings)
    });
    let unjournaled = |kind: ResourceKind, name: &str| {
        let all = state.aws.resources().iter().filter(|(arn, _)| is_unjournaled(state, Some(arn)));
        i64::try_from(all.filter(|(_, it)| it.kind == kind && it.name == name).count()).unwrap_or_default()
    };
    let balance = state.aws.balance.iter();
    let balance =
        balance.map(move |((kind, name), balance)| (kind, name, balance - unjournaled(*kind, name)));
    let balance = balance.filter(|(.., balance)| *balance != 0);
    all.chain(
        balance.map(|(kind, name, balance)| format!("creates minus deletes: {balance} {kind} of {name}")),
    )
}

/// Returns true if the resource is listed as a duplicate because a fault lost the journal. It would not exist
/// without that fault.
fn is_unjournaled(state: &State, arn: Option<&str>) -> bool {
    !state.aws.journal_since.is_zero() && duplicates(state).any(|duplicate| Some(duplicate) == arn)
}
