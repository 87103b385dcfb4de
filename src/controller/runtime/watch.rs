//! Watches the accounts, reconciles them, and resyncs.

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use futures::{StreamExt, TryFutureExt, TryStreamExt};
use kube::{
    Api, Client,
    runtime::{
        Controller, Predicate, WatchStreamExt,
        controller::{self, Action},
        predicates,
        reflector::{self, ObjectRef},
        watcher,
    },
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    admin::Gates,
    api::{AccountRef, ObservedAccount},
    config::ControllerSettings,
    controller::{
        backends::ProductionBackends,
        context::{Context, ReconcileSettings},
        error::Error as ReconcileError,
        gates,
        kubernetes::KubernetesClient,
        reconcile::{after_error, reconcile},
        resync,
    },
    ivs::{Budgets, Caller, Channels, ChatRooms, Stages, Target, caller_account, sdk_config},
    provision::{BrakeLimits, Timing},
    store::{ClusterIdentity, Postgres},
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

/// Maximum time to wait for AWS to name the account of the credentials.
const CALLER_IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);

/// Watches, reconciles and resyncs until `stop`.
pub(super) async fn run_controller(
    settings: ControllerSettings,
    installation: Installation,
    store: Postgres,
    client: Client,
    metrics: Metrics,
    gates: Gates,
    stop: CancellationToken,
) {
    let (cache, writer) = reflector::store();
    let kubernetes = KubernetesClient::new(client.clone(), cache.clone(), settings.pod_name.clone());
    let config = sdk_config(&settings.aws_region, settings.aws_call_timeout).await;
    let backends = backends(&settings, &config, store, kubernetes, &metrics, &stop);
    let reconcile_settings = reconcile_settings(&settings, &config, installation).await;
    let (context, requeued) = Context::new(backends, reconcile_settings, metrics, stop.clone());
    let context = Arc::new(context);
    let api = match &settings.watch_namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };

    let watched = watched(api, writer, gates.clone());
    let controller = Controller::for_stream(watched, cache.clone())
        .with_config(controller::Config::default().concurrency(settings.max_concurrent_reconciles.get()))
        .reconcile_on(requeues(requeued))
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(
            |account, context| reconcile(account, context).map_ok(action),
            |account, _, context| action(after_error(&account, &context)),
            Arc::clone(&context),
        )
        .for_each(|result| async { log_outcome(result) });
    let resyncs = async {
        if cache.wait_until_ready().await.is_ok() {
            gates.open(gates::KUBERNETES);
            resync::run(&context, settings.watch_namespace.as_deref(), settings.resync_interval, &gates)
                .await;
        }
    };
    tokio::select! {
        () = controller => {}
        () = resyncs => {}
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
            aws_call_timeout: settings.aws_call_timeout,
            grace: settings.consistency_grace,
            resync: settings.resync_interval,
        },
        limits: BrakeLimits { resources: settings.brake_resources, percent: settings.brake_percent },
        target: target(settings, config).await,
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
    Target::new(&settings.aws_region, account)
}

fn backends(
    settings: &ControllerSettings,
    config: &SdkConfig,
    store: Postgres,
    kubernetes: KubernetesClient,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> ProductionBackends {
    let caller =
        Arc::new(Caller::new(Budgets::new(settings.aws_calls_per_second), metrics.clone(), stop.clone()));
    ProductionBackends {
        kubernetes,
        store,
        channels: Channels::new(config, Arc::clone(&caller)),
        chat_rooms: ChatRooms::new(config, Arc::clone(&caller)),
        stages: Stages::new(config, caller),
    }
}

/// Returns the accounts that have to be reconciled because they changed: by a new generation (a deletion
/// makes one too), or by changed finalizers or annotations. Our own writes of status do not count.
fn watched(
    api: Api<ObservedAccount>,
    writer: reflector::store::Writer<ObservedAccount>,
    gates: Gates,
) -> impl futures::Stream<Item = Result<ObservedAccount, watcher::Error>> + Send + 'static {
    watcher(api, watcher::Config::default())
        .inspect_err(move |error| {
            if gates.closed().contains_key(gates::KUBERNETES) {
                gates.close(gates::KUBERNETES, error.to_string());
            }
        })
        .default_backoff()
        .reflect(writer)
        .applied_objects()
        .predicate_filter(
            predicates::generation.combine(predicates::finalizers).combine(predicates::annotations),
            kube::runtime::PredicateConfig::default(),
        )
}

/// Returns the accounts that the context requeues.
fn requeues(
    requeued: mpsc::UnboundedReceiver<AccountRef>,
) -> impl futures::Stream<Item = ObjectRef<ObservedAccount>> + Send + 'static {
    futures::stream::unfold(requeued, |mut requeued| async {
        let account = requeued.recv().await?;
        Some((ObjectRef::new(&account.name).within(&account.namespace), requeued))
    })
}

/// Returns the time until the next reconcile in the form of kube's runtime.
fn action(requeue_after: Option<Duration>) -> Action {
    requeue_after.map_or_else(Action::await_change, Action::requeue)
}

/// Logs a failed reconcile. Nothing else logs its error.
fn log_outcome(
    result: Result<(ObjectRef<ObservedAccount>, Action), controller::Error<ReconcileError, watcher::Error>>,
) {
    match result {
        // The account was deleted while it was queued.
        Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
        Err(controller::Error::ReconcilerFailed(error, account)) => {
            let (namespace, name) = (account.namespace.unwrap_or_default(), account.name);
            tracing::warn!(
                account = format!("{namespace}/{name}"),
                "the reconcile failed and is retried: {error}"
            );
        }
        Err(error) => tracing::warn!("{error}"),
    }
}
