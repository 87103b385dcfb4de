//! Somebody who creates, edits and deletes accounts, whatever happens around.

use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use testbed::{Error, Tenant, wait};
use tokio::time::Instant;

use super::tally::Tally;
use super::wish::{Account, Wish};
use crate::accounts::{self, API_VERSION, KIND};

/// How often each account's turn comes, on average.
const TURNS: u32 = 3;
/// The longest that the API server may be away.
const PATIENCE: Duration = Duration::from_mins(2);

/// Gives each of these accounts its turns, evenly until the time is up; what is wanted of them then.
pub(super) async fn serve(
    tenant: &Tenant,
    mut mine: Vec<Account>,
    tally: &Tally,
    until: Instant,
    mut dice: StdRng,
) -> Result<Vec<Account>, Error> {
    let api = accounts::accounts(tenant);
    let turns = u32::try_from(mine.len()).unwrap_or(u32::MAX).saturating_mul(TURNS);
    let pause = until.saturating_duration_since(Instant::now()) / turns.max(1);
    let begin = Instant::now();
    for turn in 0..turns {
        tokio::time::sleep_until(begin + pause * turn).await;
        if Instant::now() >= until {
            break;
        }
        // Everybody comes once before anybody changes.
        let (turn, count) = (turn as usize, mine.len());
        let index = if turn < count { turn } else { dice.random_range(0..count) };
        take_turn(&api, &mut mine[index], tally, dice.random_bool(0.5)).await?;
    }
    Ok(mine)
}

/// One that is gone comes; one that is there changes or goes.
async fn take_turn(
    api: &Api<DynamicObject>,
    account: &mut Account,
    tally: &Tally,
    stays: bool,
) -> Result<(), Error> {
    match &account.wish {
        None => {
            if create(api, &account.name).await? {
                account.wish = Some(Wish::FIRST);
                tally.created.add();
            }
        }
        Some(wish) if stays => {
            let edited = wish.edited();
            edit(api, &account.name, &edited).await?;
            account.wish = Some(edited);
            tally.edited.add();
        }
        Some(_) => {
            delete(api, &account.name).await?;
            account.wish = None;
            tally.deleted.add();
        }
    }
    Ok(())
}

fn spec(name: &str, wish: &Wish) -> Value {
    json!({
        "username": name,
        "channel": { "type": wish.channel_type },
        "tags": { "revision": wish.revision.to_string() },
    })
}

/// Creates it; false when the one before of that name is still on its way out.
async fn create(api: &Api<DynamicObject>, name: &str) -> Result<bool, Error> {
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": { "name": name },
        "spec": spec(name, &Wish::FIRST),
    });
    let object: DynamicObject =
        serde_json::from_value(object).map_err(|error| Error::Unexpected(error.to_string()))?;
    wait::until(format!("{name} is created"), PATIENCE, || async {
        match api.create(&PostParams::default(), &object).await {
            Ok(_) => Ok(true),
            // An answer may have been lost: then it is the one of the try before.
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let there = api.get(name).await?;
                Ok(there.metadata.deletion_timestamp.is_none())
            }
            Err(error) => Err(error),
        }
    })
    .await
}

async fn edit(api: &Api<DynamicObject>, name: &str, wish: &Wish) -> Result<(), Error> {
    let patch = Patch::Merge(json!({ "spec": spec(name, wish) }));
    wait::until(format!("{name} is edited"), PATIENCE, || async {
        api.patch(name, &PatchParams::default(), &patch).await.map(|_| ())
    })
    .await
}

async fn delete(api: &Api<DynamicObject>, name: &str) -> Result<(), Error> {
    wait::until(format!("{name} is deleted"), PATIENCE, || async {
        match api.delete(name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            other => other.map(|_| ()),
        }
    })
    .await
}
