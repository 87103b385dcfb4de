//! What went wrong with a call to AWS, by what can be done about it.

use aws_sdk_ivs::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

/// Result of a call to AWS.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be done about an error (design.md, Errors).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Passes by itself: retry soon, backing off.
    Transient,
    /// Somebody must act outside the spec (a quota, a right, a verification): say so, retry slowly.
    Blocked,
    /// The spec must change: no retry.
    Invalid,
    /// The call may or may not have been carried out: look before anything else.
    Ambiguous,
    /// AWS says, with its own code, that the resource is not there.
    Missing,
}

impl Class {
    /// Label for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Blocked => "blocked",
            Self::Invalid => "invalid",
            Self::Ambiguous => "ambiguous",
            Self::Missing => "missing",
        }
    }
}

/// A call that did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {}{}", describe(.code.as_deref(), .message), request(.request_id.as_deref()))]
pub struct Error {
    /// The operation, as AWS names it.
    pub operation: &'static str,
    /// What can be done about it.
    pub class: Class,
    /// AWS's code, where AWS answered with one.
    pub code: Option<String>,
    /// AWS's words, or what happened to the call.
    pub message: String,
    /// The id that AWS support asks for.
    pub request_id: Option<String>,
}

/// What a message says before the request id; compare messages up to here.
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
    /// What the SDK says, sorted. `creates`: an unknown outcome of this operation may have made something.
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
        match error {
            SdkError::ConstructionFailure(_) => {
                new(Class::Transient, None, format!("the request could not be made: {}", causes(error)))
            }
            SdkError::TimeoutError(_) => new(unknown, None, "no answer in time".to_owned()),
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                new(Class::Transient, None, format!("the request could not be sent: {}", causes(error)))
            }
            SdkError::DispatchFailure(_) => new(unknown, None, format!("no answer: {}", causes(error))),
            SdkError::ServiceError(refused) => {
                let code = refused.err().code();
                let status = refused.raw().status().as_u16();
                let body = refused.raw().body().bytes().unwrap_or_default();
                let message = message(body)
                    .or_else(|| refused.err().message().map(str::to_owned))
                    .unwrap_or_else(|| format!("HTTP status {status} without a message that AWS writes"));
                let class = match classify(code, status, unknown) {
                    Class::Invalid if is_lambda_permission(operation, &message) => Class::Blocked,
                    class => class,
                };
                new(class, code, message)
            }
            _ => new(unknown, None, format!("an answer that is not AWS's: {}", causes(error))),
        }
    }

    /// Whether AWS refused because of how the resource is used just now.
    pub(super) fn is_conflict(&self) -> bool {
        self.code.as_deref() == Some("ConflictException")
    }

    /// Whether AWS refused to make one more than its quota allows.
    #[must_use]
    pub fn is_quota_exceeded(&self) -> bool {
        self.code.as_deref() == Some("ServiceQuotaExceededException")
    }

    /// The call was not made, because we are stopping.
    pub(super) fn stopping(operation: &'static str) -> Self {
        let message = "not called: the controller is stopping".to_owned();
        Self { operation, class: Class::Transient, code: None, message, request_id: None }
    }

    /// An answer that lacks what the API promises.
    pub(super) fn incomplete(operation: &'static str, creates: bool, member: &str) -> Self {
        Self {
            operation,
            class: if creates { Class::Ambiguous } else { Class::Transient },
            code: None,
            message: format!("the answer has no {member}"),
            request_id: None,
        }
    }
}

/// The class of an answer. An error that no API model names (a proxy's page, say) tells nothing about the resource.
fn classify(code: Option<&str>, status: u16, unknown: Class) -> Class {
    match code {
        Some("ResourceNotFoundException") => Class::Missing,
        Some("ValidationException") => Class::Invalid,
        Some("ServiceQuotaExceededException" | "PendingVerification" | "AccessDeniedException") => {
            Class::Blocked
        }
        Some("ThrottlingException" | "ConflictException" | "ChannelNotBroadcasting") => Class::Transient,
        // What is wrong with the credentials; nothing was done.
        Some(_) if status == 403 => Class::Blocked,
        Some(_) if (400..500).contains(&status) => Class::Transient,
        _ => unknown,
    }
}

/// AWS's words: `exceptionMessage` in ivs and ivs-realtime, which the SDK does not read, `message` in ivschat.
fn message(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = ["exceptionMessage", "message", "Message"].iter().find_map(|name| body.get(name)?.as_str())?;
    Some(text.to_owned())
}

/// A permission given to a Lambda function takes a while to be seen (ivs.md, Errors): not for the spec to mend.
fn is_lambda_permission(operation: &str, message: &str) -> bool {
    ["CreateRoom", "UpdateRoom"].contains(&operation)
        && message.to_ascii_lowercase().contains("lambda permission")
}

/// An error and what caused it, in one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        next = cause.source();
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_decides_the_class() {
        let class = |code: &str, status| classify(Some(code), status, Class::Ambiguous);
        assert_eq!(class("ValidationException", 400), Class::Invalid);
        assert_eq!(class("ServiceQuotaExceededException", 402), Class::Blocked);
        assert_eq!(class("AccessDeniedException", 403), Class::Blocked);
        assert_eq!(class("PendingVerification", 403), Class::Blocked);
        assert_eq!(class("ExpiredTokenException", 403), Class::Blocked);
        assert_eq!(class("ConflictException", 409), Class::Transient);
        assert_eq!(class("ThrottlingException", 429), Class::Transient);
        assert_eq!(class("ResourceNotFoundException", 404), Class::Missing);
    }

    #[test]
    fn an_answer_that_is_not_from_the_model_says_nothing() {
        assert_eq!(classify(None, 404, Class::Transient), Class::Transient);
        assert_eq!(classify(None, 502, Class::Ambiguous), Class::Ambiguous);
        assert_eq!(classify(Some("InternalServerException"), 500, Class::Ambiguous), Class::Ambiguous);
    }

    #[test]
    fn both_ways_to_write_a_message_are_read() {
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
