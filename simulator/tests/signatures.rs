//! The verification of signatures by a simulator with credentials.

mod support;

use aws_sdk_ivs::config::Credentials;
use ivs_simulator::{Builder, Simulator};
use support::{Aws, call, code, send, signed};

/// Returns a builder with the credentials that the SDKs in the tests use.
fn with_keys() -> Builder {
    Simulator::builder().keys("AKIAEXAMPLE", "secret")
}

#[tokio::test]
async fn sdk_signatures_are_accepted() {
    let aws = Aws::with(with_keys()).await;
    let (arn, _) = aws.channel("todd").await;
    let room = aws.room("todd").await;
    let stage = aws.stage("todd").await;
    // The encoded ARN is in the path, and the tag keys are in the query.
    aws.ivs.tag_resource().resource_arn(&arn).tags("a b/ü", "1").send().await.expect("tagged");
    aws.ivs
        .untag_resource()
        .resource_arn(&arn)
        .tag_keys("a b/ü")
        .tag_keys("z+")
        .send()
        .await
        .expect("untagged");
    aws.chat
        .untag_resource()
        .resource_arn(&room)
        .tag_keys("a&b=c")
        .tag_keys("*~'")
        .send()
        .await
        .expect("untagged");
    aws.chat.list_tags_for_resource().resource_arn(&room).send().await.expect("tags");
    aws.realtime.list_tags_for_resource().resource_arn(&stage).send().await.expect("tags");
}

#[tokio::test]
async fn a_wrong_secret_or_access_key_is_rejected() {
    let aws = Aws::with(with_keys()).await;
    let with = |key: &str, secret: &str| {
        let config = aws.ivs.config().to_builder();
        let credentials = Credentials::new(key, secret, None, None, "tests");
        aws_sdk_ivs::Client::from_conf(config.credentials_provider(credentials).build())
    };
    let list = with("AKIAEXAMPLE", "guess").list_channels().send().await;
    assert_eq!(code(list), "InvalidSignatureException");
    assert_eq!(code(with("OTHER", "secret").list_channels().send().await), "UnrecognizedClientException");
    with("AKIAEXAMPLE", "secret").list_channels().send().await.expect("a list");
    let calls = aws.simulator.calls();
    assert_eq!(calls.iter().map(|call| call.status).collect::<Vec<_>>(), [403, 403, 200]);
}

#[tokio::test]
async fn an_invalid_signature_is_rejected() {
    let simulator = with_keys().start().await.expect("the simulator starts");
    let address = simulator.addr();
    assert_eq!(
        call(address, "ListChannels", "{}").code(),
        "IncompleteSignatureException",
        "the date is missing"
    );
    let at = |date: &str| {
        let date = format!("X-Amz-Date: {date}");
        send(address, "POST", "/ListChannels", &[&signed("ivs"), &date], "{}")
    };
    let old = at("20260101T000000Z");
    assert!(old.code() == "InvalidSignatureException" && old.body.contains("Signature expired"), "{old:?}");
    assert_eq!(at("20260102T000000Z").code(), "InvalidSignatureException", "the scope has another date");
    assert_eq!(at("yesterday").code(), "IncompleteSignatureException");
    let presigned =
        send(address, "POST", "/ListChannels?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0f", &[], "");
    assert!(presigned.status == 403 && presigned.body.contains("presigned"), "{presigned:?}");
}
