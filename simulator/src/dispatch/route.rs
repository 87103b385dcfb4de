//! Routing: the operation that a request calls.

use std::borrow::Cow;

use axum::http::request::Parts;
use serde_json::{Map, Value, json};

use crate::{
    api_error::ApiError,
    operation::Operation,
    registry::{self, Lookup},
    service::Service,
    sts, tagging, url,
};

/// The route of a request to a supported operation.
pub(super) struct Route {
    pub operation: &'static Operation,
    /// The members of the input that are in the path and the query.
    pub members: Map<String, Value>,
}

/// The reason why a request has no route.
pub(super) enum RouteError {
    /// An operation of AWS that the simulator does not implement.
    Unimplemented(Service, &'static str),
    /// A form that names no supported operation.
    Form(ApiError),
    /// A path or a query that is not UTF-8.
    Malformed {
        /// The method and the path.
        request: String,
        error: Box<ApiError>,
    },
    /// A method and path that AWS does not have either.
    Unknown {
        /// The method and the path.
        request: String,
        message: String,
    },
}

impl RouteError {
    /// Returns the operation for the journal: its name if it is one of AWS, otherwise the method and the
    /// path.
    pub fn operation(&self) -> Cow<'static, str> {
        match self {
            Self::Unimplemented(_, name) => Cow::Borrowed(name),
            Self::Form(_) => Cow::Borrowed("POST /"),
            Self::Malformed { request, .. } | Self::Unknown { request, .. } => Cow::Owned(request.clone()),
        }
    }

    /// Returns the error to respond with, and the service that responds.
    pub fn into_error(self) -> (Service, ApiError) {
        match self {
            Self::Unimplemented(service, name) => {
                let message = format!("The simulator does not implement the operation {name}");
                (service, ApiError::new("NotImplementedException", 501, message))
            }
            Self::Form(error) => (Service::Sts, error),
            Self::Malformed { error, .. } => (Service::Ivs, *error),
            Self::Unknown { message, .. } => {
                (Service::Ivs, ApiError::new("UnknownOperationException", 404, message))
            }
        }
    }
}

/// Finds the operation by method and path, or by the form in the body for STS.
pub(super) fn find(request: &Parts, body: &[u8]) -> Result<Route, RouteError> {
    let (method, path) = (request.method.as_str(), request.uri.path());
    if let Some(arn) = path.strip_prefix("/tags/") {
        return tag_route(request, arn);
    }
    if (method, path) == ("POST", "/") && sts::is_form(&request.headers) {
        let operation = sts::find(body).map_err(RouteError::Form);
        return operation.map(|(operation, members)| Route { operation, members });
    }
    let name = path.trim_start_matches('/');
    match registry::find(name).filter(|known| !known.is_query_protocol()) {
        Some(_) if method != "POST" => {
            Err(unknown(request, format!("{name} requires POST /{name}, not {method}")))
        }
        Some(Lookup::Supported(operation)) => Ok(Route { operation, members: Map::new() }),
        Some(Lookup::Unimplemented(service, name)) => Err(RouteError::Unimplemented(service, name)),
        None => Err(unknown(
            request,
            format!(
                "{method} {path} is not an operation of ivs, ivschat or ivs-realtime, and not a form for sts; see GET /_simulator for the simulator's own pages"
            ),
        )),
    }
}

fn unknown(parts: &Parts, message: String) -> RouteError {
    RouteError::Unknown { request: method_and_path(parts), message }
}

fn malformed(parts: &Parts, error: ApiError) -> RouteError {
    RouteError::Malformed { request: method_and_path(parts), error: Box::new(error) }
}

/// Returns method and path for the journal.
fn method_and_path(parts: &Parts) -> String {
    /// The maximum length, in characters.
    const MAX_CHARS: usize = 256;
    format!("{} {}", parts.method, parts.uri.path()).chars().take(MAX_CHARS).collect()
}

fn tag_route(request: &Parts, arn: &str) -> Result<Route, RouteError> {
    let method = request.method.as_str();
    let arn = url::decode(arn).map_err(|error| malformed(request, error))?;
    let Some(operation) = tagging::find(method, &arn) else {
        let message =
            format!("Tags are read with GET, set with POST and removed with DELETE, not with {method}");
        return Err(unknown(request, message));
    };
    let mut members = Map::from_iter([("resourceArn".to_owned(), json!(arn))]);
    if operation.name == "UntagResource" {
        let query = request.uri.query().unwrap_or_default();
        let keys: Result<Vec<_>, _> = query.split('&').filter_map(tag_key).collect();
        let keys = keys.map_err(|error| malformed(request, error))?;
        if !keys.is_empty() {
            members.insert("tagKeys".to_owned(), json!(keys));
        }
    }
    Ok(Route { operation, members })
}

fn tag_key(parameter: &str) -> Option<Result<String, ApiError>> {
    let (name, value) = parameter.split_once('=')?;
    (name == "tagKeys").then(|| url::decode_form(value))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn route(method: &str, uri: &str) -> Result<Route, RouteError> {
        let request = Request::builder().method(method).uri(uri).body(()).expect("a request");
        find(&request.into_parts().0, b"")
    }

    #[test]
    fn the_arn_determines_the_service_of_a_tag_operation() {
        for (arn, service) in [
            ("arn%3Aaws%3Aivs%3Aus-west-2%3A1%3Achannel%2Fa", Service::Ivs),
            ("arn:aws:ivs:us-west-2:1:stream-key/a", Service::Ivs),
            ("arn:aws:ivs:us-west-2:1:stage/a", Service::IvsRealtime),
            ("arn:aws:ivschat:us-west-2:1:room/a", Service::IvsChat),
        ] {
            let route = route("GET", &format!("/tags/{arn}")).ok().expect("a route");
            assert_eq!((route.operation.name, route.operation.service), ("ListTagsForResource", service));
        }
    }

    #[test]
    fn tag_keys_are_read_from_the_query() {
        let route = route("DELETE", "/tags/a?tagKeys=x%2Fy&other=1&tagKeys=z+1").ok().expect("a route");
        assert_eq!(route.members["tagKeys"], json!(["x/y", "z 1"]));
    }

    #[test]
    fn requests_without_a_route_have_a_status() {
        let status = |method, uri| route(method, uri).err().map(|error| error.into_error().1.status);
        assert_eq!(status("POST", "/CreateChannel"), None);
        assert_eq!(status("GET", "/CreateChannel"), Some(404));
        assert_eq!(status("POST", "/StartComposition"), Some(501));
        assert_eq!(status("POST", "/"), Some(404));
        assert_eq!(status("PUT", "/tags/a"), Some(404));
    }
}
