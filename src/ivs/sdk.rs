//! Setup of the AWS SDK, and what its three IVS clients have in common.

use std::{collections::HashMap, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_ivs::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};

use super::{Class, Result, Tags};

/// Loads the configuration of the SDK, with a timeout for each call and without the SDK's own retries: a
/// retried Create makes a duplicate, and retries bypass the call budget.
pub async fn sdk_config(region: &str, call_timeout: Duration) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_timeout(call_timeout).build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .http_client(http_client())
        .load()
        .await
}

/// Returns an HTTP client like the SDK's default one. All clients of a configuration share it. By default,
/// each has one of its own, with its own copy of the certificates of certificate authorities.
fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

/// Checks that this machine has certificates of certificate authorities. Without them, no TLS connection to
/// AWS can be opened.
///
/// # Errors
/// Returns one line that says what to do.
pub fn check_root_certificates() -> std::result::Result<(), String> {
    // As the SDK loads them.
    let loaded = rustls_native_certs::load_native_certs();
    if !loaded.certs.is_empty() {
        return Ok(());
    }
    let cause = loaded.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    Err(format!(
        "no certificates of certificate authorities for TLS to AWS{cause}: install ca-certificates, or set SSL_CERT_FILE to a file with them"
    ))
}

/// Defines `tag` and `untag`. TagResource and UntagResource are the same in all three services, but their
/// clients share no type.
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
pub(super) use tag_calls;

/// Treats the deletion of a resource that does not exist as a success.
pub(super) fn missing_as_deleted<T>(result: Result<T>) -> Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.class == Class::Missing => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns false for a deletion that AWS refused with a ConflictException: the resource is in use, and
/// nothing was changed.
pub(super) fn conflict_as_in_use(deleted: Result<()>) -> Result<bool> {
    match deleted {
        Err(error) if error.is_conflict() => Ok(false),
        other => other.map(|()| true),
    }
}

/// Converts tags to the SDK's type.
pub(super) fn to_sdk(tags: &Tags) -> HashMap<String, String> {
    tags.clone().into_iter().collect()
}

/// Converts tags from the SDK's type.
pub(super) fn from_sdk(tags: Option<HashMap<String, String>>) -> Tags {
    tags.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sdk_retries_no_call() {
        let config = sdk_config("eu-west-1", Duration::from_secs(10)).await;
        assert_eq!(config.retry_config().map(RetryConfig::max_attempts), Some(1));
        let timeout = config.timeout_config().and_then(TimeoutConfig::operation_timeout);
        assert_eq!(timeout, Some(Duration::from_secs(10)));
    }
}
