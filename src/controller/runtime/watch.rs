//! Watches the accounts, reconciles them, and resyncs.

use std::{pin::pin, sync::Arc, time::Duration};

use aws_config::SdkConfig;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use kube::{
    Api, Client,
    runtime::{WatchStreamExt, watcher},
};
use tokio_util::sync::CancellationToken;

use super::run_queue::run_queue;
use crate::{
    admin::Gates,
    api::ObservedAccount,
    config::ControllerSettings,
    controller::{
        backends::{Backends, ProductionBackends},
        cache::CachedAccounts,
        changes::SeenAccounts,
        context::{Context, ReconcileSettings},
        gates,
        kubernetes::KubernetesClient,
        reconcile::Task,
        resync::{self, ResyncSettings},
        verification::{self, VerificationSettings},
    },
    ivs::{Budgets, Caller, Clients, Target, caller_account, sdk_config, target_identity},
    messages,
    provision::{BrakeLimits, Timing},
    store::{ClusterIdentity, Continuity, Postgres},
    telemetry::Metrics,
};

/// The installation that this controller belongs to.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    /// Its id.
    pub id: String,
    /// The cluster of its accounts.
    pub cluster: ClusterIdentity,
    /// The reason why nothing may be created or deleted, if the database belongs to another installation.
    pub halt: Option<String>,
}

/// The state of this process, which its terms share.
#[derive(Clone, Debug)]
pub(super) struct Process {
    /// The metrics.
    pub metrics: Metrics,
    /// The gates of `/readyz`.
    pub gates: Gates,
    /// The continuity of the records.
    pub continuity: Continuity,
}

/// The field selector of the accounts without a user.
const WITHOUT_USER: &str = "status.userId=";

/// Maximum time to wait for AWS to name the account of the credentials.
const CALLER_IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);

/// Watches, reconciles and resyncs until `stop`.
pub(super) async fn run_controller(
    settings: ControllerSettings,
    installation: Installation,
    store: Postgres,
    client: Client,
    process: Process,
    stop: CancellationToken,
) {
    let Process { metrics, gates, continuity } = process;
    let cache = Arc::<CachedAccounts>::default();
    let kubernetes = KubernetesClient::new(client.clone(), Arc::clone(&cache), settings.pod_name.clone());
    let config = sdk_config(&settings.aws.region, settings.aws.call_timeout).await;
    let backends = backends(&settings, &config, store, kubernetes, &metrics, &stop);
    let reconcile_settings = reconcile_settings(&settings, &config, installation).await;
    // What another namespace or installation has listed proves nothing to this one.
    let served = settings.watch_namespace.as_deref().unwrap_or_default();
    let identity = target_identity(&reconcile_settings.target, &config);
    continuity
        .set_target(identity.map(|target| format!("{target} {} {served}", reconcile_settings.installation)));
    let (context, requeued) = Context::new(backends, reconcile_settings, metrics, continuity, stop.clone());
    let context = Arc::new(context);
    let api = match &settings.watch_namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };

    let resync_settings = ResyncSettings {
        interval: settings.resync_interval,
        calls_per_second: settings.aws.calls_per_second,
        budget_percent: settings.resync_budget_percent,
    };
    let verification_settings = VerificationSettings {
        interval: settings.verification_interval,
        calls_per_second: settings.aws.calls_per_second,
    };
    tokio::select! {
        () = watch(api, cache, &gates, &context) => {}
        () = run_queue(&context, requeued, settings.max_concurrent_reconciles, run_task) => {}
        () = resync::run(&context, settings.watch_namespace.as_deref(), resync_settings, &gates) => {}
        () = verification::run(&context, verification_settings) => {}
    }
}

async fn reconcile_settings(
    settings: &ControllerSettings,
    config: &SdkConfig,
    installation: Installation,
) -> ReconcileSettings {
    ReconcileSettings {
        installation: installation.id,
        cluster: installation.cluster,
        timing: Timing {
            aws_call_timeout: settings.aws.call_timeout,
            grace: settings.consistency_grace,
            resync: settings.resync_interval,
        },
        limits: BrakeLimits { resources: settings.brake_resources, percent: settings.brake_percent },
        target: target(settings, config).await,
        drift_policy: settings.drift_policy,
        halt: installation.halt,
    }
}

/// Returns the AWS account and region that this controller works in. If AWS does not name the account, the
/// first list does.
async fn target(settings: &ControllerSettings, config: &SdkConfig) -> Target {
    let account = caller_account(config, CALLER_IDENTITY_TIMEOUT).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the AWS account could not be determined; it is taken from the first list");
        None
    });
    Target::new(&settings.aws.region, account)
}

fn backends(
    settings: &ControllerSettings,
    config: &SdkConfig,
    store: Postgres,
    kubernetes: KubernetesClient,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> ProductionBackends {
    let budgets = Budgets::new(settings.aws.calls_per_second);
    let caller = Arc::new(Caller::new(budgets, metrics.clone(), stop.clone()));
    ProductionBackends { kubernetes, store, aws: Clients::new(config, &caller) }
}

/// Watches the accounts, keeps the cache up to date, and requeues the accounts that change. While the first
/// list is incomplete, also watches the accounts without a user, so that a new one does not wait for it.
async fn watch<B: Backends>(
    api: Api<ObservedAccount>,
    cache: Arc<CachedAccounts>,
    gates: &Gates,
    context: &Context<B>,
) {
    let mut seen = SeenAccounts::new(cache);
    let mut events = pin!(watcher(api.clone(), watcher::Config::default()).default_backoff());
    let mut early_events: Option<Events> = None;
    loop {
        tokio::select! {
            event = events.try_next() => match event {
                Ok(Some(event)) => {
                    match event {
                        // A list begins, and what the other watch shows may be older.
                        watcher::Event::Init => early_events = None,
                        // What it shows from now on is newer than the list, so that this watch shows it, too.
                        watcher::Event::InitApply(_) if early_events.is_none() && !seen.is_listed() => {
                            early_events = Some(without_user(api.clone()));
                        }
                        watcher::Event::InitDone => {
                            early_events = None;
                            gates.open(gates::KUBERNETES);
                        }
                        _ => {}
                    }
                    seen.handle(event, context);
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!("watching the accounts failed and is retried: {error}");
                    close_gate(gates, &error);
                }
            },
            Some(event) = async { early_events.as_mut()?.next().await } => match event {
                Ok(event) => seen.handle_early(event, context),
                Err(error) => {
                    tracing::warn!("new accounts wait until all accounts are listed: {error}");
                }
            },
        }
    }
}

/// The events of a watch.
type Events = BoxStream<'static, watcher::Result<watcher::Event<ObservedAccount>>>;

/// Watches the accounts without a user.
fn without_user(api: Api<ObservedAccount>) -> Events {
    watcher(api, watcher::Config::default().fields(WITHOUT_USER)).default_backoff().boxed()
}

/// Closes the gate of the API server if the CRD is missing. Of other errors, only the first ones
/// close it: a controller that has listed the accounts works on while it waits for the API server.
fn close_gate(gates: &Gates, error: &watcher::Error) {
    if is_crd_missing(error) {
        gates::close(gates, gates::KUBERNETES, messages::readiness::CRD_MISSING.to_owned());
    } else if gates.closed().contains_key(gates::KUBERNETES) {
        gates.close(gates::KUBERNETES, error.to_string());
    }
}

/// Returns true if the API server does not know the resource. A missing namespace gives an empty list, not
/// this error.
fn is_crd_missing(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.is_not_found(),
        _ => false,
    }
}

/// Performs a task. Returns the time until the next one of its account.
async fn run_task<B: Backends>(task: Task, context: Arc<Context<B>>) -> Option<Duration> {
    let account = task.account();
    let (next, error) = task.perform(&context).await;
    if let Some(error) = error {
        // Nothing else logs it.
        tracing::warn!(%account, "the reconcile failed and is retried: {error}");
    }
    next
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn failed(code: u16) -> watcher::Error {
        let reason = if code == 404 { "NotFound" } else { "ServiceUnavailable" };
        let status = Status::failure("the server says so", reason).with_code(code);
        watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()))
    }

    #[test]
    fn a_missing_crd_closes_the_gate_even_after_the_first_list() {
        let gates = Gates::default();
        close_gate(&gates, &failed(503));
        assert!(gates.closed().is_empty(), "the controller waits for the API server");
        close_gate(&gates, &failed(404));
        assert_eq!(gates.closed()[gates::KUBERNETES], messages::readiness::CRD_MISSING);
        close_gate(&gates, &failed(503));
        assert!(
            gates.closed()[gates::KUBERNETES].contains("initial object list"),
            "the latest reason counts"
        );
    }
}
