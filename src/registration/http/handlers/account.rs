//! `/accounts/{username}`: how far an account is; for its owner what to put into OBS.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Site, Username, away};
use crate::{
    api::{self, StreamerAccount},
    registration::{
        accounts::{Accounts, Ownership},
        pages::{self, Addresses, Own, StreamKey},
        problem::{Format, Problem},
        progress::{Progress, Status},
        registering::Registering,
    },
    store::{Registrant, Registrants, Sessions},
};

/// How far an account is.
#[derive(Serialize, ToSchema)]
#[schema(as = Progress)]
pub struct ProgressAnswer {
    /// As it was first registered.
    username: String,
    status: Status,
    parts: PartsAnswer,
    /// What is wrong, in a person's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    problems: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Parts)]
#[serde(rename_all = "camelCase")]
struct PartsAnswer {
    channel: Status,
    chat_room: Status,
    stage: Status,
}

/// How far an account is.
#[utoipa::path(
    get,
    path = "/accounts/{username}",
    params(Username),
    responses(
        (status = OK, description = "It is there, or will be.", body = ProgressAnswer),
        (status = NOT_FOUND, description = "Nobody has this name."),
    )
)]
pub async fn account<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    let format = Format::accepted(&headers);
    let answer = async {
        let found = found(&site.registering, &username.0).await?;
        if format == Format::Json {
            return Ok(Json(progress_answer(found.registrant.username, &found.progress)).into_response());
        }
        let token = site.session_of(&found.registrant, &headers).await?;
        let own = token.map(|token| own(&found, token.for_forms()));
        let page = pages::account(&found.registrant.username, &found.progress, own.as_ref());
        Ok(if own.is_some() { site.shown_with_notice(&headers, page) } else { site.shown(&page) })
    };
    answer.await.unwrap_or_else(|problem| site.told(format, &problem))
}

/// A user, and what the cluster has of them.
pub struct Found {
    /// The user.
    pub registrant: Registrant,
    /// The account, as far as it is theirs.
    pub account: Option<StreamerAccount>,
    /// How far it is.
    pub progress: Progress,
}

/// How far the account of this name is. A user whose account was made and is no more is unknown; one whose account is
/// still to be made waits, whether or not the cluster can be asked; one that is unwanted is on its way out.
pub async fn found<R: Registrants, A: Accounts>(
    registering: &Registering<R, A>,
    username: &str,
) -> Result<Found, Problem> {
    if api::username_problem(username).is_some() {
        return Err(Problem::unknown_account());
    }
    let registrant = registering.registrants.registrant(username).await.map_err(away)?;
    let registrant = registrant.ok_or_else(Problem::unknown_account)?;
    let place = (registrant.account_namespace.as_str(), registrant.account_name.as_str());
    let account = match registering.accounts.account(place.0, place.1).await {
        Ok(account) => account.map(|account| (ownership(&account, &registrant), account)),
        Err(_) if registrant.open => None,
        Err(error) => return Err(away(error)),
    };
    let progress = match &account {
        _ if registrant.unwanted => Progress::going(),
        Some((Ownership::Theirs, account)) => Progress::of(account),
        Some((Ownership::Successor, _)) => Progress::to_be_made(),
        _ if registrant.open => Progress::to_be_made(),
        _ => return Err(Problem::unknown_account()),
    };
    let account = account.filter(|(whose, _)| *whose == Ownership::Theirs).map(|(_, account)| account);
    Ok(Found { registrant, account, progress })
}

/// Who came by kubectl has the account of the name; who registered only their own.
fn ownership(account: &StreamerAccount, registrant: &Registrant) -> Ownership {
    if registrant.password_hash.is_none() {
        return Ownership::Theirs;
    }
    Ownership::of(account, registrant)
}

/// What the owner sees besides, before the stream key was asked for.
pub fn own(found: &Found, token: String) -> Own {
    let addresses = found.account.as_ref().and_then(Addresses::of);
    Own { token, addresses, stream_key: StreamKey::Hidden }
}

/// How far an account is, for a program.
pub fn progress_answer(username: String, progress: &Progress) -> ProgressAnswer {
    let parts = PartsAnswer {
        channel: progress.channel.status,
        chat_room: progress.chat_room.status,
        stage: progress.stage.status,
    };
    ProgressAnswer { username, status: progress.status, parts, problems: progress.problems() }
}
