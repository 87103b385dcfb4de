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
mod tests;
