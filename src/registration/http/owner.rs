//! What only the owner of an account may do: forms of a signed-in person, some of which ask for the password once more.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Form,
    extract::{ConnectInfo, FromRequest, Request, rejection::FormRejection},
    http::HeaderMap,
    response::Response,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Site, Username, account::found, away};
use crate::{
    registration::{
        accounts::Accounts,
        pages::{self, Page},
        problem::{Format, Problem},
        session::Token,
        submission,
    },
    store::{AuditEntry, AuditEvent, Registrant, Registrants, Sessions},
};

/// What the forms of a signed-in person carry.
#[derive(Debug, Deserialize)]
pub struct Deed {
    #[serde(default)]
    pub token: String,
    /// The password, where it is asked for once more.
    #[serde(default, deserialize_with = "submission::password")]
    pub password: SecretString,
    /// The one that is to take its place.
    #[serde(default, rename = "new-password", deserialize_with = "submission::password")]
    pub new_password: SecretString,
}

/// A form of a signed-in person.
pub type DeedForm = Result<Form<Deed>, FormRejection>;

/// The owner of the account in the address, who sent a form from a page of the session. Anybody else is told that they are not.
#[derive(Debug)]
pub struct Owner {
    /// The owner.
    pub registrant: Registrant,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// Of the session.
    pub token: Token,
    /// What the form carried.
    pub deed: Deed,
    /// From where.
    pub address: IpAddr,
}

impl<R: Registrants + Sessions, A: Accounts> FromRequest<Arc<Site<R, A>>> for Owner {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Arc<Site<R, A>>) -> Result<Self, Response> {
        type Posted = (ConnectInfo<SocketAddr>, Username, HeaderMap, DeedForm);
        let (ConnectInfo(peer), username, headers, deed) = Posted::from_request(request, site).await?;
        let owner = site.owner(&username, headers, peer, deed).await;
        owner.map_err(|problem| site.told(Format::Html, &problem))
    }
}

impl<R: Registrants + Sessions, A: Accounts> Site<R, A> {
    async fn owner(
        &self,
        username: &Username,
        headers: HeaderMap,
        peer: SocketAddr,
        deed: DeedForm,
    ) -> Result<Owner, Problem> {
        let Form(deed) = deed.map_err(|_| Problem::malformed("The form could not be read."))?;
        if !username.is_one() {
            return Err(Problem::not_signed_in());
        }
        let registrant = self.registering.registrants.registrant(&username.0).await.map_err(away)?;
        let registrant = registrant.ok_or_else(Problem::not_signed_in)?;
        let token = self.session_of(&registrant, &headers).await?.ok_or_else(Problem::not_signed_in)?;
        if !token.is_in_form(&deed.token) {
            return Err(Problem::not_signed_in());
        }
        let address = self.limits.client(&headers, peer.ip());
        Ok(Owner { registrant, headers, token, deed, address })
    }

    /// A form that only the owner of an account gets.
    pub async fn owners_form(
        &self,
        username: &Username,
        headers: &HeaderMap,
        page: impl FnOnce(pages::Form<'_>) -> Page,
    ) -> Response {
        let page = async {
            let found = found(&self.registering, &username.0).await?;
            let token = self.session_of(&found.registrant, headers).await?;
            let token = token.ok_or_else(Problem::not_signed_in)?;
            let username = &found.registrant.username;
            Ok(page(pages::Form { token: &token.for_forms(), username, problem: None }))
        };
        page.await.map_or_else(|problem: Problem| self.told(Format::Html, &problem), |page| self.shown(&page))
    }

    /// Counts an attempt of the owner, and answers it; what did not work out is told on the page with the form.
    pub async fn carry_out(
        &self,
        owner: &Owner,
        page: impl FnOnce(pages::Form<'_>) -> Page,
        attempt: impl Future<Output = Result<Response, Problem>>,
    ) -> Response {
        let done = match self.limits.count_member(owner.address, owner.registrant.id) {
            Ok(()) => attempt.await,
            Err(problem) => Err(problem),
        };
        done.unwrap_or_else(|problem| {
            let (token, username) = (&owner.token.for_forms(), &owner.registrant.username);
            let form = pages::Form { token, username, problem: Some(&problem) };
            problem.finish(self.shown(&page(form)))
        })
    }

    /// The owner, as the database has them, once the password is proved that was asked for again.
    ///
    /// # Errors
    /// That it is another, which is written into the audit log.
    pub async fn prove_again(&self, owner: &Owner) -> Result<Registrant, Problem> {
        let (username, address) = (&owner.registrant.username, owner.address);
        let proved = self.registering.prove(username, &owner.deed.password, None).await;
        let proved = proved.map_err(|refusal| self.refused(&refusal))?;
        if let Some(proved) = proved.filter(|proved| proved.id == owner.registrant.id) {
            return Ok(proved);
        }
        let entry = AuditEntry { event: AuditEvent::PasswordRefused, username, address };
        self.audit.failure(&self.registering.registrants, &entry).await;
        Err(Problem::wrong_password())
    }
}
