//! The controller at work: what it watches, when it reconciles, and its sweeps.

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use futures::{StreamExt, TryFutureExt, TryStreamExt};
use kube::{
    Api, Client, ResourceExt,
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

use super::{
    Context, Kube, Real, Setup,
    error::Error as ReconcileError,
    reconcile::{after_error, reconcile},
    run::{Installation, KUBERNETES_GATE},
    sweeper,
};
use crate::{
    admin::Gates,
    api::{AccountRef, StreamerAccount},
    config::ControllerSettings,
    ivs::{Budgets, Caller, Channels, ChatRooms, Stages, Target, caller_account, sdk_config},
    provision::{BrakeLimits, Timing},
    store::Postgres,
    telemetry::Metrics,
};

/// Maximum time to wait for AWS to say whose the credentials are.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);

/// Watches, reconciles and sweeps until `stop`.
pub(super) async fn control(
    settings: ControllerSettings,
    installation: Installation,
    store: Postgres,
    client: Client,
    metrics: Metrics,
    gates: Gates,
    stop: CancellationToken,
) {
    let (cache, writer) = reflector::store();
    let kube = Kube::new(client.clone(), cache.clone(), settings.pod_name.clone());
    let config = sdk_config(&settings.aws_region, settings.aws_call_timeout).await;
    let world = world(&settings, &config, store, kube, &metrics, &stop);
    let setup = setup(&settings, &config, installation).await;
    let (context, woken) = Context::new(world, setup, metrics, stop.clone());
    let context = Arc::new(context);
    let api = match &settings.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };

    let watched = watched(api, writer, gates.clone());
    let controller = Controller::for_stream(watched, cache.clone())
        .with_config(controller::Config::default().concurrency(settings.max_concurrent_reconciles.get()))
        .reconcile_on(wakes(woken))
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(
            |account, context| reconcile(account, context).map_ok(action),
            |account, _, context| action(after_error(&account, &context)),
            Arc::clone(&context),
        )
        .for_each(|result| async { log(result) });
    let sweeps = async {
        if cache.wait_until_ready().await.is_ok() {
            gates.open(KUBERNETES_GATE);
            sweeper::run(&context, settings.namespace.as_deref(), settings.resync_interval, &gates).await;
        }
    };
    tokio::select! {
        () = controller => {}
        () = sweeps => {}
    }
}

async fn setup(settings: &ControllerSettings, config: &SdkConfig, installation: Installation) -> Setup {
    Setup {
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

/// The AWS account and region that this controller works in. Where AWS does not say which account that is, the first list does.
async fn target(settings: &ControllerSettings, config: &SdkConfig) -> Target {
    let account = caller_account(config, IDENTITY_TIMEOUT).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the AWS account is not known until the first resource is listed");
        None
    });
    Target::new(&settings.aws_region, account)
}

fn world(
    settings: &ControllerSettings,
    config: &SdkConfig,
    store: Postgres,
    cluster: Kube,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Real {
    let caller =
        Arc::new(Caller::new(Budgets::new(settings.aws_calls_per_second), metrics.clone(), stop.clone()));
    Real {
        cluster,
        store,
        channels: Channels::new(config, Arc::clone(&caller)),
        chat_rooms: ChatRooms::new(config, Arc::clone(&caller)),
        stages: Stages::new(config, caller),
    }
}

/// The accounts as they change. Our own writes to status are no reason to reconcile: a new generation is (which a
/// deletion is too), and finalizers and annotations that somebody changed.
fn watched(
    api: Api<StreamerAccount>,
    writer: reflector::store::Writer<StreamerAccount>,
    gates: Gates,
) -> impl futures::Stream<Item = Result<StreamerAccount, watcher::Error>> + Send + 'static {
    watcher(api, watcher::Config::default())
        .inspect_err(move |error| {
            if gates.closed().contains_key(KUBERNETES_GATE) {
                gates.close(KUBERNETES_GATE, error.to_string());
            }
        })
        .default_backoff()
        .modify(|account| account.managed_fields_mut().clear())
        .reflect(writer)
        .applied_objects()
        .predicate_filter(
            predicates::generation.combine(predicates::finalizers).combine(predicates::annotations),
            kube::runtime::PredicateConfig::default(),
        )
}

fn wakes(
    woken: mpsc::UnboundedReceiver<AccountRef>,
) -> impl futures::Stream<Item = ObjectRef<StreamerAccount>> + Send + 'static {
    futures::stream::unfold(woken, |mut woken| async {
        let account = woken.recv().await?;
        Some((ObjectRef::new(&account.name).within(&account.namespace), woken))
    })
}

/// When to look again, as kube's runtime takes it.
fn action(again: Option<Duration>) -> Action {
    again.map_or_else(Action::await_change, Action::requeue)
}

/// Errors are logged once, here.
fn log(
    result: Result<(ObjectRef<StreamerAccount>, Action), controller::Error<ReconcileError, watcher::Error>>,
) {
    match result {
        // The account was deleted before its turn came.
        Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
        Err(controller::Error::ReconcilerFailed(error, account)) => {
            let (namespace, name) = (account.namespace.unwrap_or_default(), account.name);
            tracing::warn!(
                account = format!("{namespace}/{name}"),
                "reconcile failed and is tried again: {error}"
            );
        }
        Err(error) => tracing::warn!("{error}"),
    }
}
