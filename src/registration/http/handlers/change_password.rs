//! `/accounts/{username}/password`: a person takes another password.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;

use super::{Site, Username, owner::Owner, sign_in::Proved};
use crate::{
    registration::{accounts::Accounts, pages, problem::Problem, session::Notice, validate::Problems},
    store::{AuditEntry, AuditEvent, Registrants, Sessions},
};

/// `GET /accounts/{username}/password`.
pub async fn ask<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    let least = site.rules.shortest_password;
    site.owners_form(&username, &headers, |form| pages::new_password(form, least)).await
}

/// `POST /accounts/{username}/password`, with the present one once more. Every session of the user ends, and this browser
/// gets another.
pub async fn change<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    owner: Owner,
) -> Response {
    let page = |form: pages::Form<'_>| pages::new_password(form, site.rules.shortest_password);
    let attempt = async {
        let new = replace(&site, &owner).await?;
        let proved = Proved { password_hash: Some(&new), ..(&owner.registrant).into() };
        // The password is another: who gets no session signs in with it.
        let begun = site.begin_session(&owner.headers, owner.address, proved).await.ok().flatten();
        let mut on = begun.unwrap_or_else(|| Redirect::to("/sign-in").into_response());
        on.headers_mut().append(header::SET_COOKIE, site.cookies.tell(Notice::PasswordChanged));
        Ok(on)
    };
    site.carry_out(&owner, page, attempt).await
}

/// Changes the password; the hash of the new one.
async fn replace<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    owner: &Owner,
) -> Result<SecretString, Problem> {
    let (username, deed) = (&owner.registrant.username, &owner.deed);
    if let Some(problem) = site.rules.new_password_problem(username, &deed.password, &deed.new_password) {
        return Err(Problem::invalid(Problems::of_new_password(problem)));
    }
    let proved = site.prove_again(owner).await?;
    let entry = AuditEntry { event: AuditEvent::PasswordChanged, username, address: owner.address };
    site.audit.deed(&site.registering.registrants, &entry).await?;
    let changed = site.registering.change_password(&proved, &deed.new_password).await;
    changed.map_err(|refusal| site.refused(&refusal))
}
