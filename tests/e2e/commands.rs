//! The commands that do one thing and exit, as a person runs them in the controller's pod.

use serde_json::{Value, json};
use streamcat_operator::api::{StreamerAccount, USER_ID_ANNOTATION};
use testbed::{Tenant, wait};

use crate::support::{
    TIMEOUT, accounts, annotate, arns, count, create, delete, edit, gone, quick, ready, tenant,
};

/// Runs a command. Returns its exit code and its output.
async fn run(tenant: &Tenant, arguments: &[&str]) -> (Option<i32>, String) {
    let (status, output) = tenant.controller().run(arguments).await.unwrap();
    (status.code(), output)
}

/// Changes a member of the only resource in a list of the simulator.
fn change(tenant: &Tenant, list: &str, member: &str, value: Value) {
    let mut state = tenant.simulator().state();
    state[list][0][member] = value;
    tenant.simulator().load_state(state).unwrap();
}

#[tokio::test]
async fn diff_prints_what_differs_and_exits_with_1() {
    let tenant = tenant("diff").await;
    let mut controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({ "channel": { "latencyMode": "NORMAL" }, "tags": { "team": "a" } })).await;
    ready(&tenant, "todd").await;
    let todd = format!("{}/todd", tenant.namespace());
    assert_eq!(run(&tenant, &["diff", &todd]).await, (Some(0), String::new()));

    assert!(controller.terminate().await.success());
    change(&tenant, "channels", "latencyMode", json!("LOW"));
    change(&tenant, "rooms", "name", json!("renamed"));
    edit(&tenant, "todd", json!({ "tags": { "team": "b" } })).await;
    let (code, output) = run(&tenant, &["diff", "--namespace", tenant.namespace(), "todd"]).await;
    let rows: Vec<Vec<&str>> =
        output.lines().map(|line| line.split("   ").map(str::trim).collect()).collect();
    let rows: Vec<Vec<&str>> =
        rows.into_iter().map(|row| row.into_iter().filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(code, Some(1), "{output}");
    assert_eq!(rows[0], ["ACCOUNT", "RESOURCE", "FIELD", "AWS", "SPEC"]);
    for row in [
        ["channel", "latencyMode", "LOW", "NORMAL"],
        ["channel", "tag team", "a", "b"],
        ["chat room", "name", "renamed", "todd"],
        ["chat room", "tag team", "a", "b"],
        ["stage", "tag team", "a", "b"],
    ] {
        assert!(rows.iter().any(|found| found[0] == todd && found[1..] == row), "{row:?} in\n{output}");
    }
    assert_eq!(rows.len(), 6, "{output}");

    let (code, output) = run(&tenant, &["diff", "--namespace", tenant.namespace(), "ann"]).await;
    assert!(code == Some(2) && output.contains("not found"), "{code:?} {output}");
}

#[tokio::test]
async fn export_prints_manifests_that_restore_the_accounts_of_registered_people() {
    let tenant = tenant("export").await;
    let mut controller = quick(&tenant).start().await;
    let registration = tenant.registration().start().await;
    for username in ["Todd", "ann"] {
        testbed::load_generator::register(format!("{}/register", registration.url()), username.into()).await;
    }
    create(&tenant, "kubectl", json!({})).await;
    let before = [ready(&tenant, "todd").await, ready(&tenant, "ann").await];
    ready(&tenant, "kubectl").await;

    let (code, output) = run(&tenant, &["export"]).await;
    assert_eq!(code, Some(0), "{output}");
    let documents: Vec<Value> = output
        .split("---\n")
        .filter(|document| !document.trim().is_empty())
        .map(|document| serde_yaml::from_str(document).unwrap())
        .collect();
    let names: Vec<_> =
        documents.iter().map(|document| document["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ann", "todd"]);
    assert_eq!(documents[1]["spec"], json!({ "username": "Todd" }));
    assert_eq!(documents[1]["kind"], "StreamerAccount");
    let annotations = documents[1]["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations.keys().collect::<Vec<_>>(), [USER_ID_ANNOTATION]);

    // The cluster is lost, and restored from the manifests.
    assert!(controller.terminate().await.success());
    for name in ["todd", "ann"] {
        let strip = ["patch", "streamer", name, "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#];
        assert!(tenant.kubectl(&strip).await.success);
        delete(&tenant, name).await;
        gone(&tenant, name).await;
    }
    for document in documents {
        let account: StreamerAccount = serde_json::from_value(document).unwrap();
        accounts(&tenant).create(&kube::api::PostParams::default(), &account).await.unwrap();
    }
    let _controller = quick(&tenant).start().await;
    let after = [ready(&tenant, "todd").await, ready(&tenant, "ann").await];
    assert_eq!(before.each_ref().map(arns), after.each_ref().map(arns));
}

/// Waits until this number of resources is on the orphan list.
async fn until_orphans(tenant: &Tenant, number: i64) {
    wait::until(format!("{number} orphans"), TIMEOUT, || async {
        let found = count(tenant, "select count(*) from orphans").await;
        if found == number { Ok(()) } else { Err(found.to_string()) }
    })
    .await
    .unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn orphans_are_deleted_unless_a_record_names_them_or_they_are_in_use() {
    let tenant = tenant("orphans-deleted").await;
    let mut controller = quick(&tenant).start().await;
    create(&tenant, "todd", json!({})).await;
    create(&tenant, "ann", json!({})).await;
    let [todd, ann] =
        [ready(&tenant, "todd").await, ready(&tenant, "ann").await].map(|account| arns(&account));
    tenant.simulator().fault(ivs_simulator::Fault::error("Delete*", 403, "AccessDeniedException").every(1));
    delete(&tenant, "todd").await;
    annotate(&tenant, "todd", "streamcat.dev/abandon=true").await;
    gone(&tenant, "todd").await;
    until_orphans(&tenant, 3).await;
    tenant.simulator().clear_faults();

    let (code, output) = run(&tenant, &["orphans", "delete", "--older-than", "1h"]).await;
    assert!(code == Some(0) && output.contains("nothing to delete"), "{code:?} {output}");
    let (code, output) = run(&tenant, &["orphans", "delete", "--older-than", "0s"]).await;
    assert!(code == Some(2) && output.contains("--yes"), "{code:?} {output}");
    let (code, output) = run(&tenant, &["orphans", "delete", "--older-than", "0s", "--dry-run"]).await;
    assert!(code == Some(0) && output.contains("3 resources would be checked again"), "{code:?} {output}");
    assert_eq!(tenant.simulator().state()["channels"].as_array().unwrap().len(), 2);

    // A wrong entry, which a resync would remove, and a channel that is live.
    assert!(controller.terminate().await.success());
    let wrong = "insert into orphans (kind, arn, account_namespace, account_name, reason)
                 values ('channel', $1, $2, 'ann', 'unowned')";
    let wrong = sqlx::query(wrong).bind(&ann[0]).bind(tenant.namespace());
    wrong.execute(&tenant.pool()).await.unwrap();
    assert!(tenant.simulator().set_live(&todd[0]));
    let (code, output) = run(&tenant, &["orphans", "delete", "--older-than", "0s", "--yes"]).await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains(&format!("{}: kept: it is in use", todd[0])), "{output}");
    assert!(output.contains(&format!("{}: deleted", todd[1])), "{output}");
    assert!(output.contains(&format!("{}: deleted", todd[2])), "{output}");
    assert!(output.contains(&format!("{}: kept: ", ann[0])), "{output}");
    let state = tenant.simulator().state();
    let number = |list: &str| state[list].as_array().unwrap().len();
    assert_eq!((number("channels"), number("rooms"), number("stages")), (2, 1, 1));
    ready(&tenant, "ann").await;
}
