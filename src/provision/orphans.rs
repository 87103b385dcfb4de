//! Changes of the orphan list after a resync. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::TaggedResource;
use crate::{
    api::{AccountRef, CompactId},
    store::{Orphan, OrphanChanges, OrphanReason, OrphanRow},
};

/// Describes a resource for the orphan list, by its tags.
#[must_use]
pub fn describe_orphan(resource: &TaggedResource, reason: OrphanReason) -> Orphan {
    Orphan {
        kind: resource.kind,
        arn: Some(resource.arn.to_string()),
        attempt: resource.attempt.as_ref().and_then(CompactId::uuid),
        user: resource.user.as_ref().and_then(CompactId::uuid),
        account: resource.account.as_deref().and_then(AccountRef::parse),
        username: Some(resource.name.to_string()),
        reason,
    }
}

/// Returns the changes of the orphan list. `rows`: the list before the resync; `found`: the orphans that the
/// resync found. A row goes only if an earlier resync, at least one grace period ago, did not find its
/// resource either: one incomplete list loses nothing. Without news nothing is written (I5).
#[must_use]
pub fn orphan_changes(
    rows: &[OrphanRow],
    found: &BTreeMap<String, Orphan>,
    grace: Duration,
) -> OrphanChanges {
    let mut changes = OrphanChanges::default();
    let listed: BTreeSet<&str> = rows.iter().filter_map(|row| row.orphan.arn.as_deref()).collect();
    let mut attempts: BTreeMap<Uuid, Uuid> = rows.iter().filter_map(open_attempt).collect();
    for (arn, orphan) in found.iter().filter(|(arn, _)| !listed.contains(arn.as_str())) {
        match orphan.attempt.and_then(|attempt| attempts.remove(&attempt)) {
            Some(row) => changes.named.push((row, arn.clone())),
            None => changes.added.push(orphan.clone()),
        }
    }
    let named: BTreeSet<Uuid> = changes.named.iter().map(|(row, _)| *row).collect();
    for row in rows.iter().filter(|row| !named.contains(&row.id)) {
        let is_found = row.orphan.arn.as_ref().is_some_and(|arn| found.contains_key(arn));
        match (is_found, row.unseen) {
            (true, Some(_)) => changes.seen.push(row.id),
            (false, None) => changes.unseen.push(row.id),
            (false, Some(unseen)) if unseen >= grace => changes.gone.push(row.id),
            (true, None) | (false, Some(_)) => {}
        }
    }
    changes
}

/// Returns the attempt and the id of a row that has no ARN yet.
fn open_attempt(row: &OrphanRow) -> Option<(Uuid, Uuid)> {
    row.orphan.arn.is_none().then_some(row.orphan.attempt?).map(|attempt| (attempt, row.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::ResourceKind, ivs::Listed, provision::world::owner};

    const GRACE: Duration = Duration::from_secs(10);

    fn found(all: &[(&str, u128)]) -> BTreeMap<String, Orphan> {
        let one = |(arn, attempt): &(&str, u128)| {
            let tags = owner().create_tags(Uuid::from_u128(*attempt), &crate::ivs::Tags::new());
            let listed =
                Listed { arn: (*arn).to_owned(), name: "todd".to_owned(), tags, ..Listed::default() };
            let resource = TaggedResource::new(ResourceKind::Stage, &listed);
            ((*arn).to_owned(), describe_orphan(&resource, OrphanReason::Unowned))
        };
        all.iter().map(one).collect()
    }

    fn row(id: u128, arn: Option<&str>, attempt: Option<u128>, unseen: Option<u64>) -> OrphanRow {
        let orphan = Orphan {
            kind: ResourceKind::Stage,
            arn: arn.map(str::to_owned),
            attempt: attempt.map(Uuid::from_u128),
            user: None,
            account: None,
            username: None,
            reason: OrphanReason::Abandoned,
        };
        let (first_seen, unseen) = (String::new(), unseen.map(Duration::from_secs));
        OrphanRow { id: Uuid::from_u128(id), orphan, first_seen, unseen }
    }

    fn ids<const N: usize>(ids: [u128; N]) -> Vec<Uuid> {
        ids.map(Uuid::from_u128).to_vec()
    }

    #[test]
    fn an_orphan_is_described_by_its_tags() {
        let orphan = found(&[("a", 7)]).remove("a").expect("it is found");
        assert_eq!((orphan.user, orphan.attempt), (Some(owner().user), Some(Uuid::from_u128(7))));
        assert_eq!((orphan.account, orphan.username), (Some(owner().account), Some("todd".to_owned())));
    }

    #[test]
    fn a_new_orphan_is_added_once() {
        let changes = orphan_changes(&[row(1, Some("a"), None, None)], &found(&[("a", 1), ("b", 2)]), GRACE);
        let added = found(&[("b", 2)]).into_values().collect();
        assert_eq!(changes, OrphanChanges { added, ..OrphanChanges::default() });
    }

    #[test]
    fn an_orphan_that_is_gone_is_removed_after_the_grace() {
        let rows = [
            row(1, Some("found"), None, None),
            row(2, Some("found again"), None, Some(60)),
            row(3, Some("missed now"), None, None),
            row(4, Some("missed before"), None, Some(9)),
            row(5, Some("missed long"), None, Some(10)),
            row(6, None, Some(6), Some(0)),
            row(7, None, Some(7), Some(10)),
        ];
        let changes = orphan_changes(&rows, &found(&[("found", 1), ("found again", 2)]), GRACE);
        let expected =
            OrphanChanges { unseen: ids([3]), seen: ids([2]), gone: ids([5, 7]), ..OrphanChanges::default() };
        assert_eq!(changes, expected);
    }

    #[test]
    fn a_resource_of_an_open_attempt_gets_its_arn_in_the_attempts_row() {
        let rows = [row(1, None, Some(7), Some(60)), row(2, Some("b"), Some(8), None)];
        let changes = orphan_changes(&rows, &found(&[("a", 7), ("b", 8), ("c", 8)]), GRACE);
        assert_eq!(changes.named, [(Uuid::from_u128(1), "a".to_owned())]);
        let added = found(&[("c", 8)]).into_values().collect::<Vec<_>>();
        assert_eq!((changes.added, changes.gone), (added, ids([])));
    }
}
