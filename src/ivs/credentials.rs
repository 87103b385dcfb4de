//! The failure to obtain credentials. The SDK reports it as that of the call that needed them.

use std::{error::Error as StdError, io};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ivs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_sdk_sts::operation::{
    assume_role::AssumeRoleError, assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
};

use super::class::Class;
use crate::error_chain::{chain, join_causes};

/// The codes of STS that pass by themselves.
const TRANSIENT_CODES: [&str; 6] = [
    "IDPCommunicationError",
    "InternalFailure",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
];

/// The failure to obtain credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CredentialsFailure {
    /// The class. The call was not sent, so that its outcome is known.
    pub class: Class,
    /// The error code of STS, if STS answered with one.
    pub code: Option<String>,
    /// The message of STS, or a description of the failure.
    pub message: String,
}

impl CredentialsFailure {
    /// Returns the failure if it is the cause of an error.
    pub fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        // A role may be assumed with the credentials of another provider, whose failure is the cause then.
        let failed = chain(error).filter(|cause| cause.is::<CredentialsError>()).last()?;
        let refusal = chain(failed).find_map(|cause| {
            let refused = cause.downcast_ref::<AssumeRoleError>().map(ProvideErrorMetadata::meta);
            refused.or_else(|| {
                cause.downcast_ref::<AssumeRoleWithWebIdentityError>().map(ProvideErrorMetadata::meta)
            })
        });
        let code = refusal.and_then(|refusal| refusal.code());
        let is_transient = match (failed.downcast_ref(), code) {
            (
                Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)),
                _,
            ) => false,
            (Some(CredentialsError::ProviderTimedOut(_)), _) => true,
            (_, Some(code)) => TRANSIENT_CODES.contains(&code),
            (_, None) => chain(failed).any(is_unreachable),
        };
        let text = refusal.and_then(|refusal| refusal.message().map(str::to_owned));
        Some(Self {
            class: if is_transient { Class::Transient } else { Class::Blocked },
            code: code.map(str::to_owned),
            message: format!("no AWS credentials: {}", text.unwrap_or_else(|| join_causes(chain(failed)))),
        })
    }
}

/// Returns true if STS, or another source of credentials, did not answer.
fn is_unreachable(cause: &(dyn StdError + 'static)) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut,
        UnexpectedEof,
    };
    let is_network = |error: &io::Error| {
        matches!(
            error.kind(),
            ConnectionAborted
                | ConnectionRefused
                | ConnectionReset
                | HostUnreachable
                | NetworkUnreachable
                | TimedOut
                | UnexpectedEof
        )
    };
    cause.is::<SdkError<AssumeRoleError, HttpResponse>>()
        || cause.is::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>()
        || cause.downcast_ref().is_some_and(is_network)
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region, SdkConfig, sts::AssumeRoleProvider};
    use aws_credential_types::{Credentials, credential_fn::provide_credentials_fn};
    use aws_sdk_ivs::config::ProvideCredentials;
    use ivs_simulator::{Fault, Simulator};

    use super::*;
    use crate::ivs::Error;

    async fn config(url: &str, provider: impl ProvideCredentials + 'static) -> SdkConfig {
        let config = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(url);
        let config = config.retry_config(aws_config::retry::RetryConfig::disabled());
        config.region(Region::new("us-west-2")).credentials_provider(provider).load().await
    }

    /// Returns the error of a Create with credentials of this provider.
    async fn error(provider: impl ProvideCredentials + 'static) -> Error {
        let simulator = Simulator::builder().start().await.expect("the simulator starts");
        let client = aws_sdk_ivs::Client::new(&config(&simulator.url(), provider).await);
        let error = client.create_channel().send().await.expect_err("no credentials");
        assert!(simulator.calls().is_empty(), "the call is not sent");
        Error::from_sdk("CreateChannel", true, &error)
    }

    /// Returns the error of a Create whose credentials are those of a role. `url`: the endpoint of STS.
    async fn error_with_role(url: &str) -> Error {
        let anyone = Credentials::new("x", "x", None, None, "tests");
        let role = AssumeRoleProvider::builder("arn:aws:iam::123456789012:role/streamcat");
        let role = role.session_name("tests").configure(&config(url, anyone).await).build().await;
        error(role).await
    }

    #[tokio::test]
    async fn missing_credentials_are_denied_access() {
        let error = error_of(CredentialsError::not_loaded("nothing is set up")).await;
        assert_eq!((error.class, &error.code), (Class::Blocked, &None));
        assert!(
            error.message.starts_with("no AWS credentials: ") && error.message.contains("nothing is set up"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_role_that_sts_refuses_is_reported_in_the_words_of_sts() {
        let sts = Simulator::builder().start().await.expect("the simulator starts");
        // The simulator has no roles.
        let error = error_with_role(&sts.url()).await;
        assert_eq!((error.class, error.code.as_deref()), (Class::Blocked, Some("InvalidAction")));
        assert_eq!(
            error.message,
            "no AWS credentials: Could not find operation AssumeRole for version 2011-06-15"
        );
    }

    #[tokio::test]
    async fn an_unreachable_sts_is_transient_and_not_ambiguous() {
        let error = error_with_role("http://127.0.0.1:1").await;
        assert_eq!((error.class, &error.code), (Class::Transient, &None), "{error}");
        let slow = error_of(CredentialsError::provider_timed_out(std::time::Duration::from_secs(5))).await;
        assert_eq!(slow.class, Class::Transient, "{slow}");
    }

    async fn error_of(failure: CredentialsError) -> Error {
        let failure = std::sync::Mutex::new(Some(failure));
        error(provide_credentials_fn(move || {
            let failure = failure.lock().expect("not poisoned").take();
            async move { Err(failure.unwrap_or_else(|| CredentialsError::not_loaded("again"))) }
        }))
        .await
    }

    #[tokio::test]
    async fn other_errors_are_not_those_of_credentials() {
        let simulator = Simulator::builder().start().await.expect("the simulator starts");
        simulator.fault(Fault::error("CreateChannel", 403, "AccessDeniedException"));
        let anyone = Credentials::new("x", "x", None, None, "tests");
        let client = aws_sdk_ivs::Client::new(&config(&simulator.url(), anyone).await);
        let error = client.create_channel().send().await.expect_err("denied");
        assert_eq!(CredentialsFailure::of(&error), None);
    }
}
