//! `streamcat-operator orphans delete`: deletes resources of the orphan list in AWS.

use std::{
    collections::BTreeSet,
    io::{BufRead, IsTerminal, Write},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::{
    Error, Result, aws, connect, kubernetes, list_accounts,
    orphans::{as_table, database_url},
};
use crate::{
    api::{ResourceKind, tags},
    config::{DeleteOrphansSettings, OrphansSettings},
    ivs::{Clients, Kind, dispatch_client},
    store::{OrphanChanges, OrphanRow, Orphans, Postgres},
};

/// Deletes orphans, and prints the result for each.
///
/// # Errors
/// A record or the list cannot be read, nobody confirmed, or a deletion failed.
pub async fn delete(list: &OrphansSettings, settings: &DeleteOrphansSettings) -> Result<()> {
    let store = connect(database_url(list)?).await?;
    let namespace = settings.watch_namespace.as_deref();
    let rows = store.orphans(namespace).await?;
    let (old, young): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .filter(|row| row.orphan.arn.is_some())
        .partition(|row| age(row) >= settings.older_than);
    if !young.is_empty() {
        eprintln!("{} orphans are younger than --older-than and stay", young.len());
    }
    if old.is_empty() {
        println!("nothing to delete");
        return Ok(());
    }
    print!("{}", as_table(&old));
    if settings.dry_run {
        println!(
            "{} resources would be deleted, unless a record names one by then or it is in use",
            old.len()
        );
        return Ok(());
    }
    if !settings.yes {
        confirm(old.len())?;
    }
    let named = arns_in_status(namespace).await?;
    let deletion = Deletion { store, aws: aws(&settings.aws).await, named };
    let mut failed = 0;
    for row in &old {
        let arn = row.orphan.arn.as_deref().unwrap_or_default();
        match deletion.delete(row, arn).await {
            Ok(result) => println!("{arn}: {result}"),
            Err(error) => {
                failed += 1;
                println!("{arn}: failed: {error}");
            }
        }
    }
    if failed > 0 {
        return Err(Error::Incomplete(format!("{failed} of {} resources could not be deleted", old.len())));
    }
    Ok(())
}

/// Returns the time since an orphan was added to the list.
fn age(row: &OrphanRow) -> Duration {
    let since = row.first_seen.parse::<Timestamp>().ok().map(|first| Timestamp::now().duration_since(first));
    since.and_then(|since| since.try_into().ok()).unwrap_or_default()
}

/// Asks a person to confirm the deletion of this many resources.
fn confirm(count: usize) -> Result<()> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        let message = "nobody can be asked: run it in a terminal (kubectl exec --stdin --tty), or pass --yes";
        return Err(Error::Input(message.to_owned()));
    }
    print!("Delete these {count} resources in AWS? Type {count} to confirm: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    if answer.trim() == count.to_string() {
        return Ok(());
    }
    Err(Error::Input("not confirmed, so nothing was deleted".to_owned()))
}

/// Returns the ARNs that the statuses of the accounts name.
async fn arns_in_status(namespace: Option<&str>) -> Result<BTreeSet<String>> {
    let (client, _) = kubernetes().await?;
    let accounts = list_accounts(client, namespace).await?;
    let arns = accounts.iter().filter_map(|account| account.status.as_ref()).flat_map(|status| {
        ResourceKind::ALL.into_iter().filter_map(|kind| status.arn(kind).map(str::to_owned))
    });
    Ok(arns.collect())
}

/// What a deletion needs.
struct Deletion {
    store: Postgres,
    aws: Clients,
    /// The ARNs that the statuses of accounts name.
    named: BTreeSet<String>,
}

impl Deletion {
    /// Deletes one orphan unless a record names it or it is in use. Returns the result, for people.
    async fn delete(&self, row: &OrphanRow, arn: &str) -> Result<&'static str> {
        if self.named.contains(arn) {
            return Ok("kept: the status of an account names it");
        }
        let result = dispatch_client!(self.aws, row.orphan.kind, |kind| self.delete_in_aws(kind, arn).await)?;
        if matches!(result, DELETED | GONE) {
            let changes = OrphanChanges { gone: vec![row.id], ..OrphanChanges::default() };
            self.store.change_orphans(&changes).await?;
        }
        Ok(result)
    }

    async fn delete_in_aws<K: Kind>(&self, kind: &K, arn: &str) -> Result<&'static str> {
        let Some(live) = kind.get(arn).await? else { return Ok(GONE) };
        let attempt = live.tags.get(tags::ATTEMPT).and_then(|attempt| attempt.parse::<Uuid>().ok());
        // Read last, right before the deletion.
        if self.store.is_named(arn, attempt).await? {
            return Ok("kept: the database names it");
        }
        if !live.tags.contains_key(tags::INSTALLATION) {
            return Ok("kept: it no longer carries the tag of an installation");
        }
        Ok(if kind.delete_if_idle(arn).await? { DELETED } else { "kept: it is in use" })
    }
}

const DELETED: &str = "deleted";
const GONE: &str = "was gone already";
