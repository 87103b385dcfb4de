//! Every field of every kind, with every edge value in the CRD's schema, through the real SDK.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ivs::config::Credentials;
use axum::{Json, Router, body::Bytes, extract::State};
use ivs_simulator::Simulator;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::super::{Budgets, Caller, Channels, ChatRooms, Kind, Stages, Tags, changes};
use crate::{
    api::{self, ChannelSpec},
    telemetry::Metrics,
};

type Bodies = Arc<Mutex<Vec<Value>>>;

/// Starts a listener that keeps the bodies of requests, and answers each Create and Update with the settings
/// in its body.
async fn fake_ivs() -> (String, Bodies) {
    async fn keep(State(bodies): State<Bodies>, body: Bytes) -> Json<Value> {
        let body: Value = serde_json::from_slice(&body).expect("a body of JSON, as long as its header says");
        bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body.clone());
        let mut resource = settings(body);
        resource["arn"] = json!("a");
        let mut answer = resource.clone();
        answer["channel"] = resource.clone();
        answer["stage"] = resource;
        Json(answer)
    }
    let bodies = Bodies::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(keep).with_state(Arc::clone(&bodies));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, bodies)
}

async fn config(url: &str) -> SdkConfig {
    let anyone = Credentials::new("x", "x", None, None, "tests");
    let config = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(url);
    config.region(Region::new("us-west-2")).credentials_provider(anyone).load().await
}

fn caller() -> Arc<Caller> {
    let budgets = Budgets::new(NonZeroU32::MAX);
    Arc::new(Caller::new(budgets, Metrics::default(), CancellationToken::new()))
}

/// Returns the schema of one kind's settings.
fn schema(name: &str) -> JSONSchemaProps {
    let version = api::crds().remove(0).spec.versions.remove(0);
    let whole = version.schema.and_then(|schema| schema.open_api_v3_schema).expect("a schema");
    let spec = whole.properties.expect("properties").remove("spec").expect("a spec");
    spec.properties.expect("properties").remove(name).expect("the kind's settings")
}

/// Returns the edge values of a schema. For an object: each edge value of each member alone, then the first
/// edge values of all members together, then the second, and so on.
fn edges(schema: &JSONSchemaProps) -> Vec<Value> {
    if let Some(words) = &schema.enum_ {
        return words.iter().map(|word| word.0.clone()).filter(|word| !word.is_null()).collect();
    }
    match schema.type_.as_deref() {
        Some("boolean") => vec![json!(false), json!(true)],
        Some("integer") => {
            let limits = [schema.minimum, schema.maximum].into_iter().flatten();
            #[expect(clippy::cast_possible_truncation, reason = "limits of integers are integers")]
            let mut limits: Vec<_> = limits.map(|limit| limit as i64).collect();
            limits.insert(0, 0);
            limits.dedup();
            limits.into_iter().map(|limit| json!(limit)).collect()
        }
        Some("string") => vec![json!(""), json!("x")],
        Some("array") => {
            let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items else { panic!("no items") };
            let each = edges(items);
            let one = each.iter().map(|item| json!([item]));
            [json!([])].into_iter().chain(one).chain([json!(each)]).collect()
        }
        Some("object") => objects(schema),
        other => panic!("unexpected type: {other:?}"),
    }
}

fn objects(schema: &JSONSchemaProps) -> Vec<Value> {
    let members: Vec<_> = schema.properties.iter().flatten().map(|(name, of)| (name, edges(of))).collect();
    let is_required = |name: &String| schema.required.iter().flatten().any(|required| required == name);
    let required = |(name, values): &(&String, Vec<Value>)| {
        is_required(name).then(|| ((*name).clone(), values[0].clone()))
    };
    let least: serde_json::Map<_, _> = members.iter().filter_map(required).collect();
    let single = members.iter().flat_map(|(name, values)| {
        values.iter().map(|value| {
            let mut object = least.clone();
            object.insert((*name).clone(), value.clone());
            Value::Object(object)
        })
    });
    let most = members.iter().map(|(_, values)| values.len()).max().unwrap_or_default();
    let together = (0..most).map(|nth| {
        let pick = |(name, values): &(&String, Vec<Value>)| {
            ((*name).clone(), values.get(nth).or(values.last()).cloned().unwrap_or_default())
        };
        Value::Object(members.iter().map(pick).collect())
    });
    [Value::Object(least.clone())].into_iter().chain(single).chain(together).collect()
}

/// Returns the settings in a body: all members except those that identify the resource.
fn settings(mut body: Value) -> Value {
    let members = body.as_object_mut().expect("an object");
    members.retain(|name, _| !["name", "tags", "arn", "identifier"].contains(&name.as_str()));
    body
}

async fn check<K: Kind>(kind: K, bodies: &Bodies, name: &str) {
    let tags = Tags::from([("team".to_owned(), "blue".to_owned())]);
    let (cases, mut wrong) = (edges(&schema(name)), Vec::new());
    assert!(cases.len() > 10, "{} cases", cases.len());
    for case in &cases {
        let asked: K::Settings = serde_json::from_value(case.clone()).expect("settings");
        let answers = [
            ("Create", kind.create("todd", &asked, &tags).await.expect("created").properties.settings),
            ("Update", kind.update("a", None, &asked).await.expect("updated").settings),
        ];
        let sent = std::mem::take(&mut *bodies.lock().unwrap_or_else(PoisonError::into_inner));
        let [created, updated] = <[Value; 2]>::try_from(sent).expect("two requests");
        assert_eq!((&created["name"], &created["tags"]), (&json!("todd"), &json!({ "team": "blue" })));
        for (operation, body) in [("Create", settings(created)), ("Update", settings(updated))] {
            if body != *case {
                wrong.push(format!("{operation} {name}: asked {case}\n   sent {body}"));
            }
        }
        for (operation, live) in answers {
            if changes(K::KIND, &asked, &live).is_some() {
                wrong.push(format!("{operation} {name}: AWS shows {case}\n   compared with {live}"));
            }
        }
    }
    assert!(wrong.is_empty(), "of {} cases:\n{}", cases.len(), wrong.join("\n"));
}

#[tokio::test]
async fn every_channel_setting_is_sent_and_compared() {
    let (url, bodies) = fake_ivs().await;
    check(Channels::new(&config(&url).await, caller()), &bodies, "channel").await;
}

#[tokio::test]
async fn every_chat_room_setting_is_sent_and_compared() {
    let (url, bodies) = fake_ivs().await;
    check(ChatRooms::new(&config(&url).await, caller()), &bodies, "chatRoom").await;
}

#[tokio::test]
async fn every_stage_setting_is_sent_and_compared() {
    let (url, bodies) = fake_ivs().await;
    check(Stages::new(&config(&url).await, caller()), &bodies, "stage").await;
}

/// The signature covers the completed body: AWS would refuse the request otherwise.
#[tokio::test]
async fn a_completed_request_is_signed() {
    let simulator = Simulator::builder().keys("x", "x").start().await.expect("a simulator");
    let channels = Channels::new(&config(&simulator.url()).await, caller());
    let off = api::MultitrackInputConfiguration { enabled: Some(false), ..Default::default() };
    let asked = ChannelSpec { multitrack_input_configuration: Some(off), ..ChannelSpec::default() };
    let made = channels.create("todd", &asked, &Tags::new()).await.expect("created");
    assert_eq!(made.properties.settings["multitrackInputConfiguration"]["enabled"], false);
    channels.update(&made.status.arn, None, &asked).await.expect("updated");
    let sent = simulator.calls();
    assert!(sent.iter().all(|call| call.request["multitrackInputConfiguration"]["enabled"] == false));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_not_sent() {
    let (url, bodies) = fake_ivs().await;
    let client = aws_sdk_ivs::Client::new(&config(&url).await);
    let spoil = |request: &mut super::HttpRequest| *request.body_mut() = "{".into();
    let request = client.update_channel().arn("a").customize().mutate_request(spoil);
    let answer = request.map_request(super::completion(&json!({ "authorized": false }))).send();
    let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.expect("an end");
    assert!(answer.is_err() && bodies.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
}
