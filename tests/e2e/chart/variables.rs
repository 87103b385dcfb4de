//! The environment variables of the containers.

use serde_json::{Value, json};

use super::{INGRESS, REGION, Rendered, rendered, rendered_with};
use crate::support::operator_under_test;

#[tokio::test]
async fn the_registration_is_behind_tls_if_the_ingress_has_tls() {
    let testbed = operator_under_test().await;
    let tls = [&INGRESS[..], &["registration.ingress.tls[0].secretName=tls"]].concat();
    for (values, behind_tls) in [
        (vec![], "false"),
        (INGRESS.to_vec(), "false"),
        (tls.clone(), "true"),
        ([&tls[..], &["registration.behindTls=false"]].concat(), "false"),
        (vec!["registration.behindTls=true"], "true"),
    ] {
        let registration = rendered(&testbed, &values).await.container("registration");
        assert_eq!(registration.value("STREAMCAT_BEHIND_TLS"), Some(behind_tls), "{values:?}");
    }
}

#[tokio::test]
async fn site_rules_are_passed_to_the_registration() {
    let testbed = operator_under_test().await;
    let own = [
        "registration.siteName=Cats & Co",
        "registration.minPasswordLength=12",
        "registration.reservedUsernames={boss,help_desk}",
    ];
    for (values, expected) in [
        (&[][..], [Some("Streamcat"), Some("15"), None]),
        (&own[..], [Some("Cats & Co"), Some("12"), Some("boss,help_desk")]),
    ] {
        let registration = rendered(&testbed, values).await.container("registration");
        let variables =
            ["STREAMCAT_SITE_NAME", "STREAMCAT_MIN_PASSWORD_LENGTH", "STREAMCAT_RESERVED_USERNAMES"];
        assert_eq!(variables.map(|name| registration.value(name)), expected, "{values:?}");
    }
}

#[tokio::test]
async fn every_variable_set_by_the_chart_is_read_by_the_program() {
    let values = [
        "installationId=one",
        "controller.watchNamespace=s",
        "registration.namespace=s",
        "controller.replicas=2",
    ];
    let containers = rendered(&operator_under_test().await, &values).await.containers();
    assert_eq!(containers.len(), 3);
    for container in containers {
        let help = help(container.command());
        for variable in container.variables() {
            let name = variable["name"].as_str().unwrap();
            assert!(help.contains(&format!("[env: {name}")), "{} does not read {name}", container.command());
            assert!(name != "DATABASE_URL" || variable["valueFrom"]["secretKeyRef"]["name"] == "database");
        }
    }
}

/// Returns the help text of a command of the program.
fn help(command: &str) -> String {
    let program = env!("CARGO_BIN_EXE_streamcat-operator");
    let help = std::process::Command::new(program).args([command, "--help"]).output().unwrap();
    String::from_utf8(help.stdout).unwrap()
}

#[tokio::test]
async fn each_component_uses_its_own_database_secret_or_the_shared_one() {
    let testbed = operator_under_test().await;
    let all = rendered(&testbed, &[]).await;
    for command in ["migrate", "controller", "registration"] {
        assert_eq!(secret(&all, command), json!({ "name": "database", "key": "DATABASE_URL" }), "{command}");
    }
    let own = [
        "controller.database.existingSecret.name=c",
        "controller.database.existingSecret.key=URL",
        "registration.database.existingSecret.name=r",
        "migrations.existingSecret.name=m",
    ];
    let without_shared = rendered_with(&testbed, &[&[REGION], &own[..]].concat()).await;
    let without_shared = without_shared.expect("no shared Secret is needed if each component has its own");
    for each in [rendered(&testbed, &own).await, without_shared] {
        for (command, name, key) in [
            ("migrate", "m", "DATABASE_URL"),
            ("controller", "c", "URL"),
            ("registration", "r", "DATABASE_URL"),
        ] {
            assert_eq!(secret(&each, command), json!({ "name": name, "key": key }), "{command}");
        }
    }
}

/// Returns the reference to the Secret with the database URL of a command.
fn secret(rendered: &Rendered, command: &str) -> Value {
    let container = rendered.container(command);
    container.variable("DATABASE_URL").unwrap()["valueFrom"]["secretKeyRef"].clone()
}
