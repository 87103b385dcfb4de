//! Limits: the rate and the number of new accounts, and slow clients.

use k8s_openapi::api::core::v1::ResourceQuota;
use kube::{Api, ResourceExt, api::DynamicObject};
use serde_json::Value;
use testbed::{Operator, Tenant, http, wait};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    registration::{PASSWORD, post, registered_counts, submit},
    support::{TIMEOUT, accounts, count, delete, gone, tenant},
};

async fn metric(registration: &Operator, line: &str) -> bool {
    let text = http::get(&format!("{}/metrics", registration.admin_url())).await.unwrap().body;
    text.lines().any(|found| found == line)
}

#[tokio::test]
async fn the_registration_rate_limits_new_users_but_not_returning_ones() {
    let tenant = tenant("rate").await;
    let registration = tenant.registration().env("STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE", "1").start().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 201);
    let (json, form) =
        (post(&registration, "todd", PASSWORD).await, submit(&registration, "zoe", PASSWORD).await);
    assert_eq!(json.json().unwrap()["type"], "urn:streamcat:problem:registration-rate-exceeded");
    for answer in [&json, &form] {
        assert_eq!(answer.status, 503, "{}", answer.body);
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=61).contains(&seconds), "{seconds}");
        assert!(answer.body.contains("Too many people are registering"), "{}", answer.body);
    }
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 200);
    assert_eq!(post(&registration, "mary", "another horse battery").await.status, 409);
    assert_eq!(registered_counts(&tenant).await, (1, 1));
    assert!(metric(&registration, r#"streamcat_requests_rejected_total{reason="signup_rate"} 2"#).await);
    // One hash and two verifications for Mary, and none for the rejected registrations.
    assert!(metric(&registration, "streamcat_password_hash_seconds_count 3").await);
}

/// Applies the chart's quota of this many accounts and waits until it is in force.
async fn with_quota(tenant: &Tenant, accounts: u32) -> DynamicObject {
    let testbed = tenant.testbed();
    let (chart, namespace) = (testbed.chart().display().to_string(), tenant.namespace());
    let (place, quota) =
        (format!("registration.namespace={namespace}"), format!("registration.quota={accounts}"));
    let values = ["aws.region=eu-west-1", "database.existingSecret.name=database", &place, &quota];
    let mut arguments = vec!["try", chart.as_str(), "--namespace", "home"];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    let objects = testbed.helm_template(&arguments).await.unwrap_or_else(|error| panic!("{error:?}"));
    let is_quota =
        |object: &DynamicObject| object.types.as_ref().is_some_and(|types| types.kind == "ResourceQuota");
    let quota = objects.into_iter().find(is_quota).expect("a quota");
    assert_eq!(quota.namespace().as_deref(), Some(namespace));
    testbed.apply(std::slice::from_ref(&quota), namespace).await.unwrap();
    let api: Api<ResourceQuota> = Api::namespaced(tenant.kube(), namespace);
    let in_force = wait::until("the quota is in force", TIMEOUT, || async {
        let found = api.get(&quota.name_any()).await.map_err(|error| error.to_string())?;
        let hard = found.status.and_then(|status| status.hard).unwrap_or_default();
        if hard.is_empty() { Err(format!("{hard:?}")) } else { Ok(()) }
    });
    in_force.await.unwrap_or_else(|error| panic!("{error:?}"));
    quota
}

#[tokio::test]
async fn a_registration_over_quota_is_rejected_and_leaves_nothing() {
    let tenant = tenant("quota").await;
    let _controller = tenant.controller().start().await;
    with_quota(&tenant, 1).await;
    let registration = tenant.registration().start().await;
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 201);

    let answer = post(&registration, "todd", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("300")), "{}", answer.body);
    assert_eq!(answer.json().unwrap()["type"], "urn:streamcat:problem:capacity-reached");
    assert!(!answer.body.contains("quota"), "{}", answer.body);
    assert_eq!(submit(&registration, "todd", PASSWORD).await.status, 503);
    assert_eq!(registered_counts(&tenant).await, (1, 1));
    let open = "select count(*) from registrations where completed_at is null";
    assert_eq!(count(&tenant, open).await, 0, "no registration is pending");
    let taken_back = "select count(*) from audit_log where event = 'registration_rolled_back'";
    assert_eq!(count(&tenant, taken_back).await, 2);
    assert!(metric(&registration, r#"streamcat_requests_rejected_total{reason="quota"} 2"#).await);
    assert!(metric(&registration, r#"streamcat_registrations_total{outcome="quota_exceeded"} 2"#).await);

    // Existing users are unaffected, and a deletion frees quota.
    assert_eq!(post(&registration, "mary", PASSWORD).await.status, 200);
    delete(&tenant, "mary").await;
    gone(&tenant, "mary").await;
    let room = wait::until("the quota allows Todd", TIMEOUT, || async {
        let answer = post(&registration, "todd", PASSWORD).await;
        if answer.status == 201 { Ok(()) } else { Err(answer.body) }
    });
    room.await.unwrap_or_else(|error| panic!("{error:?}"));
}

#[tokio::test]
async fn concurrent_registrations_do_not_exceed_the_quota() {
    let tenant = tenant("quota-race").await;
    with_quota(&tenant, 3).await;
    let registration = tenant.registration().start().await;
    let names: Vec<_> = (0..8).map(|number| format!("user{number}")).collect();
    let answers =
        futures::future::join_all(names.iter().map(|name| post(&registration, name, PASSWORD))).await;
    assert!(answers.iter().all(|answer| [201, 202, 503].contains(&answer.status.as_u16())), "{answers:?}");
    let seen = wait::until("three have an account", TIMEOUT, || async {
        let names = accounts(&tenant).list(&kube::api::ListParams::default()).await.unwrap().items;
        names.len() == 3
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert!(made <= 3, "{answers:?}");
}

/// Opens a connection and sends this much of a request.
pub async fn connect(registration: &Operator, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(registration.url().trim_start_matches("http://")).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_slow_client_is_disconnected_and_blocks_nobody() {
    let tenant = tenant("slow").await;
    let registration = tenant
        .registration()
        .env("STREAMCAT_MAX_CONNECTIONS", "4")
        .env("STREAMCAT_MAX_CONNECTIONS_PER_IP", "9")
        .env("STREAMCAT_REQUEST_TIMEOUT", "500ms")
        .start()
        .await;
    let form = "POST /register HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nuser";
    let sent = ["", "GET /register HTTP/1.1\r\nHo", form, form];
    let mut slow = Vec::new();
    for sent in sent {
        slow.push(connect(&registration, sent).await);
    }
    // All four slots are in use: new connections are rejected until the slow ones are closed.
    let served = wait::until("Mary is registered", TIMEOUT, || async {
        let answer = post(&registration, "mary", PASSWORD).await;
        let is_rejected = answer.status == 503 && answer.header("retry-after").is_some();
        assert!(is_rejected || answer.status == 201, "{answer:?}");
        answer.status == 201
    });
    served.await.unwrap_or_else(|error| panic!("{error:?}"));
    for (mut stream, sent) in slow.into_iter().zip(sent) {
        let mut answer = String::new();
        // The connection must close.
        let read = tokio::time::timeout(TIMEOUT, stream.read_to_string(&mut answer)).await.expect(sent);
        drop(read);
        assert_eq!(answer.starts_with("HTTP/1.1 408 "), sent == form, "{sent:?}: {answer}");
    }
    let health = http::get(&format!("{}/healthz", registration.admin_url())).await.unwrap();
    assert_eq!(health.status, 200);
}

#[tokio::test]
async fn metrics_count_requests_without_usernames() {
    let tenant = tenant("registration-metrics").await;
    let registration = tenant.registration().start().await;
    assert_eq!(submit(&registration, "mary", PASSWORD).await.status, 303);
    assert_eq!(submit(&registration, "mary", "another horse battery").await.status, 409);
    assert_eq!(submit(&registration, "to dd", PASSWORD).await.status, 422);
    let sign_in = format!("{}/sign-in", registration.url());
    for password in [PASSWORD, "wrong_password"] {
        http::post_form(&sign_in, &[("username", "mary"), ("password", password)]).await.unwrap();
    }
    for page in ["/accounts/mary", "/accounts/nobody_at_all", "/nowhere"] {
        http::get(&format!("{}{page}", registration.url())).await.unwrap();
    }
    let text = http::get(&format!("{}/metrics", registration.admin_url())).await.unwrap().body;
    for line in [
        r#"streamcat_registrations_total{outcome="created"} 1"#,
        r#"streamcat_registrations_total{outcome="username_taken"} 1"#,
        r#"streamcat_registrations_total{outcome="invalid"} 1"#,
        r#"streamcat_sign_ins_total{outcome="signed_in"} 1"#,
        r#"streamcat_sign_ins_total{outcome="wrong_password"} 1"#,
        "streamcat_password_hash_seconds_count 4",
        "streamcat_password_hash_running 0",
        "streamcat_password_hash_queued 0",
        r#"streamcat_http_request_duration_seconds_count{method="POST",route="/register",status="303"} 1"#,
        r#"streamcat_http_request_duration_seconds_count{method="GET",route="/accounts/{username}",status="200"} 1"#,
        r#"streamcat_http_request_duration_seconds_count{method="GET",route="/accounts/{username}",status="404"} 1"#,
        r#"streamcat_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains("mary") && !text.contains("nobody_at_all") && !text.contains("127.0.0.1"),
        "{text}"
    );
}

#[tokio::test]
async fn pending_registrations_are_counted() {
    let tenant = tenant("pending").await;
    let insert = "with u as (
        insert into users (username, password_hash, account_namespace, account_name)
        values ('mary', 'hash', 'nowhere', 'mary') returning id)
      insert into registrations (user_id, due_at) select id, now() + interval '1 hour' from u";
    sqlx::query(insert).execute(&tenant.pool()).await.unwrap();
    let registration = tenant.registration().start().await;
    let seen = wait::until("one is pending", TIMEOUT, || async {
        metric(&registration, "streamcat_pending_registrations 1").await
    });
    seen.await.unwrap_or_else(|error| panic!("{error:?}"));
}

/// The chart divides the limit among the pods.
#[tokio::test]
async fn the_pods_share_the_registration_rate() {
    let testbed = crate::support::operator_under_test().await;
    let chart = testbed.chart().display().to_string();
    for (replicas, each) in [("1", "300"), ("2", "150"), ("7", "42"), ("0", "300"), ("1000", "1")] {
        let replicas = format!("registration.replicas={replicas}");
        let values = ["aws.region=eu-west-1", "database.existingSecret.name=database", &replicas];
        let mut arguments = vec!["try", chart.as_str()];
        arguments.extend(values.iter().flat_map(|value| ["--set", value]));
        let objects = testbed.helm_template(&arguments).await.unwrap_or_else(|error| panic!("{error:?}"));
        let variable = objects.iter().find_map(|object| {
            let variables = object.data["spec"]["template"]["spec"]["containers"][0]["env"].as_array()?;
            let named = |variable: &&Value| variable["name"] == "STREAMCAT_MAX_REGISTRATIONS_PER_MINUTE";
            variables.iter().find(named).map(|variable| variable["value"].clone())
        });
        assert_eq!(variable.expect("the registration"), each, "{replicas}");
    }
}
