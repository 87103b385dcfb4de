//! The continuity of the records: the proof that neither PostgreSQL nor the cluster was restored.
//!
//! The proof is a token that PostgreSQL and the Lease of the leader both have. The leader replaces it in
//! PostgreSQL, and then in the Lease, whenever it renews the Lease. So a restored database, or a restored
//! Lease, has an older one. A chain is the sequence of tokens that begins when a leader starts without such a
//! proof, and ends when one of the two turns out to have been restored.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::{Notify, futures::Notified},
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::{Error, RenewalTokens, Result, TokenScope};
use crate::{lanes::Origin, lock::lock};

/// Id of a chain of tokens. A controller without a Lease has a single chain, without tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainId(u64);

/// The chain of tokens that a reconcile began with.
#[derive(Clone, Debug, Default)]
pub struct RecordChain {
    continuity: Continuity,
    id: ChainId,
}

impl RecordChain {
    /// Returns the token that PostgreSQL has now; None for a controller without a Lease. It is replaced every
    /// few seconds, so a statement needs the current one.
    ///
    /// # Errors
    /// [`Error::RecordsReplaced`] if the chain has ended.
    pub fn token(&self) -> Result<Option<Uuid>> {
        let mut state = self.continuity.state();
        state.chain_of(self.id).map(|chain| chain.token).ok_or(Error::RecordsReplaced)
    }

    /// Returns its id.
    #[must_use]
    pub fn id(&self) -> ChainId {
        self.id
    }
}

/// The continuity of the records, as this controller knows it.
#[derive(Clone, Debug)]
pub struct Continuity(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notifies those who wait for a chain, or for its end.
    changed: Notify,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// The current chain; None until PostgreSQL has its first token.
    chain: Option<Chain>,
    /// Id of the latest chain.
    latest: ChainId,
    /// Token that the Lease had when it was acquired.
    in_acquired_lease: Option<Uuid>,
    /// AWS account, region, and endpoints. None if AWS did not name the account.
    target: Option<String>,
    /// True once the controller has asked AWS.
    is_target_set: bool,
}

impl State {
    /// Returns the chain with this id, if it is the current one.
    fn chain_of(&mut self, id: ChainId) -> Option<&mut Chain> {
        self.chain.as_mut().filter(|chain| chain.id == id)
    }
}

#[derive(Clone, Debug)]
struct Chain {
    id: ChainId,
    /// The token that PostgreSQL has. None for a controller without a Lease.
    token: Option<Uuid>,
    completeness: Completeness,
    /// Tokens that the Lease may have. Empty until the first one is written.
    in_lease: Vec<Uuid>,
}

/// The proof that the records are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Completeness {
    /// There is none: AWS is still to be listed.
    Unproven,
    /// An earlier leader has listed AWS.
    Inherited,
    /// This leader has listed AWS, beginning at this time.
    Listed(Instant),
}

impl Default for Continuity {
    /// Returns the continuity of a controller without a Lease.
    fn default() -> Self {
        let chain = Chain {
            id: ChainId::default(),
            token: None,
            completeness: Completeness::Unproven,
            in_lease: Vec::new(),
        };
        Self::new(State { chain: Some(chain), ..State::default() })
    }
}

impl Continuity {
    /// Returns the continuity of a controller with a Lease.
    #[must_use]
    pub fn with_lease() -> Self {
        Self::new(State::default())
    }

    fn new(state: State) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }))
    }

    /// Begins a term of the leader. `in_lease`: the token in the Lease that was acquired.
    pub fn begin_term(&self, in_lease: Option<Uuid>) {
        self.change(|state| {
            *state = State { latest: state.latest, in_acquired_lease: in_lease, ..State::default() };
        });
    }

    /// Sets the AWS account, region, and endpoints; None if AWS did not say. A token is inherited only from a
    /// leader with the same ones.
    pub fn set_target(&self, target: Option<String>) {
        self.change(|state| {
            state.target = target;
            state.is_target_set = true;
        });
    }

    /// Returns the current chain, if there is one, and whether an earlier leader has listed AWS since it
    /// began, but this one has not.
    #[must_use]
    pub fn current(&self) -> Option<(RecordChain, bool)> {
        let state = self.state();
        let chain = state.chain.as_ref()?;
        let is_inherited = chain.completeness == Completeness::Inherited;
        Some((RecordChain { continuity: self.clone(), id: chain.id }, is_inherited))
    }

    /// Waits for a chain, and returns its id.
    pub async fn chain(&self) -> ChainId {
        self.wait_for(|state| state.chain.as_ref().map(|chain| chain.id)).await
    }

    /// Waits until this chain has ended.
    pub async fn until_ended(&self, chain: ChainId) {
        self.wait_for(|state| state.chain_of(chain).is_none().then_some(())).await;
    }

    /// Returns the notification of the next change.
    pub fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    /// Waits until the AWS account, region, and endpoints are set.
    async fn until_target_is_set(&self) {
        self.wait_for(|state| state.is_target_set.then_some(())).await;
    }

    /// Waits until `found` returns something, and returns it.
    async fn wait_for<T>(&self, found: impl Fn(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed();
            if let Some(found) = found(&mut self.state()) {
                return found;
            }
            changed.await;
        }
    }

    /// Returns true if this is the current chain.
    #[must_use]
    pub fn is_current(&self, chain: ChainId) -> bool {
        self.state().chain_of(chain).is_some()
    }

    /// Notes that this leader has listed AWS, and found the records complete. `began`: the start of the list.
    pub fn confirm(&self, chain: ChainId, began: Instant) {
        self.set_completeness(chain, Completeness::Listed(began));
    }

    /// Notes that the records may not be those of this AWS account, so that no later leader may rely on them.
    pub fn doubt(&self, chain: ChainId) {
        self.set_completeness(chain, Completeness::Unproven);
    }

    fn set_completeness(&self, chain: ChainId, completeness: Completeness) {
        if let Some(chain) = self.state().chain_of(chain) {
            chain.completeness = completeness;
        }
    }

    fn begin_chain(&self, token: Uuid, completeness: Completeness, in_lease: Vec<Uuid>) {
        self.change(|state| {
            state.latest = ChainId(state.latest.0 + 1);
            state.in_acquired_lease = None;
            state.chain = Some(Chain { id: state.latest, token: Some(token), completeness, in_lease });
        });
    }

    fn end_chain(&self) {
        self.change(|state| state.chain = None);
    }

    /// Changes the current chain. Nobody waits for that.
    fn change_chain(&self, change: impl FnOnce(&mut Chain)) {
        self.state().chain.as_mut().map(change);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

/// Replaces the token when the Lease is renewed.
#[derive(Clone, Debug)]
pub struct TokenRotation<S> {
    continuity: Continuity,
    store: S,
    /// Id of the cluster, and namespace and name of the Lease.
    cluster: String,
    lease: String,
    /// Maximum time that a renewal of the Lease waits for PostgreSQL.
    timeout: Duration,
}

impl<S: RenewalTokens> TokenRotation<S> {
    /// Returns the rotation of the token of a Lease. `lease`: its namespace and name. `timeout`: the maximum
    /// time that a renewal of the Lease waits for PostgreSQL.
    #[must_use]
    pub fn new(continuity: Continuity, store: S, cluster: String, lease: String, timeout: Duration) -> Self {
        Self { continuity, store, cluster, lease, timeout }
    }

    /// Begins a term of the leader. `in_lease`: the token in the Lease that was acquired.
    pub fn begin_term(&self, in_lease: Option<Uuid>) {
        self.continuity.begin_term(in_lease);
    }

    /// Waits until the first token of the term can be written. Never ends if that was possible from the
    /// beginning.
    pub async fn until_ready(&self) {
        if self.continuity.state().is_target_set {
            std::future::pending::<()>().await;
        }
        self.continuity.until_target_is_set().await;
    }

    /// Replaces the token in PostgreSQL. Returns the token to be written into the Lease; None if the one
    /// there stays. `in_lease`: the token that the Lease has. Call this before each renewal of the Lease, and
    /// [`Self::written`] after it.
    pub async fn replace(&self, in_lease: Option<Uuid>) -> Option<Uuid> {
        let state = self.continuity.state().clone();
        if !state.is_target_set {
            return None;
        }
        let (cluster, lease) = (self.cluster.clone(), self.lease.clone());
        let scope = TokenScope { cluster, lease, target: state.target };
        let Some(chain) = state.chain else {
            return self.begin_chain(&scope, state.in_acquired_lease).await;
        };
        let is_lease_ours = in_lease.is_some_and(|token| chain.in_lease.contains(&token));
        if !chain.in_lease.is_empty() && !is_lease_ours {
            tracing::warn!(
                "the Lease has another token than this leader has written: the cluster may have been restored, so all resources in AWS are listed before anything is created"
            );
            self.continuity.end_chain();
            return self.begin_chain(&scope, None).await;
        }
        let current = chain.token?;
        if chain.completeness != Completeness::Unproven
            && chain.in_lease.last() == Some(&current)
            && in_lease != Some(current)
        {
            // The previous renewal may have failed: the Lease gets the token that PostgreSQL has.
            return Some(current);
        }
        self.replace_in_chain(&scope, current, chain.completeness, in_lease).await
    }

    async fn replace_in_chain(
        &self,
        scope: &TokenScope,
        current: Uuid,
        completeness: Completeness,
        in_lease: Option<Uuid>,
    ) -> Option<Uuid> {
        let next = Uuid::new_v4();
        let listed = match completeness {
            Completeness::Listed(began) => Some(began.elapsed()),
            Completeness::Unproven | Completeness::Inherited => None,
        };
        match self.in_time(self.store.replace_token(scope, current, next, listed)).await {
            Some(true) => {
                let is_trusted = completeness != Completeness::Unproven;
                self.continuity.change_chain(|chain| {
                    chain.token = Some(next);
                    if is_trusted {
                        chain.in_lease = in_lease.into_iter().chain([next]).collect();
                    }
                });
                is_trusted.then_some(next)
            }
            Some(false) => {
                tracing::warn!(
                    "PostgreSQL does not have the token of the Lease: it was restored, or another controller leads; all resources in AWS are listed before anything is created"
                );
                self.continuity.end_chain();
                self.begin_chain(scope, None).await
            }
            None => None,
        }
    }

    /// Begins a chain: continues that of the leader who wrote `in_lease`, or begins a new one.
    async fn begin_chain(&self, scope: &TokenScope, in_lease: Option<Uuid>) -> Option<Uuid> {
        let next = Uuid::new_v4();
        if let Some(inherited) = in_lease
            && self.in_time(self.store.inherit_token(scope, inherited, next)).await?
        {
            tracing::info!("the records are those of the previous leader: new accounts do not wait for AWS");
            self.continuity.begin_chain(next, Completeness::Inherited, vec![inherited, next]);
            return Some(next);
        }
        self.in_time(self.store.begin_tokens(scope, next)).await?;
        tracing::info!(
            "nothing proves that the records are those of an earlier leader of this AWS account, so nothing is created before AWS is listed"
        );
        self.continuity.begin_chain(next, Completeness::Unproven, Vec::new());
        None
    }

    /// Notes that the Lease has this token.
    pub fn written(&self, token: Uuid) {
        self.continuity.change_chain(|chain| {
            if chain.in_lease.contains(&token) {
                chain.in_lease = vec![token];
            }
        });
    }

    /// Returns the result of a statement, or None if it failed or takes too long.
    async fn in_time<T>(&self, statement: impl Future<Output = Result<T>>) -> Option<T> {
        match timeout(self.timeout, Origin::of_renewal().scope(statement)).await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the token of the Lease could not be replaced");
                None
            }
            Err(_) => {
                tracing::warn!("the token of the Lease could not be replaced in time");
                None
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A table `renewal_tokens` in memory, with one row.
    #[derive(Clone, Debug, Default)]
    pub struct FakeTokens(Arc<Mutex<Option<Row>>>);

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Row {
        token: Uuid,
        previous: Option<Uuid>,
        target: Option<String>,
    }

    impl RenewalTokens for FakeTokens {
        async fn inherit_token(&self, scope: &TokenScope, in_lease: Uuid, next: Uuid) -> Result<bool> {
            let mut row = lock(&self.0);
            let is_same =
                |row: &Row| row.token == in_lease && row.target.is_some() && row.target == scope.target;
            let is_inherited = row.as_ref().is_some_and(is_same);
            if is_inherited {
                *row = Some(Row { token: next, previous: Some(in_lease), target: scope.target.clone() });
            }
            Ok(is_inherited)
        }

        async fn replace_token(
            &self,
            scope: &TokenScope,
            current: Uuid,
            next: Uuid,
            _: Option<Duration>,
        ) -> Result<bool> {
            let mut row = lock(&self.0);
            let has = |row: &Row| row.token == current || row.previous == Some(current);
            let is_replaced = row.as_ref().is_some_and(has);
            if is_replaced {
                *row = Some(Row { token: next, previous: Some(current), target: scope.target.clone() });
            }
            Ok(is_replaced)
        }

        async fn begin_tokens(&self, scope: &TokenScope, first: Uuid) -> Result<()> {
            *lock(&self.0) = Some(Row { token: first, previous: None, target: scope.target.clone() });
            Ok(())
        }
    }

    /// A leader, its database, and the token in its Lease.
    struct Leader {
        continuity: Continuity,
        rotation: TokenRotation<FakeTokens>,
        tokens: FakeTokens,
        lease: Option<Uuid>,
    }

    impl Leader {
        fn new(tokens: &FakeTokens, lease: Option<Uuid>) -> Self {
            let (continuity, tokens) = (Continuity::with_lease(), tokens.clone());
            let [cluster, name] = ["c", "l"].map(str::to_owned);
            let rotation =
                TokenRotation::new(continuity.clone(), tokens.clone(), cluster, name, Duration::from_secs(1));
            rotation.begin_term(lease);
            continuity.set_target(Some("here".to_owned()));
            Self { continuity, rotation, tokens, lease }
        }

        async fn renew(&mut self) {
            if let Some(next) = self.rotation.replace(self.lease).await {
                self.lease = Some(next);
                self.rotation.written(next);
            }
        }

        /// Lists AWS, and renews the Lease.
        async fn list(&mut self) {
            let chain = self.continuity.chain().await;
            self.continuity.confirm(chain, Instant::now());
            self.renew().await;
        }

        fn token(&self) -> Option<Uuid> {
            self.continuity.current()?.0.token().ok()?
        }

        fn is_inherited(&self) -> bool {
            self.continuity.current().is_some_and(|(_, is_inherited)| is_inherited)
        }
    }

    async fn listed_leader(tokens: &FakeTokens) -> Leader {
        let mut leader = Leader::new(tokens, None);
        leader.renew().await;
        leader.list().await;
        leader
    }

    #[tokio::test]
    async fn a_token_reaches_the_lease_only_after_aws_was_listed() {
        let mut leader = Leader::new(&FakeTokens::default(), None);
        for _ in 0..3 {
            leader.renew().await;
        }
        assert_eq!(leader.lease, None);
        leader.list().await;
        assert!(leader.lease.is_some() && leader.lease == leader.token());
        let before = leader.lease;
        leader.renew().await;
        assert!(leader.lease != before && leader.lease == leader.token());
    }

    #[tokio::test]
    async fn the_next_leader_inherits_equal_tokens_and_no_others() {
        let tokens = FakeTokens::default();
        let first = listed_leader(&tokens).await;
        let mut second = Leader::new(&tokens, first.lease);
        second.renew().await;
        assert!(second.is_inherited() && second.lease == second.token());

        // The first leader's token is now the previous one.
        let mut third = Leader::new(&tokens, first.lease);
        third.renew().await;
        assert!(!third.is_inherited() && third.token().is_some());
    }

    #[tokio::test]
    async fn a_token_of_another_target_is_not_inherited() {
        let tokens = FakeTokens::default();
        let first = listed_leader(&tokens).await;
        for target in [Some("there".to_owned()), None] {
            let mut second = Leader::new(&tokens, first.lease);
            second.continuity.set_target(target);
            second.renew().await;
            assert!(!second.is_inherited());
        }
    }

    #[tokio::test]
    async fn a_reconcile_uses_the_current_token_however_long_it_takes() {
        let mut leader = listed_leader(&FakeTokens::default()).await;
        let (chain, _) = leader.continuity.current().expect("a chain");
        for _ in 0..3 {
            leader.renew().await;
            assert_eq!(chain.token().ok(), Some(leader.token()));
        }
        lock(&leader.tokens.0).take();
        leader.renew().await;
        assert!(matches!(chain.token(), Err(Error::RecordsReplaced)));
    }

    #[tokio::test]
    async fn a_restored_database_or_lease_begins_another_chain() {
        for is_database in [true, false] {
            let tokens = FakeTokens::default();
            let mut leader = listed_leader(&tokens).await;
            let chain = leader.continuity.chain().await;
            let (row, lease) = (lock(&tokens.0).clone(), leader.lease);
            leader.renew().await;
            leader.renew().await;
            assert!(leader.continuity.is_current(chain));
            if is_database {
                *lock(&leader.tokens.0) = row;
            } else {
                leader.lease = lease;
            }
            leader.renew().await;
            assert!(!leader.continuity.is_current(chain) && !leader.is_inherited());
            assert_ne!(leader.lease, leader.token(), "no leader inherits before AWS is listed");
        }
    }

    #[tokio::test]
    async fn a_renewal_whose_response_is_lost_breaks_nothing() {
        let mut leader = listed_leader(&FakeTokens::default()).await;
        let chain = leader.continuity.chain().await;
        for reaches_lease in [true, false, false, true] {
            let next = leader.rotation.replace(leader.lease).await;
            if reaches_lease {
                leader.lease = next;
            }
        }
        leader.renew().await;
        assert!(leader.continuity.is_current(chain) && leader.lease == leader.token());
    }

    #[tokio::test]
    async fn doubtful_records_are_not_passed_on() {
        let tokens = FakeTokens::default();
        let mut leader = listed_leader(&tokens).await;
        leader.continuity.doubt(leader.continuity.chain().await);
        leader.renew().await;
        let mut second = Leader::new(&tokens, leader.lease);
        second.renew().await;
        assert!(!second.is_inherited());
    }
}
