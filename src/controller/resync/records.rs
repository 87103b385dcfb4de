//! The resources that records name: the rows in PostgreSQL, and the status of each account.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    api::{AccountRef, Arn, CompactId},
    controller::{backends::Backends, blocker::Blocker, cache::CachedAccount, context::Context},
    ivs::ArnLocation,
    messages,
    provision::{KnownResource, StatusEntry, StatusRecord, StatusRecords, TaggedResource},
    store::{RecordedResource, ResourceRecord, Resources},
};

/// Maximum number of resources that are looked up one by one.
const MAX_LOOKUPS: usize = 100;

/// Returns true if these resources, which had no row, have one by now, or the journal knows that a Create is
/// creating them. So it is with a Create that had not returned when the rows were read.
pub(super) async fn are_recorded_by_now<B: Backends>(
    context: &Context<B>,
    resources: &[TaggedResource],
) -> bool {
    if resources.len() > MAX_LOOKUPS {
        return false;
    }
    for resource in resources {
        let Some(user) = resource.user() else { return false };
        let Ok(recorded) = context.backends.store().recorded(user).await else { return false };
        if !is_known(resource, &recorded[resource.kind]) {
            return false;
        }
    }
    true
}

/// Returns true if the records of its user have a resource, or the attempt that is creating it.
fn is_known(resource: &TaggedResource, recorded: &ResourceRecord) -> bool {
    let is_recorded = recorded.arn.as_ref().is_some_and(|arn| resource.arn.is(arn));
    let open = recorded.attempt.as_ref().map(|attempt| CompactId::Uuid(attempt.nonce));
    is_recorded || open.is_some() && open == resource.attempt
}

/// Returns true if an account is in the served namespace.
pub(super) fn is_in(namespace: Option<&str>, account: &AccountRef) -> bool {
    namespace.is_none_or(|namespace| account.namespace == namespace)
}

/// Returns the statuses of these accounts.
pub(super) fn statuses(accounts: &[Arc<CachedAccount>]) -> StatusRecords {
    StatusRecords::new(accounts.iter().map(|account| Arc::clone(account) as Arc<dyn StatusRecord>))
}

/// Returns the resources that these rows and entries of statuses name.
pub(super) fn recorded_resources<'r, B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
    recorded: &'r [RecordedResource],
    statuses: &[StatusEntry<'r>],
    accounts: &StatusRecords,
) -> Vec<KnownResource<'r>> {
    let (before, now) = (context.last_inventory().unwrap_or_default(), context.backends.now().0);
    let since_update = |arn: &Arn| now.duration_since(before.idle_since(arn)?).try_into().ok();
    let rows = recorded.iter().map(|row| KnownResource {
        user: row.owner.user,
        kind: row.kind,
        arn: &row.arn,
        // Accounts in other namespaces are not watched, so they count as existing.
        has_account: accounts.get(&row.owner.account).is_some() || !is_in(namespace, &row.owner.account),
        is_served: is_in(namespace, &row.owner.account),
        is_being_deleted: row.owner.deleting,
        age: row.age,
        since_update: since_update(&row.arn),
    });
    rows.chain(statuses.iter().filter_map(|entry| named_by_status(entry, accounts))).collect()
}

/// Returns a resource that the status of an account names, if it names the user too.
fn named_by_status<'r>(entry: &StatusEntry<'r>, accounts: &StatusRecords) -> Option<KnownResource<'r>> {
    let account = accounts.get(entry.account)?.state();
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
/// them do. `consistent`: the number of recorded resources beside these, none of which is elsewhere.
pub(super) fn check_recorded_elsewhere<B: Backends>(
    context: &Context<B>,
    known: &[KnownResource<'_>],
    consistent: usize,
) -> Option<String> {
    let target = context.target();
    let known: BTreeSet<&Arn> = known.iter().map(|known| known.arn).collect();
    let elsewhere: Vec<_> = known.iter().filter(|arn| !target.holds_arn(arn)).collect();
    let all = known.len() + consistent;
    let message = elsewhere.first().map(|first| {
        let recorded = first.with_text(ArnLocation::describe);
        messages::records::resources_elsewhere(elsewhere.len(), all, &recorded, &target.describe())
    });
    let are_most = elsewhere.len() * 2 > all;
    context.set_halt(message.as_deref().filter(|_| are_most).map(Blocker::recorded_elsewhere));
    message
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        api::{ResourceKind, StreamerAccountStatus, tags, test_account},
        ivs::{Listed, Tags},
        store::InFlight,
    };

    #[test]
    fn evidence_is_recorded_unless_the_account_is_stalled() {
        let arn = "a".into();
        for is_stalled in [false, true] {
            let mut account = test_account("todd", "todd");
            let user_id = Some(Uuid::from_u128(1).to_string());
            account.status = Some(StreamerAccountStatus { user_id, ..StreamerAccountStatus::default() });
            let mut cached = CachedAccount::new(&account.into());
            cached.stalled = is_stalled.then(|| "UsernameTaken".into());
            let cached = [Arc::new(cached)];
            let account = &cached[0].reference;
            let entry = StatusEntry { account, kind: ResourceKind::Stage, arn: &arn, is_ready: true };
            let known = named_by_status(&entry, &statuses(&cached));
            assert_eq!(known.map(|known| known.is_served), Some(!is_stalled));
        }
    }

    #[test]
    fn a_resource_is_known_by_its_row_or_by_its_open_attempt() {
        let nonce = Uuid::from_u128(7);
        let resource = |attempt: Option<Uuid>| {
            let attempt = attempt.map(|nonce| (tags::ATTEMPT.to_owned(), nonce.to_string()));
            let tags: Tags = attempt.into_iter().collect();
            let listed = Listed { arn: "a".to_owned(), name: "todd".to_owned(), tags, ..Listed::default() };
            TaggedResource::new(ResourceKind::Stage, &listed)
        };
        let nothing = ResourceRecord::default();
        let row = |arn: &str| ResourceRecord { arn: Some(arn.to_owned()), ..ResourceRecord::default() };
        let attempt = Some(InFlight::until(nonce, Duration::ZERO, Duration::ZERO));
        let open = ResourceRecord { attempt, ..ResourceRecord::default() };
        assert!(is_known(&resource(None), &row("a")) && is_known(&resource(Some(nonce)), &open));
        assert!(!is_known(&resource(None), &row("b")) && !is_known(&resource(Some(nonce)), &nothing));
        assert!(!is_known(&resource(None), &open) && !is_known(&resource(None), &nothing));
        assert!(!is_known(&resource(Some(Uuid::from_u128(8))), &open));
    }
}
