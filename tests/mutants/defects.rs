//! The defects: what is right, and what is written in its place.

/// A deliberate defect.
pub struct Defect {
    /// What is wrong, in a few words.
    pub name: &'static str,
    /// Where.
    pub file: &'static str,
    /// The text that is there, once.
    pub right: &'static str,
    /// What takes its place.
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
const WRITER: &str = "src/controller/status/writer.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "the attempt is journalled after the Create",
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
        name: "no grace before the look",
        file: DECIDE,
        right: "recorded.remaining(grace)",
        wrong: "recorded.remaining(grace.saturating_sub(grace))",
    },
    Defect {
        name: "the deadline is not waited for",
        file: "src/store/in_flight.rs",
        right: "let left = self.due_in.saturating_add(grace).saturating_sub(self.overdue);",
        wrong: "let left = grace.saturating_sub(grace);",
    },
    Defect {
        name: "the first match wins, and the rest stays",
        file: DECIDE,
        right: "restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed))",
        wrong: "restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed).filter(|_| false))",
    },
    Defect {
        name: "the finalizer goes when one of three is gone",
        file: "src/controller/reconcile/cleanup.rs",
        right: "results.iter().all(|(_, (blocker, _))| blocker.is_deleted())",
        wrong: "results.iter().any(|(_, (blocker, _))| blocker.is_deleted())",
    },
    Defect {
        name: "the finalizer comes after the Creates",
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
        name: "a Create of unknown outcome is tried again at once",
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
        name: "the SDK tries calls again by itself",
        file: "src/ivs/sdk.rs",
        right: ".retry_config(RetryConfig::disabled())",
        wrong: ".retry_config(RetryConfig::standard())",
    },
    Defect {
        name: "the ARN is recorded in status only",
        file: CREATE,
        right: "if store.record_made(nonce, owner.user, &owner.username, &resource).await? {",
        wrong: "store.end(nonce, AttemptOutcome::Failed).await?;
    if !resource.kind().noun().is_empty() {",
    },
    Defect {
        name: "what an attempt made counts, though somebody took over",
        file: CREATE,
        right: "if store.record_made(nonce, owner.user, &owner.username, &resource).await? {",
        wrong: "let is_ours = store.record_made(nonce, owner.user, &owner.username, &resource).await?;
    if is_ours || !owner.username.is_empty() {",
    },
    Defect {
        name: "a deletion is not confirmed by a read",
        file: DELETE,
        right: "        None => Some(Step::Get(arn.to_owned())),",
        wrong: "        None if is_deleted => None,
        None => Some(Step::Get(arn.to_owned())),",
    },
    Defect {
        name: "tags are not looked at before a deletion",
        file: DELETE,
        right: "Some(ObservedOwnership::Owned) => Some(Step::Delete(arn.to_owned())),",
        wrong: "Some(ObservedOwnership::Owned | ObservedOwnership::Foreign) => Some(Step::Delete(arn.to_owned())),",
    },
    Defect {
        name: "a deletion does not wait for an open attempt",
        file: DELETE,
        right: "recorded.remaining(context.timing.grace)",
        wrong: "recorded.remaining(context.timing.grace).filter(|_| false)",
    },
    Defect {
        name: "what was just made and is not shown counts as gone",
        file: DELETE,
        right: "if is_current { grace.saturating_sub(recorded.age) } else { Duration::ZERO }",
        wrong: "if is_current { grace.saturating_sub(grace) } else { Duration::ZERO }",
    },
    Defect {
        name: "what is to stay and is not recorded any more counts as released",
        file: "src/controller/reconcile/cleanup.rs",
        right: "held.delete_user(context, retain).await",
        wrong: "held.delete_user(context, retain && held.user().is_nil()).await",
    },
    Defect {
        name: "ready, whatever the generation",
        file: ACCOUNT,
        right: "Some(status.observed_generation) == self.metadata.generation\n                    && ",
        wrong: "",
    },
    Defect {
        name: "a part is ready, whatever the generation",
        file: "src/controller/reconcile/resource.rs",
        right: "conditions().iter().filter(|found| found.type_ == condition).find(is_current)",
        wrong: "conditions().iter().filter(|found| found.type_ == condition).find(|found| is_current(found) || true)",
    },
    Defect {
        name: "nothing is known of AWS, and nobody waits for the first look",
        file: "src/controller/context.rs",
        right: "match tokio::time::timeout(FIRST_RESYNC_TIMEOUT, self.first_resync()).await {",
        wrong: "if self.latest_resync().is_none() {
            return Ok(Arc::default());
        }
        match tokio::time::timeout(FIRST_RESYNC_TIMEOUT, self.first_resync()).await {",
    },
    Defect {
        name: "one too many is not looked for",
        file: RESYNC,
        right: "context.mark_dirty(account);",
        wrong: "drop(account);",
    },
    Defect {
        name: "what came too late for a released user stays",
        file: "src/controller/resync/orphans.rs",
        right: "delete_late_creates(context, &mut orphans).await?;",
        wrong: "if rows.len() > 1000 {
        delete_late_creates(context, &mut orphans).await?;
    }",
    },
    Defect {
        name: "what no watch tells of is not looked at",
        file: "src/controller/resync/requeues.rs",
        right: "account.stalled().map_or(!account.is_settled(), ",
        wrong: "account.stalled().map_or(false && account.is_settled(), ",
    },
    Defect {
        name: "one that is not shown once is gone",
        file: "src/provision/decide.rs",
        right: "        _ => Absence::Unproven,",
        wrong: "        _ => Absence::Confirmed,",
    },
    Defect {
        name: "whoever leaves may still be given something",
        file: "src/controller/username/claim.rs",
        right: "            held.mark_deleting(context).await?;
",
        wrong: "",
    },
    Defect {
        name: "an ARN changes, and no condition says so",
        file: "src/controller/status/arn_changes.rs",
        right: "    if before == now {",
        wrong: "    if before == now || !now.is_empty() {",
    },
    Defect {
        name: "a status that was read again is overwritten",
        file: WRITER,
        right: "    loop {
        let next = status_of(account, context, outcome);",
        wrong: "    let next = status_of(account, context, outcome);
    loop {",
    },
    Defect {
        name: "a stream key is told in status",
        file: "src/controller/reconcile/resource.rs",
        right: "self.secret(channel).ensure(stream_key, observed).await.err()",
        wrong: "let key = stream_key.as_ref();
                channel.playback_url = key.map(|key| secrecy::ExposeSecret::expose_secret(key).to_owned());
                self.secret(channel).ensure(stream_key, observed).await.err()",
    },
    Defect {
        name: "what was changed is not looked at once more",
        file: DECIDE,
        right: "filter(|update| recheck_in(update, grace).is_none())",
        wrong: "filter(|update| recheck_in(update, grace).is_none() && grace.is_zero())",
    },
    Defect {
        name: "who slept does not say that the change came late",
        file: CONVERGE,
        right: "let pending = if begun.elapsed() < deadline {",
        wrong: "let pending = if begun.elapsed() < Duration::MAX {",
    },
    Defect {
        name: "a change is noted after it is sent",
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
        name: "ready before the change is sent",
        file: CONVERGE,
        right: "let sent = compared.differences.send(self.kind, arn).await;",
        wrong: "let sent = if resends == 0 { Ok(None) } else { compared.differences.send(self.kind, arn).await };",
    },
    Defect {
        name: "a change that was sent late and cannot be noted is forgotten",
        file: "src/controller/reconcile/resource.rs",
        right: "self.context.mark_dirty(self.owner.account.clone());",
        wrong: "tracing::trace!(\"forgotten\");",
    },
    Defect {
        name: "one that is new, deleted and not shown counts as gone",
        file: DELETE,
        right: "            if !time_until_visible.is_zero() {",
        wrong: "            if !time_until_visible.is_zero() && !is_deleted {",
    },
    Defect {
        name: "who never had a user may be given one after it is gone",
        file: "src/controller/username/claim.rs",
        right: "    if context.backends.store().tombstone(account.object_uid()).await?.is_some() {",
        wrong: "    let uid = account.object_uid();
    if uid.is_empty() && context.backends.store().tombstone(uid).await?.is_some() {",
    },
    Defect {
        name: "who waits for a username owns what has its name",
        file: "src/provision/comparison.rs",
        right: "        None => !state.is_stalled,",
        wrong: "        None => !state.is_stalled || listed.arn.len() > 1,",
    },
    Defect {
        name: "of two that lost their records the older gets the username, whoever had it",
        file: "src/controller/username/claim.rs",
        right: "        (!has_had_user, created)",
        wrong: "        (!has_had_user && created.is_none(), created)",
    },
    Defect {
        name: "a tag of ours that is lost alone stays so",
        file: "src/provision/differences.rs",
        right: "        ownership.retain(|key, value| live.tags.get(key) != Some(value));",
        wrong: "        ownership.retain(|key, value| live.tags.get(key) != Some(value) && !desired.owner.owns(&live.tags));",
    },
    Defect {
        name: "a status is written though it says nothing new",
        file: WRITER,
        right: "if account.status.as_ref() == Some(&next) {",
        wrong: "if account.status.as_ref() == Some(&next) && account.is_settled() {",
    },
    Defect {
        name: "a dead stream key takes the place of a good one",
        file: STREAM_KEY,
        right: "SecretDecision::Write | SecretDecision::Adopt => {}
        }
        if !self.is_recorded().await? {",
        wrong: "SecretDecision::Write | SecretDecision::Adopt => {}
        }
        if !self.is_recorded().await? && self.channel.arn.is_empty() {",
    },
    Defect {
        name: "an ARN changes, and only the Secret that fails is told of",
        file: "src/controller/status/conditions.rs",
        right: "(Some(blocker), Some(change)) if result.is_ok() =>",
        wrong: "(Some(blocker), Some(change)) if result.is_err() =>",
    },
    Defect {
        name: "who was let go of is given all anew",
        file: DECIDE,
        right: "if (input.is_known_user || recorded.is_abandoned) && !recorded.is_tried {",
        wrong: "if (input.is_known_user || recorded.arn.is_some()) && !recorded.is_tried {",
    },
    Defect {
        name: "who is known to status or tags alone is given all anew",
        file: DECIDE,
        right: "if (input.is_known_user || recorded.is_abandoned) && !recorded.is_tried {",
        wrong: "if recorded.is_abandoned && !recorded.is_tried {",
    },
    Defect {
        name: "who slept draws another user for an account that was given one",
        file: "src/controller/username/claim.rs",
        right: "if known.is_none() && read.elapsed() > MAX_READ_AGE {",
        wrong: "if known.is_none() && read.elapsed() < MAX_READ_AGE {",
    },
    Defect {
        name: "a row that names an earlier object stays so",
        file: "src/provision/comparison.rs",
        right: "(&record.account, &*record.arn, record.uid.as_deref())",
        wrong: "(&record.account, &*record.arn, accounts.get(&record.account).and_then(|state| state.uid.as_deref()))",
    },
    Defect {
        name: "a claim from before a loss makes another user",
        file: "src/controller/username/stale.rs",
        right: "if !is_another(account.user_in_status()) {",
        wrong: "if !is_another(account.user_in_status()) || holder.uid.is_some() {",
    },
    Defect {
        name: "a refused claim deletes what tags name",
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
        name: "the annotation is needed though the row names the object",
        file: USERS,
        right: "if owner.uid.as_deref() == Some(self.uid) {",
        wrong: "if owner.uid.as_deref() == Some(self.uid) && !owner.registered {",
    },
    Defect {
        name: "a row of another cluster that works is taken over",
        file: USERS,
        right: "(self.is_deleted || owner.is_cluster_live)",
        wrong: "self.is_deleted",
    },
    Defect {
        name: "a row of another cluster is taken over in order to delete",
        file: "src/controller/username/claim.rs",
        right: "is_deleted: account.is_being_deleted(),",
        wrong: "is_deleted: account.is_being_deleted() && known.is_some() && known.is_none(),",
    },
    Defect {
        name: "two clusters work on one database",
        file: "src/controller/runtime/database_lease.rs",
        right: "                gates::close(gates, gates::CLUSTER, messages::held_by_other_cluster(&other, cluster));
",
        wrong: "                gates::close(gates, gates::CLUSTER, messages::held_by_other_cluster(&other, cluster));
                if other.expires_in <= cluster.takeover_after {
                    break;
                }
",
    },
    Defect {
        name: "a cluster that slept works on when another has taken over",
        file: "src/controller/runtime/database_lease.rs",
        right: "\"another cluster has taken over\");
                return;",
        wrong: "\"another cluster has taken over\");",
    },
    Defect {
        name: "tags establish a claim beside a row",
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
        name: "what the SDK leaves out of a request stays out",
        file: "src/ivs/request_body.rs",
        right: "    merge(&mut body, settings);",
        wrong: "    merge(&mut body, &serde_json::json!({}));",
    },
    Defect {
        name: "a key of a tag is reserved in lower case only",
        file: "src/api/tags.rs",
        right: "start.eq_ignore_ascii_case(prefix)",
        wrong: "start == prefix",
    },
    Defect {
        name: "an ARN of another account is taken for one of ours",
        file: "src/ivs/target.rs",
        right: "self.account.as_ref().is_none_or(|account| *account == location.account)",
        wrong: "self.account.as_ref().is_none_or(|account| account.len() == location.account.len())",
    },
    Defect {
        name: "a stream key that is not empty counts as right",
        file: SECRET,
        right: "stream_key.map_or_else(|| has_any_stream_key(found), |key| has_stream_key(found, key));",
        wrong: "stream_key.map_or_else(|| has_any_stream_key(found), |_| has_any_stream_key(found));",
    },
    Defect {
        name: "the Secret is not compared with AWS where it looks complete",
        file: STREAM_KEY,
        right: "SecretDecision::Keep if !observed => return Ok(()),",
        wrong: "SecretDecision::Keep if !observed || created.is_none() => return Ok(()),",
    },
    Defect {
        name: "a Secret of ours without owner is refused",
        file: SECRET,
        right: "owner == SecretOwner::None && !is_orphaned(found, channel)",
        wrong: "owner == SecretOwner::None && (!is_orphaned(found, channel) || found.data.is_some())",
    },
    Defect {
        name: "a Secret without owner is taken, whatever channel it is of",
        file: SECRET,
        right: "    is_labelled(secret) && is_of(secret, channel)",
        wrong: "    is_labelled(secret) || is_of(secret, channel)",
    },
    Defect {
        name: "a stream key that was deleted is not made again",
        file: STREAM_KEY,
        right: "match keys.create_stream_key(arn).await {",
        wrong: "if !self.user.is_nil() {
            return Err(Blocker::stream_key_not_returned());
        }
        match keys.create_stream_key(arn).await {",
    },
    Defect {
        name: "the key of the Create is trusted, though a later one is in the Secret",
        file: STREAM_KEY,
        right: "created.filter(|_| !found.is_some_and(|found| is_of(found, self.channel)))",
        wrong: "created.filter(|_| !found.is_some_and(|found| is_of(found, self.channel) && found.data.is_none()))",
    },
    Defect {
        name: "a look that was asked for in the middle of one counts as handled",
        file: WRITER,
        right: "reconcile_request: outcome.reconcile_request.as_deref()",
        wrong: "reconcile_request: outcome.reconcile_request.as_deref().and(account.reconcile_request())",
    },
    Defect {
        name: "the annotation alone says whose a registered account is",
        file: "src/registration/accounts.rs",
        right: "if is_recorded && registrant.account_uid == account.metadata.uid {",
        wrong: "if is_recorded && has_user_annotation(account, registrant) {",
    },
    Defect {
        name: "a copy of an account is shown as its owner's before it is handed on",
        file: "src/registration/accounts.rs",
        right: "(true, true) => Self::Successor,",
        wrong: "(true, true) => Self::Owned,",
    },
    Defect {
        name: "a row that names the right ARN counts as right",
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
        name: "a released brake holds on",
        file: "src/provision/decide.rs",
        right: "!missing.released && context.brake.is_some()",
        wrong: "context.brake.is_some()",
    },
    Defect {
        name: "a missing resource lets its deleted account go",
        file: DELETE,
        right: "if is_recorded && !is_deleted {",
        wrong: "if is_recorded && !is_deleted && arn.is_empty() {",
    },
    Defect {
        name: "what is recorded elsewhere is looked for here",
        file: DECIDE,
        right: "recorded_arn.filter(|arn| !context.target.holds(arn))",
        wrong: "recorded_arn.filter(|arn| arn.is_empty() && !context.target.holds(arn))",
    },
    Defect {
        name: "what is recorded elsewhere is let go of here",
        file: DELETE,
        right: "recorded_arns.iter().find(|arn| !context.target.holds(arn))",
        wrong: "recorded_arns.iter().find(|arn| arn.is_empty() && !context.target.holds(arn))",
    },
    Defect {
        name: "new accounts get everything in the wrong place",
        file: "src/controller/reconcile/apply.rs",
        right: "context.halt().or_else(|| context.nothing_listed())",
        wrong: "context.halt().or_else(|| context.nothing_listed()).filter(|_| false)",
    },
    Defect {
        name: "where nothing shows there is no brake",
        file: "src/provision/absences.rs",
        right: "!self.is_any_listed && !list.has_ours && self.is_any_unaccounted",
        wrong: "!self.is_any_listed && !list.has_ours && self.is_any_listed",
    },
    Defect {
        name: "the one that was recorded first is one too many",
        file: DECIDE,
        right: "restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed))",
        wrong: "delete_duplicate(arn, observed).or_else(|| restore_former(recorded, observed))",
    },
    Defect {
        name: "a duplicate goes, whoever made it",
        file: CONVERGE,
        right: "if !attempts.iter().any(|nonce| Some(&nonce.to_string()) == attempt) {",
        wrong: "if attempts.len() > 1000 && attempt.is_none() {",
    },
    Defect {
        name: "a duplicate goes though somebody uses it",
        file: CONVERGE,
        right: "Ok(self.kind.delete_if_idle(arn).await?)",
        wrong: "Ok(self.kind.delete(arn).await.map(|()| true)?)",
    },
    Defect {
        name: "what AWS answers to a Create is not compared",
        file: CONVERGE,
        right: "        self.compare(&arn, live);
        self.observed.ownership.insert(arn.clone(), ObservedOwnership::Owned);",
        wrong: "        self.compare(&arn, live);
        self.observed.differing.clear();
        self.observed.ownership.insert(arn.clone(), ObservedOwnership::Owned);",
    },
    Defect {
        name: "what AWS answers to an Update is not compared",
        file: CONVERGE,
        right: "        if self.observed.differing.contains(arn) {
            self.observed.unconfirmed",
        wrong: "        if self.observed.differing.remove(arn) && arn.is_empty() {
            self.observed.unconfirmed",
    },
    Defect {
        name: "ready though AWS does not show it as the spec says",
        file: "src/controller/reconcile/resource.rs",
        right: "blocker: both(drift, blocker)",
        wrong: "blocker: both(drift.filter(|_| kind.noun().is_empty()), blocker)",
    },
    Defect {
        name: "what does not stay is sent for ever",
        file: DECIDE,
        right: "    update.repeats >= MAX_RESENDS
",
        wrong: "    update.repeats > MAX_RESENDS * 1000
",
    },
    Defect {
        name: "what somebody renamed is not found",
        file: "src/provision/owner.rs",
        right: "found.extend(renamed);",
        wrong: "found.extend(renamed.into_iter().filter(|one| one.name == self.username));",
    },
    Defect {
        name: "what another record names goes with its tags",
        file: "src/provision/observe.rs",
        right: "store.is_anothers(owner.user, arn).await?",
        wrong: "store.is_anothers(owner.user, \"\").await?",
    },
    Defect {
        name: "one of another installation counts as gone",
        file: "src/provision/decide.rs",
        right: "Some(tags) if owner.is_user_of(tags) => Self::OtherInstallation,",
        wrong: "Some(tags) if owner.is_user_of(tags) => Self::Foreign,",
    },
];
