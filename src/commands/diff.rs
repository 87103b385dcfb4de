//! `streamcat-operator diff`: compares the specs of accounts with AWS.

use kube::Api;
use uuid::Uuid;

use super::{Result, aws_config, connect, kubernetes, list_accounts, table};
use crate::{
    api::{AccountRef, ByKind, FieldDifference, ObservedAccount, ResourceKind, Settings, Status, tags},
    commands::Error,
    config::DiffSettings,
    ivs::{Clients, Kind, dispatch_kind},
    provision::{Owner, differences_from_spec},
    store::{Postgres, ResourceRecord, Resources},
};

/// The result of a comparison.
#[derive(Debug)]
pub struct Comparison {
    /// A table of what differs; None if nothing does.
    pub differences: Option<String>,
    /// The accounts that could not be compared, with the reasons.
    pub failed: Vec<String>,
}

/// Compares accounts with AWS.
///
/// # Errors
/// The accounts cannot be read.
pub async fn diff(settings: &DiffSettings) -> Result<Comparison> {
    let (_, aws) = aws_config(&settings.aws).await;
    let store = match &settings.database_url {
        Some(database_url) => Some(connect(database_url).await?),
        None => None,
    };
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for account in accounts(settings).await? {
        match compare_all(&aws, store.as_ref(), &account).await {
            Ok(found) => rows.extend(found),
            Err(error) => failed.push(format!("{}: {error}", AccountRef::of(&account.metadata))),
        }
    }
    let titles = ["ACCOUNT", "RESOURCE", "FIELD", "AWS", "SPEC"];
    Ok(Comparison { differences: (!rows.is_empty()).then(|| table::format(titles, rows)), failed })
}

/// Compares the three resources of an account.
async fn compare_all(
    aws: &Clients,
    store: Option<&Postgres>,
    account: &ObservedAccount,
) -> Result<Vec<[String; 5]>> {
    if let Some(problem) = account.problem() {
        return Err(Error::Input(problem.message.clone()));
    }
    let user = account.status.as_ref().and_then(|status| status.user_id.as_ref()?.parse().ok());
    let recorded = match (store, user) {
        (Some(store), Some(user)) => store.recorded(user).await?,
        _ => ByKind::new(|_| ResourceRecord::default()),
    };
    let mut rows = Vec::new();
    for kind in ResourceKind::ALL {
        rows.extend(dispatch_kind!(aws, kind, |of| compare(of, account, user, &recorded[kind]).await)?);
    }
    Ok(rows)
}

/// Returns the accounts to compare.
async fn accounts(settings: &DiffSettings) -> Result<Vec<ObservedAccount>> {
    let (client, default_namespace) = kubernetes().await?;
    let namespace = settings.namespace.clone().unwrap_or(default_namespace);
    if !settings.all {
        let mut found = Vec::new();
        for name in &settings.accounts {
            let (namespace, name) = name.split_once('/').unwrap_or((&namespace, name));
            let api: Api<ObservedAccount> = Api::namespaced(client.clone(), namespace);
            let account = api.get_opt(name).await?;
            found.push(account.ok_or_else(|| Error::Input(format!("account {namespace}/{name} not found")))?);
        }
        return Ok(found);
    }
    list_accounts(client, settings.namespace.as_deref()).await
}

/// Compares one resource of an account. Returns the rows of the table.
async fn compare<K: Kind>(
    kind: &K,
    account: &ObservedAccount,
    user: Option<Uuid>,
    recorded: &ResourceRecord,
) -> Result<Vec<[String; 5]>> {
    let status = account.status.as_ref().and_then(K::Status::of);
    let arn = status.map(|status| status.arn().to_owned()).or(recorded.arn.clone());
    let live = match &arn {
        Some(arn) => kind.get(arn).await?,
        None => None,
    };
    let row = |field: String, live: Option<String>, desired: Option<String>| {
        let cell = |value: Option<String>| value.unwrap_or_else(|| table::NONE.to_owned());
        [
            AccountRef::of(&account.metadata).to_string(),
            K::KIND.noun().to_owned(),
            field,
            cell(live),
            cell(desired),
        ]
    };
    let Some(live) = live else {
        let desired = arn.map_or_else(|| "to be created".to_owned(), |arn| format!("gone: {arn}"));
        return Ok(vec![row("arn".to_owned(), None, Some(desired))]);
    };
    let tag = |key: &str| live.tags.get(key).cloned().unwrap_or_default();
    let owner = Owner {
        // Only the controller knows its own id, so that a missing tag is all that can be told.
        installation: tag(tags::INSTALLATION),
        user: user.unwrap_or_default(),
        account: AccountRef::of(&account.metadata),
        username: account.spec.username.clone(),
    };
    let settings = K::Settings::of(&account.spec);
    let found = differences_from_spec::<K>(&owner, settings, &account.spec.tags, (status, recorded), &live);
    let row =
        |FieldDifference { field, live, desired }: FieldDifference| row(field.to_string(), live, desired);
    Ok(found.into_iter().map(row).collect())
}
