//! `streamcat-operator orphans`: prints the orphan list, for people or for programs.

use serde_json::json;

use crate::{
    config::OrphansSettings,
    store::{Orphan, OrphanRow, Orphans, Postgres, Result},
};

/// Cell of an unknown value.
const NONE: &str = "<none>";

/// Returns the list as text.
///
/// # Errors
/// Returns the error from the database.
pub async fn list(settings: &OrphansSettings) -> Result<String> {
    let store = Postgres::new(&settings.database.database_url, 1)?;
    store.check_schema().await?;
    let rows = store.orphans(None).await?;
    Ok(if settings.json { as_json(&rows) } else { as_table(&rows) })
}

fn as_json(rows: &[OrphanRow]) -> String {
    let row = |row: &OrphanRow| {
        let orphan = &row.orphan;
        let account = orphan.account.as_ref();
        json!({
            "kind": orphan.kind.label(),
            "arn": orphan.arn,
            "attempt": orphan.attempt,
            "namespace": account.map(|account| &account.namespace),
            "name": account.map(|account| &account.name),
            "username": orphan.username,
            "userId": orphan.user,
            "reason": orphan.reason.to_string(),
            "firstSeen": row.first_seen,
        })
    };
    let rows: serde_json::Value = rows.iter().map(row).collect();
    format!("{rows:#}\n")
}

/// Formats a table as kubectl does: titles in capitals, columns three spaces apart.
fn as_table(rows: &[OrphanRow]) -> String {
    let head = ["KIND", "ARN", "ACCOUNT", "USERNAME", "REASON", "FIRST-SEEN"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let widths = [0, 1, 2, 3, 4].map(|at| lines.iter().map(|line| line[at].len()).max().unwrap_or_default());
    let set = |line: &[String; 6]| {
        let columns = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}   "));
        format!("{}{}\n", columns.collect::<String>(), line[5])
    };
    lines.iter().map(set).collect()
}

fn cells(row: &OrphanRow) -> [String; 6] {
    let orphan = &row.orphan;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    [
        orphan.kind.label().to_owned(),
        arn(orphan),
        or_none(orphan.account.as_ref().map(ToString::to_string)),
        or_none(orphan.username.clone()),
        orphan.reason.to_string(),
        row.first_seen.clone(),
    ]
}

/// Returns the ARN. For an attempt of unknown outcome, returns its nonce, which is a tag on the resource that
/// it may have created.
fn arn(orphan: &Orphan) -> String {
    match (&orphan.arn, orphan.attempt) {
        (Some(arn), _) => arn.clone(),
        (None, Some(attempt)) => format!("attempt/{attempt}"),
        (None, None) => NONE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        api::{AccountRef, ResourceKind},
        store::OrphanReason,
    };

    fn rows() -> Vec<OrphanRow> {
        let orphan = Orphan {
            kind: ResourceKind::ChatRoom,
            arn: Some("arn:room".to_owned()),
            attempt: None,
            user: None,
            account: AccountRef::parse("default/todd"),
            username: Some("Todd".to_owned()),
            reason: OrphanReason::Abandoned,
        };
        let attempt = Orphan {
            kind: ResourceKind::Stage,
            arn: None,
            attempt: Some(Uuid::nil()),
            account: None,
            username: None,
            reason: OrphanReason::Unowned,
            ..orphan.clone()
        };
        let row = |orphan| OrphanRow {
            id: Uuid::nil(),
            orphan,
            first_seen: "2026-01-02T03:04:05Z".to_owned(),
            unseen: None,
        };
        [orphan, attempt].map(row).into()
    }

    #[test]
    fn table_has_a_line_per_orphan() {
        let table = as_table(&rows());
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["KIND", "ARN", "ACCOUNT", "USERNAME", "REASON", "FIRST-SEEN"]);
        let room = ["chat_room", "arn:room", "default/todd", "Todd", "abandoned", "2026-01-02T03:04:05Z"];
        assert_eq!(lines[1], room);
        let attempt = format!("attempt/{}", Uuid::nil());
        assert_eq!(lines[2], ["stage", &attempt, NONE, NONE, "unowned", "2026-01-02T03:04:05Z"]);
        assert_eq!(table.find("ACCOUNT"), table.lines().nth(1).and_then(|line| line.find("default/todd")));
    }

    #[test]
    fn json_has_null_for_unknown_values() {
        let list: serde_json::Value = serde_json::from_str(&as_json(&rows())).expect("JSON");
        assert_eq!((&list[0]["arn"], &list[0]["reason"]), (&json!("arn:room"), &json!("abandoned")));
        assert_eq!((&list[0]["namespace"], &list[0]["name"]), (&json!("default"), &json!("todd")));
        assert_eq!((&list[1]["arn"], &list[1]["attempt"]), (&json!(null), &json!(Uuid::nil())));
        assert_eq!(as_json(&[]), "[]\n");
    }
}
