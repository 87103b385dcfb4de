//! Tags on all kinds of resources.

mod support;

use support::{Aws, code, send, signed};

#[tokio::test]
async fn tags_are_set_listed_and_removed_on_every_kind() {
    let aws = Aws::start().await;
    let (channel, key) = aws.channel("todd").await;
    for arn in [&channel, &key] {
        aws.ivs
            .tag_resource()
            .resource_arn(arn)
            .tags("streamcat.dev/user", "1")
            .tags("x", "")
            .send()
            .await
            .expect("set");
        aws.ivs
            .untag_resource()
            .resource_arn(arn)
            .tag_keys("x")
            .tag_keys("none")
            .send()
            .await
            .expect("removed");
        let tags = aws.ivs.list_tags_for_resource().resource_arn(arn).send().await.expect("a list").tags;
        assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("streamcat.dev/user".to_owned(), "1".to_owned())]);
    }
    let room = aws.room("todd").await;
    aws.chat.tag_resource().resource_arn(&room).tags("a b*", "1").tags("x", "").send().await.expect("set");
    aws.chat.untag_resource().resource_arn(&room).tag_keys("x").send().await.expect("removed");
    let tags = aws.chat.list_tags_for_resource().resource_arn(&room).send().await.expect("a list").tags;
    assert_eq!(tags["a b*"], "1");
    let stage = aws.stage("todd").await;
    aws.realtime.tag_resource().resource_arn(&stage).tags("a", "1").tags("x", "").send().await.expect("set");
    aws.realtime.untag_resource().resource_arn(&stage).tag_keys("x").send().await.expect("removed");
    let tags = aws.realtime.list_tags_for_resource().resource_arn(&stage).send().await.expect("a list").tags;
    assert_eq!(tags["a"], "1");

    let listed = aws.realtime.list_stages().send().await.expect("a list");
    assert_eq!(listed.stages()[0].tags().expect("tags")["a"], "1");
}

#[tokio::test]
async fn setting_a_tag_again_replaces_its_value() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    for value in ["1", "2"] {
        aws.ivs.tag_resource().resource_arn(&arn).tags("a", value).send().await.expect("set");
    }
    let got = aws.ivs.get_channel().arn(&arn).send().await.expect("it").channel.expect("it");
    assert_eq!(got.tags().expect("tags")["a"], "2");
}

#[tokio::test]
async fn a_resource_has_at_most_fifty_tags() {
    let aws = Aws::start().await;
    let arn = aws.room("todd").await;
    let tags = |range: std::ops::Range<u32>| Some(range.map(|n| (n.to_string(), String::new())).collect());
    aws.chat.tag_resource().resource_arn(&arn).set_tags(tags(0..49)).send().await.expect("49");
    aws.chat.tag_resource().resource_arn(&arn).set_tags(tags(40..50)).send().await.expect("50");
    assert_eq!(
        code(aws.chat.tag_resource().resource_arn(&arn).tags("more", "").send().await),
        "ValidationException"
    );
    let listed = aws.chat.list_tags_for_resource().resource_arn(&arn).send().await.expect("a list");
    assert_eq!(listed.tags().len(), 50);
}

#[tokio::test]
async fn invalid_tags_are_rejected() {
    let aws = Aws::start().await;
    let (arn, _) = aws.channel("todd").await;
    let room = aws.room("todd").await;
    assert_eq!(
        code(aws.ivs.tag_resource().resource_arn(&arn).tags("a*", "").send().await),
        "ValidationException"
    );
    assert_eq!(
        code(aws.ivs.tag_resource().resource_arn(&arn).tags("a", "{").send().await),
        "ValidationException"
    );
    assert_eq!(
        code(aws.ivs.tag_resource().resource_arn(&arn).tags("aws:a", "").send().await),
        "ValidationException"
    );
    assert_eq!(
        code(aws.chat.tag_resource().resource_arn(&room).tags("AWS:a", "").send().await),
        "ValidationException"
    );
    assert_eq!(
        code(aws.chat.untag_resource().resource_arn(&room).tag_keys("aws:a").send().await),
        "ValidationException"
    );
}

#[tokio::test]
async fn tags_of_unknown_resources_are_not_found() {
    let aws = Aws::start().await;
    for kind in ["channel", "stream-key", "stage", "recording-configuration", "ad-configuration"] {
        let arn = format!("arn:aws:ivs:us-west-2:123456789012:{kind}/abc");
        let list = aws.ivs.list_tags_for_resource().resource_arn(arn);
        assert_eq!(code(list.send().await), "ResourceNotFoundException", "{kind}");
    }
    let address = aws.simulator.addr();
    let answer = send(address, "GET", "/tags/nothing", &[&signed("ivs")], "");
    assert_eq!((answer.status, answer.code()), (400, "ValidationException"));
    let (arn, _) = aws.channel("todd").await;
    let answer = send(address, "DELETE", &format!("/tags/{arn}"), &[&signed("ivs")], "");
    assert!(answer.status == 400 && answer.body.contains("tagKeys"), "{answer:?}");
}
