//! What somebody sent is done to its end, also where they hang up before the answer: a wrong password counts, and nothing stops
//! halfway.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use super::{problem::Problem, routes::Site, submission};

/// Answers what may change something in a task of its own; hyper drops the future of an answer that nobody waits for.
pub async fn carry<R, A>(State(site): State<Arc<Site<R, A>>>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let format = submission::answer_format(request.headers());
    site.tasks.spawn(next.run(request)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer broke off");
        site.told(format, &Problem::broken())
    })
}
