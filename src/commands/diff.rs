//! `streamcat-operator diff`: compares the specs of accounts with AWS.

use kube::Api;

use super::{Result, aws, kubernetes, list_accounts, table};
use crate::{
    api::{AccountRef, FieldDifference, ObservedAccount, ResourceKind, Settings, Status, tags},
    commands::Error,
    config::DiffSettings,
    ivs::{Kind, dispatch_client},
    provision::{Owner, differences_from_spec},
};

/// Cell of a value that is not there.
const NONE: &str = "<none>";

/// Prints what differs as a table, and returns true if anything does.
///
/// # Errors
/// An account does not exist or cannot be understood, or a call failed.
pub async fn diff(settings: &DiffSettings) -> Result<Option<String>> {
    let aws = aws(&settings.aws).await;
    let mut rows = Vec::new();
    for account in accounts(settings).await? {
        if let Some(problem) = account.problem() {
            return Err(Error::Input(format!("{}: {}", reference(&account), problem.message)));
        }
        for kind in ResourceKind::ALL {
            rows.extend(dispatch_client!(aws, kind, |of| compare(of, &account).await)?);
        }
    }
    let titles = ["ACCOUNT", "RESOURCE", "FIELD", "AWS", "SPEC"];
    Ok((!rows.is_empty()).then(|| table::format(titles, rows)))
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

fn reference(account: &ObservedAccount) -> AccountRef {
    let metadata = &account.metadata;
    AccountRef {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    }
}

/// Compares one resource of an account. Returns the rows of the table.
async fn compare<K: Kind>(kind: &K, account: &ObservedAccount) -> Result<Vec<[String; 5]>> {
    let status = account.status.as_ref().and_then(K::Status::of);
    let live = match status {
        Some(status) => kind.get(status.arn()).await?,
        None => None,
    };
    let row = |field: String, live: Option<String>, desired: Option<String>| {
        let cell = |value: Option<String>| value.unwrap_or_else(|| NONE.to_owned());
        [reference(account).to_string(), K::KIND.noun().to_owned(), field, cell(live), cell(desired)]
    };
    let Some(live) = live else {
        let arn = status.map(|status| status.arn().to_owned());
        return Ok(vec![row(
            "the resource itself".to_owned(),
            None,
            arn.or(Some("to be created".to_owned())),
        )]);
    };
    let tag = |key: &str| live.tags.get(key).cloned().unwrap_or_default();
    let user = account.status.as_ref().and_then(|status| status.user_id.as_ref()?.parse().ok());
    let owner = Owner {
        // Only the controller knows its own id, so that a missing tag is all that can be told.
        installation: tag(tags::INSTALLATION),
        user: user.unwrap_or_default(),
        account: reference(account),
        username: account.spec.username.clone(),
    };
    let settings = K::Settings::of(&account.spec);
    let found = differences_from_spec::<K>(&owner, settings, &account.spec.tags, status, &live);
    let row =
        |FieldDifference { field, live, desired }: FieldDifference| row(field.to_string(), live, desired);
    Ok(found.into_iter().map(row).collect())
}
