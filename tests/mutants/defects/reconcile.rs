//! Defects in the reconcile of an account.

use super::Defect;

const SECRET: &str = "src/controller/reconcile/secret/decide.rs";
const STREAM_KEY: &str = "src/controller/reconcile/secret.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "an update sent late that cannot be recorded is forgotten",
        file: "src/controller/reconcile/resource.rs",
        right: "self.context.unrecorded_updates.add(account.clone(), K::KIND, fields.clone());",
        wrong: "tracing::trace!(?fields);",
    },
    Defect {
        name: "a suspended account is reconciled",
        file: "src/controller/reconcile/mod.rs",
        right: "} else if account.spec.is_suspended() {",
        wrong: "} else if account.spec.is_suspended() && account.metadata.uid.is_none() {",
    },
    Defect {
        name: "an edit of a suspended account leaves it Ready",
        file: "src/api/account.rs",
        right: "        self.observed_spec_hash.as_deref() == Some(spec_hash) && is_next",
        wrong: "        self.observed_spec_hash.is_some() && !spec_hash.is_empty() && is_next",
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
        Ok(prepared) => reconcile_resources(&mut account, context, &prepared, dirty.is_some(), marks).await,
        Err(blocker) => ReconcileOutcome::blocked_by(&blocker),
    };
",
        wrong: "    let outcome = match prepare(&account, context, read).await {
        Ok(prepared) => reconcile_resources(&mut account, context, &prepared, dirty.is_some(), marks).await,
        Err(blocker) => ReconcileOutcome::blocked_by(&blocker),
    };
    if !account.has_finalizer() {
        account = context.backends.kubernetes().add_finalizer(&account).await?;
    }
",
    },
    Defect {
        name: "every user counts as new, so that nothing is known of its resources",
        file: "src/controller/reconcile/apply.rs",
        right: "if held.is_new() {",
        wrong: "if held.is_new() || !held.user().is_nil() {",
    },
    Defect {
        name: "a retained user without a record counts as deleted",
        file: "src/controller/reconcile/cleanup.rs",
        right: "held.delete_user(context, retain).await",
        wrong: "held.delete_user(context, retain && held.user().is_nil()).await",
    },
    Defect {
        name: "an account counts as settled for an older generation",
        file: "src/controller/account.rs",
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
        right: "_ if is_inherited && !needs_list => basis(Arc::default(), false),",
        wrong: "_ if is_inherited || !needs_list => basis(Arc::default(), true),",
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
        name: "a late update that cannot be recorded does not mark the account dirty",
        file: "src/controller/reconcile/resource.rs",
        right: "            self.context.mark_dirty(account);\n        }\n        let converged = converged.map_err",
        wrong: "            tracing::trace!(\"forgotten\");\n        }\n        let converged = converged.map_err",
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
        name: "a row with the correct ARN is not corrected",
        file: "src/controller/reconcile/resource.rs",
        right: "if observed && !is_new { self.correct_row(&status).await }",
        wrong: "if observed && !is_new && status.arn().is_empty() { self.correct_row(&status).await }",
    },
    Defect {
        name: "new accounts get resources where AWS shows none of ours",
        file: "src/controller/reconcile/apply.rs",
        right: "context.halt().or_else(|| context.nothing_listed())",
        wrong: "context.halt().or_else(|| context.nothing_listed()).filter(|_| false)",
    },
    Defect {
        name: "Ready is set despite persistent drift",
        file: "src/controller/reconcile/resource.rs",
        right: "let (is_observed, blocker) = (observed, both(drift, blocker));",
        wrong: "let (is_observed, blocker) = (observed, both(drift.filter(|_| kind.noun().is_empty()), blocker));",
    },
    Defect {
        name: "the records of one kind serve all kinds",
        file: "src/controller/reconcile/resource.rs",
        right: "let mut recorded = self.recorded[K::KIND].clone();",
        wrong: "let mut recorded = self.recorded[ResourceKind::Channel].clone();",
    },
    Defect {
        name: "the records of one kind serve the deletion of all kinds",
        file: "src/controller/reconcile/cleanup.rs",
        right: "let recorded = recorded[kind].clone();",
        wrong: "let recorded = recorded[ResourceKind::Channel].clone();",
    },
    Defect {
        name: "an account that is not understood is applied",
        file: "src/controller/reconcile/mod.rs",
        right: "} else if let Some(problem) = account.problem() {",
        wrong: "} else if let Some(problem) = account.problem().filter(|it| it.message.is_empty()) {",
    },
    Defect {
        name: "an account with a missing reference is stalled",
        file: "src/controller/blocker.rs",
        right: "Class::MissingReference => Reason::ReferenceNotFound,",
        wrong: "Class::MissingReference => Reason::InvalidSpec,",
    },
];
