//! The resources that records name: the rows in PostgreSQL, and the status of each account.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    api::{AccountRef, Arn},
    controller::{backends::Backends, blocker::Blocker, cache::CachedAccount, context::Context},
    ivs::ArnLocation,
    messages,
    provision::{AccountStates, KnownResource, StatusEntry},
    store::RecordedResource,
};

/// Returns true if an account is in the served namespace.
pub(super) fn is_in(namespace: Option<&str>, account: &AccountRef) -> bool {
    namespace.is_none_or(|namespace| account.namespace == namespace)
}

/// Returns the state of each account, as the comparison needs it.
pub(super) fn account_states(accounts: &[Arc<CachedAccount>]) -> AccountStates<'_> {
    accounts.iter().map(|account| (&account.reference, account.state())).collect()
}

/// Returns all resources that rows and statuses name.
pub(super) fn recorded_resources<'r, B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
    recorded: &'r [RecordedResource],
    statuses: &[StatusEntry<'r>],
    states: &AccountStates<'_>,
) -> Vec<KnownResource<'r>> {
    let (before, now) = (context.last_inventory().unwrap_or_default(), context.backends.now().0);
    let seen = before.update_times();
    let since_update = |arn: &Arn| now.duration_since(*seen.get(arn)?).try_into().ok();
    let rows = recorded.iter().map(|row| KnownResource {
        user: row.owner.user,
        kind: row.kind,
        arn: &row.arn,
        // Accounts in other namespaces are not watched, so they count as existing.
        has_account: states.contains_key(&row.owner.account) || !is_in(namespace, &row.owner.account),
        is_served: is_in(namespace, &row.owner.account),
        is_being_deleted: row.owner.deleting,
        age: row.age,
        since_update: since_update(&row.arn),
    });
    rows.chain(statuses.iter().filter_map(|entry| named_by_status(entry, states))).collect()
}

/// Returns a resource that the status of an account names, if it names the user too.
fn named_by_status<'r>(entry: &StatusEntry<'r>, states: &AccountStates<'_>) -> Option<KnownResource<'r>> {
    let account = states.get(entry.account)?;
    Some(KnownResource {
        user: account.user?,
        kind: entry.kind,
        arn: entry.arn,
        has_account: true,
        // A stalled account may have lost its user to another one. Then no row can hold evidence.
        is_served: !account.is_stalled,
        is_being_deleted: false,
        age: Duration::MAX,
        since_update: None,
    })
}

/// Returns a text about the records that name another AWS account or region. Halts the controller if most of
/// them do.
pub(super) fn check_recorded_elsewhere<B: Backends>(
    context: &Context<B>,
    known: &[KnownResource<'_>],
) -> Option<String> {
    let target = context.target();
    let all: BTreeSet<&Arn> = known.iter().map(|known| known.arn).collect();
    let texts = all.iter().map(ToString::to_string);
    let elsewhere: Vec<_> = texts.filter(|arn| !target.holds(arn)).collect();
    let message = elsewhere.first().map(|first| {
        let recorded = ArnLocation::describe(first);
        messages::records::resources_elsewhere(elsewhere.len(), all.len(), &recorded, &target.describe())
    });
    let are_most = elsewhere.len() * 2 > all.len();
    context.set_halt(message.as_deref().filter(|_| are_most).map(Blocker::recorded_elsewhere));
    message
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{api::ResourceKind, provision::AccountState};

    #[test]
    fn evidence_is_recorded_unless_the_account_is_stalled() {
        let (account, arn) = (AccountRef { namespace: "n".to_owned(), name: "todd".to_owned() }, "a".into());
        let entry = StatusEntry { account: &account, kind: ResourceKind::Stage, arn: &arn, is_ready: true };
        for is_stalled in [false, true] {
            let state = AccountState { uid: None, user: Some(Uuid::from_u128(1)), is_stalled };
            let known = named_by_status(&entry, &[(&account, state)].into());
            assert_eq!(known.map(|known| known.is_served), Some(!is_stalled));
        }
    }
}
