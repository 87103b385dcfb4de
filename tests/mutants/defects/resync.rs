//! Defects in the resync.

use super::Defect;

const RESYNC: &str = "src/controller/resync/mod.rs";

pub const DEFECTS: &[Defect] = &[
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
        right: "account.waits_for_username() } else { !account.is_settled }",
        wrong: "account.waits_for_username() } else { false }",
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
        right: "        by_user.sort_unstable_by_key(|position| (all[*position as usize].user(), *position));",
        wrong: "        by_user.sort_unstable_by_key(|position| *position);",
    },
    Defect {
        name: "evidence against a replaced resource stays for good",
        file: "src/provision/absences.rs",
        right: "    findings.forget_replaced(absences, &known_arns, &served);",
        wrong: "    findings.forget_replaced(&Absences::default(), &known_arns, &served);",
    },
];
