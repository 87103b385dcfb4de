//! `/accounts/{username}/password`: a person takes another password.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;

use super::{
    Site, Username,
    members::{Deed, DeedForm, Proved, begin_session, member, owners_form, prove_again},
    refused,
};
use crate::{
    registration::{
        accounts::Accounts,
        pages,
        problem::{Format, Problem},
        validate::Problems,
    },
    store::{AuditEntry, AuditEvent, Registrant, Registrants, Sessions},
};

/// `GET /accounts/{username}/password`.
pub async fn ask<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    let least = site.rules.shortest_password;
    owners_form(&site, &username, &headers, |form| pages::new_password(form, least)).await
}

/// `POST /accounts/{username}/password`, with the present one once more. Every session of the user ends, and this browser
/// gets another.
pub async fn change<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    username: Username,
    headers: HeaderMap,
    deed: DeedForm,
) -> Response {
    let (registrant, token, deed) = match member(&site, username, &headers, deed).await {
        Ok(member) => member,
        Err(problem) => return site.told(Format::Html, &problem),
    };
    let changed = async {
        site.limits.count_member(&headers, peer.ip(), registrant.id)?;
        let address = site.limits.client(&headers, peer.ip());
        let new = replace(&site, address, &registrant, &deed).await?;
        let proved = Proved { password_hash: Some(&new), ..(&registrant).into() };
        // The password is another: who gets no session signs in with it.
        let begun = begin_session(&site, &headers, address, proved).await;
        Ok(begun.unwrap_or_else(|_| Redirect::to("/sign-in").into_response()))
    };
    let again = |problem: Problem| {
        let (token, username) = (&token.for_forms(), &registrant.username);
        let form = pages::Form { token, username, problem: Some(&problem) };
        problem.finish(site.shown(&pages::new_password(form, site.rules.shortest_password)))
    };
    changed.await.unwrap_or_else(again)
}

/// Changes the password; the hash of the new one.
async fn replace<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    address: std::net::IpAddr,
    registrant: &Registrant,
    deed: &Deed,
) -> Result<SecretString, Problem> {
    let username = &registrant.username;
    if let Some(problem) = site.rules.password_problem(username, &deed.new_password) {
        return Err(Problem::invalid(Problems::of_new_password(problem)));
    }
    let proved = prove_again(site, address, registrant, &deed.password).await?;
    let entry = AuditEntry { event: AuditEvent::PasswordChanged, username, address };
    site.audit.deed(&site.registering.registrants, &entry).await?;
    let changed = site.registering.change_password(&proved, &deed.new_password).await;
    changed.map_err(|refusal| refused(&refusal))
}
