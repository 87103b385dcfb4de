//! `streamcat-operator orphans delete`: deletes resources of the orphan list in AWS.

use std::{
    fmt,
    io::{BufRead, IsTerminal, Write},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::{
    Error, Result, aws_config, connect, kubernetes, list_accounts,
    orphans::{as_table, database_url},
};
use crate::{
    api::{AccountRef, ObservedAccount, ResourceKind, tags},
    config::{DeleteOrphansSettings, OrphansSettings},
    ivs::{Clients, Kind, Live, Target, caller_account, dispatch_kind},
    store::{Orphan, OrphanChanges, OrphanReason, OrphanRow, Orphans, Postgres},
};

/// Maximum time to wait for AWS to name the account of the credentials.
const CALLER_IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);

/// Deletes orphans, and prints the result for each.
///
/// # Errors
/// A record or the list cannot be read, nobody confirmed, or a deletion failed.
pub async fn delete(list: &OrphansSettings, settings: &DeleteOrphansSettings) -> Result<()> {
    let store = connect(database_url(list)?).await?;
    let namespace = settings.watch_namespace.as_deref();
    let rows = store.orphans(namespace).await?;
    // What the latest resync did not find among the orphans may have an owner.
    let found = rows.into_iter().filter(|row| row.orphan.arn.is_some() && row.unseen.is_none());
    let (old, young): (Vec<_>, Vec<_>) = found.partition(|row| age(row) >= settings.older_than);
    if !young.is_empty() {
        eprintln!("{} orphans are younger than --older-than and stay", young.len());
    }
    if old.is_empty() {
        println!("nothing to delete");
        return Ok(());
    }
    print!("{}", as_table(&old));
    if settings.dry_run {
        println!("{} resources would be checked again, and deleted unless something keeps them", old.len());
        return Ok(());
    }
    if !settings.yes {
        confirm(old.len())?;
    }
    let installation = store.known_installation().await?.unwrap_or_default();
    let (client, _) = kubernetes().await?;
    let (config, aws) = aws_config(&settings.aws).await;
    let account = caller_account(&config, CALLER_IDENTITY_TIMEOUT).await?;
    let target = Target::new(&settings.aws.region, account);
    let deletion = Deletion { store, aws, target, installation, client, namespace };
    let mut failed = 0;
    for row in &old {
        let arn = row.orphan.arn.as_deref().unwrap_or_default();
        match deletion.delete(row, arn).await {
            Ok(outcome) => println!("{arn}: {outcome}"),
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

/// The deletion of orphans, with what it needs.
struct Deletion<'a> {
    store: Postgres,
    aws: Clients,
    target: Target,
    /// The id of the installation that the database belongs to.
    installation: String,
    client: kube::Client,
    /// The namespace whose accounts are served; None for all.
    namespace: Option<&'a str>,
}

/// The result for one orphan.
enum OrphanOutcome {
    Deleted,
    /// AWS does not return it. One answer proves nothing, so the resyncs take it off the list.
    Gone,
    /// It is not deleted, for this reason.
    Kept(&'static str),
}

impl fmt::Display for OrphanOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted => f.write_str("deleted"),
            Self::Gone => f.write_str("already gone from AWS"),
            Self::Kept(reason) => write!(f, "kept: {reason}"),
        }
    }
}

impl Deletion<'_> {
    /// Deletes one orphan, unless a record names it or it is in use.
    async fn delete(&self, row: &OrphanRow, arn: &str) -> Result<OrphanOutcome> {
        if !self.target.holds(arn) {
            return Ok(OrphanOutcome::Kept("it is in another AWS account or region"));
        }
        let outcome = dispatch_kind!(self.aws, row.orphan.kind, |kind| {
            self.delete_in_aws(kind, &row.orphan, arn).await
        })?;
        if matches!(outcome, OrphanOutcome::Deleted) {
            let changes = OrphanChanges { gone: vec![row.id], ..OrphanChanges::default() };
            self.store.change_orphans(&changes).await?;
        }
        Ok(outcome)
    }

    async fn delete_in_aws<K: Kind>(&self, kind: &K, orphan: &Orphan, arn: &str) -> Result<OrphanOutcome> {
        let Some(live) = kind.get(arn).await? else { return Ok(OrphanOutcome::Gone) };
        if let Some(reason) = self.kept_by_tags(orphan, &live) {
            return Ok(OrphanOutcome::Kept(reason));
        }
        if let Some(reason) = self.kept_by_account(orphan, &live, arn).await? {
            return Ok(OrphanOutcome::Kept(reason));
        }
        // Read last, right before the deletion.
        let attempt = live.tags.get(tags::ATTEMPT).and_then(|attempt| attempt.parse::<Uuid>().ok());
        let user = orphan.user.filter(|_| orphan.reason != OrphanReason::Duplicate);
        if self.store.is_named(arn, attempt, user).await? {
            return Ok(OrphanOutcome::Kept("the database names it, or its user"));
        }
        let is_deleted = kind.delete_if_idle(arn).await?;
        Ok(if is_deleted { OrphanOutcome::Deleted } else { OrphanOutcome::Kept("it is in use") })
    }

    /// Returns why the tags of a resource keep it, if they do.
    fn kept_by_tags<S>(&self, orphan: &Orphan, live: &Live<S>) -> Option<&'static str> {
        if live.tags.get(tags::INSTALLATION) != Some(&self.installation) {
            return Some("it does not carry the tag of this installation");
        }
        let user = live.tags.get(tags::USER).and_then(|user| user.parse::<Uuid>().ok());
        (user != orphan.user).then_some("its tags name another user than the list")
    }

    /// Returns why the accounts keep a resource, if they do.
    async fn kept_by_account<S>(
        &self,
        orphan: &Orphan,
        live: &Live<S>,
        arn: &str,
    ) -> Result<Option<&'static str>> {
        let accounts = list_accounts(self.client.clone(), self.namespace).await?;
        let names = |account: &ObservedAccount| {
            let status = account.status.as_ref();
            ResourceKind::ALL.into_iter().any(|kind| status.and_then(|status| status.arn(kind)) == Some(arn))
        };
        if accounts.iter().any(names) {
            return Ok(Some("the status of an account names it"));
        }
        let tagged = live.tags.get(tags::ACCOUNT).and_then(|account| AccountRef::parse(account));
        let is_tagged = |account: &ObservedAccount| Some(AccountRef::of(&account.metadata)) == tagged;
        let may_adopt = orphan.reason != OrphanReason::Duplicate && accounts.iter().any(is_tagged);
        Ok(may_adopt.then_some("the account in its tags exists, and may adopt it"))
    }
}
