//! Defects in conditions, events, and the rest of the status.

use super::Defect;

const WRITER: &str = "src/controller/status/writer.rs";

pub const DEFECTS: &[Defect] = &[
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
        let next = next(account);",
        wrong: "    let next = next(account);
    loop {",
    },
    Defect {
        name: "an unchanged status is written",
        file: WRITER,
        right: "if account.status.as_ref() == Some(&next) {",
        wrong: "if account.status.as_ref() == Some(&next) && account.is_settled() {",
    },
    Defect {
        name: "a failed Secret hides a changed ARN",
        file: "src/controller/status/conditions.rs",
        right: "(Some(blocker), Some(change)) if result.is_ok() =>",
        wrong: "(Some(blocker), Some(change)) if result.is_err() =>",
    },
    Defect {
        name: "a request made during a reconcile counts as handled",
        file: WRITER,
        right: "subject(account, context, outcome.reconcile_request.as_deref(), &hash)",
        wrong: "subject(account, context, outcome.reconcile_request.as_deref().and(account.reconcile_request()), &hash)",
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
];
