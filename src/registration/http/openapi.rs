//! `/openapi.json`: the description of the API, generated from the handlers and their types.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
        Type, path::Operation,
    },
};

use super::{
    handlers::{account, events, register},
    problem::ProblemDetails,
    state::AppState,
};
use crate::registration::backend::Backend;

/// `GET /openapi.json`: returns the OpenAPI 3.1 document.
pub async fn document<B: Backend>(State(state): State<Arc<AppState<B>>>) -> Json<openapi::OpenApi> {
    Json(describe(state.rules.min_password_length))
}

/// Returns the document, with the minimum password length of this site.
fn describe(min_password_length: usize) -> openapi::OpenApi {
    let mut document = Document::openapi();
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    if let Some(RefOr::T(Schema::Object(registration))) =
        schemas.and_then(|schemas| schemas.get_mut("Registration"))
        && let Some(RefOr::T(Schema::Object(password))) = registration.properties.get_mut("password")
    {
        password.min_length = Some(min_password_length);
    }
    document
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Streamcat registration",
        description = "Registers accounts. Each account has an Amazon IVS channel, a chat room, and a stage.\n\nSend `Accept: application/json`; without it, responses are HTML pages. Errors are problem details (RFC 9457)."
    ),
    paths(register::form, register::register, account::account, events::events),
    components(schemas(ProblemDetails)),
    modifiers(&CommonErrors)
)]
struct Document;

/// Adds the errors that every operation can return, and their format. The handlers describe only their own.
struct CommonErrors;

impl Modify for CommonErrors {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let paths = document.paths.paths.values_mut();
        let operations = paths.flat_map(|path| [&mut path.get, &mut path.post]).flatten();
        operations.for_each(describe_problems);
    }
}

fn describe_problems(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    for (status, description) in [
        (StatusCode::METHOD_NOT_ALLOWED, "The method is not supported."),
        (StatusCode::TOO_MANY_REQUESTS, "Too many connections or reads from this IP address."),
        (StatusCode::INTERNAL_SERVER_ERROR, "The operators have to fix something."),
        (StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable. Retry later."),
    ] {
        let response = || ResponseBuilder::new().description(description).build().into();
        responses.entry(status.as_str().to_owned()).or_insert_with(response);
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
        {
            describe_problem(status, response);
        }
    }
}

fn describe_problem(status: &str, response: &mut Response) {
    let details = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    response.content.insert("application/problem+json".to_owned(), details.into());
    if ["429", "503"].contains(&status) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
        let header = HeaderBuilder::new()
            .schema(Some(seconds))
            .description(Some("Number of seconds to wait."))
            .build();
        response.headers.insert("Retry-After".to_owned(), header.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_describes_its_problem_responses() {
        let document = serde_json::to_value(describe(15)).expect("JSON");
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
        let paths = document["paths"].as_object().expect("paths");
        assert_eq!(paths.len(), 3);
        for operation in paths.values().flat_map(|path| path.as_object().expect("operations").values()) {
            for (status, comes_again) in [("405", false), ("429", true), ("500", false), ("503", true)] {
                let response = &operation["responses"][status];
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{status}: {operation}");
                let seconds = &response["headers"]["Retry-After"]["schema"]["type"];
                assert_eq!(seconds == "integer", comes_again, "{status}: {operation}");
            }
        }
        let kinds = &document["components"]["schemas"]["Problem"]["properties"]["type"];
        assert_eq!(kinds["$ref"], "#/components/schemas/ProblemKind");
    }

    #[test]
    fn the_password_is_write_only_and_has_the_minimum_length() {
        let document = serde_json::to_value(describe(12)).expect("JSON");
        let password = &document["components"]["schemas"]["Registration"]["properties"]["password"];
        assert_eq!((&password["writeOnly"], &password["minLength"]), (&true.into(), &12.into()));
    }
}
