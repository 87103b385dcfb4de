//! What is answered over a connection that is not served: why, whatever was asked.

use std::{future::ready, sync::Arc};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request, State},
    middleware::{from_fn_with_state, map_response},
    response::Response,
};

use super::{LARGEST_BODY, Site};
use crate::registration::{
    headers,
    measure::measure,
    problem::Problem,
    server::{OF_ONE_ADDRESS, TurnedAway},
    submission,
};

/// Answers everything so.
pub fn router<R: Send + Sync + 'static, A: Send + Sync + 'static>(site: Arc<Site<R, A>>) -> Router {
    let (behind_tls, metrics) = (site.cookies.secure, site.metrics.clone());
    Router::new()
        .fallback(tell::<R, A>)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(map_response(move |response| ready(headers::secure(response, behind_tls))))
        .layer(from_fn_with_state(metrics, measure))
        .with_state(site)
}

async fn tell<R, A>(
    State(site): State<Arc<Site<R, A>>>,
    Extension(why): Extension<TurnedAway>,
    request: Request,
) -> Response {
    let format = submission::answer_format(request.headers());
    // Who is answered before all is sent may not read the answer.
    drop(Bytes::from_request(request, &()).await);
    let (reason, problem) = match why {
        TurnedAway::Full => ("connections", Problem::full()),
        TurnedAway::OfOneAddress => (OF_ONE_ADDRESS, Problem::too_many_connections()),
    };
    site.metrics.refused(reason);
    site.told(format, &problem)
}
