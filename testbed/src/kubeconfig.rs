//! Kubeconfigs of the administrator and of each service account.

use std::path::Path;

use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use kube::{Client, Config};

use crate::Error;
use crate::temp_dir::write_private;

const NAME: &str = "testbed";

/// Returns a kubeconfig for our own control plane.
pub(crate) fn with_authority(server: &str, authority: &Path, token: &str) -> Kubeconfig {
    let cluster = Cluster {
        server: Some(server.into()),
        certificate_authority: Some(authority.display().to_string()),
        ..Cluster::default()
    };
    assemble(cluster, AuthInfo { token: Some(token.into()), ..AuthInfo::default() }, "default")
}

/// Returns the context that `KUBE_CONTEXT` names, from the user's own kubeconfig.
pub(crate) fn of_context(name: &str) -> Result<Kubeconfig, Error> {
    let all =
        Kubeconfig::read().map_err(|e| Error::Unexpected(format!("cannot read your kubeconfig: {e}")))?;
    pick(&all, name).ok_or_else(|| {
        let known: Vec<_> = all.contexts.iter().map(|context| context.name.as_str()).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        Error::Unexpected(format!(
            "KUBE_CONTEXT={name}: your kubeconfig has no usable context of that name; available: {known}"
        ))
    })
}

fn pick(all: &Kubeconfig, name: &str) -> Option<Kubeconfig> {
    let context = all.contexts.iter().find(|context| context.name == name)?.context.clone()?;
    let cluster = all.clusters.iter().find(|cluster| cluster.name == context.cluster)?.cluster.clone()?;
    let user = context.user.clone()?;
    let user = all.auth_infos.iter().find(|info| info.name == user)?.auth_info.clone()?;
    Some(assemble(cluster, user, context.namespace.as_deref().unwrap_or("default")))
}

/// Returns the same cluster with this token and namespace.
pub(crate) fn with_token(admin: &Kubeconfig, token: &str, namespace: &str) -> Kubeconfig {
    let cluster = admin.clusters.first().and_then(|named| named.cluster.clone()).unwrap_or_default();
    assemble(cluster, AuthInfo { token: Some(token.into()), ..AuthInfo::default() }, namespace)
}

/// Returns the same cluster and user with another namespace.
pub(crate) fn in_namespace(admin: &Kubeconfig, namespace: &str) -> Kubeconfig {
    let mut kubeconfig = admin.clone();
    for context in kubeconfig.contexts.iter_mut().filter_map(|named| named.context.as_mut()) {
        context.namespace = Some(namespace.into());
    }
    kubeconfig
}

fn assemble(cluster: Cluster, user: AuthInfo, namespace: &str) -> Kubeconfig {
    let context = Context {
        cluster: NAME.into(),
        user: Some(NAME.into()),
        namespace: Some(namespace.into()),
        ..Context::default()
    };
    Kubeconfig {
        api_version: Some("v1".into()),
        kind: Some("Config".into()),
        clusters: vec![NamedCluster { name: NAME.into(), cluster: Some(cluster), ..NamedCluster::default() }],
        auth_infos: vec![NamedAuthInfo {
            name: NAME.into(),
            auth_info: Some(user),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext { name: NAME.into(), context: Some(context), ..NamedContext::default() }],
        current_context: Some(NAME.into()),
        ..Kubeconfig::default()
    }
}

/// Writes a kubeconfig that only its owner can read.
pub(crate) fn write(kubeconfig: &Kubeconfig, path: &Path) -> Result<(), Error> {
    let yaml = serde_yaml::to_string(kubeconfig)
        .map_err(|e| Error::Unexpected(format!("cannot serialize the kubeconfig: {e}")))?;
    write_private(path, yaml.as_bytes())
}

/// Reads a kubeconfig that [`write`] wrote.
pub(crate) fn read(path: &Path) -> Result<Kubeconfig, Error> {
    Kubeconfig::read_from(path).map_err(|e| Error::Unexpected(format!("cannot read {}: {e}", path.display())))
}

/// Creates a client without retries: callers that wait poll by themselves.
pub(crate) async fn client(kubeconfig: &Kubeconfig) -> Result<Client, Error> {
    let mut config = Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default())
        .await
        .map_err(|e| Error::Unexpected(format!("the kubeconfig cannot be used: {e}")))?;
    config.default_retry = false;
    Client::try_from(config).map_err(Error::kube("create a Kubernetes client"))
}
