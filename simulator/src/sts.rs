//! The one operation of `sts` that is here: whose credentials these are. It is asked by a form and answered in XML.

use std::borrow::Cow;

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use crate::{
    error::Failure,
    operation::{Operation, Outcome, Service},
    route::decoded,
    state::State,
};

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "GetCallerIdentity",
    service: Service::Sts,
    success: 200,
    input: &[],
    run: get_caller_identity,
}];

const VERSION: &str = "2011-06-15";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The codes of errors that any service can have, as the JSON protocols and as the query protocol know them.
const CODES: &[(&str, &str)] = &[
    ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
    ("IncompleteSignatureException", "IncompleteSignature"),
    ("InvalidSignatureException", "SignatureDoesNotMatch"),
    ("UnrecognizedClientException", "InvalidClientTokenId"),
    ("AccessDeniedException", "AccessDenied"),
    ("ThrottlingException", "Throttling"),
    ("InternalServerException", "InternalFailure"),
];

/// Everybody is one user, whatever the access key.
#[expect(clippy::unnecessary_wraps, reason = "as every operation")]
fn get_caller_identity(state: &mut State, _: &Value) -> Outcome {
    let account = &state.account_region.account;
    Ok(format!(
        "<Arn>arn:aws:iam::{account}:user/simulator</Arn><UserId>AIDAIVSSIMULATOREXAMPLE</UserId><Account>{account}</Account>"
    ))
}

/// Whether a request carries a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().starts_with("application/x-www-form-urlencoded"))
}

/// The operation that a form asks for, and the form's members; or the refusal.
pub(crate) fn find(body: &[u8]) -> Result<(&'static Operation, Map<String, Value>), Failure> {
    let members = members(&String::from_utf8_lossy(body));
    let member = |name: &str| members.get(name).and_then(Value::as_str);
    let Some(action) = member("Action") else {
        return Err(Failure::new("MissingAction", 400, "The form has no Action"));
    };
    let version = member("Version").unwrap_or("NO_VERSION_SPECIFIED");
    let here = OPERATIONS.iter().find(|operation| operation.name == action && version == VERSION);
    here.map(|operation| (operation, members.clone())).ok_or_else(|| {
        let shown: String = action.chars().take(128).collect();
        let message = format!("Could not find operation {shown} for version {VERSION}");
        Failure::new("InvalidAction", 400, message)
    })
}

fn members(form: &str) -> Map<String, Value> {
    let text = |text: &str| decoded(&text.replace('+', " "));
    let parts = form.split('&').filter_map(|part| part.split_once('='));
    parts.map(|(name, value)| (text(name), Value::String(text(value)))).collect()
}

/// An answer in full.
pub(crate) fn answer(operation: &str, output: &str, request_id: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{output}</{operation}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
}

/// An error in full.
pub(crate) fn refusal(failure: &Failure, request_id: &str) -> String {
    let (code, message) = (escaped(code(&failure.code)), escaped(&failure.message));
    let blamed = if failure.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{blamed}</Type><Code>{code}</Code>\
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
    fn a_form_names_the_operation_and_its_version() {
        let code = |form: &str| find(form.as_bytes()).err().map(|failure| failure.code.into_owned());
        assert_eq!(code("Action=GetCallerIdentity&Version=2011-06-15"), None);
        assert_eq!(code("Version=2011-06-15&Action=Get%43allerIdentity"), None);
        assert_eq!(code("").as_deref(), Some("MissingAction"));
        for form in ["Action=AssumeRole&Version=2011-06-15", "Action=GetCallerIdentity", "Action="] {
            assert_eq!(code(form).as_deref(), Some("InvalidAction"), "{form}");
        }
    }

    #[test]
    fn an_error_has_the_code_of_the_query_protocol_and_is_xml() {
        let text = refusal(&Failure::new("InvalidSignatureException", 403, "<a> & b"), "r");
        assert!(text.contains("<Code>SignatureDoesNotMatch</Code><Message>&lt;a&gt; &amp; b</Message>"));
        assert!(refusal(&Failure::internal("no"), "r").contains("<Type>Receiver</Type>"));
    }
}
