//! Which operation a request means.

use std::borrow::Cow;

use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::{
    error::Failure,
    operation::{self, Lookup, Operation, Service},
    sts, tags,
};

/// A request that is for one of our operations.
pub(crate) struct Route {
    pub operation: &'static Operation,
    /// The members of the input that are in the path and the query.
    pub members: Map<String, Value>,
}

/// A request that is for none.
pub(crate) enum RouteError {
    /// AWS has the operation, we do not.
    Unimplemented(Service, &'static str),
    /// A form that asks for none.
    Form(Failure),
    /// Nobody has it.
    Unknown {
        /// The method and the path.
        asked: String,
        message: String,
    },
}

impl RouteError {
    /// What was asked for, as the journal tells it: the operation, if it is one.
    pub fn asked(&self) -> Cow<'static, str> {
        match self {
            Self::Unimplemented(_, name) => Cow::Borrowed(name),
            Self::Form(_) => Cow::Borrowed("POST /"),
            Self::Unknown { asked, .. } => Cow::Owned(asked.clone()),
        }
    }

    /// The service that answers, and what.
    pub fn answer(self) -> (Service, Failure) {
        match self {
            Self::Unimplemented(service, name) => {
                let message = format!("The simulator does not have the operation {name}");
                (service, Failure::new("NotImplementedException", 501, message))
            }
            Self::Form(failure) => (Service::Sts, failure),
            Self::Unknown { message, .. } => {
                (Service::Ivs, Failure::new("UnknownOperationException", 404, message))
            }
        }
    }
}

/// Finds the operation by method and path; that of sts by the form that is the body.
pub(crate) fn find(request: &Parts, body: &[u8]) -> Result<Route, RouteError> {
    let (method, path) = (request.method.as_str(), request.uri.path());
    if let Some(arn) = path.strip_prefix("/tags/") {
        return tag_route(request, arn);
    }
    if (method, path) == ("POST", "/") && sts::is_form(&request.headers) {
        let found = sts::find(body).map_err(RouteError::Form);
        return found.map(|(operation, members)| Route { operation, members });
    }
    let name = path.trim_start_matches('/');
    match operation::find(name).filter(|known| !known.is_query_protocol()) {
        Some(_) if method != "POST" => Err(unknown(request, format!("{name} is POST /{name}, not {method}"))),
        Some(Lookup::Supported(operation)) => Ok(Route { operation, members: Map::new() }),
        Some(Lookup::Unimplemented(service, name)) => Err(RouteError::Unimplemented(service, name)),
        None => Err(unknown(
            request,
            format!(
                "{method} {path} is no operation of ivs, ivschat or ivs-realtime, nor a form for sts; GET /_simulator is the simulator's own page"
            ),
        )),
    }
}

fn unknown(request: &Parts, message: String) -> RouteError {
    /// How much of a path the journal keeps, in characters.
    const LONGEST: usize = 256;
    let asked = format!("{} {}", request.method, request.uri.path()).chars().take(LONGEST).collect();
    RouteError::Unknown { asked, message }
}

fn tag_route(request: &Parts, arn: &str) -> Result<Route, RouteError> {
    let (method, arn) = (request.method.as_str(), decoded(arn));
    let Some(operation) = tags::find(method, &arn) else {
        let message = format!("Tags are read by GET, set by POST and removed by DELETE, not by {method}");
        return Err(unknown(request, message));
    };
    let mut members = Map::from_iter([("resourceArn".to_owned(), json!(arn))]);
    if operation.name == "UntagResource" {
        let query = request.uri.query().unwrap_or_default();
        let keys: Vec<_> = query.split('&').filter_map(tag_key).collect();
        if !keys.is_empty() {
            members.insert("tagKeys".to_owned(), json!(keys));
        }
    }
    Ok(Route { operation, members })
}

fn tag_key(parameter: &str) -> Option<String> {
    let (name, value) = parameter.split_once('=')?;
    (name == "tagKeys").then(|| decoded(&value.replace('+', " ")))
}

/// Undoes the encoding of a URL.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
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
    fn tags_are_told_apart_by_the_arn() {
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
    fn tag_keys_come_from_the_query() {
        let route = route("DELETE", "/tags/a?tagKeys=x%2Fy&other=1&tagKeys=z+1").ok().expect("a route");
        assert_eq!(route.members["tagKeys"], json!(["x/y", "z 1"]));
    }

    #[test]
    fn what_is_not_here_says_so() {
        let status = |method, uri| route(method, uri).err().map(|refused| refused.answer().1.status);
        assert_eq!(status("POST", "/CreateChannel"), None);
        assert_eq!(status("GET", "/CreateChannel"), Some(404));
        assert_eq!(status("POST", "/StartComposition"), Some(501));
        assert_eq!(status("POST", "/"), Some(404));
        assert_eq!(status("PUT", "/tags/a"), Some(404));
    }
}
