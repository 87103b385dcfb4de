//! The settings of all three resources and the tags are changed.

use serde_json::json;

use super::{Fixture, Scenario, run};

/// The settings of all three resources and the tags are changed.
pub struct Edit;

impl Scenario for Edit {
    const NAME: &'static str = "edit";
    const EFFECTS: &'static [&'static str] = &[
        "GetChannel",
        "GetRoom",
        "GetStage",
        "UpdateChannel",
        "UpdateRoom",
        "UpdateStage",
        "TagResource",
        "UntagResource",
        "begin_update",
    ];
    const AT_EVERY_FAIL_POINT: bool = true;

    async fn prepare(fixture: &Fixture<'_>) {
        fixture.create_ready(json!({ "tags": { "old": "o" } })).await;
    }

    async fn act(fixture: &Fixture<'_>) {
        let storage = fixture.tenant.simulator().add_storage_configuration();
        let spec = json!({
            "channel": { "latencyMode": "NORMAL" },
            "chatRoom": { "maximumMessageLength": 300 },
            "stage": { "autoParticipantRecordingConfiguration": { "storageConfigurationArn": storage } },
            "tags": { "old": null, "new": "n" },
        });
        fixture.patch(json!({ "spec": spec })).await;
    }

    /// AWS has the new settings and tags, and none of the old ones.
    async fn check(fixture: &Fixture<'_>) {
        for kind in ["channels", "rooms", "stages"] {
            let tags = fixture.in_aws(kind)[0]["tags"].clone();
            assert!(tags["new"] == "n" && tags["old"].is_null(), "{kind}: {tags}");
        }
        assert_eq!(fixture.in_aws("channels")[0]["latencyMode"], "NORMAL");
        assert_eq!(fixture.in_aws("rooms")[0]["maximumMessageLength"], 300);
        let stage = fixture.in_aws("stages")[0].clone();
        let recording = &stage["autoParticipantRecordingConfiguration"]["storageConfigurationArn"];
        assert!(recording.is_string(), "{stage}");
        assert_eq!(fixture.created_count(), 3);
    }
}

#[tokio::test]
async fn killed_during_an_edit_resources_match_the_spec() {
    run::<Edit>().await;
}
