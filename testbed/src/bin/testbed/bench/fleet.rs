//! Creating many accounts, and waiting until each is Ready.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;
use testbed::Error;

use crate::accounts;

/// Number of requests to the API server at the same time.
const CONNECTIONS: usize = 32;

/// Creates an account with its name as its username.
pub(super) async fn create(accounts: &Api<DynamicObject>, name: &str) -> Result<(), Error> {
    let account =
        DynamicObject::new(name, &accounts::resource()).data(json!({ "spec": { "username": name } }));
    let created = accounts.create(&PostParams::default(), &account).await;
    created.map_err(Error::kube(format!("create {name}")))?;
    Ok(())
}

/// Creates many accounts. Returns the time of each request.
pub(super) async fn create_all(
    accounts: &Api<DynamicObject>,
    names: impl Iterator<Item = String>,
) -> Result<BTreeMap<String, Instant>, Error> {
    let create = async |name: String| {
        let asked = Instant::now();
        create(accounts, &name).await?;
        Ok((name, asked))
    };
    futures::stream::iter(names).map(create).buffer_unordered(CONNECTIONS).try_collect().await
}

/// Returns `count` names that begin with `prefix`.
pub(super) fn names(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}-{number}"))
}

/// A watch of accounts that notes when each becomes Ready.
pub(super) struct ReadyWatch {
    seen: Pin<Box<dyn Stream<Item = Result<DynamicObject, watcher::Error>>>>,
    ready: BTreeMap<String, Instant>,
}

impl ReadyWatch {
    pub(super) fn new(accounts: Api<DynamicObject>) -> Self {
        let seen = watcher(accounts, watcher::Config::default()).applied_objects();
        Self { seen: Box::pin(seen), ready: BTreeMap::new() }
    }

    /// Waits until this account is Ready. Returns the time at which it was.
    pub(super) async fn one(&mut self, name: &str, timeout: Duration) -> Result<Instant, Error> {
        let seen = self.wait(timeout, |ready| ready.get(name).copied()).await?;
        seen.ok_or_else(|| Error::Unexpected(format!("{name} is not Ready after {timeout:?}")))
    }

    /// Waits until this number of accounts is Ready, or the time is over. Returns the time at which each was.
    pub(super) async fn all(
        &mut self,
        count: usize,
        timeout: Duration,
    ) -> Result<&BTreeMap<String, Instant>, Error> {
        self.wait(timeout, |ready| (ready.len() >= count).then_some(())).await?;
        Ok(&self.ready)
    }

    async fn wait<T>(
        &mut self,
        timeout: Duration,
        done: impl Fn(&BTreeMap<String, Instant>) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let until_done = async {
            loop {
                if let Some(result) = done(&self.ready) {
                    return Ok(result);
                }
                let seen = self.seen.try_next().await.map_err(|e| Error::Unexpected(e.to_string()))?;
                let account =
                    seen.ok_or_else(|| Error::Unexpected("the watch of the accounts ended".into()))?;
                if accounts::is_ready(&account) {
                    self.ready.entry(account.name_any()).or_insert_with(Instant::now);
                }
            }
        };
        tokio::time::timeout(timeout, until_done).await.ok().transpose()
    }
}
