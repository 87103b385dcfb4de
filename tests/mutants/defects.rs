//! The deliberate defects: the correct text of the code, and the wrong text that replaces it.

/// A deliberate defect.
pub struct Defect {
    /// Description of the defect.
    pub name: &'static str,
    /// File that contains the text.
    pub file: &'static str,
    /// The correct text, which occurs once in the file.
    pub right: &'static str,
    /// The wrong text.
    pub wrong: &'static str,
}

const DECIDE: &str = "src/provision/decide/converge.rs";
const CONVERGE: &str = "src/provision/converge.rs";
const CREATE: &str = "src/provision/create.rs";
const DELETE: &str = "src/provision/decide/delete.rs";
const RESYNC: &str = "src/controller/resync/mod.rs";
const USERS: &str = "src/store/users.rs";
const SECRET: &str = "src/controller/reconcile/secret/decide.rs";
const STREAM_KEY: &str = "src/controller/reconcile/secret.rs";
const ACCOUNT: &str = "src/controller/account.rs";
const OBSERVED: &str = "src/api/observed.rs";
const WRITER: &str = "src/controller/status/writer.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "an attempt is journaled after the Create instead of before",
        file: CREATE,
        right: "    let Some(nonce) = store.open(owner.user, K::KIND, recorded_arn, deadline).await? else {
        return Ok(Attempt::Waiting(Wait::for_peer(K::KIND)));
    };
    if begun.elapsed() >= CALL_START_MARGIN {
        // A call that starts this late could end after the deadline.
        store.end(nonce, AttemptOutcome::Failed).await?;
        return Ok(Attempt::Waiting(Wait::for_peer(K::KIND)));
    }
    let tags = owner.create_tags(nonce, desired.tags);
    match kind.create(&owner.username, desired.settings, &tags).await {",
        wrong: "    let tags = owner.create_tags(Uuid::nil(), desired.tags);
    let created = kind.create(&owner.username, desired.settings, &tags).await;
    tracing::trace!(begun = ?begun.elapsed(), margin = ?CALL_START_MARGIN);
    let Some(nonce) = store.open(owner.user, K::KIND, recorded_arn, deadline).await? else {
        return Ok(Attempt::Waiting(Wait::for_peer(K::KIND)));
    };
    match created {",
    },
    Defect {
        name: "the grace period is skipped before the list for an attempt",
        file: DECIDE,
        right: "recorded.remaining(grace)",
        wrong: "recorded.remaining(grace.saturating_sub(grace))",
    },
    Defect {
        name: "the deadline of a call in flight is skipped",
        file: "src/store/in_flight.rs",
        right: "let left = self.due_in.saturating_add(grace).saturating_sub(self.overdue);",
        wrong: "let left = grace.saturating_sub(grace);",
    },
    Defect {
        name: "duplicates of the first match are not deleted",
        file: DECIDE,
        right: "restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed))",
        wrong: "restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed).filter(|_| false))",
    },
    Defect {
        name: "the finalizer is removed when one of three resources is gone",
        file: "src/controller/reconcile/cleanup.rs",
        right: "results.iter().all(|(_, (blocker, _))| blocker.is_deleted())",
        wrong: "results.iter().any(|(_, (blocker, _))| blocker.is_deleted())",
    },
    Defect {
        name: "the finalizer is added after the Creates",
        file: "src/controller/reconcile/apply.rs",
        right: "    if !account.has_finalizer() {
        account = context.backends.kubernetes().add_finalizer(&account).await?;
    }
    let outcome = match prepare(&account, context, read).await {
        Ok((held, inventory)) => {
            reconcile_resources(&mut account, context, &held, &inventory, dirty.is_some()).await
        }
        Err(blocker) => ReconcileOutcome::blocked_by(&blocker),
    };
",
        wrong: "    let outcome = match prepare(&account, context, read).await {
        Ok((held, inventory)) => {
            reconcile_resources(&mut account, context, &held, &inventory, dirty.is_some()).await
        }
        Err(blocker) => ReconcileOutcome::blocked_by(&blocker),
    };
    if !account.has_finalizer() {
        account = context.backends.kubernetes().add_finalizer(&account).await?;
    }
",
    },
    Defect {
        name: "a Create with unknown outcome is retried at once",
        file: CREATE,
        right: "    match kind.create(&owner.username, desired.settings, &tags).await {
        Ok(created)",
        wrong: "    let mut created = kind.create(&owner.username, desired.settings, &tags).await;
    if created.as_ref().is_err_and(|error| error.class == Class::Ambiguous) {
        created = kind.create(&owner.username, desired.settings, &tags).await;
    }
    match created {
        Ok(created)",
    },
    Defect {
        name: "the SDK retries calls",
        file: "src/ivs/sdk.rs",
        right: ".retry_config(RetryConfig::disabled())",
        wrong: ".retry_config(RetryConfig::standard())",
    },
    Defect {
        name: "a created ARN is recorded in status only",
        file: CREATE,
        right: "if store.record_made(nonce, owner.user, &owner.username, &resource).await? {",
        wrong: "store.end(nonce, AttemptOutcome::Failed).await?;
    if !resource.kind().noun().is_empty() {",
    },
    Defect {
        name: "a created resource counts although another controller took over",
        file: CREATE,
        right: "if store.record_made(nonce, owner.user, &owner.username, &resource).await? {",
        wrong: "let is_ours = store.record_made(nonce, owner.user, &owner.username, &resource).await?;
    if is_ours || !owner.username.is_empty() {",
    },
    Defect {
        name: "a deletion is not confirmed by a read",
        file: DELETE,
        right: "        None => Some(DeletionStep::Get(arn.to_owned())),",
        wrong: "        None if is_deleted => None,
        None => Some(DeletionStep::Get(arn.to_owned())),",
    },
    Defect {
        name: "tags are not checked before a deletion",
        file: DELETE,
        right: "Some(ObservedOwnership::Owned) => Some(DeletionStep::Delete(arn.to_owned())),",
        wrong: "Some(ObservedOwnership::Owned | ObservedOwnership::Foreign) => Some(DeletionStep::Delete(arn.to_owned())),",
    },
    Defect {
        name: "a deletion does not wait for an open attempt",
        file: DELETE,
        right: "recorded.remaining(context.timing.grace)",
        wrong: "recorded.remaining(context.timing.grace).filter(|_| false)",
    },
    Defect {
        name: "a new resource that AWS does not show yet counts as gone",
        file: DELETE,
        right: "if is_current { grace.saturating_sub(recorded.age) } else { Duration::ZERO }",
        wrong: "if is_current { grace.saturating_sub(grace) } else { Duration::ZERO }",
    },
    Defect {
        name: "a retained user without a record counts as deleted",
        file: "src/controller/reconcile/cleanup.rs",
        right: "held.delete_user(context, retain).await",
        wrong: "held.delete_user(context, retain && held.user().is_nil()).await",
    },
    Defect {
        name: "an account counts as settled for an older generation",
        file: ACCOUNT,
        right: "Some(status.observed_generation) == self.metadata.generation\n                    && ",
        wrong: "",
    },
    Defect {
        name: "a resource's condition counts for an older generation",
        file: "src/controller/reconcile/resource.rs",
        right: "conditions().iter().filter(|found| found.type_ == condition).find(is_current)",
        wrong: "conditions().iter().filter(|found| found.type_ == condition).find(|found| is_current(found) || true)",
    },
    Defect {
        name: "a reconcile does not wait for the first resync",
        file: "src/controller/context.rs",
        right: "match tokio::time::timeout(FIRST_RESYNC_TIMEOUT, self.first_resync()).await {",
        wrong: "if self.latest_resync().is_none() {
            return Ok(Arc::default());
        }
        match tokio::time::timeout(FIRST_RESYNC_TIMEOUT, self.first_resync()).await {",
    },
    Defect {
        name: "an account with a duplicate is not marked dirty",
        file: RESYNC,
        right: "context.mark_dirty(account);",
        wrong: "drop(account);",
    },
    Defect {
        name: "late creates of deleted users are not deleted",
        file: "src/controller/resync/orphans.rs",
        right: "delete_late_creates(context, &mut orphans).await?;",
        wrong: "if rows.len() > 1000 {
        delete_late_creates(context, &mut orphans).await?;
    }",
    },
    Defect {
        name: "an account that is not settled is not requeued by the resync",
        file: "src/controller/resync/requeues.rs",
        right: "account.stalled().map_or(!account.is_settled(), ",
        wrong: "account.stalled().map_or(false && account.is_settled(), ",
    },
    Defect {
        name: "an absence is confirmed by one read",
        file: "src/provision/decide.rs",
        right: "        _ => Absence::Unproven,",
        wrong: "        _ => Absence::Confirmed,",
    },
    Defect {
        name: "a user is not marked as deleting before its deletion",
        file: "src/controller/username/claim.rs",
        right: "            held.mark_deleting(context).await?;
",
        wrong: "",
    },
    Defect {
        name: "no condition reports a changed ARN",
        file: "src/controller/status/arn_changes.rs",
        right: "    if before == now {",
        wrong: "    if before == now || !now.is_empty() {",
    },
    Defect {
        name: "status is not computed again after a conflict",
        file: WRITER,
        right: "    loop {
        let next = status_of(account, context, outcome);",
        wrong: "    let next = status_of(account, context, outcome);
    loop {",
    },
    Defect {
        name: "a stream key is published in status",
        file: "src/controller/reconcile/resource.rs",
        right: "self.secret(channel).ensure(stream_key, observed).await.err()",
        wrong: "let key = stream_key.as_ref();
                channel.playback_url = key.map(|key| secrecy::ExposeSecret::expose_secret(key).to_owned());
                self.secret(channel).ensure(stream_key, observed).await.err()",
    },
    Defect {
        name: "an update is not re-checked",
        file: DECIDE,
        right: "filter(|update| recheck_in(update, grace).is_none())",
        wrong: "filter(|update| recheck_in(update, grace).is_none() && grace.is_zero())",
    },
    Defect {
        name: "an update sent after its deadline is not recorded again",
        file: CONVERGE,
        right: "let pending = if begun.elapsed() < deadline {",
        wrong: "let pending = if begun.elapsed() < Duration::MAX {",
    },
    Defect {
        name: "an update is recorded after it is sent",
        file: CONVERGE,
        right: "        let Some(pending) = self.store.begin_update(user, K::KIND, deadline, resends).await? else {
            return Ok(false);
        };
        let sent = compared.differences.send(self.kind, arn).await;
",
        wrong: "        let sent = compared.differences.send(self.kind, arn).await;
        let Some(pending) = self.store.begin_update(user, K::KIND, deadline, resends).await? else {
            return Ok(false);
        };
",
    },
    Defect {
        name: "Ready is set without sending the update",
        file: CONVERGE,
        right: "let sent = compared.differences.send(self.kind, arn).await;",
        wrong: "let sent = if resends == 0 { Ok(None) } else { compared.differences.send(self.kind, arn).await };",
    },
    Defect {
        name: "a late update that cannot be recorded does not mark the account dirty",
        file: "src/controller/reconcile/resource.rs",
        right: "self.context.mark_dirty(self.owner.account.clone());",
        wrong: "tracing::trace!(\"forgotten\");",
    },
    Defect {
        name: "a new, deleted resource that AWS does not show counts as gone",
        file: DELETE,
        right: "            if !time_until_visible.is_zero() {",
        wrong: "            if !time_until_visible.is_zero() && !is_deleted {",
    },
    Defect {
        name: "an object without a user gets no tombstone",
        file: "src/controller/username/claim.rs",
        right: "    if context.backends.store().tombstone(account.object_uid()).await?.is_some() {",
        wrong: "    let uid = account.object_uid();
    if uid.is_empty() && context.backends.store().tombstone(uid).await?.is_some() {",
    },
    Defect {
        name: "an account that waits for a username owns resources by name",
        file: "src/provision/comparison.rs",
        right: "        None => !state.is_stalled,",
        wrong: "        None => !state.is_stalled || listed.arn.len() > 1,",
    },
    Defect {
        name: "the oldest claimant wins although another had the username",
        file: "src/controller/username/claim.rs",
        right: "        (!has_had_user, created)",
        wrong: "        (!has_had_user && created.is_none(), created)",
    },
    Defect {
        name: "a single lost ownership tag is not restored",
        file: "src/provision/differences.rs",
        right: "        ownership.retain(|key, value| live.tags.get(key) != Some(value));",
        wrong: "        ownership.retain(|key, value| live.tags.get(key) != Some(value) && !desired.owner.owns(&live.tags));",
    },
    Defect {
        name: "an unchanged status is written",
        file: WRITER,
        right: "if account.status.as_ref() == Some(&next) {",
        wrong: "if account.status.as_ref() == Some(&next) && account.is_settled() {",
    },
    Defect {
        name: "a stream key is written without checking that its channel is recorded",
        file: STREAM_KEY,
        right: "SecretDecision::Write | SecretDecision::Adopt => {}
        }
        if !self.is_recorded().await? {",
        wrong: "SecretDecision::Write | SecretDecision::Adopt => {}
        }
        if !self.is_recorded().await? && self.channel.arn.is_empty() {",
    },
    Defect {
        name: "a failed Secret hides a changed ARN",
        file: "src/controller/status/conditions.rs",
        right: "(Some(blocker), Some(change)) if result.is_ok() =>",
        wrong: "(Some(blocker), Some(change)) if result.is_err() =>",
    },
    Defect {
        name: "an abandoned user gets resources without a list",
        file: DECIDE,
        right: "if (input.is_known_user || recorded.is_abandoned) && !recorded.is_tried {",
        wrong: "if (input.is_known_user || recorded.arn.is_some()) && !recorded.is_tried {",
    },
    Defect {
        name: "a user known only to status or tags gets resources without a list",
        file: DECIDE,
        right: "if (input.is_known_user || recorded.is_abandoned) && !recorded.is_tried {",
        wrong: "if recorded.is_abandoned && !recorded.is_tried {",
    },
    Defect {
        name: "an outdated read leads to a second user",
        file: "src/controller/username/claim.rs",
        right: "if known.is_none() && read.elapsed() > MAX_READ_AGE {",
        wrong: "if known.is_none() && read.elapsed() < MAX_READ_AGE {",
    },
    Defect {
        name: "a row that names an earlier object is not drift",
        file: "src/provision/comparison.rs",
        right: "(&record.account, &*record.arn, record.uid.as_deref())",
        wrong: "(&record.account, &*record.arn, accounts.get(&record.account).and_then(|state| state.uid.as_deref()))",
    },
    Defect {
        name: "an object keeps a stale claim that its status contradicts",
        file: "src/controller/username/stale.rs",
        right: "if !is_another(account.user_in_status()) {",
        wrong: "if !is_another(account.user_in_status()) || holder.uid.is_some() {",
    },
    Defect {
        name: "the deletion of a refused claim deletes what tags name",
        file: "src/controller/reconcile/cleanup.rs",
        right: "        DeletionClaim::Refused(blocker) => {
",
        wrong: "        DeletionClaim::Refused(blocker) => {
            let seen = context.last_inventory().unwrap_or_default();
            let key = account.reference();
            if let Some(user) = seen.user(&key, &account.spec.username) {
                let (installation, username) = (context.installation.clone(), account.spec.username.clone());
                let owner = Owner { installation, user, account: key, username };
                delete_resources(account, context, &owner).await?;
            }
",
    },
    Defect {
        name: "a registered object needs its annotation although the row names it",
        file: USERS,
        right: "if owner.uid.as_deref() == Some(self.uid) {",
        wrong: "if owner.uid.as_deref() == Some(self.uid) && !owner.registered {",
    },
    Defect {
        name: "a user of an active cluster is taken over",
        file: USERS,
        right: "(self.is_deleted || owner.is_cluster_live)",
        wrong: "self.is_deleted",
    },
    Defect {
        name: "a user of another cluster is taken over in order to delete it",
        file: "src/controller/username/claim.rs",
        right: "is_deleted: account.is_being_deleted(),",
        wrong: "is_deleted: account.is_being_deleted() && known.is_some() && known.is_none(),",
    },
    Defect {
        name: "a cluster starts although another holds the database",
        file: "src/controller/runtime/database_lease.rs",
        right: "                gates::close(gates, gates::CLUSTER, held_by(&other, cluster));
",
        wrong: "                gates::close(gates, gates::CLUSTER, held_by(&other, cluster));
                if other.expires_in <= cluster.takeover_after {
                    break;
                }
",
    },
    Defect {
        name: "a suspended cluster continues after another has taken over",
        file: "src/controller/runtime/database_lease.rs",
        right: "\"another cluster has taken over\");
                return;",
        wrong: "\"another cluster has taken over\");",
    },
    Defect {
        name: "tags establish a claim although a row exists",
        file: "src/controller/username/stale.rs",
        right: "        return Ok(false);
    }
    // An abandoned account",
        wrong: "        return Ok(false);
    } else if is_another(claimant.known) {
        return Ok(true);
    }
    // An abandoned account",
    },
    Defect {
        name: "settings that the SDK omits are not sent",
        file: "src/ivs/request_body.rs",
        right: "    merge(&mut body, settings);",
        wrong: "    merge(&mut body, &serde_json::json!({}));",
    },
    Defect {
        name: "tag keys are reserved in lower case only",
        file: "src/api/tags.rs",
        right: "start.eq_ignore_ascii_case(prefix)",
        wrong: "start == prefix",
    },
    Defect {
        name: "an ARN of another AWS account counts as in the target",
        file: "src/ivs/target.rs",
        right: "self.account.as_ref().is_none_or(|account| *account == location.account)",
        wrong: "self.account.as_ref().is_none_or(|account| account.len() == location.account.len())",
    },
    Defect {
        name: "any nonempty stream key counts as correct",
        file: SECRET,
        right: "stream_key.map_or_else(|| has_any_stream_key(found), |key| has_stream_key(found, key));",
        wrong: "stream_key.map_or_else(|| has_any_stream_key(found), |_| has_any_stream_key(found));",
    },
    Defect {
        name: "a complete Secret is not compared with AWS",
        file: STREAM_KEY,
        right: "SecretDecision::Keep if !observed => return Ok(()),",
        wrong: "SecretDecision::Keep if !observed || created.is_none() => return Ok(()),",
    },
    Defect {
        name: "the account's own Secret without an owner is refused",
        file: SECRET,
        right: "owner == SecretOwner::None && !is_orphaned(found, channel)",
        wrong: "owner == SecretOwner::None && (!is_orphaned(found, channel) || found.data.is_some())",
    },
    Defect {
        name: "a Secret without an owner is adopted whatever its channel is",
        file: SECRET,
        right: "    is_labelled(secret) && is_of(secret, channel)",
        wrong: "    is_labelled(secret) || is_of(secret, channel)",
    },
    Defect {
        name: "a deleted stream key is not re-created",
        file: STREAM_KEY,
        right: "match keys.create_stream_key(arn).await {",
        wrong: "if !self.user.is_nil() {
            return Err(Blocker::stream_key_not_returned());
        }
        match keys.create_stream_key(arn).await {",
    },
    Defect {
        name: "the key from the Create overrides a newer one in the Secret",
        file: STREAM_KEY,
        right: "created.filter(|_| !found.is_some_and(|found| is_of(found, self.channel)))",
        wrong: "created.filter(|_| !found.is_some_and(|found| is_of(found, self.channel) && found.data.is_none()))",
    },
    Defect {
        name: "a request made during a reconcile counts as handled",
        file: WRITER,
        right: "reconcile_request: outcome.reconcile_request.as_deref()",
        wrong: "reconcile_request: outcome.reconcile_request.as_deref().and(account.reconcile_request())",
    },
    Defect {
        name: "the annotation alone proves the owner of a registered account",
        file: "src/registration/accounts.rs",
        right: "if is_recorded && registrant.account_uid == account.metadata.uid {",
        wrong: "if is_recorded && has_user_annotation(account, registrant) {",
    },
    Defect {
        name: "a copy of an account is shown before the user is transferred",
        file: "src/registration/accounts.rs",
        right: "(true, true) => Self::Successor,",
        wrong: "(true, true) => Self::Owned,",
    },
    Defect {
        name: "a row with the correct ARN is not corrected",
        file: "src/controller/reconcile/resource.rs",
        right: "if observed && !is_new { self.correct_row(&status).await }",
        wrong: "if observed && !is_new && status.arn().is_empty() { self.correct_row(&status).await }",
    },
    Defect {
        name: "one complete list proves an absence",
        file: "src/provision/decision_context.rs",
        right: "self.resync.mul_f64(0.9).max(self.grace)",
        wrong: "self.resync.saturating_sub(self.resync)",
    },
    Defect {
        name: "an absence is believed under the brake",
        file: "src/provision/decide.rs",
        right: "!missing.released && context.brake.is_some()",
        wrong: "!missing.released && context.brake.as_deref().is_some_and(str::is_empty)",
    },
    Defect {
        name: "a released brake stays engaged",
        file: "src/provision/decide.rs",
        right: "!missing.released && context.brake.is_some()",
        wrong: "context.brake.is_some()",
    },
    Defect {
        name: "a missing resource counts as deleted without evidence",
        file: DELETE,
        right: "if is_recorded && !is_deleted {",
        wrong: "if is_recorded && !is_deleted && arn.is_empty() {",
    },
    Defect {
        name: "a resource recorded elsewhere is converged here",
        file: DECIDE,
        right: "recorded_arn.filter(|arn| !context.target.holds(arn))",
        wrong: "recorded_arn.filter(|arn| arn.is_empty() && !context.target.holds(arn))",
    },
    Defect {
        name: "a resource recorded elsewhere counts as deleted here",
        file: DELETE,
        right: "recorded_arns.iter().find(|arn| !context.target.holds(arn))",
        wrong: "recorded_arns.iter().find(|arn| arn.is_empty() && !context.target.holds(arn))",
    },
    Defect {
        name: "new accounts get resources where AWS shows none of ours",
        file: "src/controller/reconcile/apply.rs",
        right: "context.halt().or_else(|| context.nothing_listed())",
        wrong: "context.halt().or_else(|| context.nothing_listed()).filter(|_| false)",
    },
    Defect {
        name: "the brake stays off when AWS shows nothing",
        file: "src/provision/absences.rs",
        right: "!self.is_any_listed && !list.has_ours && self.is_any_unaccounted",
        wrong: "!self.is_any_listed && !list.has_ours && self.is_any_listed",
    },
    Defect {
        name: "the first recorded resource is deleted as a duplicate",
        file: DECIDE,
        right: "restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed))",
        wrong: "delete_duplicate(arn, observed).or_else(|| restore_former(recorded, observed))",
    },
    Defect {
        name: "a duplicate is deleted although the journal does not know it",
        file: CONVERGE,
        right: "if !attempts.iter().any(|nonce| Some(&nonce.to_string()) == attempt) {",
        wrong: "if attempts.len() > 1000 && attempt.is_none() {",
    },
    Defect {
        name: "a duplicate in use is deleted",
        file: CONVERGE,
        right: "Ok(self.kind.delete_if_idle(arn).await?)",
        wrong: "Ok(self.kind.delete(arn).await.map(|()| true)?)",
    },
    Defect {
        name: "the response to a Create is not compared",
        file: CONVERGE,
        right: "        self.compare(&arn, live);
        self.observed.ownership.insert(arn.clone(), ObservedOwnership::Owned);",
        wrong: "        self.compare(&arn, live);
        self.observed.differing.clear();
        self.observed.ownership.insert(arn.clone(), ObservedOwnership::Owned);",
    },
    Defect {
        name: "the response to an update is not compared",
        file: CONVERGE,
        right: "        if self.observed.differing.contains(arn) {
            self.observed.unconfirmed",
        wrong: "        if self.observed.differing.remove(arn) && arn.is_empty() {
            self.observed.unconfirmed",
    },
    Defect {
        name: "Ready is set despite persistent drift",
        file: "src/controller/reconcile/resource.rs",
        right: "blocker: both(drift, blocker)",
        wrong: "blocker: both(drift.filter(|_| kind.noun().is_empty()), blocker)",
    },
    Defect {
        name: "drift is corrected without a limit",
        file: DECIDE,
        right: "    update.repeats >= MAX_RESENDS
",
        wrong: "    update.repeats > MAX_RESENDS * 1000
",
    },
    Defect {
        name: "a renamed resource is not found",
        file: "src/provision/owner.rs",
        right: "found.extend(renamed);",
        wrong: "found.extend(renamed.into_iter().filter(|one| one.name == self.username));",
    },
    Defect {
        name: "a resource in another user's record is deleted by its tags",
        file: "src/provision/observe.rs",
        right: "store.is_anothers(owner.user, arn).await?",
        wrong: "store.is_anothers(owner.user, \"\").await?",
    },
    Defect {
        name: "a byte that is not ASCII hides the rest of its line",
        file: "http-guards/src/fields.rs",
        right: "let elements = lines.flat_map(",
        wrong: "let elements = lines.filter(|line| line.to_str().is_ok()).flat_map(",
    },
    Defect {
        name: "a quotation mark of a client hides what a proxy appends",
        file: "src/registration/http/attempt_limits.rs",
        right: "Separator::PlainComma",
        wrong: "Separator::Comma",
    },
    Defect {
        name: "another application's cookie of the same name is the token",
        file: "src/registration/http/cookies.rs",
        right: ".filter(|_| is_token)",
        wrong: ".filter(|text| is_token || text.len() < 64)",
    },
    Defect {
        name: "a form of another site is accepted",
        file: "src/registration/http/router.rs",
        right: "CsrfLayer::new()",
        wrong: "CsrfLayer::new().with_insecure_bypass(|_, _| true)",
    },
    Defect {
        name: "a request with two hosts is accepted",
        file: "src/registration/http/middleware/host.rs",
        right: "(Some(_), Some(_)) => false,",
        wrong: "(Some(_), Some(_)) => true,",
    },
    Defect {
        name: "a password that is not UTF-8 is changed",
        file: "src/registration/http/body.rs",
        right: "if !is_utf8_form(&body) {",
        wrong: "if !is_utf8_form(&body) && body.is_empty() {",
    },
    Defect {
        name: "reads have no limit",
        file: "src/registration/http/middleware/read_limit.rs",
        right: "Err(problem) => state",
        wrong: "Err(_) if request.uri().path() != \"\" => next.run(request).await,
        Err(problem) => state",
    },
    Defect {
        name: "each read of a page is one of the API server",
        file: "src/registration/http/account_cache.rs",
        right: "self.0.get_with(key, read(accounts, registrant)).await",
        wrong: "self.0.remove(&key).await;
        read(accounts, registrant).await",
    },
    Defect {
        name: "the cache ignores that a row has changed",
        file: "src/registration/http/account_cache.rs",
        right: "is_open: registrant.open,",
        wrong: "is_open: registrant.open && registrant.account_name.is_empty(),",
    },
    Defect {
        name: "missing credentials count as an outage",
        file: "src/ivs/credentials.rs",
        right: "class: if is_transient { Class::Transient } else { Class::Blocked },",
        wrong: "class: if is_transient { Class::Blocked } else { Class::Transient },",
    },
    Defect {
        name: "a CRD that is deleted leaves the controller ready",
        file: "src/controller/runtime/watch.rs",
        right: "if is_crd_missing(error) {",
        wrong: "if is_crd_missing(error) && gates.closed().contains_key(gates::KUBERNETES) {",
    },
    Defect {
        name: "a resource of another installation counts as gone",
        file: "src/provision/decide.rs",
        right: "Some(tags) if owner.is_user_of(tags) => Self::OtherInstallation,",
        wrong: "Some(tags) if owner.is_user_of(tags) => Self::Foreign,",
    },
    Defect {
        name: "an unknown parameter of the database URL is passed on to sqlx, which logs its value",
        file: "src/store/database_url.rs",
        right: "let name = SUPPORTED.into_iter().find(|supported| *supported == name).ok_or(UrlError::Unknown(number))?;",
        wrong: "let Some(name) = SUPPORTED.into_iter().find(|one| *one == name || number == 0) else { return Ok(()) };",
    },
    Defect {
        name: "several hosts in the database URL are passed on as one",
        file: "src/store/database_url.rs",
        right: "hosts.contains(',')",
        wrong: "hosts.contains(\",,\")",
    },
    Defect {
        name: "an error repeats a database URL in the wrong place",
        file: "src/config/one_line.rs",
        right: "argument.contains(\"://\")",
        wrong: "argument.contains(\":///\")",
    },
    Defect {
        name: "an account that is not understood is applied",
        file: "src/controller/reconcile/mod.rs",
        right: "} else if let Some(problem) = account.problem() {",
        wrong: "} else if let Some(problem) = account.problem().filter(|it| it.message.is_empty()) {",
    },
    Defect {
        name: "a deletion policy that cannot be read counts as Delete",
        file: OBSERVED,
        right: "policy.unwrap_or(DeletionPolicy::Retain)",
        wrong: "policy.unwrap_or_default()",
    },
    Defect {
        name: "a status that can be read in part only counts as current",
        file: OBSERVED,
        right: "        parts.remove(\"observedGeneration\");",
        wrong: "        parts.remove(\"observed\");",
    },
    Defect {
        name: "a refused event keeps a changed ARN from status",
        file: WRITER,
        right: "    join_all(changes.into_iter().map(|event| publish_or_keep(account, context, event))).await;",
        wrong: "    for event in changes {
        context.backends.kubernetes().publish_event(account, &event).await?;
    }",
    },
    Defect {
        name: "an outcome is dropped when the metadata of its account changes",
        file: WRITER,
        right: "current.is_settled() && current.status != account.status",
        wrong: "current.is_settled()",
    },
    Defect {
        name: "a refused event about a changed ARN is forgotten",
        file: WRITER,
        right: "        context.unpublished.keep(key, account, event);",
        wrong: "        context.unpublished.forget(&key);",
    },
    Defect {
        name: "no account is read while the lists are denied",
        file: RESYNC,
        right: "if failures.is_verification_due(&blocker, context.max_list_age()) {",
        wrong: "if failures.is_verification_due(&blocker, context.max_list_age()) && interval.is_zero() {",
    },
    Defect {
        name: "lists that are denied from the start leave every account ready",
        file: "src/controller/resync/failures.rs",
        right: "self.verified.or(succeeded).unwrap_or(self.began).elapsed() >= max_age",
        wrong: "self.verified.or(succeeded).is_some_and(|since| since.elapsed() >= max_age)",
    },
    Defect {
        name: "failed resyncs are retried at a fixed interval",
        file: "src/controller/resync/failures.rs",
        right: "        self.failed = self.failed.saturating_add(1);",
        wrong: "        self.failed = self.failed.saturating_add(0);",
    },
    Defect {
        name: "an account with a missing reference is stalled",
        file: "src/controller/blocker.rs",
        right: "Class::MissingReference => Reason::ReferenceNotFound,",
        wrong: "Class::MissingReference => Reason::InvalidSpec,",
    },
];
