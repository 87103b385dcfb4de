//! The objects of an account in etcd, as the API server stores them, over etcd's JSON gateway.

use std::ops::Range;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{ListParams, VersionMatch};
use serde_json::{Value, json};
use testbed::{Error, Tenant, http, wait};

use super::template::{Identifiers, Template};
use crate::accounts;

/// Directories of accounts and Secrets. Accounts come first: the garbage collector deletes a Secret whose
/// owner does not exist.
const DIRECTORIES: [&str; 2] = ["/registry/streamcat.dev/streameraccounts", "/registry/secrets"];
/// Number of objects that are stored together. By default, etcd allows 128.
const BATCH: usize = 64;
/// Number of requests at the same time.
const REQUESTS: usize = 4;

const CACHE_TIMEOUT: Duration = Duration::from_mins(10);

/// A key and its value.
pub(super) type StoredObject = (Vec<u8>, Vec<u8>);

/// Returns the account and its Secrets.
pub(super) async fn stored(tenant: &Tenant, account: &str) -> Result<Vec<StoredObject>, Error> {
    let mut objects = Vec::new();
    for directory in DIRECTORIES {
        let first = format!("{directory}/{}/", tenant.namespace());
        // The range ends before the next character.
        let end = first.trim_end_matches('/').to_owned() + "0";
        let range = json!({ "key": BASE64.encode(&first), "range_end": BASE64.encode(end) });
        let found = request(tenant, "range", &range).await?;
        let decode = |value: &Value| BASE64.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
        let found = found["kvs"].as_array().into_iter().flatten();
        let found = found.map(|object| (decode(&object["key"]), decode(&object["value"])));
        objects.extend(found.filter(|(key, _)| String::from_utf8_lossy(key).contains(account)));
    }
    if objects.len() < DIRECTORIES.len() {
        return Err(Error::Unexpected(format!("etcd has no account or no Secret of {account}")));
    }
    Ok(objects)
}

/// Stores copies of the objects, and waits until the API server has received the accounts.
pub(super) async fn copy(
    tenant: &Tenant,
    objects: &[StoredObject],
    identifiers: &Identifiers,
    copies: Range<usize>,
) -> Result<(), Error> {
    let (accounts, secrets): (Vec<_>, Vec<_>) =
        objects.iter().partition(|(key, _)| key.starts_with(DIRECTORIES[0].as_bytes()));
    let mut revision = 0;
    for object in accounts {
        revision = copy_object(tenant, object, identifiers, copies.clone()).await?;
    }
    wait_for_revision(tenant, revision).await?;
    for object in secrets {
        copy_object(tenant, object, identifiers, copies.clone()).await?;
    }
    Ok(())
}

/// Stores copies of one object. Returns etcd's latest revision.
async fn copy_object(
    tenant: &Tenant,
    (key, value): &StoredObject,
    identifiers: &Identifiers,
    copies: Range<usize>,
) -> Result<u64, Error> {
    let (key, value) = (Template::new(key, identifiers), Template::new(value, identifiers));
    let put = |number| {
        let text = |template: &Template| BASE64.encode(template.render(identifiers, number));
        json!({ "requestPut": { "key": text(&key), "value": text(&value) } })
    };
    let batches = copies.clone().step_by(BATCH).map(|first| {
        let puts: Vec<_> = (first..(first + BATCH).min(copies.end)).map(put).collect();
        async move { request(tenant, "txn", &json!({ "success": puts })).await }
    });
    let revisions = futures::stream::iter(batches).buffer_unordered(REQUESTS).map_ok(|stored| {
        // A number of 64 bits is a string in this format.
        let revision = stored["header"]["revision"].as_str().and_then(|text| text.parse().ok());
        revision.unwrap_or_default()
    });
    revisions.try_fold(0, async |latest: u64, revision: u64| Ok(latest.max(revision))).await
}

/// Waits until the API server's cache of the accounts has this revision. A controller that starts earlier
/// would see only some of them.
async fn wait_for_revision(tenant: &Tenant, revision: u64) -> Result<(), Error> {
    let accounts = accounts::accounts(tenant);
    let page = ListParams::default().limit(1).at(&revision.to_string());
    let page = page.matching(VersionMatch::NotOlderThan);
    wait::until("the API server has received the seeded accounts", CACHE_TIMEOUT, || async {
        accounts.list(&page).await.map(drop)
    })
    .await
}

async fn request(tenant: &Tenant, method: &str, body: &Value) -> Result<Value, Error> {
    let url = format!("{}/v3/kv/{method}", tenant.testbed().etcd_url()?);
    let response = http::post_json(&url, body).await?;
    if response.status.is_success() {
        return response.json();
    }
    Err(Error::Unexpected(format!("etcd refuses: {}: {}", response.status, response.body)))
}
