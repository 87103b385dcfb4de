//! The registration server: a web page and a JSON API that turn a username and a password into an account.
//!
//! - `http`: routes, handlers, middleware, pages, and problem details.
//! - `service`: registering, signing in, deleting accounts, and background work. It knows nothing of HTTP.
//! - `password`: password hashing, and the checks for weak passwords.
//! - `listener`: TCP connections, with their timeouts and limits.
//! - `backend`: the database and the cluster that the service runs against.
//!
//! Dependencies point one way: `http` → `service` → {`backend`, `password`} → {`accounts`,
//! `admission_queue`}. `listener` serves any router; `http` depends on it only for its per-IP limit and its
//! reasons for rejecting a connection.

mod accounts;
mod admission_queue;
mod backend;
#[cfg(test)]
mod fake_backend;
mod http;
mod listener;
mod password;
mod service;

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::accounts::registered_account;
use self::{
    accounts::KubernetesAccounts,
    admission_queue::AdmissionQueue,
    backend::LiveBackend,
    http::{AccountCache, AppState, AttemptLimits, Cookies, MAX_EVENT_STREAMS, Rules},
    listener::{PerIpLimit, Server},
    password::Passwords,
    service::{
        AuditLogger, MAX_CONCURRENT_REGISTRATIONS, MAX_QUEUED_REGISTRATIONS, RegistrationService,
        SignupRateLimiter, maintenance, retry,
    },
};
use crate::{
    admin::{self, Gates},
    config::RegistrationSettings,
    readiness,
    shutdown::{self, Shutdown},
    store::{self, Postgres, Schema},
    telemetry::RegistrationMetrics,
};

/// `/readyz` gate for PostgreSQL and its schema.
const DATABASE: &str = "database";
/// `/readyz` gate for the API server, our permissions there, and the custom resource.
const KUBERNETES: &str = "kubernetes";

/// Maximum number of database connections. No connection is held between two statements.
const MAX_DATABASE_CONNECTIONS: u32 = 8;

/// The reason why the registration server cannot start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DATABASE_URL is not usable.
    #[error(transparent)]
    Database(#[from] store::Error),
    /// Neither KUBECONFIG nor the pod's service account is usable.
    #[error(
        "no usable Kubernetes configuration: set KUBECONFIG, or run in a pod with a service account ({0})"
    )]
    Kubernetes(String),
    /// The server cannot listen on an address.
    #[error("{0}")]
    Listen(String),
    /// The parameters of the password hash are out of range, or no hashing thread can be started.
    #[error(transparent)]
    Password(#[from] password::Error),
}

impl Error {
    /// Returns true if a setting must change before another start can succeed.
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

/// Serves the registration until the shutdown stops it, then finishes the requests in flight.
///
/// # Errors
/// Returns an error if a setting cannot work. An unreachable database or API server is not an error:
/// `/readyz` and the log report it, and the server keeps trying.
pub async fn run(settings: RegistrationSettings, shutdown: Shutdown) -> Result<(), Error> {
    let store = Postgres::new(&settings.database.database_url, MAX_DATABASE_CONNECTIONS)?;
    tokio::select! {
        checked = store.check_schema() => match checked {
            Err(error) if error.is_setting() => return Err(error.into()),
            // The gate reports anything else, which can pass.
            _ => {}
        },
        () = shutdown.stop.cancelled() => return Ok(()),
    }
    let accounts = KubernetesAccounts::new().await.map_err(Error::Kubernetes)?;
    let metrics = RegistrationMetrics::default();
    let passwords = Passwords::new(&settings.passwords)?.with_metrics(metrics.hashing());
    let gates = Gates::shut(&[DATABASE, KUBERNETES]).until(shutdown.requested.clone());
    let listener = listen(settings.bind_address).await?;
    let exposition = metrics.exposition();
    let admin = admin::serve(settings.admin_bind_address, gates.clone(), exposition).await;
    let admin = admin.map_err(Error::Listen)?;
    let stop = &shutdown.stop;
    watch_readiness(&gates, &store, &accounts, &settings.namespace, stop);

    let service = Arc::new(RegistrationService::<LiveBackend> {
        registrants: store,
        accounts,
        passwords,
        namespace: settings.namespace,
        username_reuse_delay: settings.username_reuse_delay,
        signup_limiter: SignupRateLimiter::per_minute(settings.limits.max_registrations_per_minute),
        queue: AdmissionQueue::new(MAX_CONCURRENT_REGISTRATIONS, MAX_QUEUED_REGISTRATIONS),
        max_failures_per_hour: settings.limits.max_failed_sign_ins_per_hour,
    });
    let tasks = TaskTracker::new();
    tasks.spawn(retry::run(Arc::clone(&service), stop.clone()));
    let ip_retention = settings.audit_ip_retention;
    tasks.spawn(maintenance::run(Arc::clone(&service), ip_retention, metrics.clone(), stop.clone()));
    let cookies = Cookies { secure: settings.behind_tls, session_lifetime: settings.session_lifetime };
    let max_per_ip = settings.connections.connections_per_ip();
    let state = Arc::new(AppState {
        service,
        account_cache: AccountCache::default(),
        gates,
        cookies,
        rules: Rules::new(&settings.rules),
        limits: AttemptLimits::new(&settings.limits, metrics.clone()),
        audit: AuditLogger::new(metrics.clone()),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stream_permits: Arc::new(Semaphore::new(MAX_EVENT_STREAMS)),
        stream_limit: PerIpLimit::new(max_per_ip),
        stop: stop.clone(),
    });
    let server = Server {
        app: http::router(Arc::clone(&state)),
        overload: http::overload_router(state),
        settings: settings.connections,
        // Behind a proxy, all connections come from the proxy's address.
        per_ip_limit: (settings.limits.trusted_proxy_hops == 0).then(|| PerIpLimit::new(max_per_ip)),
        metrics,
    };
    let work = async {
        server.serve(listener, &shutdown).await;
        tasks.close();
        tasks.wait().await;
    };
    shutdown::within_grace(stop, work).await;
    admin.close().await;
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    let failed = |error| Error::Listen(format!("cannot listen on {address} (--bind-address): {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, "registration server listening");
    Ok(listener)
}

/// Opens and closes the gates of `/readyz` as the database and the API server become available or
/// unavailable.
fn watch_readiness(
    gates: &Gates,
    store: &Postgres,
    accounts: &KubernetesAccounts,
    namespace: &str,
    stop: &CancellationToken,
) {
    let store = store.clone();
    let check_database = move || {
        let store = store.clone();
        async move { store.check_schema().await.map(Schema::note).map_err(|error| error.to_string()) }
    };
    let (accounts, namespace) = (accounts.clone(), namespace.to_owned());
    let check_kubernetes = move || {
        let (accounts, namespace) = (accounts.clone(), namespace.clone());
        async move { accounts.check(&namespace).await.map(|()| None).map_err(|error| error.to_string()) }
    };
    tokio::spawn(readiness::watch(gates.clone(), DATABASE, stop.clone(), check_database));
    tokio::spawn(readiness::watch(gates.clone(), KUBERNETES, stop.clone(), check_kubernetes));
}
