//! The Secret that holds the stream key, and what an encoder and a player need with it.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{Resource, ResourceExt};
use secrecy::{ExposeSecret, SecretString};

use super::cluster::FIELD_MANAGER;
use crate::api::{CHANNEL_ARN_ANNOTATION, ChannelStatus, StreamerAccount};

/// Keys of the Secret.
const STREAM_KEY: &str = "streamKey";
const INGEST_ENDPOINT: &str = "ingestEndpoint";
const INGEST_URL: &str = "ingestUrl";
const PLAYBACK_URL: &str = "playbackUrl";
const ADDRESSES: [&str; 3] = [INGEST_ENDPOINT, INGEST_URL, PLAYBACK_URL];

/// Label that says who writes the Secret.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Longest name of an object.
const MAX_NAME: usize = 253;

/// Name of an account's Secret.
pub fn name(account: &StreamerAccount) -> String {
    let suffix = "-stream-key";
    let stem: String = account.name_any().chars().take(MAX_NAME - suffix.len()).collect();
    format!("{stem}{suffix}")
}

/// The Secret of an account, owned by it, so that it goes with it. Of the one that was `found` the other owners stay.
pub fn build(
    account: &StreamerAccount,
    channel: &ChannelStatus,
    stream_key: &SecretString,
    found: Option<&Secret>,
) -> Secret {
    let mut data = addresses(channel);
    data.insert(STREAM_KEY.to_owned(), ByteString(stream_key.expose_secret().as_bytes().to_vec()));
    let others = found.map(Secret::owner_references).unwrap_or_default();
    let others = others.iter().filter(|owner| !is_of_account(owner, account)).cloned();
    Secret {
        metadata: ObjectMeta {
            name: Some(name(account)),
            namespace: account.namespace(),
            owner_references: Some(account.controller_owner_ref(&()).into_iter().chain(others).collect()),
            labels: Some(BTreeMap::from([(MANAGED_BY.to_owned(), FIELD_MANAGER.to_owned())])),
            annotations: Some(BTreeMap::from([(CHANNEL_ARN_ANNOTATION.to_owned(), channel.arn.clone())])),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

/// What to do with the Secret that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is as it should be.
    Keep,
    /// It is not there, or not as it should be.
    Write,
    /// It is one of ours that has lost its owner: it is written, and has its owner again.
    Adopt,
    /// It is not as it should be, and cannot be written.
    Blocked(Blocker),
}

/// Why a Secret cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// It is not this account's.
    Taken,
    /// Kubernetes does not let its data be changed.
    Immutable,
}

/// What to do with the Secret of an account's channel. Without `stream_key` the key itself is not compared, and any counts.
pub fn decide(
    found: Option<&Secret>,
    account: &StreamerAccount,
    channel: &ChannelStatus,
    stream_key: Option<&SecretString>,
) -> Decision {
    let Some(found) = found else { return Decision::Write };
    let holder = holder(found, account);
    if holder == Holder::Another || holder == Holder::Nobody && !is_left(found, channel) {
        return Decision::Blocked(Blocker::Taken);
    }
    let has_key = stream_key.map_or_else(|| has_any_stream_key(found), |key| has_stream_key(found, key));
    let has_data = has_key && has_addresses(found, channel, &ADDRESSES);
    if !has_data && found.immutable == Some(true) {
        Decision::Blocked(Blocker::Immutable)
    } else if holder == Holder::Nobody {
        Decision::Adopt
    } else if has_data && has_metadata(found, account, channel) {
        Decision::Keep
    } else {
        Decision::Write
    }
}

/// Whose a Secret is, by its owner references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// This account's: this very object's, or one's that had its name before and is gone.
    Account,
    /// Another controller's.
    Another,
    /// No controller's.
    Nobody,
}

fn holder(secret: &Secret, account: &StreamerAccount) -> Holder {
    let owners = secret.owner_references();
    let is_anothers =
        |owner: &OwnerReference| owner.controller == Some(true) && !is_of_account(owner, account);
    if owners.iter().any(is_anothers) {
        Holder::Another
    } else if owners.iter().any(|owner| is_of_account(owner, account)) {
        Holder::Account
    } else {
        Holder::Nobody
    }
}

fn is_of_account(owner: &OwnerReference, account: &StreamerAccount) -> bool {
    owner.kind == StreamerAccount::kind(&())
        && owner.api_version == StreamerAccount::api_version(&())
        && owner.name == account.name_any()
}

/// Whether a Secret without an owner is one that we wrote for this very channel: the owner was taken from it (`kubectl delete
/// --cascade=orphan`), or it was restored without one.
fn is_left(secret: &Secret, channel: &ChannelStatus) -> bool {
    is_labelled(secret) && is_of(secret, channel)
}

/// Whether a Secret says that it is of this channel: by its annotation, or, where an earlier version wrote it, by the addresses.
pub fn is_of(secret: &Secret, channel: &ChannelStatus) -> bool {
    match secret.annotations().get(CHANNEL_ARN_ANNOTATION) {
        Some(arn) => *arn == channel.arn,
        None => has_addresses(secret, channel, &[INGEST_ENDPOINT, PLAYBACK_URL]),
    }
}

fn is_labelled(secret: &Secret) -> bool {
    secret.labels().get(MANAGED_BY).is_some_and(|manager| manager == FIELD_MANAGER)
}

/// Whether a Secret goes with this very object, and says whose it is.
fn has_metadata(secret: &Secret, account: &StreamerAccount, channel: &ChannelStatus) -> bool {
    let is_owner = |owner: &OwnerReference| Some(&owner.uid) == account.metadata.uid.as_ref();
    let arn = secret.annotations().get(CHANNEL_ARN_ANNOTATION);
    secret.owner_references().iter().any(is_owner) && is_labelled(secret) && arn == Some(&channel.arn)
}

/// Whether a Secret has this very stream key.
pub fn has_stream_key(secret: &Secret, stream_key: &SecretString) -> bool {
    value(secret, STREAM_KEY).is_some_and(|value| value == stream_key.expose_secret().as_bytes())
}

fn has_any_stream_key(secret: &Secret) -> bool {
    value(secret, STREAM_KEY).is_some_and(|value| !value.is_empty())
}

fn has_addresses(secret: &Secret, channel: &ChannelStatus, keys: &[&str]) -> bool {
    let addresses = addresses(channel);
    keys.iter().all(|key| value(secret, key) == addresses.get(*key).map(|value| value.0.as_slice()))
}

fn value<'a>(secret: &'a Secret, key: &str) -> Option<&'a [u8]> {
    Some(secret.data.as_ref()?.get(key)?.0.as_slice())
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

    fn key(value: &str) -> SecretString {
        value.to_owned().into()
    }

    fn secret() -> Secret {
        build(&account(), &channel(), &key("sk_1"), None)
    }

    fn decide_on(found: &Secret) -> Decision {
        decide(Some(found), &account(), &channel(), Some(&key("sk_1")))
    }

    /// The Secret that this was made of another.
    fn changed(change: impl FnOnce(&mut Secret)) -> Secret {
        let mut secret = secret();
        change(&mut secret);
        secret
    }

    fn set(secret: &mut Secret, key: &str, value: &str) {
        let value = ByteString(value.as_bytes().to_vec());
        secret.data.as_mut().expect("data").insert(key.to_owned(), value);
    }

    fn without_owner(secret: &mut Secret) {
        secret.metadata.owner_references = None;
    }

    #[test]
    fn the_secret_has_all_an_encoder_needs_and_belongs_to_the_account() {
        let secret = secret();
        let data = secret.data.clone().expect("data");
        assert_eq!(data["ingestUrl"].0, b"rtmps://abc.live-video.net:443/app/");
        assert_eq!(data["streamKey"].0, b"sk_1");
        assert_eq!(secret.name_any(), "todd-stream-key");
        assert_eq!(decide_on(&secret), Decision::Keep);
        assert_eq!(decide(None, &account(), &channel(), None), Decision::Write);
    }

    #[test]
    fn a_key_or_an_address_that_differs_is_written_and_what_a_person_added_stays() {
        for name in ["streamKey", "ingestEndpoint", "ingestUrl", "playbackUrl"] {
            assert_eq!(decide_on(&changed(|secret| set(secret, name, "other"))), Decision::Write, "{name}");
            let removed = changed(|secret| drop(secret.data.as_mut().expect("data").remove(name)));
            assert_eq!(decide_on(&removed), Decision::Write, "{name}");
        }
        assert_eq!(decide_on(&changed(|secret| set(secret, "note", "mine"))), Decision::Keep);
        let unlabelled = changed(|secret| secret.metadata.labels = None);
        assert_eq!(decide_on(&unlabelled), Decision::Write);
        assert_eq!(decide_on(&changed(|secret| secret.metadata.annotations = None)), Decision::Write);
    }

    #[test]
    fn without_the_key_of_the_channel_any_key_counts_but_none_does_not() {
        let of = |value: &str| {
            let found = changed(|secret| set(secret, "streamKey", value));
            decide(Some(&found), &account(), &channel(), None)
        };
        assert_eq!((of("sk_2"), of("")), (Decision::Keep, Decision::Write));
    }

    #[test]
    fn an_immutable_secret_is_fine_where_its_data_is_right() {
        let immutable = |change: fn(&mut Secret)| {
            decide_on(&changed(|secret| {
                secret.immutable = Some(true);
                change(secret);
            }))
        };
        assert_eq!(immutable(|_| ()), Decision::Keep);
        assert_eq!(
            immutable(|secret| set(secret, "streamKey", "sk_2")),
            Decision::Blocked(Blocker::Immutable)
        );
        // Labels, annotations and owners can be written.
        assert_eq!(immutable(|secret| secret.metadata.labels = None), Decision::Write);
        assert_eq!(immutable(without_owner), Decision::Adopt);
    }

    #[test]
    fn a_secret_of_ours_without_owner_is_adopted_where_label_and_channel_fit() {
        assert_eq!(decide_on(&changed(without_owner)), Decision::Adopt);
        let other_key = changed(|secret| {
            without_owner(secret);
            set(secret, "streamKey", "sk_2");
        });
        assert_eq!(decide_on(&other_key), Decision::Adopt);
        let taken = Decision::Blocked(Blocker::Taken);
        let unlabelled = changed(|secret| {
            without_owner(secret);
            secret.metadata.labels = None;
        });
        assert_eq!(decide_on(&unlabelled), taken);
        let other_channel = changed(|secret| {
            without_owner(secret);
            secret.annotations_mut().insert(CHANNEL_ARN_ANNOTATION.to_owned(), "other".to_owned());
        });
        assert_eq!(decide_on(&other_channel), taken);
    }

    #[test]
    fn a_secret_from_before_the_annotation_is_adopted_where_its_addresses_fit() {
        let earlier = |playback_url: &str| {
            decide_on(&changed(|secret| {
                without_owner(secret);
                secret.metadata.annotations = None;
                set(secret, "playbackUrl", playback_url);
            }))
        };
        assert_eq!(earlier("https://play"), Decision::Adopt);
        assert_eq!(earlier("https://other"), Decision::Blocked(Blocker::Taken));
    }

    #[test]
    fn a_secret_of_another_controller_or_account_is_not_ours() {
        let owned_by = |kind: &str, name: &str, controller: bool| {
            decide_on(&changed(|secret| {
                let owner = &mut secret.owner_references_mut()[0];
                (owner.kind, owner.name) = (kind.to_owned(), name.to_owned());
                owner.controller = controller.then_some(true);
            }))
        };
        let taken = Decision::Blocked(Blocker::Taken);
        assert_eq!(owned_by("StreamerAccount", "another", true), taken);
        assert_eq!(owned_by("ExternalSecret", "todd", true), taken);
        assert_eq!(owned_by("ConfigMap", "todd", false), Decision::Adopt);
    }

    #[test]
    fn other_owners_of_the_secret_stay() {
        let found = changed(|secret| {
            let owner = &mut secret.owner_references_mut()[0];
            (owner.kind, owner.controller) = ("ConfigMap".to_owned(), None);
        });
        let owners = build(&account(), &channel(), &key("sk_1"), Some(&found)).owner_references().to_vec();
        let kinds: Vec<_> = owners.iter().map(|owner| owner.kind.as_str()).collect();
        assert_eq!(kinds, ["StreamerAccount", "ConfigMap"]);
    }

    #[test]
    fn a_secret_of_an_earlier_object_of_the_name_is_ours_to_replace() {
        let mut again = account();
        again.metadata.uid = Some("u-2".to_owned());
        let decision = decide(Some(&secret()), &again, &channel(), Some(&key("sk_1")));
        assert_eq!(decision, Decision::Write);
    }
}
