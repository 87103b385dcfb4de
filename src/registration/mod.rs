//! The web server: a form, and the same for programs; how a person's username and password become an account, and how the
//! person comes back to it.

mod accounts;
mod argon2id;
mod audit;
mod blocklist;
mod cross_site;
mod hashers;
mod headers;
mod leaving;
mod limits;
mod making;
mod measure;
mod openapi;
mod pages;
mod password;
mod patterns;
mod problem;
mod progress;
mod refusal;
mod registering;
mod retry;
mod routes;
mod server;
mod session;
mod shares;
mod signing_in;
mod submission;
mod to_its_end;
mod turns;
mod upkeep;
mod validate;
#[cfg(test)]
mod world;

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    accounts::Cluster,
    audit::Auditing,
    limits::{Limits, Newcomers},
    password::Passwords,
    registering::Registering,
    routes::{Site, events::MOST_LISTENERS},
    server::Server,
    session::Cookies,
    shares::Shares,
    turns::Turns,
    validate::Rules,
};
use crate::{
    admin::{self, Gates},
    config::RegistrationSettings,
    readiness, shutdown,
    store::{self, Postgres},
    telemetry::RegistrationMetrics,
};

/// Gate of `/readyz` for PostgreSQL and its schema.
const DATABASE: &str = "database";
/// Gate of `/readyz` for the API server, our rights there, and the custom resource.
const KUBERNETES: &str = "kubernetes";

/// Connections to the database: the work between two statements is done without one.
const CONNECTIONS: u32 = 8;

/// Why the registration does not start, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DATABASE_URL is not usable.
    #[error(transparent)]
    Database(#[from] store::Error),
    /// KUBECONFIG, or the pod's service account, is not usable.
    #[error(
        "no usable Kubernetes configuration: set KUBECONFIG, or run in a pod with a service account ({0})"
    )]
    Kubernetes(String),
    /// An address cannot be listened on.
    #[error("{0}")]
    Listen(String),
    /// The parameters of the password hash are out of range.
    #[error(transparent)]
    Password(#[from] password::Error),
}

impl Error {
    /// Whether a setting must change before another start can work.
    #[must_use]
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Database(_)
            | Self::Kubernetes(_)
            | Self::Listen(_)
            | Self::Password(password::Error::Parameters(_)) => true,
            Self::Password(_) => false,
        }
    }
}

/// Serves the registration until `stop`; then requests in flight finish.
///
/// # Errors
/// A setting that cannot work. A database or an API server that is away is none: `/readyz` and the log say so, and it is
/// tried again.
pub async fn run(settings: RegistrationSettings, stop: CancellationToken) -> Result<(), Error> {
    let store = Postgres::new(&settings.database.database_url, CONNECTIONS)?;
    let cluster = Cluster::new().await.map_err(Error::Kubernetes)?;
    let metrics = RegistrationMetrics::default();
    let passwords = Passwords::new(&settings.passwords)?.counted(metrics.hashing());
    let gates = Gates::shut(&[DATABASE, KUBERNETES]);
    let listener = listen(settings.listen).await?;
    let exposition = metrics.exposition();
    let admin = admin::serve(settings.admin_listen, gates.clone(), exposition, stop.clone()).await;
    admin.map_err(Error::Listen)?;
    watch(&gates, &store, &cluster, &settings.namespace, &stop);

    let registering = Arc::new(Registering {
        registrants: store,
        accounts: cluster,
        passwords,
        namespace: settings.namespace,
        held_back: settings.username_reuse_delay,
        newcomers: Newcomers::per_minute(settings.limits.max_registrations_per_minute),
        places: Turns::new(registering::MOST_AT_ONCE, registering::MOST_WAITING),
        most_failures: settings.limits.max_failed_sign_ins_per_hour,
    });
    let tasks = TaskTracker::new();
    tasks.spawn(retry::run(Arc::clone(&registering), stop.clone()));
    let kept = settings.audit_ip_retention;
    tasks.spawn(upkeep::run(Arc::clone(&registering), kept, metrics.clone(), stop.clone()));
    let cookies = Cookies { secure: settings.behind_tls, lasts: settings.session_lifetime };
    let of_an_address = settings.connections.connections_per_ip();
    let site = Arc::new(Site {
        registering,
        cookies,
        rules: Rules::new(&settings.rules),
        limits: Limits::new(&settings.limits, metrics.clone()),
        audit: Auditing::new(metrics.clone()),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        listeners: Arc::new(Semaphore::new(MOST_LISTENERS)),
        listening: Shares::new(of_an_address),
        stop: stop.clone(),
    });
    let sockets = Server {
        site: routes::router(Arc::clone(&site)),
        turned_away: routes::turned_away::router(site),
        settings: settings.connections,
        // Behind a proxy all connections come from there.
        shares: (settings.limits.trusted_proxy_hops == 0).then(|| Shares::new(of_an_address)),
        metrics,
    };
    let served = async {
        sockets.serve(listener, &stop).await;
        tasks.close();
        tasks.wait().await;
    };
    shutdown::within_grace(&stop, served).await;
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let wrong = |error| Error::Listen(format!("cannot listen on {address} (--listen): {error}"));
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?;
    tracing::info!(%address, "registration server listening");
    Ok(listener)
}

fn watch(gates: &Gates, store: &Postgres, cluster: &Cluster, namespace: &str, stop: &CancellationToken) {
    let store = store.clone();
    let check_database = move || {
        let store = store.clone();
        async move { store.check_schema().await.map_err(|error| error.to_string()) }
    };
    let (cluster, namespace) = (cluster.clone(), namespace.to_owned());
    let check_kubernetes = move || {
        let (cluster, namespace) = (cluster.clone(), namespace.clone());
        async move { cluster.check(&namespace).await.map_err(|error| error.to_string()) }
    };
    tokio::spawn(readiness::watch(gates.clone(), DATABASE, stop.clone(), check_database));
    tokio::spawn(readiness::watch(gates.clone(), KUBERNETES, stop.clone(), check_kubernetes));
}
