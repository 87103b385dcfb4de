//! A username and a password that were sent, to register or to sign in, and who has sent them.

use std::net::{IpAddr, SocketAddr};

use axum::{extract::Request, http::HeaderMap};

use super::Site;
use crate::{
    registration::{
        problem::Problem,
        submission::{Rejection, Submission},
    },
    telemetry::RegistrationMetrics,
};

/// What was sent, and by whom.
#[derive(Debug)]
pub struct Sent {
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The client's address.
    pub address: IpAddr,
    /// The body.
    pub submission: Submission,
}

impl<R, A> Site<R, A> {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with its body, and how to say so, with its headers.
    pub async fn sent(&self, peer: SocketAddr, request: Request) -> Result<Sent, (HeaderMap, Rejection)> {
        let headers = request.headers().clone();
        let address = self.limits.client(&headers, peer.ip());
        match Submission::read(request).await {
            Ok(submission) => Ok(Sent { headers, address, submission }),
            Err(rejection) => Err((headers, rejection)),
        }
    }

    /// Lets in what came by a form of ours, or from a program, and is not one attempt too many, which is counted by `limited`.
    ///
    /// # Errors
    /// Why it is not let in.
    pub fn admit(&self, sent: &Sent, limited: impl FnOnce(&RegistrationMetrics)) -> Result<(), Problem> {
        self.check_form(&sent.headers, &sent.submission)?;
        let counted = self.limits.count(sent.address, &sent.submission.username);
        counted.inspect_err(|_| limited(&self.metrics))
    }
}
