//! `renewal_tokens`.

use std::time::Duration;

use streamcat_operator::store::{Error, MAX_TOKEN_AGE, RenewalTokens, Result, TokenScope};
use uuid::Uuid;

use super::{Database, write};
use crate::{
    fault_injector::FaultInjector,
    world::{State, TOKEN_CALL},
};

/// A row of `renewal_tokens`. There is one Lease in each cluster.
#[derive(Clone, Debug)]
pub struct RenewalToken {
    token: Uuid,
    previous: Option<Uuid>,
    target: Option<String>,
    server_started: Duration,
    renewed: Duration,
    listed: Option<Duration>,
}

impl Database {
    /// Returns the row that a token is valid for.
    fn row_of(&self, token: Uuid) -> Option<&RenewalToken> {
        let has = |row: &&RenewalToken| row.token == token || row.previous == Some(token);
        self.renewal_tokens.values().filter(has).find(|row| row.server_started == self.server_started)
    }

    /// Fails unless the token is valid.
    pub(super) fn check_token(&self, token: Option<Uuid>) -> Result<()> {
        match token {
            Some(token) if self.row_of(token).is_none() => Err(Error::RecordsReplaced),
            _ => Ok(()),
        }
    }

    /// Returns true if a person has abandoned an account since the latest list of AWS.
    pub(super) fn has_unlisted_abandonment(&self, token: Option<Uuid>) -> bool {
        let listed = token.and_then(|token| self.row_of(token)).and_then(|row| row.listed);
        self.abandoned_at.is_some_and(|at| listed.is_none_or(|listed| at >= listed))
    }
}

impl RenewalTokens for FaultInjector {
    async fn inherit_token(&self, scope: &TokenScope, in_lease: Uuid, next: Uuid) -> Result<bool> {
        let named = scope.clone();
        let effect = move |state: &mut State, now| {
            let started = state.database.server_started;
            let Some(row) = state.database.renewal_tokens.get_mut(&named.cluster) else { return Ok(false) };
            let is_valid = row.token == in_lease
                && row.target.is_some()
                && row.target == named.target
                && row.server_started == started
                && row.renewed + MAX_TOKEN_AGE > now;
            if is_valid {
                (row.token, row.previous, row.renewed) = (next, Some(in_lease), now);
            }
            Ok(is_valid)
        };
        self.call(write(TOKEN_CALL), &scope.lease, effect).await
    }

    async fn replace_token(
        &self,
        scope: &TokenScope,
        current: Uuid,
        next: Uuid,
        listed: Option<Duration>,
    ) -> Result<bool> {
        let named = scope.clone();
        let effect = move |state: &mut State, now: Duration| {
            let started = state.database.server_started;
            let Some(row) = state.database.renewal_tokens.get_mut(&named.cluster) else { return Ok(false) };
            let is_valid = (row.token == current || row.previous == Some(current))
                && (listed.is_some() || row.server_started == started);
            if is_valid {
                *row = RenewalToken {
                    token: next,
                    previous: Some(current),
                    target: named.target,
                    server_started: started,
                    renewed: now,
                    listed: listed.map(|ago| now.saturating_sub(ago)).or(row.listed),
                };
            }
            Ok(is_valid)
        };
        self.call(write(TOKEN_CALL), &scope.lease, effect).await
    }

    async fn begin_tokens(&self, scope: &TokenScope, first: Uuid) -> Result<()> {
        let named = scope.clone();
        let effect = move |state: &mut State, now| {
            let row = RenewalToken {
                token: first,
                previous: None,
                target: named.target,
                server_started: state.database.server_started,
                renewed: now,
                listed: None,
            };
            state.database.renewal_tokens.insert(named.cluster, row);
            Ok(())
        };
        self.call(write(TOKEN_CALL), &scope.lease, effect).await
    }
}
