//! Requests that carry a username and a password: to register or to sign in.

use std::net::{IpAddr, SocketAddr};

use axum::{extract::Request, http::HeaderMap};

use super::{
    format::Format,
    problem::Problem,
    state::AppState,
    submission::{Rejection, Submission},
};
use crate::{registration::backend::Backend, telemetry::RegistrationMetrics};

/// A request with a username and a password.
#[derive(Debug)]
pub struct CredentialsRequest {
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The client's IP address.
    pub address: IpAddr,
    /// The body.
    pub submission: Submission,
}

impl<B: Backend> AppState<B> {
    /// Reads a request.
    ///
    /// # Errors
    /// Returns the headers, and the problem of a body that cannot be read.
    pub async fn read_credentials(
        &self,
        peer: SocketAddr,
        request: Request,
    ) -> Result<CredentialsRequest, (HeaderMap, Rejection)> {
        let headers = request.headers().clone();
        let address = self.limits.client_ip(&headers, peer.ip());
        match Submission::read(request).await {
            Ok(submission) => Ok(CredentialsRequest { headers, address, submission }),
            Err(rejection) => Err((headers, rejection)),
        }
    }

    /// Admits a request that comes from one of our forms or from an API client and is within the limits on
    /// attempts. Calls `on_limit` if a limit rejects it.
    ///
    /// # Errors
    /// Returns the problem if the request is not admitted.
    pub fn admit(
        &self,
        request: &CredentialsRequest,
        on_limit: impl FnOnce(&RegistrationMetrics),
    ) -> Result<(), Problem> {
        self.check_form_token(&request.headers, &request.submission)?;
        let checked = self.limits.check(request.address, &request.submission.username);
        checked.inspect_err(|_| on_limit(&self.metrics))
    }

    /// Checks that a form was rendered for this browser. JSON needs no token, because no browser sends it on
    /// behalf of another site.
    fn check_form_token(&self, headers: &HeaderMap, submission: &Submission) -> Result<(), Problem> {
        match self.cookies.token(headers) {
            _ if submission.format == Format::Json => Ok(()),
            None => Err(Problem::missing_cookie()),
            Some(token) if token.matches_form(&submission.token) => Ok(()),
            Some(_) => Err(Problem::stale_form()),
        }
    }
}
