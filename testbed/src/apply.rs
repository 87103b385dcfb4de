//! Server-side apply of rendered objects.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use kube::discovery::{ApiCapabilities, ApiResource, Discovery, Scope};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::Condition as _;
use kube::{Api, Client, ResourceExt as _};

use crate::{Error, wait};

const FIELD_MANAGER: &str = "testbed";
const ESTABLISH_TIMEOUT: Duration = Duration::from_secs(30);

/// Parses the objects in a YAML text with one or more documents.
///
/// # Errors
/// If the text is not YAML, or a document is not a Kubernetes object.
pub fn parse(yaml: &str) -> Result<Vec<DynamicObject>, Error> {
    use serde::Deserialize as _;
    let failed = |e: String| Error::Unexpected(format!("not a Kubernetes object in YAML: {e}"));
    serde_yaml::Deserializer::from_str(yaml)
        .map(serde_json::Value::deserialize)
        .filter(|document| !matches!(document, Ok(serde_json::Value::Null)))
        .map(|document| {
            serde_json::from_value(document.map_err(|e| failed(e.to_string()))?)
                .map_err(|e| failed(e.to_string()))
        })
        .collect()
}

/// Returns the kind of an object.
pub(crate) fn kind(object: &DynamicObject) -> &str {
    object.types.as_ref().map_or("", |types| types.kind.as_str())
}

/// Applies CustomResourceDefinitions and waits until the API server serves them. Ignores other objects.
pub(crate) async fn crds(client: &Client, objects: &[DynamicObject]) -> Result<(), Error> {
    let crds: Vec<_> = objects.iter().filter(|object| kind(object) == "CustomResourceDefinition").collect();
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in &crds {
        let name = crd.name_any();
        api.patch(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(crd))
            .await
            .map_err(Error::kube(format!("apply the CustomResourceDefinition {name}")))?;
    }
    for crd in &crds {
        let name = crd.name_any();
        wait::until(format!("{name} is established"), ESTABLISH_TIMEOUT, || async {
            let crd = api.get_opt(&name).await.map_err(|e| e.to_string())?;
            is_crd_established()
                .matches_object(crd.as_ref())
                .then_some(())
                .ok_or_else(|| "not yet".to_owned())
        })
        .await?;
    }
    Ok(())
}

/// Applies objects in order. Objects without a namespace go to `namespace`.
pub(crate) async fn all(client: &Client, objects: &[DynamicObject], namespace: &str) -> Result<(), Error> {
    let discovery = discover(client).await?;
    for object in objects {
        let (resource, capabilities) = resolve(&discovery, object)?;
        let name = object.name_any();
        api(client, object, &resource, &capabilities, namespace)
            .patch(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(object))
            .await
            .map_err(Error::kube(format!("apply {} {name}", resource.kind)))?;
    }
    Ok(())
}

/// Returns those of the objects that exist, as `kind/name`, by namespace ("" for cluster-scoped objects).
pub(crate) async fn existing(
    client: &Client,
    objects: &[DynamicObject],
    namespace: &str,
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let discovery = discover(client).await?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in objects {
        let (resource, capabilities) = resolve(&discovery, object)?;
        let name = object.name_any();
        let found_object = api(client, object, &resource, &capabilities, namespace).get_opt(&name).await;
        if let Some(found_object) =
            found_object.map_err(Error::kube(format!("check whether {} {name} exists", resource.kind)))?
        {
            let of_namespace = found.entry(found_object.namespace().unwrap_or_default()).or_default();
            of_namespace.push(format!("{}/{name}", resource.kind.to_lowercase()));
        }
    }
    Ok(found)
}

/// Deletes the objects that [`all`] applied, in reverse order.
pub(crate) async fn delete(client: &Client, objects: &[DynamicObject], namespace: &str) -> Result<(), Error> {
    let discovery = discover(client).await?;
    for object in objects.iter().rev() {
        let (resource, capabilities) = resolve(&discovery, object)?;
        let name = object.name_any();
        let gone = api(client, object, &resource, &capabilities, namespace)
            .delete(&name, &DeleteParams::default())
            .await;
        match gone {
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            other => drop(other.map_err(Error::kube(format!("delete {} {name}", resource.kind)))?),
        }
    }
    Ok(())
}

async fn discover(client: &Client) -> Result<Discovery, Error> {
    Discovery::new(client.clone())
        .run_aggregated()
        .await
        .map_err(Error::kube("discover the API server's kinds"))
}

fn resolve(discovery: &Discovery, object: &DynamicObject) -> Result<(ApiResource, ApiCapabilities), Error> {
    let types = object.types.as_ref();
    types.and_then(|types| discovery.resolve_typemeta(types)).ok_or_else(|| {
        let kind = types.map_or_else(String::new, |types| format!("{} {}", types.api_version, types.kind));
        Error::Unexpected(format!("the API server does not know {kind} (of {})", object.name_any()))
    })
}

fn api(
    client: &Client,
    object: &DynamicObject,
    resource: &ApiResource,
    capabilities: &ApiCapabilities,
    namespace: &str,
) -> Api<DynamicObject> {
    match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), resource),
        Scope::Namespaced => {
            let namespace = object.namespace().unwrap_or_else(|| namespace.into());
            Api::namespaced_with(client.clone(), &namespace, resource)
        }
    }
}
