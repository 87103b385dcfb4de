//! The complete lists of all kinds.

use std::collections::BTreeSet;

use super::pace::Pace;
use crate::{
    api::{ByKind, ResourceKind},
    controller::{backends::Backends, blocker::Blocker, context::Context},
    ivs::dispatch_kind,
    provision::{
        CompleteList, ContradictedStatus, Inventory, ListScope, Listing, StatusRecords, TaggedResource,
    },
};

/// The lists of one resync.
pub(super) struct Lists {
    /// Everything of this installation in the served namespace.
    pub inventory: Inventory,
    /// The ARNs of everything that is not exactly what a status said.
    pub complete: CompleteList,
    /// Number of pages of each list.
    pub pages: ByKind<u32>,
    /// The AWS accounts in the ARNs.
    pub aws_accounts: BTreeSet<String>,
    /// The listed resources whose conditions the lists contradict.
    pub contradicted: ByKind<Vec<ContradictedStatus>>,
}

/// Lists all resources, and compares each page with the statuses.
pub(super) async fn list<B: Backends>(
    context: &Context<B>,
    namespace: Option<&str>,
    statuses: StatusRecords,
    pace: &Pace,
) -> Result<Lists, Blocker> {
    let (backends, installation) = (&context.backends, context.installation.as_str());
    let scope = ListScope { installation, statuses: &statuses, now: backends.now().0 };
    let list = async |kind| {
        let pause = pace.pauses[kind];
        dispatch_kind!(backends, kind, |kind| Listing::of_kind(kind, scope, pause).await)
    };
    let listed = futures::future::try_join_all(ResourceKind::ALL.map(list)).await?;
    let (mut complete, mut aws_accounts) = (CompleteList::default(), BTreeSet::new());
    let mut listed = listed.into_iter();
    let mut lists = ByKind::new(|_| listed.next().unwrap_or_default());
    for kind in ResourceKind::ALL {
        let list = &mut lists[kind];
        complete.has_ours |= !list.others.is_empty() || list.as_recorded.contains(&true);
        complete.arns.extend(std::mem::take(&mut list.arns));
        aws_accounts.append(&mut list.aws_accounts);
        list.others.retain(|resource| is_in(namespace, resource));
    }
    let pages = ByKind::new(|kind| lists[kind].pages);
    let contradicted = ByKind::new(|kind| std::mem::take(&mut lists[kind].contradicted));
    let inventory = Inventory::new(installation, statuses, lists);
    Ok(Lists { inventory, complete, pages, aws_accounts, contradicted })
}

/// Returns true if the tags name an account in the served namespace. Another controller of this installation
/// serves the other namespaces.
fn is_in(namespace: Option<&str>, resource: &TaggedResource) -> bool {
    let of = resource.account.as_deref().and_then(|account| account.split_once('/'));
    namespace.is_none_or(|namespace| of.is_some_and(|(found, _)| found == namespace))
}

/// Returns the inventory that the lists would give if AWS had everything as the statuses say.
pub(super) fn all_as_recorded<B: Backends>(context: &Context<B>, statuses: StatusRecords) -> Inventory {
    let lists = ByKind::new(|kind| {
        let as_recorded = statuses.iter().map(|status| status.resource(kind).is_some()).collect();
        Listing { as_recorded, ..Listing::default() }
    });
    Inventory::new(&context.installation, statuses, lists)
}
