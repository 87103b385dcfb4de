//! `GET /accounts/{username}`: the progress of an account, and for its owner the streaming settings.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::registration::{
    backend::Backend,
    http::{
        account_lookup::FoundAccount,
        format::Format,
        pages::{self, OwnerView, StreamKeyView, StreamingAddresses},
        problem::issue_text,
        state::AppState,
        username::Username,
    },
    service::{Progress, ProgressStatus},
};

/// Progress of an account
#[derive(Serialize, ToSchema)]
#[schema(as = Progress)]
pub struct ProgressResponse {
    /// The username as it was first registered
    username: String,
    status: ProgressStatus,
    parts: PartsResponse,
    /// Reasons why the account is not ready, in plain English
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    problems: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Parts)]
#[serde(rename_all = "camelCase")]
struct PartsResponse {
    channel: ProgressStatus,
    chat_room: ProgressStatus,
    stage: ProgressStatus,
}

/// Get the progress of an account
#[utoipa::path(
    get,
    path = "/accounts/{username}",
    params(Username),
    responses(
        (status = OK, description = "The account exists or is about to be created.", body = ProgressResponse),
        (status = NOT_FOUND, description = "No account with this username exists."),
    )
)]
pub async fn account<B: Backend>(
    State(state): State<Arc<AppState<B>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    let format = Format::accepted(&headers);
    let response = async {
        let found = state.view_account(&username.0).await?;
        if format == Format::Json {
            return Ok(Json(progress_response(found.registrant.username, &found.progress)).into_response());
        }
        let token = state.session_of(&found.registrant, &headers).await?;
        let owner = token.map(|token| owner_view(&found, token.for_forms()));
        let page = pages::account(&found.registrant.username, &found.progress, owner.as_ref());
        Ok(if owner.is_some() {
            state.render_page_with_flash(&headers, page)
        } else {
            state.render_page(&page)
        })
    };
    response.await.unwrap_or_else(|problem| state.render_problem(format, &problem))
}

/// Returns the owner's part of the page, with the stream key hidden.
pub fn owner_view(found: &FoundAccount, token: String) -> OwnerView {
    let addresses = found.account.as_deref().and_then(StreamingAddresses::of);
    OwnerView { token, addresses, stream_key: StreamKeyView::Hidden }
}

/// Returns the progress of an account as a JSON response body.
pub fn progress_response(username: String, progress: &Progress) -> ProgressResponse {
    let parts = PartsResponse {
        channel: progress.channel.status,
        chat_room: progress.chat_room.status,
        stage: progress.stage.status,
    };
    let problems = progress.issues().into_iter().map(issue_text).collect();
    ProgressResponse { username, status: progress.status, parts, problems }
}
