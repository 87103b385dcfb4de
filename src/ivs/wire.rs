//! Requests with all that was asked for: the SDK leaves `false` and 0 out of nested members, so the settings are put
//! into the body once more, under AWS's own names, before it is signed.

#[cfg(test)]
mod tests;

use aws_sdk_ivs::config::http::HttpRequest;
use serde::Serialize;
use serde_json::Value;

/// The last step of a request before it is signed; `map_request` takes it.
pub(super) type Completion = Box<dyn Fn(HttpRequest) -> serde_json::Result<HttpRequest> + Send + Sync>;

/// Completion of a request by these settings. They serialise under the names that AWS has for them.
pub(super) fn completion(settings: &impl Serialize) -> Completion {
    let settings = serde_json::to_value(settings).unwrap_or_default();
    Box::new(move |request| complete(request, &settings))
}

/// A body that is not JSON is an error: it would be sent without what was asked for.
fn complete(mut request: HttpRequest, settings: &Value) -> serde_json::Result<HttpRequest> {
    let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
    merge(&mut body, settings);
    let body = serde_json::to_vec(&body)?;
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = body.into();
    Ok(request)
}

/// Members of objects are merged, anything else is replaced.
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
