//! `/accounts/{username}/stream-key`: the owner sees it.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Site, Username,
    account::{found, own},
    location,
    owner::Owner,
};
use crate::{
    api::StreamerAccount,
    registration::{
        accounts::Accounts,
        pages::{self, Own, StreamKey},
        problem::{Format, Problem},
    },
    store::{AuditEntry, AuditEvent, Registrants, Sessions},
};

/// `POST`: the page of the account, with the key.
pub async fn show<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    owner: Owner,
) -> Response {
    let page = async {
        let (username, address) = (&owner.registrant.username, owner.address);
        let found = found(&site.registering, username).await?;
        let stream_key = match &found.account {
            Some(account) => key_of(&site.registering.accounts, account).await,
            None => StreamKey::NotNow,
        };
        if matches!(stream_key, StreamKey::Shown(_)) {
            let entry = AuditEntry { event: AuditEvent::StreamKeyShown, username, address };
            site.audit.deed(&site.registering.registrants, &entry).await?;
        }
        let own = Own { stream_key, ..own(&found, owner.token.for_forms()) };
        Ok(pages::account(username, &found.progress, Some(&own)))
    };
    page.await.map_or_else(|problem| site.told(Format::Html, &problem), |page| site.shown(&page))
}

/// `GET`: where a browser that loads the page with the key again, or signs in first, finds the account.
pub async fn without<R: Registrants + Sessions, A: Accounts>(
    State(site): State<Arc<Site<R, A>>>,
    username: Username,
) -> Response {
    if username.is_one() {
        Redirect::to(&location(&username.0)).into_response()
    } else {
        site.told(Format::Html, &Problem::unknown_account())
    }
}

async fn key_of<A: Accounts>(accounts: &A, account: &StreamerAccount) -> StreamKey {
    match accounts.stream_key(account).await {
        Ok(Some(key)) => StreamKey::Shown(key),
        Ok(None) => StreamKey::NotNow,
        Err(error) => {
            tracing::warn!(%error, "a stream key cannot be read");
            StreamKey::NotNow
        }
    }
}
