//! From settings to a running controller, and to its end.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::{
    control::control,
    holding::{RENEWAL, while_holding_database},
    leadership::while_leading,
    lease::{Elector, KubeLease},
    problem::words,
    sweeper::AWS_GATE,
};
use crate::{
    admin::{self, Gates},
    config::ControllerSettings,
    readiness, shutdown,
    store::{self, ClusterIdentity, Postgres},
    telemetry::Metrics,
};

/// How soon what cannot be reached at the start is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Connections to the database; each reconcile uses three at most, and for moments only.
const CONNECTIONS: u32 = 16;

const DATABASE_GATE: &str = "database";
pub(super) const KUBERNETES_GATE: &str = "kubernetes";

/// Why the controller did not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is missing or wrong; starting again changes nothing.
    #[error("{0}")]
    Setting(String),
    /// The database is not for this version.
    #[error("{0}")]
    Store(#[from] store::Error),
}

/// Runs the controller until `stop`, and then until the calls in flight are recorded.
///
/// # Errors
/// A setting is wrong, or the database is newer than this program. What cannot be reached is waited for.
pub async fn run(settings: ControllerSettings, stop: CancellationToken) -> Result<(), Error> {
    settings.leader_election.check().map_err(Error::Setting)?;
    let store = Postgres::new(&settings.database.database_url, CONNECTIONS)
        .map_err(|error| Error::Setting(error.to_string()))?;
    let client = client().await?;
    let gates = Gates::shut(&[DATABASE_GATE, KUBERNETES_GATE, AWS_GATE]);
    let metrics = Metrics::default();
    admin::serve(settings.admin_listen, gates.clone(), metrics.exposition(), stop.clone())
        .await
        .map_err(Error::Setting)?;

    if settings.create_grace <= settings.create_timeout {
        tracing::warn!(
            "--create-grace is not longer than --create-timeout: a call that its caller gave up may land after the look for it"
        );
    }
    let started = tokio::select! {
        started = prepare(&settings, &store, &client, &gates) => started?,
        () = stop.cancelled() => return Ok(()),
    };
    let (installation, cluster) = started;
    tracing::info!(installation, cluster = cluster.id, region = settings.aws_region, "controller starting");
    watch_database(&store, &gates, &stop);
    let elector = elector(&settings, &client);
    // On the heap: a future of everything the controller does has no place in another one.
    let work = |stop| {
        let (settings, store, client) = (settings.clone(), store.clone(), client.clone());
        let names = (installation.clone(), cluster.clone());
        Box::pin(control(settings, names, store, client, metrics.clone(), gates.clone(), stop))
    };
    // Of the controllers of one cluster the one that leads also holds the database against other clusters.
    let work = async |stop: CancellationToken| {
        while_holding_database(&store, &cluster, RENEWAL, &gates, &stop, work).await;
    };
    let work = async {
        match elector {
            Some(elector) => while_leading(elector, &gates, &metrics, &stop, work).await,
            None => work(stop.clone()).await,
        }
    };
    shutdown::within_grace(&stop, work).await;
    tracing::info!("controller stopped");
    Ok(())
}

/// Who competes for the Lease, if there is to be one.
fn elector(settings: &ControllerSettings, client: &Client) -> Option<Elector<KubeLease>> {
    let election = &settings.leader_election;
    let lease = || KubeLease::new(client.clone(), election.namespace.as_deref(), &election.name);
    election.enabled.then(|| Elector::new(lease(), election.clone(), settings.pod_name.as_deref()))
}

/// Says in `/readyz` when the database goes away, and when it is back.
fn watch_database(store: &Postgres, gates: &Gates, stop: &CancellationToken) {
    let store = store.clone();
    let check = move || {
        let store = store.clone();
        async move { store.check_schema().await.map_err(|error| error.to_string()) }
    };
    tokio::spawn(readiness::watch(gates.clone(), DATABASE_GATE, stop.clone(), check));
}

async fn client() -> Result<Client, Error> {
    let mut config = kube::Config::infer().await.map_err(|error| {
        Error::Setting(format!(
            "no usable cluster configuration (KUBECONFIG, or a pod's service account): {error}"
        ))
    })?;
    config.read_timeout = Some(Duration::from_mins(5));
    Client::try_from(config).map_err(|error| Error::Setting(format!("KUBECONFIG: {error}")))
}

/// Waits until the database has the right schema and the cluster answers; the installation's id, and the cluster.
async fn prepare(
    settings: &ControllerSettings,
    store: &Postgres,
    client: &Client,
    gates: &Gates,
) -> Result<(String, ClusterIdentity), Error> {
    loop {
        match store.check_schema().await {
            Ok(()) => break,
            Err(error @ store::Error::Newer { .. }) => return Err(error.into()),
            Err(error) => wait(gates, DATABASE_GATE, error.to_string()).await,
        }
    }
    gates.open(DATABASE_GATE);
    loop {
        match names(settings, store, client).await {
            Ok(names) => return Ok(names),
            Err((gate, reason)) => wait(gates, gate, reason).await,
        }
    }
}

/// The installation's id, and the cluster by its own.
async fn names(
    settings: &ControllerSettings,
    store: &Postgres,
    client: &Client,
) -> Result<(String, ClusterIdentity), (&'static str, String)> {
    let system = Api::<Namespace>::all(client.clone()).get("kube-system").await;
    let id = system.map_err(|error| (KUBERNETES_GATE, words(&error)))?.uid().unwrap_or_default();
    let installation = installation(settings, store, &id).await;
    let installation = installation.map_err(|error| (DATABASE_GATE, error.to_string()))?;
    Ok((installation, ClusterIdentity { id, takeover_after: settings.cluster_takeover_after }))
}

/// The installation's id: what is set; else what the database remembers, which outlives the cluster; else the cluster's own.
async fn installation(
    settings: &ControllerSettings,
    store: &Postgres,
    cluster: &str,
) -> store::Result<String> {
    match (&settings.installation, store.known_installation().await?) {
        (None, Some(known)) => Ok(known),
        (Some(set), Some(known)) if *set != known => {
            tracing::warn!(
                set,
                known,
                "the database is of another installation: what AWS has with the tags of that one is not touched"
            );
            Ok(set.clone())
        }
        (Some(set), _) => store.installation(set).await,
        (None, None) => store.installation(cluster).await,
    }
}

async fn wait(gates: &Gates, gate: &'static str, reason: String) {
    shut(gates, gate, reason);
    tokio::time::sleep(AGAIN).await;
}

/// Shuts a gate, and says so if that is news.
pub(super) fn shut(gates: &Gates, gate: &'static str, reason: String) {
    if gates.closed().get(gate) != Some(&reason) {
        tracing::warn!(gate, "not ready yet: {reason}");
        gates.close(gate, reason);
    }
}
