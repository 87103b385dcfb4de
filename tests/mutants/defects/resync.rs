//! Defects in the resync.

use super::Defect;

const RESYNC: &str = "src/controller/resync/mod.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "what a read did not confirm is read in each resync",
        file: "src/controller/context/unverified.rs",
        right: "            if before.contains(&contradiction) {",
        wrong: "            if before.len() > usize::MAX - 1 {",
    },
    Defect {
        name: "a mark that was set during a reconcile is removed by it",
        file: "src/controller/context/unverified.rs",
        right: "            if *now == handled {",
        wrong: "            if *now == handled || now.is_some() {",
    },
    Defect {
        name: "a resource that a list shows with other values is not read",
        file: RESYNC,
        right: "                context.mark_contradicted(&contradicted);",
        wrong: "                drop(contradicted);",
    },
    Defect {
        name: "another name is not drift",
        file: "src/controller/cache/account.rs",
        right: "let differs = || *self.username != *listed.name || self.declared.differ_from(kind, listed);",
        wrong: "let differs = || self.declared.differ_from(kind, listed);",
    },
    Defect {
        name: "another setting or tag is not drift",
        file: "src/controller/cache/account.rs",
        right: "let differs = || *self.username != *listed.name || self.declared.differ_from(kind, listed);",
        wrong: "let differs = || *self.username != *listed.name;",
    },
    Defect {
        name: "a tag that is gone is not drift",
        file: "src/provision/declared.rs",
        right: ".filter(is_declared).count() == self.tags.len()",
        wrong: ".filter(is_declared).count() <= self.tags.len()",
    },
    Defect {
        name: "the name is not sent again",
        file: "src/provision/differences.rs",
        right: "let name = name.as_ref().filter(|name| *name != wanted).map(|_| wanted.clone());",
        wrong: "let name = name.as_ref().filter(|name| *name != wanted && name.is_empty()).map(|_| wanted.clone());",
    },
    Defect {
        name: "an account with a duplicate is not marked dirty",
        file: RESYNC,
        right: "context.mark_dirty(account);",
        wrong: "drop(account);",
    },
    Defect {
        name: "evidence against what a stalled account names is recorded again and again",
        file: "src/controller/resync/records.rs",
        right: "is_served: !account.is_stalled,",
        wrong: "is_served: !account.is_stalled || account.user.is_some(),",
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
        right: "    !(account.is_settled || account.reports_drift ||",
        wrong: "    !(account.is_settled || !account.reports_drift ||",
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
        name: "an account that a list does not show stays in the cache",
        file: "src/controller/cache/mod.rs",
        right: "account.0.shown.list != list;",
        wrong: "account.0.shown.list > list;",
    },
    Defect {
        name: "the inventory gives an account what is tagged with another user",
        file: "src/provision/inventory.rs",
        right: "let is_untagged = resource.user.is_none()",
        wrong: "let is_untagged = resource.user != Some(CompactId::Uuid(owner.user))",
    },
    Defect {
        name: "the inventory finds one user's resources only",
        file: "src/provision/inventory.rs",
        right: "others_by_user.sort_unstable_by_key(|position| (others[*position as usize].user(), *position));",
        wrong: "others_by_user.sort_unstable_by_key(|position| *position);",
    },
    Defect {
        name: "a new orphan is not verified",
        file: "src/controller/resync/verification.rs",
        right: "    if took <= MAX_UNVERIFIED {",
        wrong: "    if took <= MAX_UNVERIFIED * 1000 {",
    },
    Defect {
        name: "a verified orphan is forgotten",
        file: "src/controller/resync/verification.rs",
        right: "orphans.insert(arn, orphan);",
        wrong: "drop(orphan);",
    },
    Defect {
        name: "a paced resync uses the whole budget",
        file: "src/controller/resync/pace.rs",
        right: "f64::from(self.budget_percent) / 100.0;",
        wrong: "f64::from(self.budget_percent.max(100)) / 100.0;",
    },
    Defect {
        name: "no resync is paced",
        file: "src/controller/resync/lists.rs",
        right: "let pause = pace.pauses[kind];",
        wrong: "let pause = pace.pauses[kind] * 0;",
    },
    Defect {
        name: "a retry of a resync is paced",
        file: "src/controller/resync/pace.rs",
        right: "        self.pages = None;",
        wrong: "        self.pages = self.pages.take();",
    },
    Defect {
        name: "a list of a stretched resync is never recent",
        file: "src/controller/resync/pace.rs",
        right: "self.settings.interval.max(self.took).max(pace.duration)",
        wrong: "self.settings.interval.max(self.took.min(pace.duration.min(self.settings.interval)))",
    },
    Defect {
        name: "a resource that was recorded during the list counts as missing",
        file: "src/provision/absences.rs",
        right: "known.age >= list.took + timing.grace",
        wrong: "known.age >= list.took * 0 + timing.grace",
    },
    Defect {
        name: "a status that was written during the list counts for absences",
        file: "src/provision/recorded_rows.rs",
        right: "now.is_some_and(|now| now.arn == entry.arn)",
        wrong: "now.is_none_or(|now| now.kind == entry.kind)",
    },
    Defect {
        name: "the inventory lacks what is as its status says",
        file: "src/provision/inventory.rs",
        right: "statuses.flat_map(|position| self.of_status(*position as usize)).chain(others)",
        wrong: "statuses.flat_map(|position| self.of_status(*position as usize)).take(0).chain(others)",
    },
    Defect {
        name: "a resource that has lost its user counts as its status says",
        file: "src/provision/status_record.rs",
        right: "        && user == tagged",
        wrong: "        && (user == tagged || tagged.is_none())",
    },
    Defect {
        name: "the inventory finds what is as its status says of one user only",
        file: "src/provision/inventory.rs",
        right: "(statuses.at(*position as usize).state().user, *position)",
        wrong: "(statuses.at(*position as usize).state().user.xor(None).and(None::<Uuid>), *position)",
    },
    Defect {
        name: "a row of an earlier object counts as what status says",
        file: "src/provision/recorded_rows.rs",
        right: "status.state().uid == uid.as_ref()",
        wrong: "(status.state().uid == uid.as_ref() || uid.is_some())",
    },
    Defect {
        name: "a row with a pending update is dropped",
        file: "src/provision/recorded_rows.rs",
        right: "row.pending_update.is_none()",
        wrong: "row.pending_update.as_ref().is_none_or(|_| true)",
    },
    Defect {
        name: "a row of a user with evidence is dropped",
        file: "src/provision/recorded_rows.rs",
        right: "!self.users.contains(user)",
        wrong: "!(self.users.contains(user) && self.users.is_empty())",
    },
    Defect {
        name: "the consistent resources do not count for the brake",
        file: "src/provision/absences.rs",
        right: "recorded: list.consistent.clone(),",
        wrong: "recorded: BTreeMap::default(),",
    },
    Defect {
        name: "evidence against a replaced resource stays for good",
        file: "src/provision/absences.rs",
        right: "    findings.forget_replaced(absences, &known_arns, &served);",
        wrong: "    findings.forget_replaced(&Absences::default(), &known_arns, &served);",
    },
];
