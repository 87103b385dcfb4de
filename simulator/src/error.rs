//! What an AWS call can fail with, and how each of the three services writes it down.

use std::{borrow::Cow, io};

use serde_json::{Map, Value, json};

use crate::{operation::Service, sts};

/// Why the simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not one, or its host name is unknown.
    #[error("cannot listen on {address}: not a usable address ({source})")]
    Address {
        /// The address as it was given.
        address: String,
        /// The reason.
        source: io::Error,
    },
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {}", in_words(source))]
    Listen {
        /// The address as it was given.
        address: String,
        /// The reason.
        source: io::Error,
    },
    /// What has not the form of a region or of an account.
    #[error("{0}")]
    AccountRegion(String),
    /// A URL that events cannot be posted to.
    #[error("{0}")]
    Events(String),
    /// A setting that makes no sense, or a file that cannot be read.
    #[error("{0}")]
    Setting(String),
    /// The thread or the runtime of the server cannot be made.
    #[error("cannot start the server: {0}")]
    Runtime(#[source] io::Error),
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken by another program".to_owned(),
        _ => error.to_string(),
    }
}

/// The failure of one AWS call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub code: Cow<'static, str>,
    pub status: u16,
    pub message: String,
    /// The members that are wrong, for the service that lists them.
    pub fields: Vec<Field>,
    /// The resource that is meant, for the service that names it.
    pub resource: Option<String>,
    /// The quota that is used up, for the service that tells it.
    pub limit: Option<u32>,
}

/// A member that failed validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub name: String,
    pub message: String,
}

impl Failure {
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
        let failure = Self::new("ResourceNotFoundException", 404, format!("Resource: {arn} not found"));
        Self { resource: Some(arn.to_owned()), ..failure }
    }

    /// Names the resource that is meant.
    pub fn about(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }

    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", 400, message)
    }

    /// A rule that one member breaks, beyond what its own shape says.
    pub fn member(name: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let field = Field { name: name.to_owned(), message: message.clone() };
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

    /// There are as many of a kind as there may be.
    pub fn full(kind: &str, limit: usize) -> Self {
        let failure =
            Self::quota(format!("The limit of {limit} {kind} of this account in this region is reached"));
        Self { limit: u32::try_from(limit).ok(), resource: Some(kind.to_owned()), ..failure }
    }

    /// There were too many calls.
    pub fn throttled(operation: &str, limit: u32) -> Self {
        let failure = Self::new("ThrottlingException", 429, "Rate exceeded");
        Self { limit: Some(limit), resource: Some(operation.to_owned()), ..failure }
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

    /// The body as the service writes it, in full.
    pub fn text(&self, service: Service, request_id: &str) -> String {
        match service {
            Service::Sts => sts::refusal(self, request_id),
            Service::Ivs | Service::IvsChat | Service::IvsRealtime => self.body(service).to_string(),
        }
    }

    /// The body of the services that write JSON.
    pub fn body(&self, service: Service) -> Value {
        let mut body = Map::new();
        body.insert(service.message_member().to_owned(), json!(self.message));
        if service == Service::IvsChat {
            self.add_chat_members(&mut body);
        }
        Value::Object(body)
    }

    /// Only ivschat says more than a message, and of each error what its shape has.
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
            // The model's pattern for it has letters and digits only: it is the last part of the ARN.
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
    fn each_service_has_its_own_member_for_the_message() {
        let failure = Failure::conflict("no");
        assert_eq!(failure.body(Service::Ivs), json!({"exceptionMessage": "no"}));
        assert_eq!(failure.body(Service::IvsRealtime), json!({"exceptionMessage": "no"}));
        assert_eq!(failure.body(Service::IvsChat), json!({"message": "no"}));
    }

    #[test]
    fn chat_lists_the_fields_of_a_validation() {
        let body = Failure::member("name", "too long").body(Service::IvsChat);
        assert_eq!(body["reason"], "FIELD_VALIDATION_FAILED");
        assert_eq!(body["fieldList"], json!([{"name": "name", "message": "too long"}]));
    }
}
