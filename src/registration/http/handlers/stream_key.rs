//! `/accounts/{username}/stream-key`: shows the owner the stream key.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};

use super::account::owner_view;
use crate::{
    api::StreamerAccount,
    registration::{
        accounts::Accounts,
        backend::Backend,
        http::{
            format::Format,
            owner::AccountOwner,
            pages::{self, OwnerView, StreamKeyView},
            problem::Problem,
            state::AppState,
            username::{Username, account_path},
        },
    },
    store::{AuditEntry, AuditEvent},
};

/// `POST /accounts/{username}/stream-key`: shows the page of the account with the stream key.
pub async fn show<B: Backend>(State(state): State<Arc<AppState<B>>>, owner: AccountOwner) -> Response {
    let page = async {
        let (username, address) = (&owner.registrant.username, owner.address);
        let found = state.find_account(username).await?;
        let stream_key = match &found.account {
            Some(account) => read_stream_key(&state.service.accounts, account).await,
            None => StreamKeyView::Unavailable,
        };
        if matches!(stream_key, StreamKeyView::Shown(_)) {
            let entry = AuditEntry { event: AuditEvent::StreamKeyShown, username, address };
            state.record_action(&entry).await?;
        }
        let view = OwnerView { stream_key, ..owner_view(&found, owner.token.for_forms()) };
        Ok(pages::account(username, &found.progress, Some(&view)))
    };
    let page = page.await;
    page.map_or_else(|problem| state.render_problem(Format::Html, &problem), |page| state.render_page(&page))
}

/// `GET /accounts/{username}/stream-key`: redirects a browser that reloads the page with the key to the
/// account.
pub async fn redirect<B: Backend>(State(state): State<Arc<AppState<B>>>, username: Username) -> Response {
    if username.is_valid() {
        Redirect::to(&account_path(&username.0)).into_response()
    } else {
        state.render_problem(Format::Html, &Problem::unknown_account())
    }
}

async fn read_stream_key<A: Accounts>(accounts: &A, account: &StreamerAccount) -> StreamKeyView {
    match accounts.stream_key(account).await {
        Ok(Some(key)) => StreamKeyView::Shown(key),
        Ok(None) => StreamKeyView::Unavailable,
        Err(error) => {
            tracing::warn!(%error, "cannot read a stream key");
            StreamKeyView::Unavailable
        }
    }
}
