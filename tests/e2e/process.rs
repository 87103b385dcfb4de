//! The processes: settings, readiness, and shutdown.

use std::time::{Duration, Instant};

use ivs_simulator::Fault;
use serde_json::json;
use testbed::{Operator, http, wait};

use crate::support::{TIMEOUT, called, create, reason, tenant, until_readyz};

/// Maximum time that a process may take to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// Returns a port on which nothing listens.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until /readyz reports that this gate is closed, with the reason.
async fn until_gate_closed(controller: &Operator, gate: &str) {
    until_readyz(controller, &format!("names {gate}"), |answer| {
        let named = |line: &str| line.starts_with(gate) && !line.ends_with("not checked yet");
        answer.status == 503 && answer.body.lines().any(named)
    })
    .await;
}

#[tokio::test]
async fn a_missing_or_invalid_setting_prints_one_line_and_exits_with_2() {
    let tenant = tenant("settings").await;
    let wrong = [
        (tenant.controller().env_remove("DATABASE_URL"), "DATABASE_URL"),
        (tenant.controller().env("DATABASE_URL", "mysql://root:canary@db/x"), "DATABASE_URL"),
        (tenant.controller().env_remove("AWS_REGION"), "AWS_REGION"),
        (tenant.controller().env("AWS_REGION", ""), "AWS_REGION"),
        (tenant.controller().env("AWS_REGION", "Ireland"), "AWS_REGION"),
        (tenant.controller().env("AWS_ENDPOINT_URL", "localhost:4566"), "AWS_ENDPOINT_URL"),
        (tenant.controller().env("AWS_ENDPOINT_URL_IVS", "u:canary@ivs"), "AWS_ENDPOINT_URL_IVS"),
        (tenant.controller().env("AWS_ENDPOINT_URL_IVSCHAT", ""), "AWS_ENDPOINT_URL_IVSCHAT"),
        (
            tenant.controller().env("AWS_ENDPOINT_URL_IVS_REALTIME", "https://"),
            "AWS_ENDPOINT_URL_IVS_REALTIME",
        ),
        (tenant.controller().env("AWS_ENDPOINT_URL_STS", "sts"), "AWS_ENDPOINT_URL_STS"),
        (tenant.controller().env("STREAMCAT_RESYNC_INTERVAL", "often"), "--resync-interval"),
        (tenant.controller().env("STREAMCAT_INSTALLATION_ID", "a b"), "--installation-id"),
        (tenant.controller().env("STREAMCAT_LEADER_ELECT", "perhaps"), "--leader-elect"),
        (
            tenant.controller().env("STREAMCAT_LEADER_ELECTION_RENEW_DEADLINE", "15s"),
            "--leader-election-lease-duration",
        ),
        (tenant.controller().env("KUBECONFIG", "/no/such/file"), "KUBECONFIG"),
        (tenant.controller().env("SSL_CERT_FILE", "/no/such/file"), "SSL_CERT_FILE"),
        (tenant.controller().env("SSL_CERT_FILE", "/dev/null"), "SSL_CERT_FILE"),
        (tenant.registration().env_remove("STREAMCAT_NAMESPACE"), "STREAMCAT_NAMESPACE"),
    ];
    for (operator, name) in wrong {
        let command = if name == "STREAMCAT_NAMESPACE" { "registration" } else { "controller" };
        let (status, output) = operator.run(&[command]).await.unwrap();
        assert_eq!(status.code(), Some(2), "{name}: {output}");
        assert_eq!(output.trim().lines().count(), 1, "{name}: {output}");
        assert!(output.contains(name) && !output.contains("canary"), "{name}: {output}");
    }
}

#[tokio::test]
async fn unreachable_dependencies_are_named_and_shutdown_is_prompt() {
    let tenant = tenant("unreachable").await;
    let nowhere = format!("http://127.0.0.1:{}", closed_port());
    let database = format!("postgres://u:canary@127.0.0.1:{}/d", closed_port());
    for (variable, value, gate) in
        [("DATABASE_URL", database.as_str(), "database"), ("AWS_ENDPOINT_URL", nowhere.as_str(), "aws")]
    {
        let mut controller = tenant.controller().env(variable, value).start_unready().await;
        until_gate_closed(&controller, gate).await;
        assert_eq!(http::get(&format!("{}/healthz", controller.admin_url())).await.unwrap().status, 200);
        let began = Instant::now();
        assert!(controller.terminate().await.success());
        assert!(began.elapsed() < SHUTDOWN_TIMEOUT);
        assert!(!controller.log().contains("canary"));
    }
}

#[tokio::test]
async fn without_an_api_server_it_waits_and_stops_on_request() {
    let tenant = tenant("noapi").await;
    let kubeconfig = std::fs::read_to_string(tenant.controller_kubeconfig()).unwrap();
    let server =
        kubeconfig.split("https://").nth(1).unwrap().split(['"', '\n', ',', '}']).next().unwrap().to_owned();
    let elsewhere = kubeconfig.replace(&server, &format!("127.0.0.1:{}", closed_port()));
    let file = tenant.controller_kubeconfig().with_extension("elsewhere");
    testbed::write_private(&file, elsewhere.as_bytes()).unwrap();

    let controller = tenant.controller().env("KUBECONFIG", file.display().to_string());
    let mut controller = controller.start_unready().await;
    until_gate_closed(&controller, "kubernetes").await;
    assert!(controller.terminate().await.success());
}

#[tokio::test]
async fn a_call_that_hangs_does_not_delay_shutdown() {
    let tenant = tenant("hang").await;
    let mut controller = tenant.controller().env("STREAMCAT_AWS_CALL_TIMEOUT", "10m").start().await;
    tenant.simulator().fault(Fault::hang("CreateStage"));
    create(&tenant, "todd", json!({})).await;
    called(&tenant, "CreateStage", 1).await;
    assert!(controller.terminate().await.success());
}

#[tokio::test]
async fn metrics_count_calls_and_reconciles_without_usernames() {
    let tenant = tenant("metrics").await;
    let controller = tenant.controller().start().await;
    create(&tenant, "todd", json!({})).await;
    crate::support::ready(&tenant, "todd").await;
    let url = format!("{}/metrics", controller.admin_url());
    // The reconcile is counted when it has ended, a moment after it wrote Ready.
    let metrics = wait::until("the reconcile is counted", TIMEOUT, || async {
        let text = http::get(&url).await.map_err(|error| error.to_string())?.body;
        if text.contains(r#"controller_runtime_reconcile_total{controller="streameraccount""#) {
            Ok(text)
        } else {
            Err(text)
        }
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
    assert!(
        metrics.contains(r#"streamcat_aws_calls_total{operation="CreateStage",outcome="ok"} 1"#),
        "{metrics}"
    );
    assert!(!metrics.contains("todd"), "{metrics}");
}

#[test]
fn without_a_command_help_is_shown_and_the_exit_code_is_2() {
    let program = env!("CARGO_BIN_EXE_streamcat-operator");
    let output = |arguments: &[&str]| std::process::Command::new(program).args(arguments).output().unwrap();
    let (bare, requested) = (output(&[]), output(&["--help"]));
    assert_eq!((bare.status.code(), requested.status.code()), (Some(2), Some(0)));
    assert!(bare.stdout.is_empty());
    let help = String::from_utf8(bare.stderr).unwrap();
    assert_eq!(help, String::from_utf8(requested.stdout).unwrap());
    let commands = ["controller", "registration", "migrate", "crds", "orphans"];
    for text in commands.into_iter().chain(["Usage: streamcat-operator", "--log-format"]) {
        assert!(help.contains(text), "{text} is missing:\n{help}");
    }
}

#[tokio::test]
async fn missing_credentials_are_reported_as_denied_access() {
    let tenant = tenant("no-credentials").await;
    let controller = tenant.controller().env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let _controller = controller.start_unready().await;
    create(&tenant, "todd", json!({})).await;
    let account = reason(&tenant, "todd", "AccessDenied").await;
    let text = format!("{:?}", account.status);
    assert!(text.contains("no AWS credentials: "), "{text}");
    assert!(tenant.simulator().calls().is_empty(), "nothing was sent");
}
