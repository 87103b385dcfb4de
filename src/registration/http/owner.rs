//! Actions of an account's owner: forms of a signed-in user, some of which ask for the password again.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequest, Request},
    http::HeaderMap,
    response::Response,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{
    account_lookup::lookup_failed,
    body::SubmittedForm,
    cookies::Token,
    format::Format,
    pages::{self, Page},
    problem::Problem,
    state::AppState,
    submission,
    username::Username,
};
use crate::{
    registration::backend::Backend,
    store::{AuditEntry, AuditEvent, Registrant, Registrants},
};

/// The fields of a signed-in user's form.
#[derive(Debug, Deserialize)]
pub struct AccountForm {
    /// The form token.
    #[serde(default)]
    pub token: String,
    /// The current password, where the form asks for it.
    #[serde(default, deserialize_with = "submission::password")]
    pub password: SecretString,
    /// The new password, where the form asks for it.
    #[serde(default, rename = "new-password", deserialize_with = "submission::password")]
    pub new_password: SecretString,
}

/// The owner of the account in the path, who has sent a form of the current session. Extracting it rejects
/// everybody else.
#[derive(Debug)]
pub struct AccountOwner {
    /// The user.
    pub registrant: Registrant,
    /// The headers of the request.
    pub headers: HeaderMap,
    /// The token of the session.
    pub token: Token,
    /// The fields of the form.
    pub form: AccountForm,
    /// The client's IP address.
    pub address: IpAddr,
}

impl<B: Backend> FromRequest<Arc<AppState<B>>> for AccountOwner {
    type Rejection = Response;

    async fn from_request(request: Request, state: &Arc<AppState<B>>) -> Result<Self, Response> {
        type Parts = (ConnectInfo<SocketAddr>, Username, HeaderMap, SubmittedForm<AccountForm>);
        let (ConnectInfo(peer), username, headers, SubmittedForm(form)) =
            Parts::from_request(request, state).await?;
        let owner = state.owner(&username, headers, peer, form).await;
        owner.map_err(|problem| state.render_problem(Format::Html, &problem))
    }
}

impl<B: Backend> AppState<B> {
    async fn owner(
        &self,
        username: &Username,
        headers: HeaderMap,
        peer: SocketAddr,
        form: Result<AccountForm, Problem>,
    ) -> Result<AccountOwner, Problem> {
        let form = form?;
        if !username.is_valid() {
            return Err(Problem::not_signed_in());
        }
        let registrant = self.service.registrants.registrant(&username.0).await.map_err(lookup_failed)?;
        let registrant = registrant.ok_or_else(Problem::not_signed_in)?;
        let token = self.session_of(&registrant, &headers).await?.ok_or_else(Problem::not_signed_in)?;
        if !token.matches_form(&form.token) {
            return Err(Problem::not_signed_in());
        }
        let address = self.limits.client_ip(&headers, peer.ip());
        Ok(AccountOwner { registrant, headers, token, form, address })
    }

    /// Returns a form that only the owner of the account may see.
    pub async fn owner_form(
        &self,
        username: &Username,
        headers: &HeaderMap,
        page: impl FnOnce(pages::Form<'_>) -> Page,
    ) -> Response {
        let page = async {
            let found = self.view_account(&username.0).await?;
            let token = self.session_of(&found.registrant, headers).await?;
            let token = token.ok_or_else(Problem::not_signed_in)?;
            let username = &found.registrant.username;
            Ok(page(pages::Form { token: &token.for_forms(), username, problem: None }))
        };
        let page = page.await;
        page.map_or_else(
            |problem: Problem| self.render_problem(Format::Html, &problem),
            |page| self.render_page(&page),
        )
    }

    /// Counts an attempt of the owner and runs the action. A problem is shown on the page with the form.
    pub async fn run_owner_action(
        &self,
        owner: &AccountOwner,
        page: impl FnOnce(pages::Form<'_>) -> Page,
        action: impl Future<Output = Result<Response, Problem>>,
    ) -> Response {
        let result = match self.limits.check_user(owner.address, owner.registrant.id) {
            Ok(()) => action.await,
            Err(problem) => Err(problem),
        };
        result.unwrap_or_else(|problem| {
            let (token, username) = (&owner.token.for_forms(), &owner.registrant.username);
            let form = pages::Form { token, username, problem: Some(&problem) };
            problem.finish(self.render_page(&page(form)))
        })
    }

    /// Verifies the password that the owner has entered again. Returns the owner as the database knows them.
    ///
    /// # Errors
    /// Returns an error if the password is wrong, which is recorded in the audit log, or cannot be verified.
    pub async fn confirm_password(&self, owner: &AccountOwner) -> Result<Registrant, Problem> {
        let (username, address) = (&owner.registrant.username, owner.address);
        let verified = self.service.authenticate(username, &owner.form.password, None).await;
        let verified = verified.map_err(|error| self.problem_for(&error))?;
        if let Some(verified) = verified.filter(|verified| verified.id == owner.registrant.id) {
            return Ok(verified);
        }
        let entry = AuditEntry { event: AuditEvent::PasswordRefused, username, address };
        self.audit.record_failure(&self.service.registrants, &entry).await;
        Err(Problem::wrong_password())
    }

    /// Records an action in the audit log before it is carried out.
    ///
    /// # Errors
    /// Returns an error if the record cannot be written. The action must not be carried out then.
    pub async fn record_action(&self, entry: &AuditEntry<'_>) -> Result<(), Problem> {
        let recorded = self.audit.record_action(&self.service.registrants, entry).await;
        recorded.map_err(|_| Problem::unavailable())
    }
}
