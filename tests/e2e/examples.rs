//! The files in `examples/`: a real API server accepts each one, and a controller makes each account Ready.
//! New files are found without a change here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::{ResourceExt, api::DynamicObject};
use serde_json::{Value, json};
use streamcat_operator::api::crds;
use testbed::{REGION, Tenant, parse_yaml, workspace};

use crate::{
    kubectl::kubectl,
    support::{ready, tenant},
};

const KUSTOMIZATION: &str = "kustomization.yaml";

/// One example, by what a reader does with it.
#[derive(Debug)]
enum Example {
    /// A file for `kubectl apply --filename`.
    Manifest(PathBuf),
    /// A folder for `kubectl apply --kustomize`.
    Kustomization(PathBuf),
    /// A file for `helm install --values`.
    HelmValues(PathBuf),
}

/// The root of the examples.
fn root() -> PathBuf {
    workspace().join("examples")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A folder in the layout of Argo CD's repository, which `gitops.rs` tests.
const ARGOCD: &str = "resource_customizations";

/// Returns the examples in a folder and below it.
///
/// # Panics
/// Panics if a file is of no kind that a test checks.
fn examples(folder: &Path) -> Vec<Example> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (folders, files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    let folders = folders.iter().filter(|folder| !folder.ends_with(ARGOCD));
    let mut found: Vec<_> = folders.flat_map(|folder| examples(folder)).collect();
    if files.iter().any(|file| file.ends_with(KUSTOMIZATION)) {
        assert_all_named(folder, &files);
        found.push(Example::Kustomization(folder.to_owned()));
    } else {
        found.extend(files.into_iter().filter_map(example));
    }
    found
}

/// Returns the example in a file that belongs to no kustomization; None for a README.
fn example(file: PathBuf) -> Option<Example> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("md") => None,
        Some("yaml") if read(&file).lines().any(|line| line.starts_with("kind: ")) => {
            Some(Example::Manifest(file))
        }
        Some("yaml") => Some(Example::HelmValues(file)),
        _ => panic!("{}: no test checks such a file", file.display()),
    }
}

/// Asserts that a kustomization names every other file of its folder. A file that it does not name would not
/// be checked.
fn assert_all_named(folder: &Path, files: &[PathBuf]) {
    let kustomization = read(&folder.join(KUSTOMIZATION));
    for file in files.iter().filter(|file| !file.ends_with(KUSTOMIZATION)) {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(kustomization.contains(name), "{KUSTOMIZATION} does not name {}", file.display());
    }
}

/// Returns the objects that a reader would apply.
async fn objects(tenant: &Tenant, example: &Example) -> Vec<DynamicObject> {
    match example {
        Example::Manifest(file) => parse_yaml(&read(file)).unwrap(),
        Example::Kustomization(folder) => {
            let built = kubectl(tenant, &["kustomize", folder.to_str().unwrap()]).await;
            parse_yaml(&built).unwrap()
        }
        Example::HelmValues(file) => {
            let chart = tenant.testbed().chart().display().to_string();
            let values = file.to_str().unwrap();
            let arguments = ["try", &chart, "--namespace", tenant.namespace(), "--values", values];
            let rendered = tenant.testbed().helm_template(&arguments).await;
            rendered.unwrap_or_else(|error| panic!("{values}: {error:?}"))
        }
    }
}

/// Writes the objects into a file, and returns its name. All of them go to the tenant's namespace, so that
/// the namespaces of the examples need not exist.
fn manifest(tenant: &Tenant, objects: &mut [DynamicObject]) -> String {
    let namespaces = objects.iter_mut().filter_map(|object| object.metadata.namespace.as_mut());
    namespaces.for_each(|namespace| tenant.namespace().clone_into(namespace));
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    let file = tenant.kubeconfig().with_file_name(format!("{}.example.json", tenant.namespace()));
    fs::write(&file, list.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Asserts that the API server accepts these objects without a warning.
async fn assert_accepted(tenant: &Tenant, example: &Example, mut objects: Vec<DynamicObject>) {
    let file = manifest(tenant, &mut objects);
    let apply = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", &file];
    let output = tenant.kubectl(&apply).await;
    assert!(output.success && output.stderr.is_empty(), "{example:?}: {}", output.stderr);
    assert_eq!(output.stdout.lines().count(), objects.len(), "{example:?}: {}", output.stdout);
}

#[tokio::test]
async fn every_example_is_accepted_by_the_api_server() {
    let tenant = tenant("examples").await;
    let examples = examples(&root());
    for is_kind in [
        |example: &Example| matches!(example, Example::Manifest(_)),
        |example: &Example| matches!(example, Example::Kustomization(_)),
        |example: &Example| matches!(example, Example::HelmValues(_)),
    ] {
        assert!(examples.iter().any(is_kind), "a kind of example is missing: {examples:?}");
    }
    for example in &examples {
        let objects = objects(&tenant, example).await;
        assert!(!objects.is_empty(), "{example:?} has no objects");
        assert_accepted(&tenant, example, objects).await;
    }
}

/// Replaces every ARN in a value with one of the tenant's AWS, as the README of the examples tells its
/// reader.
fn use_own_arns(tenant: &Tenant, value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("arn:") => *text = own_arn(tenant, text),
        Value::Array(items) => items.iter_mut().for_each(|item| use_own_arns(tenant, item)),
        Value::Object(fields) => fields.values_mut().for_each(|field| use_own_arns(tenant, field)),
        _ => {}
    }
}

/// Returns the ARN of a new resource of the same kind. Of the kinds that AWS's simulator does not create, it
/// checks the format only.
fn own_arn(tenant: &Tenant, arn: &str) -> String {
    let simulator = tenant.simulator();
    let parts: Vec<_> = arn.split(':').collect();
    match parts[5].split('/').next() {
        Some("recording-configuration") => simulator.add_recording_configuration(),
        Some("playback-restriction-policy") => simulator.add_playback_restriction_policy(),
        Some("logging-configuration") => simulator.add_logging_configuration(),
        Some("storage-configuration") => simulator.add_storage_configuration(),
        _ => arn.replace(parts[3], REGION),
    }
}

fn is_account(object: &DynamicObject) -> bool {
    object.types.as_ref().is_some_and(|types| types.kind == "StreamerAccount")
}

#[tokio::test]
async fn every_account_of_the_examples_becomes_ready() {
    let tenant = tenant("applied").await;
    let _controller = tenant.controller().start().await;
    let mut accounts = Vec::new();
    for example in examples(&root()).iter().filter(|example| !matches!(example, Example::HelmValues(_))) {
        let mut objects = objects(&tenant, example).await;
        objects.retain(is_account);
        if objects.is_empty() {
            continue;
        }
        for object in &mut objects {
            use_own_arns(&tenant, &mut object.data);
        }
        let file = manifest(&tenant, &mut objects);
        kubectl(&tenant, &["apply", "--filename", &file]).await;
        for account in &objects {
            ready(&tenant, &account.name_any()).await;
        }
        accounts.extend(objects);
    }
    assert!(accounts.len() >= 4, "examples are missing: {accounts:?}");
}

/// Returns the fields of a schema that a value does not set.
fn unset(schema: &JSONSchemaProps, value: &Value, path: &str) -> Vec<String> {
    let fields = schema.properties.iter().flatten();
    fields
        .flat_map(|(name, field)| {
            let path = format!("{path}.{name}");
            value.get(name).map_or_else(|| vec![path.clone()], |value| unset(field, value, &path))
        })
        .collect()
}

#[test]
fn the_full_account_sets_every_field_of_the_spec() {
    let crd = crds().remove(0);
    let schema = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    let spec = &schema.properties.as_ref().unwrap()["spec"];
    let account = parse_yaml(&read(&root().join("account-full.yaml"))).unwrap().remove(0);
    assert_eq!(unset(spec, &account.data["spec"], "spec"), [""; 0]);
}
