//! The resources that records name: the rows in PostgreSQL, and the status of each account.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    api::{AccountRef, StreamerAccount},
    controller::{account::AccountExt, backends::Backends, blocker::Blocker, context::Context, messages},
    ivs::ArnLocation,
    provision::{Named, Record, Standing},
    store::RecordedResource,
};

/// Returns true if an account is in the served namespace.
pub(super) fn is_in(namespace: Option<&str>, account: &AccountRef) -> bool {
    namespace.is_none_or(|namespace| account.namespace == namespace)
}

/// Returns the state of each account, as the comparison needs it.
pub(super) fn account_states(accounts: &[Arc<StreamerAccount>]) -> BTreeMap<AccountRef, Standing> {
    let state = |account: &StreamerAccount| Standing {
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
    statuses: &[Record],
    states: &BTreeMap<AccountRef, Standing>,
) -> Vec<Named> {
    let (before, now) = (context.last_inventory().unwrap_or_default(), context.backends.now().0);
    let seen = before.updates();
    let updated = |arn: &str| now.duration_since(*seen.get(arn)?).try_into().ok();
    let rows = recorded.iter().map(|row| Named {
        user: row.user,
        kind: row.kind,
        arn: row.arn.clone(),
        // Accounts in other namespaces are not watched, so they count as existing.
        is_held: states.contains_key(&row.account) || !is_in(namespace, &row.account),
        is_served: is_in(namespace, &row.account),
        is_leaving: row.deleting,
        age: row.age,
        updated: updated(&row.arn),
    });
    let of_status = |record: &Record| {
        let user = states.get(&record.account)?.user?;
        let (kind, arn, age) = (record.kind, record.arn.clone(), Duration::MAX);
        Some(Named { user, kind, arn, is_held: true, is_served: true, is_leaving: false, age, updated: None })
    };
    rows.chain(statuses.iter().filter_map(of_status)).collect()
}

/// Returns a text about the records that name another AWS account or region. Halts the controller if most of
/// them do.
pub(super) fn misplaced<B: Backends>(context: &Context<B>, named: &[Named]) -> Option<String> {
    let target = context.target();
    let all: BTreeSet<&str> = named.iter().map(|named| named.arn.as_str()).collect();
    let elsewhere: Vec<_> = all.iter().filter(|arn| !target.holds(arn)).collect();
    let message = elsewhere.first().map(|first| {
        let recorded = ArnLocation::parse(first).map_or_else(|| (**first).to_owned(), |it| it.to_string());
        messages::recorded_elsewhere(elsewhere.len(), all.len(), &recorded, &target.describe())
    });
    let are_most = elsewhere.len() * 2 > all.len();
    context.set_halt(message.as_deref().filter(|_| are_most).map(Blocker::recorded_elsewhere));
    message
}
