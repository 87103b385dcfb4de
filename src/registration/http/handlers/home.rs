//! `GET /`: redirects to the account of the signed-in user, or to the registration.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Redirect};

use crate::registration::{backend::Backend, http::state::AppState};

/// Redirects to the account of the signed-in user, or to the registration.
pub async fn home<B: Backend>(State(state): State<Arc<AppState<B>>>, headers: HeaderMap) -> Redirect {
    state.redirect_to_own_account(&headers).await.unwrap_or_else(|| Redirect::to("/register"))
}
