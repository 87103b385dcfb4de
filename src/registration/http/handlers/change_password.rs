//! `/accounts/{username}/password`: changing one's own password.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;

use crate::{
    registration::{
        backend::Backend,
        http::{
            cookies::FlashMessage,
            owner::AccountOwner,
            pages,
            problem::{FieldErrors, Problem},
            session::VerifiedUser,
            state::AppState,
            username::{Username, account_path},
        },
    },
    store::{AuditEntry, AuditEvent},
};

/// `GET /.well-known/change-password`: redirects password managers to the form of the signed-in user.
pub async fn well_known<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let own = state.own_username(&headers).await;
    let form = own.map_or_else(|| "/sign-in".to_owned(), |own| format!("{}/password", account_path(&own)));
    (StatusCode::FOUND, [(header::LOCATION, form)])
}

/// `GET /accounts/{username}/password`: shows the form.
pub async fn form<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    let min = state.rules.min_password_length;
    state.owner_form(&username, &headers, |form| pages::change_password(form, min)).await
}

/// `POST /accounts/{username}/password`: changes the password after the owner has confirmed with the current
/// one. All sessions of the user end, and this browser gets a new one.
pub async fn change_password<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    owner: AccountOwner,
) -> Response {
    let page = |form: pages::Form<'_>| pages::change_password(form, state.rules.min_password_length);
    let action = async {
        let new_hash = replace_password(&state, &owner).await?;
        let verified = VerifiedUser { password_hash: Some(&new_hash), ..(&owner.registrant).into() };
        // The password has changed. If no session can be started, the user signs in with the new one.
        let started = state.begin_session(&owner.headers, owner.address, verified).await.ok().flatten();
        let mut response = started.unwrap_or_else(|| Redirect::to("/sign-in").into_response());
        let flash = state.cookies.set_flash(FlashMessage::PasswordChanged);
        response.headers_mut().append(header::SET_COOKIE, flash);
        Ok(response)
    };
    state.run_owner_action(&owner, page, action).await
}

/// Changes the password and returns the hash of the new one.
async fn replace_password<B: Backend>(
    state: &AppState<B>,
    owner: &AccountOwner,
) -> Result<SecretString, Problem> {
    let (username, form) = (&owner.registrant.username, &owner.form);
    if let Some(error) = state.rules.check_new_password(username, &form.password, &form.new_password) {
        return Err(Problem::invalid_fields(FieldErrors::new_password(error)));
    }
    let verified = state.confirm_password(owner).await?;
    let entry = AuditEntry { event: AuditEvent::PasswordChanged, username, address: owner.address };
    state.record_action(&entry).await?;
    let changed = state.service.change_password(&verified, &form.new_password).await;
    changed.map_err(|error| state.problem_for(&error))
}
