//! The content of the Secret with the stream key, and the decision what to do with a Secret that was found.
//! Pure.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{Resource, ResourceExt};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    api::{CHANNEL_ARN_ANNOTATION, ChannelStatus, StreamerAccount},
    controller::kubernetes::FIELD_MANAGER,
};

/// The keys of the Secret.
const STREAM_KEY: &str = "streamKey";
const INGEST_ENDPOINT: &str = "ingestEndpoint";
const INGEST_URL: &str = "ingestUrl";
const PLAYBACK_URL: &str = "playbackUrl";
const ADDRESSES: [&str; 3] = [INGEST_ENDPOINT, INGEST_URL, PLAYBACK_URL];

/// The label that names the writer of the Secret.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Maximum length of an object name.
const MAX_NAME: usize = 253;

/// Returns the name of an account's Secret.
pub fn name(account: &StreamerAccount) -> String {
    let suffix = "-stream-key";
    let stem: String = account.name_any().chars().take(MAX_NAME - suffix.len()).collect();
    format!("{stem}{suffix}")
}

/// Returns the Secret of an account. The account owns it, so that both are deleted together. Other owners of
/// `found` are kept.
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

/// A decision about a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretDecision {
    /// It is correct.
    Keep,
    /// It is missing or differs.
    Write,
    /// It is ours but has lost its owner: it is written with its owner.
    Adopt,
    /// It differs and cannot be written.
    Conflict(SecretConflict),
}

/// A reason why a Secret cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretConflict {
    /// It does not belong to this account.
    Taken,
    /// It is immutable.
    Immutable,
}

/// Decides what to do with the Secret of an account's channel. Without `stream_key`, any key in the Secret
/// counts as correct.
pub fn decide(
    found: Option<&Secret>,
    account: &StreamerAccount,
    channel: &ChannelStatus,
    stream_key: Option<&SecretString>,
) -> SecretDecision {
    let Some(found) = found else { return SecretDecision::Write };
    let owner = owner(found, account);
    if owner == SecretOwner::Other || owner == SecretOwner::None && !is_orphaned(found, channel) {
        return SecretDecision::Conflict(SecretConflict::Taken);
    }
    let has_key = stream_key.map_or_else(|| has_any_stream_key(found), |key| has_stream_key(found, key));
    let has_data = has_key && has_addresses(found, channel, &ADDRESSES);
    if !has_data && found.immutable == Some(true) {
        SecretDecision::Conflict(SecretConflict::Immutable)
    } else if owner == SecretOwner::None {
        SecretDecision::Adopt
    } else if has_data && has_metadata(found, account, channel) {
        SecretDecision::Keep
    } else {
        SecretDecision::Write
    }
}

/// The owner of a Secret, by its owner references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecretOwner {
    /// This account: this object, or an earlier object of its name.
    Account,
    /// Another controller.
    Other,
    /// No controller.
    None,
}

fn owner(secret: &Secret, account: &StreamerAccount) -> SecretOwner {
    let owners = secret.owner_references();
    let is_other = |owner: &OwnerReference| owner.controller == Some(true) && !is_of_account(owner, account);
    if owners.iter().any(is_other) {
        SecretOwner::Other
    } else if owners.iter().any(|owner| is_of_account(owner, account)) {
        SecretOwner::Account
    } else {
        SecretOwner::None
    }
}

fn is_of_account(owner: &OwnerReference, account: &StreamerAccount) -> bool {
    owner.kind == StreamerAccount::kind(&())
        && owner.api_version == StreamerAccount::api_version(&())
        && owner.name == account.name_any()
}

/// Returns true if we wrote a Secret without an owner for this channel: the owner was removed (`kubectl
/// delete --cascade=orphan`), or the Secret was restored without it.
fn is_orphaned(secret: &Secret, channel: &ChannelStatus) -> bool {
    is_labelled(secret) && is_of(secret, channel)
}

/// Returns true if a Secret belongs to this channel: by its annotation or, if an earlier version wrote it, by
/// its addresses.
pub fn is_of(secret: &Secret, channel: &ChannelStatus) -> bool {
    match secret.annotations().get(CHANNEL_ARN_ANNOTATION) {
        Some(arn) => *arn == channel.arn,
        None => has_addresses(secret, channel, &[INGEST_ENDPOINT, PLAYBACK_URL]),
    }
}

fn is_labelled(secret: &Secret) -> bool {
    secret.labels().get(MANAGED_BY).is_some_and(|manager| manager == FIELD_MANAGER)
}

/// Returns true if a Secret is owned by this object, and its label and annotation are correct.
fn has_metadata(secret: &Secret, account: &StreamerAccount, channel: &ChannelStatus) -> bool {
    let is_owner = |owner: &OwnerReference| Some(&owner.uid) == account.metadata.uid.as_ref();
    let arn = secret.annotations().get(CHANNEL_ARN_ANNOTATION);
    secret.owner_references().iter().any(is_owner) && is_labelled(secret) && arn == Some(&channel.arn)
}

/// Returns true if a Secret holds this stream key.
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
