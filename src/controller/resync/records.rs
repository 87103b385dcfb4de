//! The resources that records name: the rows in PostgreSQL, and the status of each account.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    api::{AccountRef, ObservedAccount, StreamerAccount},
    controller::{account::AccountExt, backends::Backends, blocker::Blocker, context::Context, messages},
    ivs::ArnLocation,
    provision::{AccountState, KnownResource, StatusEntry},
    store::RecordedResource,
};

/// Returns true if an account is in the served namespace.
pub(super) fn is_in(namespace: Option<&str>, account: &AccountRef) -> bool {
    namespace.is_none_or(|namespace| account.namespace == namespace)
}

/// Returns the state of each account, as the comparison needs it.
pub(super) fn account_states(accounts: &[Arc<ObservedAccount>]) -> BTreeMap<AccountRef, AccountState> {
    let state = |account: &StreamerAccount| AccountState {
        uid: account.metadata.uid.clone(),
        user: account.user_in_status(),
        is_stalled: account.stalled().is_some(),
    };
    accounts.iter().map(|account| (account.reference(), state(account))).collect()
}

/// Returns all resources that rows and statuses name.
pub(super) fn recorded_resources<B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
    recorded: &[RecordedResource],
    statuses: &[StatusEntry],
    states: &BTreeMap<AccountRef, AccountState>,
) -> Vec<KnownResource> {
    let (before, now) = (context.last_inventory().unwrap_or_default(), context.backends.now().0);
    let seen = before.update_times();
    let since_update = |arn: &str| now.duration_since(*seen.get(arn)?).try_into().ok();
    let rows = recorded.iter().map(|row| KnownResource {
        user: row.user,
        kind: row.kind,
        arn: row.arn.clone(),
        // Accounts in other namespaces are not watched, so they count as existing.
        has_account: states.contains_key(&row.account) || !is_in(namespace, &row.account),
        is_served: is_in(namespace, &row.account),
        is_being_deleted: row.deleting,
        age: row.age,
        since_update: since_update(&row.arn),
    });
    let of_status = |record: &StatusEntry| {
        let user = states.get(&record.account)?.user?;
        let (kind, arn, age) = (record.kind, record.arn.clone(), Duration::MAX);
        Some(KnownResource {
            user,
            kind,
            arn,
            has_account: true,
            is_served: true,
            is_being_deleted: false,
            age,
            since_update: None,
        })
    };
    rows.chain(statuses.iter().filter_map(of_status)).collect()
}

/// Returns a text about the records that name another AWS account or region. Halts the controller if most of
/// them do.
pub(super) fn check_recorded_elsewhere<B: Backends>(
    context: &Context<B>,
    known: &[KnownResource],
) -> Option<String> {
    let target = context.target();
    let all: BTreeSet<&str> = known.iter().map(|known| known.arn.as_str()).collect();
    let elsewhere: Vec<_> = all.iter().filter(|arn| !target.holds(arn)).collect();
    let message = elsewhere.first().map(|first| {
        let recorded = ArnLocation::parse(first).map_or_else(|| (**first).to_owned(), |it| it.to_string());
        messages::recorded_elsewhere(elsewhere.len(), all.len(), &recorded, &target.describe())
    });
    let are_most = elsewhere.len() * 2 > all.len();
    context.set_halt(message.as_deref().filter(|_| are_most).map(Blocker::recorded_elsewhere));
    message
}
