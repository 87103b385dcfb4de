//! A workload that creates, edits, and deletes accounts while everything fails.

use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use testbed::{Error, Tenant, wait};
use tokio::time::Instant;

use super::desired::{Account, Desired};
use super::tally::Tally;
use crate::accounts::{self, API_VERSION, KIND};

/// Average number of actions per account.
const ACTIONS_PER_ACCOUNT: u32 = 3;
/// Maximum time that the API server may be unavailable.
const API_TIMEOUT: Duration = Duration::from_mins(2);

/// Performs actions on these accounts, evenly distributed until the time is up. Returns their desired state
/// at the end.
pub(super) async fn run(
    tenant: &Tenant,
    mut accounts: Vec<Account>,
    tally: &Tally,
    until: Instant,
    mut rng: StdRng,
) -> Result<Vec<Account>, Error> {
    let api = accounts::accounts(tenant);
    let actions = u32::try_from(accounts.len()).unwrap_or(u32::MAX).saturating_mul(ACTIONS_PER_ACCOUNT);
    let pause = until.saturating_duration_since(Instant::now()) / actions.max(1);
    let begin = Instant::now();
    for action in 0..actions {
        tokio::time::sleep_until(begin + pause * action).await;
        if Instant::now() >= until {
            break;
        }
        // Each account is created before any is changed.
        let (action, count) = (action as usize, accounts.len());
        let index = if action < count { action } else { rng.random_range(0..count) };
        act_on(&api, &mut accounts[index], tally, rng.random_bool(0.5)).await?;
    }
    Ok(accounts)
}

/// Creates an account that does not exist; edits or deletes one that does.
async fn act_on(
    api: &Api<DynamicObject>,
    account: &mut Account,
    tally: &Tally,
    keep: bool,
) -> Result<(), Error> {
    match &account.desired {
        None => {
            if create(api, &account.name).await? {
                account.desired = Some(Desired::FIRST);
                tally.created.add();
            }
        }
        Some(desired) if keep => {
            let edited = desired.edited();
            edit(api, &account.name, &edited).await?;
            account.desired = Some(edited);
            tally.edited.add();
        }
        Some(_) => {
            delete(api, &account.name).await?;
            account.desired = None;
            tally.deleted.add();
        }
    }
    Ok(())
}

fn spec(name: &str, desired: &Desired) -> Value {
    json!({
        "username": name,
        "channel": { "type": desired.channel_type },
        "tags": { "revision": desired.revision.to_string() },
    })
}

/// Creates an account. Returns false if its predecessor of the same name is still being deleted.
async fn create(api: &Api<DynamicObject>, name: &str) -> Result<bool, Error> {
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": { "name": name },
        "spec": spec(name, &Desired::FIRST),
    });
    let object: DynamicObject =
        serde_json::from_value(object).map_err(|error| Error::Unexpected(error.to_string()))?;
    wait::until(format!("{name} is created"), API_TIMEOUT, || async {
        match api.create(&PostParams::default(), &object).await {
            Ok(_) => Ok(true),
            // The response to an earlier attempt may have been lost.
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let there = api.get(name).await?;
                Ok(there.metadata.deletion_timestamp.is_none())
            }
            Err(error) => Err(error),
        }
    })
    .await
}

async fn edit(api: &Api<DynamicObject>, name: &str, desired: &Desired) -> Result<(), Error> {
    let patch = Patch::Merge(json!({ "spec": spec(name, desired) }));
    wait::until(format!("{name} is edited"), API_TIMEOUT, || async {
        api.patch(name, &PatchParams::default(), &patch).await.map(|_| ())
    })
    .await
}

async fn delete(api: &Api<DynamicObject>, name: &str) -> Result<(), Error> {
    wait::until(format!("{name} is deleted"), API_TIMEOUT, || async {
        match api.delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            other => other.map(|_| ()),
        }
    })
    .await
}
