//! The admin API and the journal, over HTTP and through the Rust API.

mod support;

use serde_json::{Value, json};
use support::{Aws, admin, code};

fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}

#[tokio::test]
async fn every_call_is_recorded_in_the_journal() {
    let aws = Aws::start().await;
    let (channel, _) = aws.channel("todd").await;
    aws.ivs.get_channel().arn(&channel).send().await.expect("it");
    let room = aws.room("anna").await;
    assert_eq!(code(aws.ivs.get_channel().arn("x").send().await), "ValidationException");
    aws.ivs.untag_resource().resource_arn(&channel).tag_keys("a").send().await.expect("removed");

    let calls = aws.simulator.calls();
    assert_eq!(calls.iter().map(|call| call.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let create = &calls[0];
    assert_eq!(
        (create.operation.as_str(), create.resource.as_deref(), create.status),
        ("CreateChannel", Some("todd"), 200)
    );
    assert_eq!((create.created.as_ref(), &create.request), (Some(&channel), &json!({"name": "todd"})));
    assert!(Some(create.arrived) <= create.effected && create.effected <= create.answered);
    assert_eq!((calls[1].resource.as_ref(), calls[1].name.as_deref()), (Some(&channel), Some("todd")));
    assert_eq!(
        (calls[3].status, calls[3].error.as_deref(), calls[3].effected),
        (400, Some("ValidationException"), None)
    );
    assert_eq!(calls[4].request, json!({"resourceArn": channel, "tagKeys": ["a"]}));

    let address = aws.simulator.addr();
    let seqs = |query: &str| {
        let calls = admin(address, "GET", &format!("/calls{query}"), "").json()["calls"].clone();
        calls.as_array().expect("calls").iter().filter_map(|call| call["seq"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(seqs("?operation=GetChannel"), [2, 4]);
    assert_eq!(seqs(&format!("?resource={}", encoded(&channel))), [1, 2, 5]);
    assert_eq!(seqs("?resource=todd"), [1, 2, 5]);
    assert_eq!(seqs(&format!("?resource={}", encoded(&room))), [3]);
    assert_eq!(seqs("?after=4"), [5]);
    assert_eq!(admin(address, "GET", "/calls?after=x", "").status, 400);
    let call = admin(address, "GET", "/calls?after=4", "").json()["calls"][0].clone();
    assert!(
        call["arrivedMicros"].is_u64() && call["effectedMicros"].is_u64() && call["answeredMicros"].is_u64(),
        "{call}"
    );
    assert_eq!((&call["attempt"], &call["error"]), (&json!(1), &Value::Null));

    assert_eq!(admin(address, "DELETE", "/calls", "").status, 204);
    assert!(aws.simulator.calls().is_empty());
    aws.room("anna").await;
    assert_eq!(seqs(""), [6], "numbers are not reused");
}

#[tokio::test]
async fn the_journal_contains_no_stream_key() {
    let aws = Aws::start().await;
    let made = aws.ivs.create_channel().send().await.expect("a channel");
    let value = made.stream_key().and_then(|key| key.value()).expect("a value");
    aws.ivs
        .get_stream_key()
        .arn(made.stream_key().and_then(|key| key.arn()).expect("an ARN"))
        .send()
        .await
        .expect("it");
    let address = aws.simulator.addr();
    assert!(!admin(address, "GET", "/calls", "").body.contains(value));
    assert!(!admin(address, "GET", "", "").body.contains(value));
    assert!(admin(address, "GET", "/state", "").body.contains(value));
}

#[tokio::test]
async fn channels_go_live_over_http() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    let address = aws.simulator.addr();
    let path = format!("/channels/{}/live", encoded(&arn));
    let live = admin(address, "POST", &path, "");
    assert_eq!((live.status, live.json()), (200, json!({"arn": arn, "live": true})));
    assert!(aws.simulator.is_live(&arn));
    assert_eq!(admin(address, "DELETE", &path, "").status, 200);
    assert!(!aws.simulator.is_live(&arn));
    assert_eq!(
        admin(address, "POST", &format!("/channels/{arn}/live"), "").status,
        200,
        "also with an ARN that is not encoded"
    );
    let gone = admin(
        address,
        "POST",
        "/channels/arn%3Aaws%3Aivs%3Aus-west-2%3A123456789012%3Achannel%2Fgone/live",
        "",
    );
    assert!(gone.status == 404 && gone.json()["message"].is_string(), "{gone:?}");
    assert_eq!(admin(address, "POST", "/channels/x", "").status, 404);
}

#[tokio::test]
async fn a_body_that_is_not_an_object_is_rejected_in_one_line() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    let live = format!("/channels/{}/live", encoded(&arn));
    for (method, path) in [
        ("POST", "/faults"),
        ("PUT", "/state"),
        ("PATCH", "/settings"),
        ("POST", "/clock"),
        ("POST", &live),
        ("POST", "/stages/x/sessions"),
    ] {
        for body in ["garbage", "[]", "5", "\u{0}"] {
            let answer = admin(aws.simulator.addr(), method, path, body);
            let message = answer.json()["message"].as_str().map(str::to_owned);
            let message = message.filter(|message| !message.is_empty() && !message.contains('\n'));
            assert!(answer.status == 400 && message.is_some(), "{method} {path} {body}: {answer:?}");
        }
    }
    assert!(!aws.simulator.is_live(&arn));
    assert_eq!(aws.simulator.counts().channels, 1);
}

#[tokio::test]
async fn a_path_that_is_not_utf8_is_rejected_in_json() {
    let aws = Aws::start().await;
    for (method, path) in
        [("DELETE", "/resources/%ff"), ("POST", "/channels/%ff/live"), ("DELETE", "/faults/%ff")]
    {
        let answer = admin(aws.simulator.addr(), method, path, "");
        assert!(answer.status == 400 && answer.json()["message"].is_string(), "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn the_state_contains_all_resources() {
    let aws = Aws::start().await;
    aws.ivs.create_channel().name("todd").tags("a", "b").send().await.expect("a channel");
    let room = aws.room("todd").await;
    let stage = aws.stage("todd").await;
    let dump = aws.simulator.state();
    assert_eq!(admin(aws.simulator.addr(), "GET", "/state", "").json(), dump);
    assert_eq!((&dump["region"], &dump["account"]), (&json!("us-west-2"), &json!("123456789012")));
    assert_eq!(
        (&dump["channels"][0]["tags"]["a"], &dump["channels"][0]["live"]),
        (&json!("b"), &json!(false))
    );
    assert_eq!(dump["streamKeys"][0]["channelArn"], dump["channels"][0]["arn"]);
    assert_eq!((&dump["rooms"][0]["arn"], &dump["stages"][0]["arn"]), (&json!(room), &json!(stage)));
}

#[tokio::test]
async fn a_change_in_the_console_records_no_call() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    let room = aws.room("todd").await;
    let stage = aws.stage("todd").await;
    aws.simulator.set_live(&arn);
    aws.simulator.clear_calls();
    assert!(aws.simulator.set_tag(&stage, "a", "b"));
    assert_eq!(aws.simulator.state()["stages"][0]["tags"]["a"], "b");
    assert!(aws.simulator.remove(&arn) && !aws.simulator.remove(&arn) && aws.simulator.remove(&stage));
    let address = aws.simulator.addr();
    assert_eq!(admin(address, "DELETE", &format!("/resources/{}", encoded(&room)), "").status, 204);
    assert_eq!(admin(address, "DELETE", &format!("/resources/{}", encoded(&room)), "").status, 404);
    assert_eq!(aws.simulator.counts(), ivs_simulator::Counts::default());
    assert!(aws.simulator.calls().is_empty());
}

#[tokio::test]
async fn the_dashboard_shows_resources_and_calls() {
    let aws = Aws::start().await;
    let made = aws.ivs.create_channel().name("todd").tags("colour", "blue").send().await.expect("a channel");
    let arn = made.channel().and_then(|channel| channel.arn()).expect("an ARN");
    aws.simulator.set_live(arn);
    let page = admin(aws.simulator.addr(), "GET", "", "");
    assert_eq!(page.status, 200);
    for text in [arn, ">LIVE<", "colour = blue", "CreateChannel", "Chat rooms: 0", "/_simulator/calls"] {
        assert!(page.body.contains(text), "{text} is not in\n{}", page.body);
    }
}

#[tokio::test]
async fn concurrent_calls_overlap() {
    let aws =
        Aws::with(ivs_simulator::Simulator::builder().latency(std::time::Duration::from_millis(200))).await;
    tokio::join!(aws.channel("todd"), aws.room("todd"), aws.stage("todd"));
    aws.room("todd").await;
    let calls = aws.simulator.calls();
    assert!(calls[0].overlaps(&calls[1]) && calls[1].overlaps(&calls[2]) && calls[2].overlaps(&calls[0]));
    assert!(!calls[0].overlaps(&calls[3]));
}
