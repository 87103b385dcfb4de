//! Errors of calls to AWS, by class.

use aws_sdk_ivs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

use super::{class::Class, credentials::CredentialsFailure};
use crate::error_chain::{chain, join_causes};

/// Result of a call to AWS.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {}{}", describe(.code.as_deref(), .message), request(.request_id.as_deref()))]
pub struct Error {
    /// The operation, as AWS names it.
    pub operation: &'static str,
    /// The class.
    pub class: Class,
    /// AWS's error code, if AWS answered with one.
    pub code: Option<String>,
    /// AWS's message, or a description of the failure.
    pub message: String,
    /// The request id, which AWS support asks for.
    pub request_id: Option<String>,
}

/// The text before the request id in a message. Two messages that differ only after it report the same error.
pub const REQUEST_ID_MARK: &str = " (request ";

fn describe(code: Option<&str>, message: &str) -> String {
    match code {
        Some(code) if message.is_empty() => code.to_owned(),
        Some(code) => format!("{code}: {message}"),
        None => message.to_owned(),
    }
}

fn request(id: Option<&str>) -> String {
    id.map(|id| format!("{REQUEST_ID_MARK}{id})")).unwrap_or_default()
}

impl Error {
    /// Classifies an error of the SDK. `creates`: true if the operation creates something, so that an unknown
    /// outcome is ambiguous.
    pub(super) fn from_sdk<E>(
        operation: &'static str,
        creates: bool,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let unknown = if creates { Class::Ambiguous } else { Class::Transient };
        let new = |class, code: Option<&str>, message: String| Self {
            operation,
            class,
            code: code.map(str::to_owned),
            message,
            request_id: error.request_id().map(str::to_owned),
        };
        if let Some(failure) = CredentialsFailure::of(error) {
            return new(failure.class, failure.code.as_deref(), failure.message);
        }
        match error {
            SdkError::ConstructionFailure(_) => {
                new(Class::Transient, None, format!("the request could not be built: {}", causes(error)))
            }
            SdkError::TimeoutError(_) => new(unknown, None, "the call timed out".to_owned()),
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                new(Class::Transient, None, format!("the request could not be sent: {}", causes(error)))
            }
            SdkError::DispatchFailure(_) => new(unknown, None, format!("no response: {}", causes(error))),
            SdkError::ServiceError(refused) => {
                let code = refused.err().code();
                let status = refused.raw().status().as_u16();
                let body = refused.raw().body().bytes().unwrap_or_default();
                let message = message(body)
                    .or_else(|| refused.err().message().map(str::to_owned))
                    .unwrap_or_else(|| format!("HTTP status {status} without an AWS error message"));
                let class = match classify(code, status, unknown) {
                    Class::Invalid if is_lambda_permission(operation, &message) => Class::Blocked,
                    class if is_missing_reference(operation, class, &message) => Class::MissingReference,
                    class => class,
                };
                new(class, code, message)
            }
            _ => new(unknown, None, format!("the response is not from AWS: {}", causes(error))),
        }
    }

    /// Returns true if AWS refused the call because of the resource's current state.
    pub(super) fn is_conflict(&self) -> bool {
        self.code.as_deref() == Some("ConflictException")
    }

    /// Returns true if AWS refused to create more than its quota allows.
    #[must_use]
    pub fn is_quota_exceeded(&self) -> bool {
        self.code.as_deref() == Some("ServiceQuotaExceededException")
    }

    /// Returns the error of a call that was not made because the controller is stopping.
    pub(super) fn stopping(operation: &'static str) -> Self {
        let message = "not called: the controller is stopping".to_owned();
        Self { operation, class: Class::Transient, code: None, message, request_id: None }
    }

    /// Returns the error of a response without a member that the API promises.
    pub(super) fn incomplete(operation: &'static str, creates: bool, member: &str) -> Self {
        Self {
            operation,
            class: if creates { Class::Ambiguous } else { Class::Transient },
            code: None,
            message: format!("the response has no {member}"),
            request_id: None,
        }
    }
}

/// Returns the class of an error response. A response that is not in the API model, such as a proxy's page,
/// says nothing about the resource.
fn classify(code: Option<&str>, status: u16, unknown: Class) -> Class {
    match code {
        Some("ResourceNotFoundException") => Class::Missing,
        Some("ValidationException") => Class::Invalid,
        Some("ServiceQuotaExceededException" | "PendingVerification" | "AccessDeniedException") => {
            Class::Blocked
        }
        // Bad credentials, in the words of IVS and of STS.
        Some(
            "AccessDenied"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignatureException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException",
        ) => Class::Blocked,
        Some("ThrottlingException" | "ConflictException" | "ChannelNotBroadcasting") => Class::Transient,
        // Something else is denied: the call had no effect.
        Some(_) if status == 403 => Class::Blocked,
        Some(_) if (400..500).contains(&status) => Class::Transient,
        _ => unknown,
    }
}

/// Returns AWS's message: `exceptionMessage` in ivs and ivs-realtime, which the SDK does not read, and
/// `message` in ivschat.
fn message(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = ["exceptionMessage", "message", "Message"].iter().find_map(|name| body.get(name)?.as_str())?;
    Some(text.to_owned())
}

/// Returns true if AWS lacks permission to invoke the Lambda function. A new permission takes a while to take
/// effect (docs/ivs.md), so the spec need not be wrong.
fn is_lambda_permission(operation: &str, message: &str) -> bool {
    ["CreateRoom", "UpdateRoom"].contains(&operation)
        && message.to_ascii_lowercase().contains("lambda permission")
}

/// The operations whose input refers to other resources.
const REFERRING: [&str; 6] =
    ["CreateChannel", "UpdateChannel", "CreateRoom", "UpdateRoom", "CreateStage", "UpdateStage"];

/// The names of what a spec can refer to, without blanks, hyphens and underscores, in lower case.
const REFERENCES: [&str; 7] = [
    "recordingconfiguration",
    "playbackrestrictionpolicy",
    "loggingconfiguration",
    "messagereviewhandler",
    "lambda",
    "storageconfiguration",
    "encoderconfiguration",
];

/// A setting whose name contains that of something else.
const SETTING_OF_STAGE: &str = "autoparticipantrecordingconfiguration";

/// Words of a message about the form of a value. Such a value never becomes right by itself.
const FORM: [&str; 3] = ["constraint", "regularexpression", "pattern"];

/// Returns true if an error is about something that the spec refers to. A resource that is being created is
/// not missing itself. Otherwise the message says what is meant: the code of a missing reference is the same
/// as that of a missing resource or an invalid setting (docs/ivs.md).
fn is_missing_reference(operation: &str, class: Class, message: &str) -> bool {
    let text = message.to_ascii_lowercase().replace([' ', '-', '_'], "").replace(SETTING_OF_STAGE, "");
    let names_reference = REFERENCES.iter().any(|name| text.contains(name));
    let is_about_form = FORM.iter().any(|word| text.contains(word));
    REFERRING.contains(&operation)
        && match class {
            Class::Missing => operation.starts_with("Create") || names_reference,
            Class::Invalid => names_reference && !is_about_form,
            _ => false,
        }
}

/// Joins the causes of an error into one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let text = join_causes(chain(error).skip(1));
    if text.is_empty() { error.to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_decides_the_class() {
        let class = |code: &str, status| classify(Some(code), status, Class::Ambiguous);
        assert_eq!(class("ValidationException", 400), Class::Invalid);
        assert_eq!(class("ServiceQuotaExceededException", 402), Class::Blocked);
        assert_eq!(class("AccessDeniedException", 403), Class::Blocked);
        assert_eq!(class("PendingVerification", 403), Class::Blocked);
        assert_eq!(class("ExpiredTokenException", 403), Class::Blocked);
        assert_eq!(class("ExpiredTokenException", 400), Class::Blocked);
        assert_eq!(class("InvalidClientTokenId", 400), Class::Blocked);
        assert_eq!(class("ConflictException", 409), Class::Transient);
        assert_eq!(class("ThrottlingException", 429), Class::Transient);
        assert_eq!(class("ResourceNotFoundException", 404), Class::Missing);
    }

    #[test]
    fn a_response_outside_the_api_model_has_an_unknown_outcome() {
        assert_eq!(classify(None, 404, Class::Transient), Class::Transient);
        assert_eq!(classify(None, 502, Class::Ambiguous), Class::Ambiguous);
        assert_eq!(classify(Some("InternalServerException"), 500, Class::Ambiguous), Class::Ambiguous);
    }

    #[test]
    fn an_error_about_a_reference_of_the_spec_contradicts_others() {
        let is_missing = is_missing_reference;
        for name in [
            "Resource: arn:aws:ivs:eu-west-1:1:recording-configuration/a not found",
            "recordingConfigurationArn does not exist",
            "playback restriction policy arn:… not found",
            "loggingConfigurationIdentifiers: arn:… does not exist",
            "messageReviewHandler.uri is not accessible",
            "The Lambda function does not exist",
            "autoParticipantRecordingConfiguration.storageConfigurationArn: the storage configuration a does not exist",
            "encoder-configuration not found",
        ] {
            assert!(is_missing("UpdateChannel", Class::Invalid, name), "{name}");
            assert!(is_missing("UpdateStage", Class::Missing, name), "{name}");
            assert!(!is_missing("GetChannel", Class::Missing, name), "{name}");
            assert!(!is_missing("CreateRoom", Class::Blocked, name), "{name}");
        }
        let own = "Resource: arn:aws:ivs:eu-west-1:1:channel/a not found";
        assert!(is_missing("CreateChannel", Class::Missing, own));
        assert!(!is_missing("UpdateChannel", Class::Missing, own));
        for invalid in [
            "latencyMode is not supported for this channel type",
            "autoParticipantRecordingConfiguration.mediaTypes must not be empty",
            "recordingConfigurationArn: failed to satisfy constraint: Member must satisfy regular expression pattern",
        ] {
            assert!(!is_missing("UpdateChannel", Class::Invalid, invalid), "{invalid}");
        }
    }

    #[test]
    fn both_message_members_are_read() {
        assert_eq!(message(br#"{"exceptionMessage":"a"}"#).as_deref(), Some("a"));
        assert_eq!(message(br#"{"message":"b"}"#).as_deref(), Some("b"));
        assert_eq!(message(b"<html>"), None);
    }

    #[test]
    fn a_message_names_operation_code_and_request() {
        let error = Error {
            operation: "CreateStage",
            class: Class::Blocked,
            code: Some("ServiceQuotaExceededException".to_owned()),
            message: "1000 stages".to_owned(),
            request_id: Some("r-1".to_owned()),
        };
        assert_eq!(
            error.to_string(),
            "CreateStage failed: ServiceQuotaExceededException: 1000 stages (request r-1)"
        );
    }
}
