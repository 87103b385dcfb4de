//! `/accounts/{username}/delete`: deleting one's own account.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use crate::{
    registration::{
        backend::Backend,
        http::{
            format::Format,
            owner::AccountOwner,
            pages,
            problem::Problem,
            state::AppState,
            username::{Username, account_path},
        },
        service::ProgressStatus,
    },
    store::{AuditEntry, AuditEvent},
};

/// `GET /accounts/{username}/delete`: shows the form.
pub async fn form<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    state.owner_form(&username, &headers, pages::delete).await
}

/// `POST /accounts/{username}/delete`: deletes the account after the owner has confirmed with the password.
pub async fn delete<B: Backend>(State(state): State<Arc<AppState<B>>>, owner: AccountOwner) -> Response {
    let action = async {
        delete_account(&state, &owner).await?;
        let goodbye = format!("{}/goodbye", account_path(&owner.registrant.username));
        Ok(Redirect::to(&goodbye).into_response())
    };
    state.run_owner_action(&owner, pages::delete, action).await
}

async fn delete_account<B: Backend>(state: &AppState<B>, owner: &AccountOwner) -> Result<(), Problem> {
    state.confirm_password(owner).await?;
    let (username, address) = (&owner.registrant.username, owner.address);
    let found = state.find_account(username).await?;
    let entry = AuditEntry { event: AuditEvent::DeletionRequested, username, address };
    state.record_action(&entry).await?;
    let deleted = state.service.delete_account(&found.registrant, found.account.as_deref()).await;
    deleted.map_err(|error| state.problem_for(&error))
}

/// `GET /accounts/{username}/goodbye`: shows the progress of the deletion, and that it is complete.
pub async fn goodbye<B: Backend>(State(state): State<Arc<AppState<B>>>, username: Username) -> Response {
    match state.view_account(&username.0).await {
        Ok(found) if found.progress.status == ProgressStatus::Deleting => {
            state.render_page(&pages::account(&found.registrant.username, &found.progress, None))
        }
        Ok(found) => Redirect::to(&account_path(&found.registrant.username)).into_response(),
        Err(problem) if problem.status == StatusCode::NOT_FOUND && username.is_valid() => {
            state.render_page(&pages::deleted(&username.0))
        }
        Err(problem) => state.render_problem(Format::Html, &problem),
    }
}
