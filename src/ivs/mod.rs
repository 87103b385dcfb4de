//! Amazon IVS: the three kinds of resource behind one trait, the calls' errors by class, and the budgets of calls.

mod budget;
mod caller;
mod channel;
mod chat_room;
mod error;
mod pages;
mod settings;
mod shared_scan;
mod stage;
mod target;
mod wire;

use std::{collections::BTreeMap, fmt, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use k8s_openapi::jiff::Timestamp;
use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use budget::Budgets;
pub use caller::Caller;
pub use channel::Channels;
pub use chat_room::ChatRooms;
pub use error::{Class, Error, REQUEST_ID_MARK, Result};
pub use settings::changes;
pub use stage::Stages;
pub use target::{ArnLocation, Target, caller_account};

use crate::api::{self, ResourceKind};

/// AWS tags.
pub type Tags = BTreeMap<String, String>;

/// What a Create gave us.
#[derive(Debug)]
pub struct Created<S> {
    /// What goes into status, the ARN among it.
    pub status: S,
    /// Its settings as AWS's answer has them, under the names that the spec uses.
    pub settings: Value,
    /// The stream key, where AWS makes one with the resource (channels). Goes nowhere but into the Secret.
    pub stream_key: Option<SecretString>,
}

/// A resource as one Get shows it.
#[derive(Clone, Debug)]
pub struct Live<S> {
    /// What goes into status, the ARN among it.
    pub status: S,
    /// Its settings, under the names that the spec uses.
    pub settings: Value,
    /// Its tags.
    pub tags: Tags,
}

/// A resource as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its ARN.
    pub arn: String,
    /// Its name; not unique.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
    /// Time of its last change, where the list has it (chat rooms).
    pub updated_at: Option<Timestamp>,
}

/// One page of a list, and the token of the next.
pub type Page = (Vec<Listed>, Option<String>);

/// One kind of resource on AWS. What the engine does, it does through this, and knows no kind by name.
pub trait Kind: Send + Sync + 'static {
    /// Which kind it is.
    const KIND: ResourceKind;
    /// What the spec says of it.
    type Settings: api::Settings + Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync;
    /// What the status says of it.
    type Status: api::Status + Clone + fmt::Debug + PartialEq + Send + Sync;

    /// Waits until the budget allows a Create. Comes before the attempt is journalled, so that waiting does not use
    /// up the attempt's time.
    ///
    /// # Errors
    /// When we are stopping: nothing new is begun.
    fn admit(&self) -> impl Future<Output = Result<()>> + Send;

    /// Creates one. Never tried twice here: no Create takes a client token, and names are not unique.
    fn create(
        &self,
        name: &str,
        settings: &Self::Settings,
        tags: &Tags,
    ) -> impl Future<Output = Result<Created<Self::Status>>> + Send;

    /// What one looks like now; None when AWS says, with its own code, that it is not there.
    fn get(&self, arn: &str) -> impl Future<Output = Result<Option<Live<Self::Status>>>> + Send;

    /// One page of the list: of those that have this name where AWS can filter by it, else of all.
    fn page(&self, name: Option<&str>, token: Option<String>) -> impl Future<Output = Result<Page>> + Send;

    /// All that have this name, whoever they belong to.
    fn find(&self, name: &str) -> impl Future<Output = Result<Vec<Listed>>> + Send {
        pages::all(|token| self.page(Some(name), token))
    }

    /// All there are, page by page.
    fn list(&self) -> impl Future<Output = Result<Vec<Listed>>> + Send {
        pages::all(|token| self.page(None, token))
    }

    /// Changes the settings given, and no others; its settings as AWS's answer has them, under the names that the spec
    /// uses.
    fn update(&self, arn: &str, changes: &Self::Settings) -> impl Future<Output = Result<Value>> + Send;

    /// Adds or changes tags.
    fn tag(&self, arn: &str, tags: &Tags) -> impl Future<Output = Result<()>> + Send;

    /// Removes tags.
    fn untag(&self, arn: &str, keys: &[String]) -> impl Future<Output = Result<()>> + Send;

    /// Deletes one; one that is not there counts as deleted.
    fn delete(&self, arn: &str) -> impl Future<Output = Result<()>> + Send;

    /// Deletes one that nobody uses just now; one that is not there counts as deleted. False when somebody uses it: then
    /// nothing was changed.
    fn delete_if_idle(&self, arn: &str) -> impl Future<Output = Result<bool>> + Send;
}

/// The stream key of a channel, which only channels have.
pub trait StreamKeys: Send + Sync + 'static {
    /// The key that a channel has; None when it has none.
    fn stream_key(&self, channel_arn: &str) -> impl Future<Output = Result<Option<SecretString>>> + Send;

    /// Creates the key of a channel that has none. AWS allows a channel one key, so that a second call, or one that comes late, makes
    /// no other: it is refused, see [`Error::is_quota_exceeded`].
    fn create_stream_key(&self, channel_arn: &str) -> impl Future<Output = Result<SecretString>> + Send;
}

/// How the SDK is set up: no retries of its own (a retried Create makes a second resource, and a retry would not be
/// counted against the budget), and a limit on how long one call may take.
pub async fn sdk_config(region: &str, call_timeout: Duration) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_timeout(call_timeout).build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .load()
        .await
}

/// TagResource and UntagResource: the same in all three services, whose clients share no type.
macro_rules! tag_calls {
    () => {
        async fn tag(&self, arn: &str, tags: &Tags) -> Result<()> {
            let request = self.client.tag_resource().resource_arn(arn).set_tags(Some(to_sdk(tags)));
            self.caller.call("TagResource", request.send()).await.map(|_| ())
        }

        async fn untag(&self, arn: &str, keys: &[String]) -> Result<()> {
            let request = self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(keys.to_vec()));
            self.caller.call("UntagResource", request.send()).await.map(|_| ())
        }
    };
}
use tag_calls;

/// Deleting what is not there is done.
fn gone<T>(result: Result<T>) -> Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.class == Class::Missing => Ok(()),
        Err(error) => Err(error),
    }
}

/// Deleting what is in use is refused with a ConflictException: false, and nothing is changed.
fn gone_if_idle(deleted: Result<()>) -> Result<bool> {
    match deleted {
        Err(error) if error.is_conflict() => Ok(false),
        other => other.map(|()| true),
    }
}

/// Tags as the SDK takes them.
fn to_sdk(tags: &Tags) -> std::collections::HashMap<String, String> {
    tags.clone().into_iter().collect()
}

/// Tags as the SDK gives them.
fn from_sdk(tags: Option<std::collections::HashMap<String, String>>) -> Tags {
    tags.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sdk_tries_no_call_twice() {
        let config = sdk_config("eu-west-1", Duration::from_secs(10)).await;
        assert_eq!(config.retry_config().map(RetryConfig::max_attempts), Some(1));
        let time_out = config.timeout_config().and_then(TimeoutConfig::operation_timeout);
        assert_eq!(time_out, Some(Duration::from_secs(10)));
    }
}
