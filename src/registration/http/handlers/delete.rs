//! `/accounts/{username}/delete`: a person leaves.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};

use super::{Site, Username, account::found, location, owner::Owner};
use crate::{
    registration::{
        accounts::Accounts,
        pages,
        problem::{Format, Problem},
        progress::Status,
    },
    store::{AuditEntry, AuditEvent, Registrants, Sessions},
};

/// `GET /accounts/{username}/delete`.
pub async fn ask<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
    headers: HeaderMap,
) -> Response {
    site.owners_form(&username, &headers, pages::delete).await
}

/// `POST /accounts/{username}/delete`, with the password once more.
pub async fn delete<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    owner: Owner,
) -> Response {
    let attempt = async {
        abandon(&site, &owner).await?;
        let goodbye = format!("{}/goodbye", location(&owner.registrant.username));
        Ok(Redirect::to(&goodbye).into_response())
    };
    site.carry_out(&owner, pages::delete, attempt).await
}

async fn abandon<R: Registrants + Sessions, A: Accounts>(
    site: &Site<R, A>,
    owner: &Owner,
) -> Result<(), Problem> {
    site.prove_again(owner).await?;
    let (username, address) = (&owner.registrant.username, owner.address);
    let found = found(&site.registering, username).await?;
    let entry = AuditEntry { event: AuditEvent::DeletionAsked, username, address };
    site.audit.deed(&site.registering.registrants, &entry).await?;
    let left = site.registering.leave(&found.registrant, found.account.as_ref()).await;
    left.map_err(|refusal| site.refused(&refusal))
}

/// `GET /accounts/{username}/goodbye`: the account while it goes, and that it is gone.
pub async fn goodbye<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
) -> Response {
    match found(&site.registering, &username.0).await {
        Ok(found) if found.progress.status == Status::Deleting => {
            site.shown(&pages::account(&found.registrant.username, &found.progress, None))
        }
        Ok(found) => Redirect::to(&location(&found.registrant.username)).into_response(),
        Err(problem) if problem.status == StatusCode::NOT_FOUND && username.is_one() => {
            site.shown(&pages::gone(&username.0))
        }
        Err(problem) => site.told(Format::Html, &problem),
    }
}
