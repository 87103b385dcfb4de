//! Disruptions of pods in a cluster.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, EvictParams};
use rustix::process::{Pid, Signal, kill_process};
use testbed::image::ENTRYPOINT;
use testbed::{Error, wait};

use super::cluster::{Cluster, Component};

const TIMEOUT: Duration = Duration::from_mins(3);

/// Replaces all pods, as `kubectl rollout restart` does.
pub(super) async fn restart_rollouts(cluster: &Cluster) -> Result<(), Error> {
    for component in Component::ALL {
        let restarted = cluster.deployments().restart(&component.deployment()).await;
        restarted.map_err(Error::kube("restart the rollout"))?;
    }
    cluster.all_settled().await
}

/// Evicts a pod of the registration page, as `kubectl drain` does.
pub(super) async fn evict(cluster: &Cluster) -> Result<(), Error> {
    let pod = first_pod(cluster, Component::Registration).await?;
    let evicted = cluster.pods().evict(&pod.name_any(), &EvictParams::default()).await;
    evicted.map_err(Error::kube("evict a pod"))?;
    gone(cluster, &pod).await?;
    cluster.settled(Component::Registration).await
}

/// Kills a process of the registration page, and waits until its container runs again.
pub(super) async fn kill_registration(cluster: &Cluster) -> Result<(), Error> {
    let restarts = restarts(cluster, Component::Registration).await?;
    kill(*processes(Component::Registration)?.first().ok_or_else(|| none(Component::Registration))?)?;
    wait::until("the killed container runs again", TIMEOUT, || async {
        let now = self::restarts(cluster, Component::Registration).await?;
        if now > restarts { Ok(()) } else { Err(Error::Unexpected("no restart yet".into())) }
    })
    .await?;
    cluster.settled(Component::Registration).await
}

/// Kills the leader's process and deletes its pod, and returns the time until another controller leads.
pub(super) async fn lose_leader(cluster: &Cluster) -> Result<Duration, Error> {
    let lost = wait::until("a controller leads", TIMEOUT, || holder(cluster)).await?;
    let pod = lost.split('_').next().unwrap_or_default();
    let start = Instant::now();
    kill(process_in(Component::Controller, pod)?)?;
    let deleted = cluster.pods().delete(pod, &DeleteParams::default().grace_period(0)).await;
    deleted.map_err(Error::kube("delete the leader's pod"))?;
    wait::until("another controller leads", TIMEOUT, || async {
        let now = holder(cluster).await?;
        if now == lost { Err(format!("{now} still holds the Lease")) } else { Ok(()) }
    })
    .await?;
    let took = start.elapsed();
    cluster.settled(Component::Controller).await?;
    Ok(took)
}

async fn holder(cluster: &Cluster) -> Result<String, String> {
    let lease = cluster.leases().get(&Component::Controller.deployment()).await.map_err(|e| e.to_string())?;
    let holder = lease.spec.and_then(|spec| spec.holder_identity).filter(|holder| !holder.is_empty());
    holder.ok_or_else(|| "nobody leads".to_owned())
}

async fn restarts(cluster: &Cluster, component: Component) -> Result<i32, Error> {
    let pods = cluster.pods_of(component).await?;
    let statuses = pods.into_iter().filter_map(|pod| pod.status?.container_statuses).flatten();
    Ok(statuses.map(|status| status.restart_count).sum())
}

async fn first_pod(cluster: &Cluster, component: Component) -> Result<Pod, Error> {
    cluster.pods_of(component).await?.into_iter().next().ok_or_else(|| none(component))
}

async fn gone(cluster: &Cluster, pod: &Pod) -> Result<(), Error> {
    let name = pod.name_any();
    wait::until(format!("the pod {name} is gone"), TIMEOUT, || async {
        cluster.pods().get_opt(&name).await.is_ok_and(|pod| pod.is_none())
    })
    .await
}

fn none(component: Component) -> Error {
    Error::Unexpected(format!("no pod or process of the {} was found", component.name()))
}

/// Returns the processes of a component. All of them are in this process namespace.
fn processes(component: Component) -> Result<Vec<Pid>, Error> {
    let entries = std::fs::read_dir("/proc")
        .map_err(|source| Error::Io { action: "list the processes".into(), source })?;
    let command = format!("{ENTRYPOINT}\0{}\0", component.name());
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let ours = pids.filter(|pid| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|seen| seen == command)
    });
    Ok(ours.filter_map(Pid::from_raw).collect())
}

/// Returns the process of a component in a pod, whose name is the process's host name.
fn process_in(component: Component, pod: &str) -> Result<Pid, Error> {
    let variable = format!("HOSTNAME={pod}");
    let is_in_pod = |pid: &Pid| {
        let environment =
            std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    };
    processes(component)?.into_iter().find(is_in_pod).ok_or_else(|| none(component))
}

fn kill(pid: Pid) -> Result<(), Error> {
    kill_process(pid, Signal::KILL)
        .map_err(|source| Error::Io { action: "kill a process".into(), source: source.into() })
}
