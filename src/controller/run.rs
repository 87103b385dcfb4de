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
/// Shut for as long as the process runs where the database is another installation's.
const INSTALLATION_GATE: &str = "installation";
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

    if settings.consistency_grace <= settings.aws_call_timeout {
        tracing::warn!(
            "--consistency-grace is not longer than --aws-call-timeout: a call that its caller gave up may land after the look for it"
        );
    }
    let started = tokio::select! {
        started = prepare(&settings, &store, &client, &gates) => started?,
        () = stop.cancelled() => return Ok(()),
    };
    let (id, cluster) = (&started.id, &started.cluster.id);
    tracing::info!(installation = id, cluster, region = settings.aws_region, "controller starting");
    watch_database(&store, &gates, &stop);
    if let Some(reason) = &started.halt {
        shut(&gates, INSTALLATION_GATE, reason.clone());
    }
    let elector = elector(&settings, &client);
    // On the heap: a future of everything the controller does has no place in another one.
    let work = |stop| {
        let (settings, store, client) = (settings.clone(), store.clone(), client.clone());
        Box::pin(control(settings, started.clone(), store, client, metrics.clone(), gates.clone(), stop))
    };
    // Of the controllers of one cluster the one that leads also holds the database against other clusters.
    let work = async |stop: CancellationToken| {
        // Who may make nothing here must not keep others from it.
        if started.halt.is_some() {
            work(stop).await;
            return;
        }
        while_holding_database(&store, &started.cluster, RENEWAL, &gates, &stop, work).await;
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

/// The installation that this controller is of.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    /// Its id.
    pub id: String,
    /// The cluster that its accounts are in.
    pub cluster: ClusterIdentity,
    /// The reason why nothing may be made, if the database is another installation's.
    pub halt: Option<String>,
}

/// Waits until the database has the right schema and the cluster answers; the installation.
async fn prepare(
    settings: &ControllerSettings,
    store: &Postgres,
    client: &Client,
    gates: &Gates,
) -> Result<Installation, Error> {
    loop {
        match store.check_schema().await {
            Ok(()) => break,
            Err(error @ store::Error::Newer { .. }) => return Err(error.into()),
            Err(error) => wait(gates, DATABASE_GATE, error.to_string()).await,
        }
    }
    gates.open(DATABASE_GATE);
    loop {
        match installation(settings, store, client).await {
            Ok(installation) => return Ok(installation),
            Err((gate, reason)) => wait(gates, gate, reason).await,
        }
    }
}

/// The installation, and the cluster that it is in.
async fn installation(
    settings: &ControllerSettings,
    store: &Postgres,
    client: &Client,
) -> Result<Installation, (&'static str, String)> {
    let system = Api::<Namespace>::all(client.clone()).get("kube-system").await;
    let cluster = system.map_err(|error| (KUBERNETES_GATE, words(&error)))?.uid().unwrap_or_default();
    let known = installation_id(settings, store, &cluster).await;
    let (id, halt) = known.map_err(|error| (DATABASE_GATE, error.to_string()))?;
    let takeover_after = settings.cluster_takeover_after;
    Ok(Installation { id, cluster: ClusterIdentity { id: cluster, takeover_after }, halt })
}

/// The installation's id: what is set; else what the database remembers, which outlives the cluster; else the cluster's own. And
/// the reason why nothing may be made, if the database is another installation's.
async fn installation_id(
    settings: &ControllerSettings,
    store: &Postgres,
    cluster: &str,
) -> store::Result<(String, Option<String>)> {
    let id = match (&settings.installation_id, store.known_installation().await?) {
        (None, Some(known)) => known,
        (Some(set), Some(known)) if *set != known => {
            let halt = format!(
                "the database belongs to installation {known:?}, and this controller is set to {set:?} (--installation-id): nothing is made or deleted. Set --installation-id to the id of the database, or use another database"
            );
            return Ok((set.clone(), Some(halt)));
        }
        (Some(set), _) => store.installation(set).await?,
        (None, None) => store.installation(cluster).await?,
    };
    Ok((id, None))
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
