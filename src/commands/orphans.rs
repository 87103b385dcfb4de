//! `streamcat-operator orphans`: prints the orphan list, for people or for programs.

use secrecy::SecretString;
use serde_json::json;

use super::{Error, Result, connect, table};
use crate::{
    config::OrphansSettings,
    store::{Orphan, OrphanRow, Orphans},
};

/// Returns the list as text.
///
/// # Errors
/// The database failed, or its URL is missing.
pub async fn list(settings: &OrphansSettings) -> Result<String> {
    let rows = connect(database_url(settings)?).await?.orphans(None).await?;
    Ok(if settings.json { as_json(&rows) } else { as_table(&rows) })
}

/// Returns the URL of the database.
pub(super) fn database_url(settings: &OrphansSettings) -> Result<&SecretString> {
    let missing =
        || Error::Input("missing: set DATABASE_URL (or pass --database-url <DATABASE_URL>)".to_owned());
    settings.database_url.as_ref().ok_or_else(missing)
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

pub(super) fn as_table<'o>(rows: impl IntoIterator<Item = &'o OrphanRow>) -> String {
    let titles = ["KIND", "ARN", "ACCOUNT", "USERNAME", "REASON", "FIRST-SEEN"];
    table::format(titles, rows.into_iter().map(cells))
}

fn cells(row: &OrphanRow) -> [String; 6] {
    let orphan = &row.orphan;
    let or_none = |text: Option<String>| text.unwrap_or_else(|| table::NONE.to_owned());
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
        (None, None) => table::NONE.to_owned(),
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
        assert_eq!(
            lines[2],
            ["stage", &attempt, table::NONE, table::NONE, "unowned", "2026-01-02T03:04:05Z"]
        );
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
