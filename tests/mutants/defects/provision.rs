//! Defects in the decisions about resources, and in what carries them out.

use super::Defect;

const DECIDE: &str = "src/provision/decide/converge.rs";
const CONVERGE: &str = "src/provision/converge.rs";
const CREATE: &str = "src/provision/create.rs";
const DELETE: &str = "src/provision/decide/delete.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "a Create does not note the fields that it sets",
        file: "src/provision/create.rs",
        right: "let applied = named_fields(desired);",
        wrong: "let applied = crate::api::AppliedFields::new();",
    },
    Defect {
        name: "an update does not note the fields that it sets",
        file: "src/provision/converge.rs",
        right: "self.store.begin_update(user, K::KIND, deadline, resends, &self.owned)",
        wrong: "self.store.begin_update(user, K::KIND, deadline, resends, &AppliedFields::new())",
    },
    Defect {
        name: "fields that are taken out of the spec stay as they are",
        file: "src/provision/applied.rs",
        right: "    named_fields(desired).into_iter().chain(in_status.chain(recorded).cloned()).collect()",
        wrong: "    named_fields(desired).into_iter().chain(in_status.chain(recorded).take(0).cloned()).collect()",
    },
    Defect {
        name: "drift is corrected although it is only to be reported",
        file: DECIDE,
        right: "} else if input.reports_drift && recorded.pending_update.is_none() {",
        wrong: "} else if input.reports_drift && recorded.arn.is_none() {",
    },
    Defect {
        name: "drift is corrected again and again for ever",
        file: DECIDE,
        right: "_ => input.was_sent && recorded.corrections >= MAX_CORRECTIONS,",
        wrong: "_ => input.was_sent && recorded.corrections >= MAX_CORRECTIONS && recorded.arn.is_none(),",
    },
    Defect {
        name: "stages are not listed although an attempt is open",
        file: "src/provision/decision_context.rs",
        right: "self.is_aws_listed && recorded.attempt.is_none() && !recorded.is_abandoned",
        wrong: "self.is_aws_listed && !recorded.is_abandoned",
    },
    Defect {
        name: "stages are not listed although no record names one",
        file: "src/provision/converge.rs",
        right: "self.recorded.arn.is_some() && self.context.are_all_known(&self.recorded)",
        wrong: "self.context.is_aws_listed",
    },
    Defect {
        name: "an attempt is journaled after the Create instead of before",
        file: CREATE,
        right: "    let opened = store.open(owner.user, K::KIND, recorded_arn, deadline, token, &applied);
    let Some(nonce) = opened.await? else {
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
    let opened = store.open(owner.user, K::KIND, recorded_arn, deadline, token, &applied);
    let Some(nonce) = opened.await? else {
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
        name: "duplicates of the first match are not deleted",
        file: DECIDE,
        right: "restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed))",
        wrong: "restore_former(recorded, observed).or_else(|| delete_duplicate(arn, observed).filter(|_| false))",
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
        name: "the grace period of a new resource is ignored",
        file: DELETE,
        right: "if is_current { grace.saturating_sub(recorded.age) } else { Duration::ZERO }",
        wrong: "if is_current { grace.saturating_sub(grace) } else { Duration::ZERO }",
    },
    Defect {
        name: "an absence is confirmed by one read",
        file: "src/provision/decide.rs",
        right: "        _ => Absence::Unproven,",
        wrong: "        _ => Absence::Confirmed,",
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
        right: "        let Some(pending) = record().await? else { return Ok(false) };
        let sent = compared.differences.send(self.kind, arn).await;
",
        wrong: "        let sent = compared.differences.send(self.kind, arn).await;
        let Some(pending) = record().await? else { return Ok(false) };
",
    },
    Defect {
        name: "Ready is set without sending the update",
        file: CONVERGE,
        right: "let sent = compared.differences.send(self.kind, arn).await;",
        wrong: "let sent = if resends == 0 { Ok(None) } else { compared.differences.send(self.kind, arn).await };",
    },
    Defect {
        name: "a deleted resource counts as gone within its grace period",
        file: DELETE,
        right: "            if !time_until_visible.is_zero() {",
        wrong: "            if !time_until_visible.is_zero() && !is_deleted {",
    },
    Defect {
        name: "an account that waits for a username owns resources by name",
        file: "src/provision/comparison.rs",
        right: "        None => !state.is_stalled,",
        wrong: "        None => !state.is_stalled || !resource.name.is_empty(),",
    },
    Defect {
        name: "a single lost ownership tag is not restored",
        file: "src/provision/differences.rs",
        right: "        ownership.retain(|key, value| live.tags.get(key) != Some(value));",
        wrong: "        ownership.retain(|key, value| live.tags.get(key) != Some(value) && !desired.owner.owns(&live.tags));",
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
        name: "a row that names an earlier object is not drift",
        file: "src/provision/comparison.rs",
        right: "(&row.owner.account, &row.arn, row.owner.uid.as_ref())",
        wrong: "(&row.owner.account, &row.arn, accounts.get(&row.owner.account).and_then(|account| account.state().uid))",
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
        name: "a resource of another installation counts as gone",
        file: "src/provision/decide.rs",
        right: "Some(tags) if owner.is_user_of(tags) => Self::OtherInstallation,",
        wrong: "Some(tags) if owner.is_user_of(tags) => Self::Foreign,",
    },
];
