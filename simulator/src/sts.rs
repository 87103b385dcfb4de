//! The `sts` API: GetCallerIdentity. It uses the AWS query protocol, with form input and XML output.

use std::borrow::Cow;

use axum::http::HeaderMap;
use http_guards::fields;
use serde_json::{Map, Value};

use crate::{api_error::ApiError, codec::Outcome, operation::Operation, service::Service, state::State, url};

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "GetCallerIdentity",
    service: Service::Sts,
    success: 200,
    input: &[],
    run: get_caller_identity,
}];

const VERSION: &str = "2011-06-15";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The common error codes in the JSON protocol and in the query protocol.
const CODES: &[(&str, &str)] = &[
    ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
    ("IncompleteSignatureException", "IncompleteSignature"),
    ("InvalidSignatureException", "SignatureDoesNotMatch"),
    ("UnrecognizedClientException", "InvalidClientTokenId"),
    ("AccessDeniedException", "AccessDenied"),
    ("ThrottlingException", "Throttling"),
    ("InternalServerException", "InternalFailure"),
];

/// Returns the same user for every access key.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all operations")]
fn get_caller_identity(state: &mut State, _: &Value) -> Outcome {
    let account = &state.account_region.account;
    Ok(format!(
        "<Arn>arn:aws:iam::{account}:user/simulator</Arn><UserId>AIDAIVSSIMULATOREXAMPLE</UserId><Account>{account}</Account>"
    ))
}

/// Returns true if the body of a request is a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    fields::has_media_type(headers, "application/x-www-form-urlencoded")
}

/// Returns the operation that a form requests, and the members of the form.
pub(crate) fn find(body: &[u8]) -> Result<(&'static Operation, Map<String, Value>), ApiError> {
    let form = str::from_utf8(body).map_err(|_| ApiError::serialization("the form is not UTF-8"))?;
    let members = members(form)?;
    let member = |name: &str| members.get(name).and_then(Value::as_str);
    let Some(action) = member("Action") else {
        return Err(ApiError::new("MissingAction", 400, "The form has no Action"));
    };
    let version = member("Version").unwrap_or("NO_VERSION_SPECIFIED");
    let operation = OPERATIONS.iter().find(|operation| operation.name == action && version == VERSION);
    operation.map(|operation| (operation, members.clone())).ok_or_else(|| {
        let shown: String = action.chars().take(128).collect();
        let message = format!("Could not find operation {shown} for version {VERSION}");
        ApiError::new("InvalidAction", 400, message)
    })
}

/// Decodes the members of a form.
fn members(form: &str) -> Result<Map<String, Value>, ApiError> {
    let parts = form.split('&').filter_map(|part| part.split_once('='));
    parts
        .map(|(name, value)| Ok((url::decode_form(name)?, Value::String(url::decode_form(value)?))))
        .collect()
}

/// Returns the XML body of a success.
pub(crate) fn success_body(operation: &str, output: &str, request_id: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{output}</{operation}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
}

/// Returns the XML body of an error.
pub(crate) fn error_body(error: &ApiError, request_id: &str) -> String {
    let (code, message) = (escaped(code(&error.code)), escaped(&error.message));
    let fault = if error.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

fn code(code: &str) -> &str {
    CODES.iter().find(|(json, _)| *json == code).map_or(code, |(_, query)| query)
}

fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<', '>']) {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_selects_the_operation_and_its_version() {
        let code = |form: &str| find(form.as_bytes()).err().map(|error| error.code.into_owned());
        assert_eq!(code("Action=GetCallerIdentity&Version=2011-06-15"), None);
        assert_eq!(code("Version=2011-06-15&Action=Get%43allerIdentity"), None);
        assert_eq!(code("").as_deref(), Some("MissingAction"));
        for form in ["Action=AssumeRole&Version=2011-06-15", "Action=GetCallerIdentity", "Action="] {
            assert_eq!(code(form).as_deref(), Some("InvalidAction"), "{form}");
        }
        assert_eq!(code("Action=%FC").as_deref(), Some("SerializationException"));
    }

    #[test]
    fn an_error_is_xml_with_a_query_protocol_code() {
        let text = error_body(&ApiError::new("InvalidSignatureException", 403, "<a> & b"), "r");
        assert!(text.contains("<Code>SignatureDoesNotMatch</Code><Message>&lt;a&gt; &amp; b</Message>"));
        assert!(error_body(&ApiError::internal("no"), "r").contains("<Type>Receiver</Type>"));
    }
}
