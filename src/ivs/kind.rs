//! The interface of one kind of resource in AWS.

use std::{collections::BTreeMap, fmt, time::Duration};

use k8s_openapi::jiff::Timestamp;
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Result, pagination};
use crate::api::{self, ResourceKind, for_each_kind};

/// AWS tags.
pub type Tags = BTreeMap<String, String>;

/// A new resource, as the response to its Create returns it.
#[derive(Debug)]
pub struct Created<S> {
    /// Its part of the status, with the ARN.
    pub status: S,
    /// Its name and its settings.
    pub properties: Properties,
    /// Its stream key, if AWS creates one with it (channels). Goes only into the Secret.
    pub stream_key: Option<SecretString>,
}

/// The name and the settings of a resource, as the response to a Create, a Get, or an Update contains them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// Its name; None if the response has none.
    pub name: Option<String>,
    /// Its settings, under the names that the spec uses.
    pub settings: Value,
}

/// A resource, as a Get returns it.
#[derive(Clone, Debug)]
pub struct Live<S> {
    /// Its part of the status, with the ARN.
    pub status: S,
    /// Its name and its settings.
    pub properties: Properties,
    /// Its tags.
    pub tags: Tags,
}

/// A resource, as a list contains it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its ARN.
    pub arn: String,
    /// Its name; not unique.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
    /// The settings that lists contain, under the names that the spec uses. One that is off is null.
    pub settings: Value,
    /// Time of its last update, if lists contain it (chat rooms).
    pub updated_at: Option<Timestamp>,
}

/// One page of a list, and the token of the next page.
pub type ListPage = (Vec<Listed>, Option<String>);

/// One kind of resource in AWS. `provision` uses AWS only through this trait, and knows no kind by name.
pub trait Kind: Send + Sync {
    /// The kind.
    const KIND: ResourceKind;
    /// True if AWS can list the resources with a name. Otherwise, those of one user are found only in a list of
    /// all.
    const IS_LISTED_BY_NAME: bool = true;
    /// Its part of the spec.
    type Settings: api::Settings + Clone + fmt::Debug + Default + Serialize + DeserializeOwned + Send + Sync;
    /// Its part of the status.
    type Status: api::Status + Clone + fmt::Debug + PartialEq + Send + Sync;

    /// Waits until the budget allows a Create. Called before the attempt is journaled, so that waiting does
    /// not use up the attempt's time.
    ///
    /// # Errors
    /// The controller is stopping: no new call is begun.
    fn admit(&self) -> impl Future<Output = Result<()>> + Send;

    /// Creates a resource. Never retried here: no Create takes a client token, and names are not unique.
    fn create(
        &self,
        name: &str,
        settings: &Self::Settings,
        tags: &Tags,
    ) -> impl Future<Output = Result<Created<Self::Status>>> + Send;

    /// Reads a resource. Returns None if AWS says, with its own error code, that it does not exist.
    fn get(&self, arn: &str) -> impl Future<Output = Result<Option<Live<Self::Status>>>> + Send;

    /// Reads one page of a list: of the resources with this name if AWS can filter by it, otherwise of all.
    fn list_page(
        &self,
        name: Option<&str>,
        token: Option<String>,
    ) -> impl Future<Output = Result<ListPage>> + Send;

    /// Lists all resources with this name, whoever owns them.
    fn list_by_name(&self, name: &str) -> impl Future<Output = Result<Vec<Listed>>> + Send {
        pagination::collect(|token| self.list_page(Some(name), token))
    }

    /// Lists all resources, and passes each page to `handle` before it reads the next one. `pause`: the time
    /// between two calls.
    fn list(
        &self,
        pause: Duration,
        handle: impl FnMut(Vec<Listed>) + Send,
    ) -> impl Future<Output = Result<()>> + Send {
        pagination::for_each_page(pause, |token| self.list_page(None, token), handle)
    }

    /// Updates these settings, and no others, and the name if there is one. Returns what AWS's response says.
    fn update(
        &self,
        arn: &str,
        name: Option<&str>,
        changes: &Self::Settings,
    ) -> impl Future<Output = Result<Properties>> + Send;

    /// Adds or changes tags.
    fn tag(&self, arn: &str, tags: &Tags) -> impl Future<Output = Result<()>> + Send;

    /// Removes tags.
    fn untag(&self, arn: &str, keys: &[String]) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a resource. Succeeds if it does not exist.
    fn delete(&self, arn: &str) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a resource that is not in use. Succeeds if it does not exist. Returns false, and changes
    /// nothing, if it is in use.
    fn delete_if_idle(&self, arn: &str) -> impl Future<Output = Result<bool>> + Send;
}

/// The stream keys of channels.
pub trait StreamKeys: Send + Sync + 'static {
    /// Returns the key of a channel; None if it has none.
    fn stream_key(&self, channel_arn: &str) -> impl Future<Output = Result<Option<SecretString>>> + Send;

    /// Creates the key of a channel that has none. AWS allows one key per channel, so a second or a late call
    /// creates no other: AWS refuses it, see [`Error::is_quota_exceeded`](super::Error::is_quota_exceeded).
    fn create_stream_key(&self, channel_arn: &str) -> impl Future<Output = Result<SecretString>> + Send;
}

/// Checks at compile time that the client of each kind in the registry implements [`Kind`] for it.
macro_rules! check_client {
    ($($(#[$doc:meta])* $kind:ident {
        field: $field:ident,
        settings: $settings:ident,
        status: $status:ident,
        client: $client:ident,
        $($rest:tt)*
    })+) => {
        $(const _: () = {
            const fn kind_of<K: Kind<Settings = api::$settings, Status = api::$status>>() -> ResourceKind {
                K::KIND
            }
            assert!(matches!(kind_of::<super::$client>(), ResourceKind::$kind));
        };)+
    };
}
for_each_kind!(check_client);
