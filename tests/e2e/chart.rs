//! The chart: rendered by the real Helm, taken by a real API server.

use kube::{ResourceExt, api::DynamicObject};
use serde_json::{Value, json};
use testbed::{Tenant, Testbed};

use crate::{
    kubectl::kubectl,
    support::{operator_under_test, tenant},
};

const REGION: &str = "aws.region=eu-west-1";
const DATABASE: &str = "database.existingSecret.name=database";
const INGRESS_HOST: &str = "registration.ingress.hosts={r.example.com}";
const INGRESS: [&str; 3] =
    ["registration.ingress.enabled=true", INGRESS_HOST, "registration.limits.forwardedHops=1"];

/// The arguments of a release with these values.
fn release<'a>(chart: &'a str, namespace: &'a str, values: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["try", chart, "--namespace", namespace];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    arguments
}

/// What is rendered with these values besides those that must be set.
async fn rendered(testbed: &Testbed, values: &[&str]) -> Vec<DynamicObject> {
    let chart = testbed.chart().display().to_string();
    let values = [&[REGION, DATABASE], values].concat();
    testbed.helm_template(&release(&chart, "home", &values)).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Why nothing is rendered with exactly these values.
async fn refused(values: &[&str]) -> String {
    let testbed = operator_under_test().await;
    let chart = testbed.chart().display().to_string();
    let refused = testbed.helm_template(&release(&chart, "home", values)).await;
    format!("{:?}", refused.map(|objects| objects.len()).expect_err("it was rendered"))
}

fn kind(object: &DynamicObject) -> &str {
    &object.types.as_ref().unwrap().kind
}

fn of_kind<'a>(objects: &'a [DynamicObject], wanted: &str) -> Vec<&'a DynamicObject> {
    objects.iter().filter(|object| kind(object) == wanted).collect()
}

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() {
    let testbed = operator_under_test().await;
    let chart = testbed.chart().display().to_string();
    let linted = testbed.helm(&["lint", "--strict", &chart, "--set", REGION, "--set", DATABASE]).await;
    let linted = linted.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(linted.contains("0 chart(s) failed") && !linted.contains("[WARNING]"), "{linted}");
}

#[tokio::test]
async fn a_value_that_must_be_set_is_asked_for_in_a_sentence() {
    let region = "aws.region is required: the AWS region in which the channels, chat rooms and stages live";
    let database = "database.existingSecret.name is required: the Secret, in the release's namespace, that holds the URL";
    let ingress = "registration.ingress.hosts is required when registration.ingress.enabled is true";
    let hops = "registration.limits.forwardedHops is 0 but registration.ingress.enabled is true: all people behind the Ingress would share one address, and its limits. Set it to how many proxies stand in front that add to X-Forwarded-For: 1 for the Ingress alone, 2 with a load balancer before it that speaks HTTP";
    let elsewhere = "accounts made by the registration page would never be served";
    for (values, said) in [
        (&[DATABASE][..], region),
        (&[REGION], database),
        (&[REGION, DATABASE, "registration.ingress.enabled=true"], ingress),
        (&[REGION, DATABASE, "registration.ingress.enabled=true", INGRESS_HOST], hops),
        (&[REGION, DATABASE, "controller.watchNamespace=streamers"], elsewhere),
        (&[REGION, DATABASE, "registration.minPasswordLength=7"], "minimum: got 7, want 8"),
        (&[REGION, DATABASE, "registration.replica=3"], "additional properties 'replica' not allowed"),
        (&[REGION, DATABASE, "controller.resync=often"], "'often' does not match"),
        (&[REGION, DATABASE, "controller.leaderElection=perhaps"], "/controller/leaderElection"),
        (&[REGION, DATABASE, "registration.quota=-1"], "/registration/quota"),
    ] {
        let error = refused(values).await;
        assert!(error.contains(said), "{values:?}: {error}");
    }
}

#[tokio::test]
async fn the_custom_resource_definition_comes_with_the_chart_or_does_not_and_stays_or_does_not() {
    let testbed = operator_under_test().await;
    let none = rendered(&testbed, &["crds.enabled=false"]).await;
    assert!(of_kind(&none, "CustomResourceDefinition").is_empty());

    for (keep, annotation) in [("crds.keep=true", Some("keep")), ("crds.keep=false", None)] {
        let objects = rendered(&testbed, &[keep]).await;
        let crds = of_kind(&objects, "CustomResourceDefinition");
        assert_eq!(crds.len(), 1);
        assert_eq!(crds[0].name_any(), "streameraccounts.streamcat.dev");
        assert_eq!(crds[0].annotations().get("helm.sh/resource-policy").map(String::as_str), annotation);
    }
}

#[tokio::test]
async fn without_registration_nothing_of_it_is_rendered() {
    let testbed = operator_under_test().await;
    let all = rendered(&testbed, &INGRESS).await;
    let of_registration = |object: &&DynamicObject| object.name_any().ends_with("-registration");
    assert_eq!(all.iter().filter(of_registration).count(), 6);
    let none = rendered(&testbed, &["registration.enabled=false", "registration.ingress.enabled=true"]).await;
    assert_eq!(none.iter().filter(of_registration).count(), 0);
}

#[tokio::test]
async fn a_controller_of_one_namespace_has_rights_nowhere_else() {
    let testbed = operator_under_test().await;
    let values =
        ["controller.watchNamespace=streamers", "registration.namespace=streamers", "installation=one"];
    let one = rendered(&testbed, &values).await;
    let all = rendered(&testbed, &["installation=one"]).await;
    assert!(of_kind(&one, "ClusterRoleBinding").is_empty());
    assert!(of_kind(&one, "Role").iter().all(|role| role.namespace().as_deref() == Some("streamers")));

    let mut rules = controllers_rules(&one, "Role");
    let of_namespaces = |rule: &&mut Value| rule["resources"] == json!(["namespaces"]);
    let rule = rules.as_array_mut().unwrap().iter_mut().find(of_namespaces).unwrap();
    assert_eq!(rule.as_object_mut().unwrap().remove("resourceNames"), Some(json!(["streamers"])));
    assert_eq!(rules, controllers_rules(&all, "ClusterRole"));
    assert!(of_kind(&all, "ClusterRole").iter().all(|role| !role.data.to_string().contains('*')));
}

/// The rules of the controller's own role.
fn controllers_rules(objects: &[DynamicObject], kind: &str) -> Value {
    named(objects, kind, "-controller").unwrap().data["rules"].clone()
}

#[tokio::test]
async fn a_controller_of_one_namespace_reads_that_one_and_kube_system_for_the_id_of_the_installation() {
    let testbed = operator_under_test().await;
    let here = ["controller.watchNamespace=streamers", "registration.namespace=streamers"];
    let get = |names: Value| {
        let mut rule = json!({ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] });
        if !names.is_null() {
            rule["resourceNames"] = names;
        }
        rule
    };
    let (any, streamers, kube_system) = (json!(null), json!(["streamers"]), json!(["kube-system"]));
    for (values, reads) in [
        (&[][..], vec![&any]),
        (&["installation=one"], vec![&any]),
        (&here, vec![&kube_system, &streamers]),
        (&[here[0], here[1], "installation=one"], vec![&streamers]),
    ] {
        let objects = rendered(&testbed, values).await;
        let roles = [of_kind(&objects, "ClusterRole"), of_kind(&objects, "Role")].concat();
        let all = roles.iter().flat_map(|role| role.data["rules"].as_array().cloned().unwrap_or_default());
        let of_namespaces: Vec<_> =
            all.filter(|rule| rule["resources"].to_string().contains("namespaces")).collect();
        let expected: Vec<_> = reads.into_iter().map(|names| get(names.clone())).collect();
        assert_eq!(of_namespaces, expected, "{values:?}");
    }
}

#[tokio::test]
async fn the_registration_is_behind_tls_where_the_ingress_is_and_gets_no_secrets_beside_the_databases() {
    let testbed = operator_under_test().await;
    let tls = [&INGRESS[..], &["registration.ingress.tls[0].secretName=tls"]].concat();
    for (values, behind_tls, stream_keys) in [
        (vec![], "false", false),
        (INGRESS.to_vec(), "false", false),
        (tls.clone(), "true", false),
        ([&tls[..], &["registration.behindTls=false"]].concat(), "false", false),
        (vec!["registration.behindTls=true", "registration.namespace=streamers"], "true", true),
        (vec!["registration.namespace=home"], "false", false),
        (vec!["registration.streamKeys=true"], "false", true),
        (vec!["registration.namespace=streamers", "registration.streamKeys=false"], "false", false),
    ] {
        let objects = rendered(&testbed, &values).await;
        let deployment = named(&objects, "Deployment", "-registration").expect("the registration");
        let variables =
            deployment.data["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
        let found = variables.iter().find(|variable| variable["name"] == "STREAMCAT_BEHIND_TLS").unwrap();
        assert_eq!(found["value"], behind_tls, "{values:?}");
        let rules = named(&objects, "Role", "-registration").expect("its rights").data["rules"].clone();
        let of_secrets = json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] });
        assert_eq!(rules.as_array().unwrap().contains(&of_secrets), stream_keys, "{values:?}");
        assert_eq!(rules.as_array().unwrap().len(), 1 + usize::from(stream_keys), "{values:?}");
    }
}

#[tokio::test]
async fn the_rules_of_the_site_reach_the_registration() {
    let testbed = operator_under_test().await;
    let own = [
        "registration.siteName=Cats & Co",
        "registration.minPasswordLength=12",
        "registration.reservedUsernames={boss,help_desk}",
    ];
    for (values, expected) in
        [(&[][..], ["Streamcat", "15", "null"]), (&own[..], ["Cats & Co", "12", "boss,help_desk"])]
    {
        let objects = rendered(&testbed, values).await;
        let deployment = named(&objects, "Deployment", "-registration").expect("the registration");
        let env = deployment.data["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        let value = |name: &str| {
            let found = env.as_array().unwrap().iter().find(|variable| variable["name"] == name);
            found.map_or("null".to_owned(), |found| found["value"].as_str().unwrap().to_owned())
        };
        let variables =
            ["STREAMCAT_SITE_NAME", "STREAMCAT_MIN_PASSWORD_LENGTH", "STREAMCAT_RESERVED_USERNAMES"];
        assert_eq!(variables.map(value), expected, "{values:?}");
    }
}

#[tokio::test]
async fn more_than_one_replica_elects_a_leader_unless_it_is_told_not_to() {
    let testbed = operator_under_test().await;
    for (values, replicas, elects) in [
        (&[][..], 1, false),
        (&["controller.replicas=2"], 2, true),
        (&["controller.replicas=2", "controller.leaderElection=false"], 2, false),
        (&["controller.leaderElection=true"], 1, true),
        (&["controller.replicas=2", "controller.watchNamespace=s", "registration.namespace=s"], 2, true),
    ] {
        let objects = rendered(&testbed, values).await;
        let deployment = named(&objects, "Deployment", "-controller").expect("the controller");
        assert_eq!(deployment.data["spec"]["replicas"], replicas, "{values:?}");
        let container = &deployment.data["spec"]["template"]["spec"]["containers"][0];
        let variable = |name: &str| {
            let variables = container["env"].as_array().unwrap();
            variables.iter().find(|variable| variable["name"] == name).map(|found| found["value"].clone())
        };
        assert_eq!(variable("STREAMCAT_LEADER_ELECTION"), elects.then(|| json!("true")), "{values:?}");

        let role = named(&objects, "Role", "-controller-lease");
        assert_eq!(role.is_some(), elects, "{values:?}");
        let Some(role) = role else { continue };
        assert_eq!(role.namespace().as_deref(), Some("home"));
        let lease = variable("STREAMCAT_LEADER_ELECTION_NAME").unwrap();
        assert_eq!(role.data["rules"][0]["resourceNames"], json!([lease]));
    }
}

/// The object of this kind whose name ends so.
fn named<'a>(objects: &'a [DynamicObject], kind: &str, ending: &str) -> Option<&'a DynamicObject> {
    of_kind(objects, kind).into_iter().find(|object| object.name_any().ends_with(ending))
}

/// The containers of all pods, init containers too.
fn containers(objects: &[DynamicObject]) -> Vec<Value> {
    let deployments = of_kind(objects, "Deployment");
    let lists = ["containers", "initContainers"];
    let all = deployments.iter().flat_map(|deployment| {
        lists.map(|list| {
            deployment.data["spec"]["template"]["spec"][list].as_array().cloned().unwrap_or_default()
        })
    });
    all.flatten().collect()
}

#[tokio::test]
async fn every_variable_that_the_chart_sets_is_one_that_the_program_reads() {
    let values = [
        "installation=one",
        "controller.watchNamespace=s",
        "registration.namespace=s",
        "controller.replicas=2",
    ];
    let objects = rendered(&operator_under_test().await, &values).await;
    let containers = containers(&objects);
    assert_eq!(containers.len(), 3);
    for container in containers {
        let subcommand = container["args"][0].as_str().unwrap();
        let program = env!("CARGO_BIN_EXE_streamcat-operator");
        let help = std::process::Command::new(program).args([subcommand, "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        for variable in container["env"].as_array().unwrap() {
            let name = variable["name"].as_str().unwrap();
            assert!(help.contains(&format!("[env: {name}")), "{subcommand} does not read {name}");
            assert!(name != "DATABASE_URL" || variable["valueFrom"]["secretKeyRef"]["name"] == "database");
        }
    }
}

#[tokio::test]
async fn each_component_signs_in_to_the_database_with_its_own_secret_or_with_that_of_all() {
    let own = [
        "controller.database.existingSecret.name=c",
        "controller.database.existingSecret.key=URL",
        "registration.database.existingSecret.name=r",
        "migrations.existingSecret.name=m",
    ];
    let testbed = operator_under_test().await;
    for (values, expected) in [
        (
            &[][..],
            [
                ("migrate", "database", "DATABASE_URL"),
                ("controller", "database", "DATABASE_URL"),
                ("registration", "database", "DATABASE_URL"),
            ],
        ),
        (
            &own,
            [
                ("migrate", "m", "DATABASE_URL"),
                ("controller", "c", "URL"),
                ("registration", "r", "DATABASE_URL"),
            ],
        ),
    ] {
        let containers = containers(&rendered(&testbed, values).await);
        for (command, name, key) in expected {
            let container = containers.iter().find(|container| container["args"][0] == command).unwrap();
            let variables = container["env"].as_array().unwrap();
            let url = variables.iter().find(|variable| variable["name"] == "DATABASE_URL").unwrap();
            assert_eq!(url["valueFrom"]["secretKeyRef"], json!({ "name": name, "key": key }), "{command}");
        }
    }
    let chart = testbed.chart().display().to_string();
    let without_common = [&[REGION], &own[..]].concat();
    let objects = testbed.helm_template(&release(&chart, "home", &without_common)).await;
    objects.expect("nothing is missing where each has its own");
}

/// A namespace in which only pods of the restricted kind are welcome.
async fn restrict(tenant: &Tenant) {
    let label = "pod-security.kubernetes.io/warn=restricted";
    kubectl(tenant, &["label", "namespace", tenant.namespace(), label]).await;
}

/// Has the API server judge what is rendered, without making anything; what it warns of.
async fn dry_run(tenant: &Tenant, values: &[&str]) -> String {
    let chart = tenant.testbed().chart().display().to_string();
    let mut arguments = vec!["template"];
    let values = [&[REGION, DATABASE], values].concat();
    arguments.extend(release(&chart, tenant.namespace(), &values));
    let text = tenant.testbed().helm(&arguments).await.unwrap_or_else(|error| panic!("{error:?}"));
    let file = tenant.kubeconfig().with_file_name(format!("{}.chart.yaml", tenant.namespace()));
    std::fs::write(&file, &text).unwrap();
    let file = file.to_str().unwrap();
    let apply = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", file];
    let output = tenant.kubectl(&apply).await;
    assert!(output.success, "{values:?}: {}", output.stderr);
    let objects = text.lines().filter(|line| line.starts_with("kind: ")).count();
    assert_eq!(output.stdout.lines().count(), objects, "{}", output.stdout);
    output.stderr
}

#[tokio::test]
async fn the_api_server_takes_all_that_is_rendered() {
    let tenant = tenant("chart").await;
    restrict(&tenant).await;
    let here = format!("controller.watchNamespace={}", tenant.namespace());
    let accounts = format!("registration.namespace={}", tenant.namespace());
    let (here, accounts) = (here.as_str(), accounts.as_str());
    for values in [
        &[][..],
        &["registration.enabled=false", here],
        &[here, accounts, "installation=one"],
        &["registration.enabled=false", "crds.enabled=false", "rbac.aggregateClusterRoles=false"],
        &[
            "migrations.enabled=false",
            "metrics.podAnnotations=false",
            "crds.keep=false",
            "fullnameOverride=s",
        ],
        &[
            INGRESS[0],
            INGRESS[1],
            INGRESS[2],
            "registration.ingress.className=nginx",
            "registration.ingress.tls[0].secretName=tls",
            "registration.ingress.tls[0].hosts={r.example.com}",
            "registration.podDisruptionBudget.enabled=true",
            "registration.quota=1000",
        ],
        &[
            "commonLabels.team=video",
            "controller.serviceAccount.annotations.role=arn",
            "controller.extraEnv[0].name=AWS_ENDPOINT_URL_IVS,controller.extraEnv[0].value=http://ivs",
            "controller.extraEnvFrom[0].secretRef.name=aws",
            "controller.priorityClassName=system-cluster-critical",
            "controller.replicas=3",
            "imagePullSecrets[0].name=registry",
        ],
    ] {
        assert_eq!(dry_run(&tenant, values).await, "", "{values:?}");
    }
}

#[tokio::test]
async fn a_pod_that_could_run_as_root_would_be_noticed() {
    let tenant = tenant("chart-root").await;
    restrict(&tenant).await;
    let warned = dry_run(&tenant, &["podSecurityContext=null"]).await;
    assert!(warned.contains("would violate PodSecurity"), "{warned}");
}
