//! `/openapi.json`: the way for programs, described from the handlers and from the types that they read and answer with.

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
    problem::Details,
    routes::{self, Site},
};

/// `GET /openapi.json`: OpenAPI 3.1.
pub async fn document<R: Send + Sync, A: Send + Sync>(
    State(site): State<Arc<Site<R, A>>>,
) -> Json<openapi::OpenApi> {
    Json(described(site.rules.shortest_password))
}

/// With the rule that each site sets for itself.
fn described(shortest_password: usize) -> openapi::OpenApi {
    let mut document = Document::openapi();
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    if let Some(RefOr::T(Schema::Object(registration))) =
        schemas.and_then(|schemas| schemas.get_mut("Registration"))
        && let Some(RefOr::T(Schema::Object(password))) = registration.properties.get_mut("password")
    {
        password.min_length = Some(shortest_password);
    }
    document
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Streamcat registration",
        description = "A username and a password become an account: a channel, a chat room and a stage of Amazon IVS.\n\nSend `Accept: application/json`: without it, answers are pages for people. What does not work out is told by problem details (RFC 9457)."
    ),
    paths(routes::registration_form, routes::register::register, routes::account::account, routes::events::events),
    components(schemas(Details)),
    modifiers(&Problems)
)]
struct Document;

/// What does not work out is told in one way, whatever was asked: the handlers say only what else can happen to theirs.
struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let paths = document.paths.paths.values_mut();
        let operations = paths.flat_map(|path| [&mut path.get, &mut path.post]).flatten();
        operations.for_each(describe_problems);
    }
}

fn describe_problems(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    for (status, description) in [
        (StatusCode::METHOD_NOT_ALLOWED, "Another method."),
        (StatusCode::TOO_MANY_REQUESTS, "Too many connections from this address."),
        (StatusCode::INTERNAL_SERVER_ERROR, "Whoever runs this has to mend something."),
        (StatusCode::SERVICE_UNAVAILABLE, "Not now: ask again."),
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
        let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds.")).build();
        response.headers.insert("Retry-After".to_owned(), header.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_says_how_a_problem_is_told() {
        let document = serde_json::to_value(described(15)).expect("JSON");
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
        assert_eq!(kinds["$ref"], "#/components/schemas/Kind");
    }

    #[test]
    fn a_password_is_only_ever_sent_and_as_long_as_this_site_wants_it() {
        let document = serde_json::to_value(described(12)).expect("JSON");
        let password = &document["components"]["schemas"]["Registration"]["properties"]["password"];
        assert_eq!((&password["writeOnly"], &password["minLength"]), (&true.into(), &12.into()));
    }
}
