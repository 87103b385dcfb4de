//! The Secret that holds the stream key, and what an encoder and a player need with it.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Resource, ResourceExt};
use secrecy::{ExposeSecret, SecretString};

use crate::api::{ChannelStatus, StreamerAccount};

/// Keys of the Secret.
const STREAM_KEY: &str = "streamKey";
const INGEST_ENDPOINT: &str = "ingestEndpoint";
const INGEST_URL: &str = "ingestUrl";
const PLAYBACK_URL: &str = "playbackUrl";

/// Longest name of an object.
const MAX_NAME: usize = 253;

/// Name of an account's Secret.
pub fn name(account: &StreamerAccount) -> String {
    let suffix = "-stream-key";
    let stem: String = account.name_any().chars().take(MAX_NAME - suffix.len()).collect();
    format!("{stem}{suffix}")
}

/// The Secret of an account, owned by it, so that it goes with it.
pub fn build(account: &StreamerAccount, channel: &ChannelStatus, stream_key: &SecretString) -> Secret {
    let mut data = addresses(channel);
    data.insert(STREAM_KEY.to_owned(), ByteString(stream_key.expose_secret().as_bytes().to_vec()));
    Secret {
        metadata: ObjectMeta {
            name: Some(name(account)),
            namespace: account.namespace(),
            owner_references: account.controller_owner_ref(&()).map(|owner| vec![owner]),
            labels: Some(BTreeMap::from([(
                "app.kubernetes.io/managed-by".to_owned(),
                super::cluster::FIELD_MANAGER.to_owned(),
            )])),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

/// Whether a Secret is this account's: this very object's, or one's that had its name before and is gone.
pub fn is_owned(secret: &Secret, account: &StreamerAccount) -> bool {
    secret.owner_references().iter().any(|owner| {
        owner.kind == StreamerAccount::kind(&())
            && owner.api_version == StreamerAccount::api_version(&())
            && owner.name == account.name_any()
    })
}

/// Whether a Secret says what it should, and goes with this very object; the stream key itself cannot be compared
/// without asking AWS for it.
pub fn is_complete(secret: &Secret, account: &StreamerAccount, channel: &ChannelStatus) -> bool {
    let is_owner =
        secret.owner_references().iter().any(|owner| Some(&owner.uid) == account.metadata.uid.as_ref());
    if !is_owner {
        return false;
    }
    let Some(data) = &secret.data else { return false };
    let has_key = data.get(STREAM_KEY).is_some_and(|key| !key.0.is_empty());
    has_key && addresses(channel).iter().all(|(key, value)| data.get(key) == Some(value))
}

fn addresses(channel: &ChannelStatus) -> BTreeMap<String, ByteString> {
    let ingest = channel.ingest_endpoint.as_deref().unwrap_or_default();
    let entry = |key: &str, value: String| (key.to_owned(), ByteString(value.into_bytes()));
    BTreeMap::from([
        entry(INGEST_ENDPOINT, ingest.to_owned()),
        entry(INGEST_URL, format!("rtmps://{ingest}:443/app/")),
        entry(PLAYBACK_URL, channel.playback_url.clone().unwrap_or_default()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::StreamerAccountSpec;

    fn account() -> StreamerAccount {
        let spec: StreamerAccountSpec =
            serde_json::from_value(serde_json::json!({ "username": "todd" })).expect("a spec");
        let mut account = StreamerAccount::new("todd", spec);
        account.metadata.uid = Some("u-1".to_owned());
        account.metadata.namespace = Some("default".to_owned());
        account
    }

    fn channel() -> ChannelStatus {
        ChannelStatus {
            arn: "arn".to_owned(),
            ingest_endpoint: Some("abc.live-video.net".to_owned()),
            playback_url: Some("https://play".to_owned()),
            stream_key_secret_name: None,
        }
    }

    #[test]
    fn the_secret_has_all_an_encoder_needs_and_belongs_to_the_account() {
        let secret = build(&account(), &channel(), &"sk_1".to_owned().into());
        let data = secret.data.clone().expect("data");
        assert_eq!(data["ingestUrl"].0, b"rtmps://abc.live-video.net:443/app/");
        assert_eq!(data["streamKey"].0, b"sk_1");
        assert_eq!(secret.name_any(), "todd-stream-key");
        assert!(is_owned(&secret, &account()));
        assert!(is_complete(&secret, &account(), &channel()));
    }

    #[test]
    fn a_secret_of_another_account_is_not_ours_and_one_without_key_is_not_complete() {
        let mut secret = build(&account(), &channel(), &"sk_1".to_owned().into());
        let other = StreamerAccount::new("another", account().spec);
        assert!(!is_owned(&secret, &other));
        secret.data.as_mut().expect("data").remove("streamKey");
        assert!(!is_complete(&secret, &account(), &channel()));
    }

    #[test]
    fn a_secret_of_an_earlier_object_of_the_name_is_ours_to_replace() {
        let secret = build(&account(), &channel(), &"sk_1".to_owned().into());
        let mut again = account();
        again.metadata.uid = Some("u-2".to_owned());
        assert!(is_owned(&secret, &again) && !is_complete(&secret, &again, &channel()));
    }
}
