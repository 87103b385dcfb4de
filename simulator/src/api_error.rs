//! The error of an AWS call, and the JSON body in which each service returns it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::service::Service;

/// The codes of errors that are in no API model, because the service's framework returns them.
const FRAMEWORK_CODES: &[&str] = &[
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MalformedHttpRequestException",
    "MethodNotAllowedException",
    "MissingAuthenticationTokenException",
    "NotImplementedException",
    "RequestEntityTooLargeException",
    "RequestTimeoutException",
    "SerializationException",
    "UnknownOperationException",
    "UnrecognizedClientException",
];

/// The error of one AWS call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub code: Cow<'static, str>,
    pub status: u16,
    pub message: String,
    /// The members that failed validation. Only ivschat returns them.
    pub fields: Vec<InvalidMember>,
    /// The resource that the error is about. Only ivschat returns it.
    pub resource: Option<String>,
    /// The quota that was exceeded. Only ivschat returns it.
    pub limit: Option<u32>,
}

/// A member that failed validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidMember {
    pub name: String,
    pub message: String,
}

impl ApiError {
    pub fn new(code: impl Into<Cow<'static, str>>, status: u16, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            status,
            message: message.into(),
            fields: Vec::new(),
            resource: None,
            limit: None,
        }
    }

    pub fn not_found(arn: &str) -> Self {
        let error = Self::new("ResourceNotFoundException", 404, format!("Resource: {arn} not found"));
        error.about(arn)
    }

    /// Sets the resource that the error is about.
    pub fn about(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }

    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", 400, message)
    }

    /// Returns a validation error for one member that breaks a rule beyond those of its own shape.
    pub fn member(name: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let field = InvalidMember { name: name.to_owned(), message: message.clone() };
        Self { fields: vec![field], ..Self::validation(format!("{name}: {message}")) }
    }

    pub fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", 400, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new("ConflictException", 409, message)
    }

    pub fn quota(message: impl Into<String>) -> Self {
        Self::new("ServiceQuotaExceededException", 402, message)
    }

    /// Returns the error of a create that would exceed the limit of a resource kind.
    pub fn limit_reached(kind: &str, limit: usize) -> Self {
        let message = format!("The limit of {limit} {kind} for this account and region has been reached");
        Self { limit: u32::try_from(limit).ok(), ..Self::quota(message).about(kind) }
    }

    /// Returns the error of a call that exceeds the operation's rate limit.
    pub fn throttled(operation: &str, limit: u32) -> Self {
        let error = Self::new("ThrottlingException", 429, "Rate exceeded");
        Self { limit: Some(limit), ..error.about(operation) }
    }

    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::new("AccessDeniedException", 403, message)
    }

    pub fn not_broadcasting() -> Self {
        Self::new("ChannelNotBroadcasting", 404, "The channel is not broadcasting")
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("InternalServerException", 500, message)
    }

    /// Returns the JSON body in which the service returns this error. STS returns XML instead.
    pub fn body(&self, service: Service) -> Value {
        let mut body = Map::new();
        body.insert(service.message_member().to_owned(), json!(self.message));
        if FRAMEWORK_CODES.contains(&&*self.code) {
            // No shape says where these are, so SDKs look for the usual members.
            body.insert("__type".to_owned(), json!(self.code));
            body.insert("message".to_owned(), json!(self.message));
        }
        if service == Service::IvsChat {
            self.add_chat_members(&mut body);
        }
        Value::Object(body)
    }

    /// Adds the members that only ivschat has. Each error gets those of its own shape.
    fn add_chat_members(&self, body: &mut Map<String, Value>) {
        let (fields, resource, limit) = match &*self.code {
            "ValidationException" => (true, false, false),
            "ConflictException" | "ResourceNotFoundException" => (false, true, false),
            "ServiceQuotaExceededException" | "ThrottlingException" => (false, true, true),
            _ => (false, false, false),
        };
        if fields {
            let reason = if self.fields.is_empty() { "OTHER" } else { "FIELD_VALIDATION_FAILED" };
            let fields =
                self.fields.iter().map(|field| json!({"name": field.name, "message": field.message}));
            body.insert("reason".to_owned(), json!(reason));
            body.insert("fieldList".to_owned(), fields.collect());
        }
        if let Some(limit) = self.limit.filter(|_| limit) {
            body.insert("limit".to_owned(), json!(limit));
        }
        if let Some(resource) = self.resource.as_ref().filter(|_| resource) {
            // The API model allows only letters and digits here, so this is the last part of the ARN.
            let id = resource.rsplit('/').next().unwrap_or(resource);
            let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
            body.insert("resourceId".to_owned(), json!(id));
            body.insert("resourceType".to_owned(), json!("ROOM"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_own_message_member() {
        let error = ApiError::conflict("no");
        assert_eq!(error.body(Service::Ivs), json!({"exceptionMessage": "no"}));
        assert_eq!(error.body(Service::IvsRealtime), json!({"exceptionMessage": "no"}));
        assert_eq!(error.body(Service::IvsChat), json!({"message": "no"}));
    }

    #[test]
    fn an_error_of_the_framework_has_its_code_and_message_where_sdks_look() {
        for service in [Service::Ivs, Service::IvsRealtime, Service::IvsChat] {
            let body = ApiError::serialization("no").body(service);
            assert_eq!((&body["__type"], &body["message"]), (&json!("SerializationException"), &json!("no")));
        }
    }

    #[test]
    fn chat_lists_the_fields_that_failed_validation() {
        let body = ApiError::member("name", "too long").body(Service::IvsChat);
        assert_eq!(body["reason"], "FIELD_VALIDATION_FAILED");
        assert_eq!(body["fieldList"], json!([{"name": "name", "message": "too long"}]));
    }
}
