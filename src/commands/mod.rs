//! The commands that do one thing and exit, for people and scripts.

mod delete_orphans;
mod diff;
mod error;
mod export;
mod orphans;
mod table;

use std::sync::Arc;

use aws_config::SdkConfig;
use kube::{Api, api::ListParams};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

pub use self::{
    delete_orphans::delete as delete_orphans,
    diff::{Comparison, diff},
    error::Error,
    export::{Export, export},
    orphans::list as list_orphans,
};
use crate::{
    api::ObservedAccount,
    config::AwsSettings,
    ivs::{Budgets, Caller, Clients, sdk_config},
    store::Postgres,
    telemetry::Metrics,
};

/// Number of accounts that are read from the API server at a time.
const PAGE: u32 = 500;

/// Result of a command.
pub type Result<T> = std::result::Result<T, Error>;

/// Connects to the database, and checks its schema.
async fn connect(database_url: &SecretString) -> Result<Postgres> {
    let store = Postgres::new(database_url, 1)?;
    store.check_schema().await?;
    Ok(store)
}

/// Returns the configuration of the AWS SDK, and the clients.
async fn aws_config(settings: &AwsSettings) -> (SdkConfig, Clients) {
    let config = sdk_config(&settings.region, settings.call_timeout).await;
    let budgets = Budgets::new(settings.calls_per_second);
    let caller = Arc::new(Caller::new(budgets, Metrics::default(), CancellationToken::new()));
    let clients = Clients::new(&config, &caller);
    (config, clients)
}

/// Returns the client of Kubernetes, and the namespace of names without one.
async fn kubernetes() -> Result<(kube::Client, String)> {
    let config = kube::Config::infer().await.map_err(|error| Error::Input(format!("KUBECONFIG: {error}")))?;
    let namespace = config.default_namespace.clone();
    Ok((kube::Client::try_from(config)?, namespace))
}

/// Lists the accounts of a namespace, or all.
async fn list_accounts(client: kube::Client, namespace: Option<&str>) -> Result<Vec<ObservedAccount>> {
    let api: Api<ObservedAccount> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let (mut found, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let list = api.list(&page).await?;
        found.extend(list.items);
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(found),
        }
    }
}
