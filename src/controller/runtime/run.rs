//! Starts the controller, and runs it until it is stopped.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use super::{
    database_lease::{RENEW_INTERVAL, while_holding_database_lease},
    leader_election::{Elector, KubernetesLease, PodIdentity, while_leading},
    watch::{Installation, Process, run_controller},
};
use crate::{
    admin::{self, Gates},
    config::ControllerSettings,
    controller::{gates, kubernetes::api_message},
    ivs::check_root_certificates,
    messages, readiness,
    shutdown::{self, Shutdown},
    store::{self, ClusterIdentity, Continuity, Postgres, Schema, TokenRotation},
    telemetry::Metrics,
};

/// Delay before start-up retries a database or cluster that it could not reach.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Maximum number of connections to the database. A reconcile uses at most three, and only briefly.
const MAX_CONNECTIONS: u32 = 16;

/// Maximum time that a renewal of the Lease waits for PostgreSQL.
const MAX_TOKEN_TIMEOUT: Duration = Duration::from_secs(5);

/// An error that keeps the controller from running.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is missing or wrong. A restart does not help.
    #[error("{0}")]
    Setting(String),
    /// The database belongs to a newer version of this program, which this one cannot work beside.
    #[error("{0}")]
    Store(#[from] store::Error),
}

/// Runs the controller until the shutdown stops it, and then until the calls in flight are recorded. Waits
/// for a database or cluster that it cannot reach.
///
/// # Errors
/// A setting is wrong, or the database is too new for this program.
pub async fn run(settings: ControllerSettings, shutdown: Shutdown) -> Result<(), Error> {
    settings.leader_election.check().map_err(Error::Setting)?;
    check_root_certificates().map_err(Error::Setting)?;
    let store = Postgres::new(&settings.database.database_url, MAX_CONNECTIONS)
        .map_err(|error| Error::Setting(error.to_string()))?;
    let client = client().await?;
    let gates = Gates::shut(&[gates::DATABASE, gates::KUBERNETES, gates::AWS]).until(shutdown.requested);
    let metrics = Metrics::default();
    let admin = admin::serve(settings.admin_bind_address, gates.clone(), metrics.exposition()).await;
    let admin = admin.map_err(Error::Setting)?;
    let stopped = work(settings, store, client, gates, metrics, shutdown.stop).await;
    // After the Lease is released.
    admin.close().await;
    stopped
}

/// Works until `stop`, and then until the calls in flight are recorded and the Lease is released.
async fn work(
    settings: ControllerSettings,
    store: Postgres,
    client: Client,
    gates: Gates,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<(), Error> {
    if settings.consistency_grace <= settings.aws.call_timeout {
        tracing::warn!(
            "--consistency-grace is not longer than --aws-call-timeout: a call that timed out may take effect after the controller has checked"
        );
    }
    let installation = tokio::select! {
        installation = prepare(&settings, &store, &client, &gates) => installation?,
        () = stop.cancelled() => return Ok(()),
    };
    let (id, cluster) = (&installation.id, &installation.cluster.id);
    tracing::info!(installation = id, cluster, region = settings.aws.region, "controller starting");
    watch_database(&store, &gates, &stop);
    if let Some(reason) = &installation.halt {
        gates::close(&gates, gates::INSTALLATION, reason.clone());
    }
    let continuity =
        if settings.leader_election.enabled { Continuity::with_lease() } else { Continuity::default() };
    let process = Process { metrics: metrics.clone(), gates: gates.clone(), continuity: continuity.clone() };
    let elector = elector(&settings, &client, continuity, &store, &installation);
    // On the heap: the future of the whole controller is too large to be part of another one.
    let work = |stop| {
        let (settings, store, client) = (settings.clone(), store.clone(), client.clone());
        Box::pin(run_controller(settings, installation.clone(), store, client, process.clone(), stop))
    };
    // The leader among the controllers of this cluster also holds the lease on the database against other
    // clusters.
    let work = async |stop: CancellationToken| {
        // A controller that may not create anything must not keep others from the database.
        if installation.halt.is_some() {
            work(stop).await;
            return;
        }
        let cluster = &installation.cluster;
        while_holding_database_lease(&store, cluster, RENEW_INTERVAL, &gates, &stop, work).await;
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

/// Returns the candidate for the Lease, if leader election is enabled.
fn elector(
    settings: &ControllerSettings,
    client: &Client,
    continuity: Continuity,
    store: &Postgres,
    installation: &Installation,
) -> Option<Elector<KubernetesLease, Postgres>> {
    let election = &settings.leader_election;
    if !election.enabled {
        return None;
    }
    let namespace = election.namespace.as_deref().unwrap_or_else(|| client.default_namespace());
    let rotation = TokenRotation::new(
        continuity,
        store.clone(),
        installation.cluster.id.clone(),
        format!("{namespace}/{}", election.name),
        (election.renew_deadline / 4).min(MAX_TOKEN_TIMEOUT),
    );
    let lease = KubernetesLease::new(client.clone(), namespace, &election.name);
    let pod = PodIdentity { name: settings.pod_name.as_deref(), uid: settings.pod_uid.as_deref() };
    Some(Elector::new(lease, rotation, election.clone(), pod))
}

/// Keeps the gate of the database in `/readyz` up to date.
fn watch_database(store: &Postgres, gates: &Gates, stop: &CancellationToken) {
    let store = store.clone();
    let check = move || {
        let store = store.clone();
        async move { store.check_schema().await.map(Schema::note).map_err(|error| error.to_string()) }
    };
    tokio::spawn(readiness::watch(gates.clone(), gates::DATABASE, stop.clone(), check));
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

/// Waits until the database has the right schema and the cluster answers. Returns the installation.
async fn prepare(
    settings: &ControllerSettings,
    store: &Postgres,
    client: &Client,
    gates: &Gates,
) -> Result<Installation, Error> {
    loop {
        match store.check_schema().await {
            Ok(_) => break,
            Err(error @ store::Error::Newer { .. }) => return Err(error.into()),
            Err(error) if error.is_setting() => return Err(Error::Setting(error.to_string())),
            Err(error) => wait(gates, gates::DATABASE, error.to_string()).await,
        }
    }
    gates.open(gates::DATABASE);
    loop {
        match installation(settings, store, client).await {
            Ok(installation) => return Ok(installation),
            Err((gate, reason)) => wait(gates, gate, reason).await,
        }
    }
}

/// Returns the installation and its cluster.
async fn installation(
    settings: &ControllerSettings,
    store: &Postgres,
    client: &Client,
) -> Result<Installation, (&'static str, String)> {
    let system = Api::<Namespace>::all(client.clone()).get("kube-system").await;
    let cluster = system.map_err(|error| (gates::KUBERNETES, api_message(&error)))?.uid().unwrap_or_default();
    let known = installation_id(settings, store, &cluster).await;
    let (id, halt) = known.map_err(|error| (gates::DATABASE, error.to_string()))?;
    let takeover_after = settings.cluster_takeover_after;
    Ok(Installation { id, cluster: ClusterIdentity { id: cluster, takeover_after }, halt })
}

/// Returns the id of the installation: the one that is set, or the one in the database, which outlives the
/// cluster, or the UID of the cluster. Also returns the reason why nothing may be created or deleted, if the
/// database belongs to another installation.
async fn installation_id(
    settings: &ControllerSettings,
    store: &Postgres,
    cluster: &str,
) -> store::Result<(String, Option<String>)> {
    let id = match (&settings.installation_id, store.known_installation().await?) {
        (None, Some(known)) => known,
        (Some(set), Some(known)) if *set != known => {
            let halt = messages::records::database_of_other_installation(&known, set);
            return Ok((set.clone(), Some(halt)));
        }
        (Some(set), _) => store.installation(set).await?,
        (None, None) => store.installation(cluster).await?,
    };
    Ok((id, None))
}

async fn wait(gates: &Gates, gate: &'static str, reason: String) {
    gates::close(gates, gate, reason);
    tokio::time::sleep(RETRY_DELAY).await;
}
