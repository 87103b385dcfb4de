//! Settings of all three resources, and the tags, are changed.

use serde_json::json;

use super::{Place, Story, tell};

/// Settings of all three resources, and the tags, are changed.
pub struct Edit;

impl Story for Edit {
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
    const THOROUGH: bool = true;

    async fn prepare(place: &Place<'_>) {
        place.create_ready(json!({ "tags": { "old": "o" } })).await;
    }

    async fn act(place: &Place<'_>) {
        let storage = place.tenant.simulator().add_storage_configuration();
        let spec = json!({
            "channel": { "latencyMode": "NORMAL" },
            "chatRoom": { "maximumMessageLength": 300 },
            "stage": { "autoParticipantRecordingConfiguration": { "storageConfigurationArn": storage } },
            "tags": { "old": null, "new": "n" },
        });
        place.patch(json!({ "spec": spec })).await;
    }

    /// AWS has what the edit asked for, and nothing of before.
    async fn check(place: &Place<'_>) {
        for kind in ["channels", "rooms", "stages"] {
            let tags = place.in_aws(kind)[0]["tags"].clone();
            assert!(tags["new"] == "n" && tags["old"].is_null(), "{kind}: {tags}");
        }
        assert_eq!(place.in_aws("channels")[0]["latencyMode"], "NORMAL");
        assert_eq!(place.in_aws("rooms")[0]["maximumMessageLength"], 300);
        let stage = place.in_aws("stages")[0].clone();
        let recording = &stage["autoParticipantRecordingConfiguration"]["storageConfigurationArn"];
        assert!(recording.is_string(), "{stage}");
        assert_eq!(place.made(), 3);
    }
}

#[tokio::test]
async fn killed_while_an_account_is_edited_it_is_as_the_spec_says() {
    tell::<Edit>().await;
}
