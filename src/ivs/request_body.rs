//! Completion of request bodies: the SDK leaves `false` and 0 out of nested members, so the settings are
//! merged into the body again, under AWS's own names, before the request is signed.

#[cfg(test)]
mod tests;

use aws_sdk_ivs::config::http::HttpRequest;
use serde::Serialize;
use serde_json::Value;

/// The completion of a request: its last change before it is signed. The argument of `map_request`.
pub(super) type Completion = Box<dyn Fn(HttpRequest) -> serde_json::Result<HttpRequest> + Send + Sync>;

/// Returns the completion of a request with these settings, which serialize under AWS's own names.
pub(super) fn completion(settings: &impl Serialize) -> Completion {
    let settings = serde_json::to_value(settings).unwrap_or_default();
    Box::new(move |request| complete(request, &settings))
}

/// Merges the settings into the body. Fails if the body is not JSON: it would be sent without the settings.
fn complete(mut request: HttpRequest, settings: &Value) -> serde_json::Result<HttpRequest> {
    let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
    merge(&mut body, settings);
    let body = serde_json::to_vec(&body)?;
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = body.into();
    Ok(request)
}

/// Merges objects member by member, and replaces everything else.
fn merge(body: &mut Value, settings: &Value) {
    match (body, settings) {
        (Value::Object(body), Value::Object(settings)) => {
            for (name, value) in settings {
                merge(body.entry(name).or_insert(Value::Null), value);
            }
        }
        (body, settings) => *body = settings.clone(),
    }
}
