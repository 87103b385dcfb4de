//! Finding an account by its username, and the account of the signed-in user.

use std::{sync::Arc, time::Duration};

use axum::{http::HeaderMap, response::Redirect};
use tokio::time::timeout;

use super::{
    account_cache::{self, AccountRead},
    cookies::Token,
    problem::Problem,
    state::AppState,
    username::account_path,
};
use crate::{
    api::{self, StreamerAccount},
    registration::{accounts::Ownership, backend::Backend, service::Progress},
    store::{Registrant, Registrants, Sessions},
};

/// Maximum time that a form waits for the account of the signed-in user, which it can do without.
const OWN_ACCOUNT_TIMEOUT: Duration = Duration::from_secs(1);

/// A user, and the user's account in the cluster.
pub struct FoundAccount {
    /// The user.
    pub registrant: Registrant,
    /// The account object, if it belongs to the user.
    pub account: Option<Arc<StreamerAccount>>,
    /// The progress of the account.
    pub progress: Progress,
}

impl<B: Backend> AppState<B> {
    /// Finds the account with this username, to change something.
    pub async fn find_account(&self, username: &str) -> Result<FoundAccount, Problem> {
        let registrant = self.find_registrant(username).await?;
        let account = account_cache::read(&self.service.accounts, &registrant).await;
        found(registrant, account)
    }

    /// Finds the account with this username, to show it. What is shown may be a second old.
    pub async fn view_account(&self, username: &str) -> Result<FoundAccount, Problem> {
        let registrant = self.find_registrant(username).await?;
        let account = self.account_cache.account(&self.service.accounts, &registrant).await;
        found(registrant, account)
    }

    async fn find_registrant(&self, username: &str) -> Result<Registrant, Problem> {
        if api::username_problem(username).is_some() {
            return Err(Problem::unknown_account());
        }
        let registrant = self.service.registrants.registrant(username).await.map_err(lookup_failed)?;
        registrant.ok_or_else(Problem::unknown_account)
    }

    /// Returns the session token of a request, if the session belongs to this user.
    pub async fn session_of(
        &self,
        registrant: &Registrant,
        headers: &HeaderMap,
    ) -> Result<Option<Token>, Problem> {
        let Some(token) = self.cookies.token(headers) else { return Ok(None) };
        let user = self.service.registrants.session_user(&token.hash()).await.map_err(lookup_failed)?;
        Ok((user == Some(registrant.id)).then_some(token))
    }

    /// Returns the username of the signed-in user, if that user has an account. Returns None if the lookup
    /// fails or is slow, so that a form is shown anyway.
    pub async fn own_username(&self, headers: &HeaderMap) -> Option<String> {
        let token = self.cookies.token(headers)?;
        let lookup = async {
            let username = self.service.registrants.session_username(&token.hash()).await.ok()??;
            let found = self.view_account(&username).await.ok()?;
            Some(found.registrant.username)
        };
        timeout(OWN_ACCOUNT_TIMEOUT, lookup).await.ok()?
    }

    /// Returns a redirect to the account of the signed-in user.
    pub async fn redirect_to_own_account(&self, headers: &HeaderMap) -> Option<Redirect> {
        self.own_username(headers).await.map(|username| Redirect::to(&account_path(&username)))
    }
}

/// Returns the account of a user by what was read of it. A user whose account was created and no longer
/// exists is unknown. A user whose account is still to be created is pending, even if the API server is
/// unreachable. A user who has asked for deletion is deleting.
fn found(registrant: Registrant, account: AccountRead) -> Result<FoundAccount, Problem> {
    let account = match account {
        Ok(account) => account.map(|account| (ownership(&account, &registrant), account)),
        Err(_) if registrant.open => None,
        Err(error) => return Err(lookup_failed(error)),
    };
    let progress = match &account {
        _ if registrant.delete_requested => Progress::deleting(),
        Some((Ownership::Owned, account)) => Progress::of(account),
        Some((Ownership::Successor, _)) => Progress::pending(),
        _ if registrant.open => Progress::pending(),
        _ => return Err(Problem::unknown_account()),
    };
    let account = account.filter(|(ownership, _)| *ownership == Ownership::Owned);
    Ok(FoundAccount { registrant, account: account.map(|(_, account)| account), progress })
}

/// Returns the ownership of an account. A user without a password was created with kubectl and owns the
/// account of the same name; a registered user owns only the account created for that registration.
fn ownership(account: &StreamerAccount, registrant: &Registrant) -> Ownership {
    if registrant.password_hash.is_none() {
        return Ownership::Owned;
    }
    Ownership::of(account, registrant)
}

/// Logs a failed lookup and returns the problem that the client sees.
pub fn lookup_failed(error: impl std::error::Error) -> Problem {
    tracing::warn!(%error, "account lookup failed");
    Problem::unavailable()
}
