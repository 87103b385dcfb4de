//! The inventory: everything that the last resync listed, by account and by user.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::{Owner, StatusEntry, StatusRecords, absences::ROOM_IDLE, status_record::is_as_recorded};
use crate::{
    api::{AccountRef, Arn, ByKind, CompactId, ResourceKind, tags},
    hash::hash,
    ivs::{ArnLocation, Kind, Listed, Result, Tags},
};

/// A resource that the last resync listed, in compact form: of its tags, the operator's are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedResource {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its ARN.
    pub arn: Arn,
    /// Its name; not unique.
    pub name: Arc<str>,
    /// The account in its tags.
    pub account: Option<Arc<str>>,
    /// The user in its tags.
    pub user: Option<CompactId>,
    /// The nonce of the attempt in its tags.
    pub attempt: Option<CompactId>,
    /// Time of its last update, if lists contain it (chat rooms).
    pub updated_at: Option<Timestamp>,
}

impl TaggedResource {
    /// Returns the compact form of a listed resource.
    #[must_use]
    pub fn new(kind: ResourceKind, listed: &Listed) -> Self {
        let tag = |key| listed.tags.get(key).map(String::as_str);
        Self {
            kind,
            arn: listed.arn.as_str().into(),
            name: listed.name.as_str().into(),
            account: tag(tags::ACCOUNT).map(Arc::from),
            user: tag(tags::USER).map(CompactId::from),
            attempt: tag(tags::ATTEMPT).map(CompactId::from),
            updated_at: listed.updated_at,
        }
    }

    /// Returns the resource as a list contains it, without a user's own tags.
    fn to_listed(&self, installation: &str) -> Listed {
        let tags = [
            (tags::INSTALLATION, Some(installation.to_owned())),
            (tags::ACCOUNT, self.account.as_deref().map(str::to_owned)),
            (tags::USER, self.user.as_ref().map(CompactId::to_string)),
            (tags::ATTEMPT, self.attempt.as_ref().map(CompactId::to_string)),
        ];
        let tags: Tags = tags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        let (arn, name) = (self.arn.to_string(), self.name.to_string());
        Listed { arn, name, tags, updated_at: self.updated_at, ..Listed::default() }
    }

    /// Returns the user in the tags, in whatever form it is written.
    #[must_use]
    pub fn user(&self) -> Option<Uuid> {
        self.user.as_ref()?.uuid()
    }

    /// Returns true if the tags name this user.
    pub(super) fn is_of_user(&self, user: Uuid) -> bool {
        self.user == Some(CompactId::Uuid(user))
    }

    /// Shares the texts that are the same as those of another resource.
    fn share(&mut self, other: &Self) {
        if self.account == other.account {
            self.account.clone_from(&other.account);
        }
        if self.name == other.name {
            self.name.clone_from(&other.name);
        }
    }
}

/// The statuses that a list is compared with while its pages arrive.
#[derive(Clone, Copy, Debug)]
pub struct ListScope<'a> {
    /// The id of the installation.
    pub installation: &'a str,
    /// The statuses of all accounts when the list began.
    pub statuses: &'a StatusRecords,
    /// The time at which the list began.
    pub now: Timestamp,
}

/// A complete list of the resources of one kind. Of a resource that is exactly what a status says, only that
/// is kept.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Number of pages.
    pub pages: u32,
    /// For each account, true if the list contains the resource of its status, exactly as status says.
    pub as_recorded: Vec<bool>,
    /// The other resources that carry this installation's tag.
    pub others: Vec<TaggedResource>,
    /// The ARNs of all resources that are not as recorded, also without the tag.
    pub arns: Vec<Arn>,
    /// The AWS accounts in the ARNs of all resources.
    pub aws_accounts: BTreeSet<String>,
    /// The resources with this installation's tag that were not updated for long, with the time of the last
    /// update.
    pub idle: Vec<(Arn, Timestamp)>,
    /// The resources whose conditions the list contradicts.
    pub contradicted: Vec<ContradictedStatus>,
}

/// A listed resource whose condition the list contradicts: it has drifted although status says ready, or no
/// longer drifts although status says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContradictedStatus {
    /// Its account.
    pub account: AccountRef,
    /// Hash of the listed name, settings, and tags.
    pub values: u64,
}

impl ContradictedStatus {
    fn new(account: &AccountRef, listed: &Listed) -> Self {
        let values = hash((&listed.name, &listed.settings, &listed.tags));
        Self { account: account.clone(), values }
    }
}

impl Listing {
    /// Lists one kind. Each page is compared with the statuses before the next one is read. `pause`: the time
    /// between two calls.
    ///
    /// # Errors
    /// The failed call.
    pub async fn of_kind<K: Kind>(kind: &K, scope: ListScope<'_>, pause: Duration) -> Result<Self> {
        let mut listing = Self::new(scope);
        kind.list(pause, |page| listing.add(K::KIND, &page, scope)).await?;
        Ok(listing)
    }

    /// Returns the list before its first page.
    #[must_use]
    pub fn new(scope: ListScope<'_>) -> Self {
        Self { as_recorded: vec![false; scope.statuses.len()], ..Self::default() }
    }

    /// Adds a page.
    pub fn add(&mut self, kind: ResourceKind, page: &[Listed], scope: ListScope<'_>) {
        self.pages = self.pages.saturating_add(1);
        for listed in page {
            self.add_aws_account(&listed.arn);
            let is_ours =
                listed.tags.get(tags::INSTALLATION).is_some_and(|found| found == scope.installation);
            if is_ours {
                self.add_idle(listed, scope.now);
                let account = listed.tags.get(tags::ACCOUNT);
                let position = account.and_then(|account| scope.statuses.position_of_tag(account));
                if position.is_some_and(|position| self.compare(position, kind, listed, scope.statuses)) {
                    continue;
                }
            }
            let resource = TaggedResource::new(kind, listed);
            self.arns.push(resource.arn.clone());
            if is_ours {
                self.others.push(resource);
            }
        }
    }

    /// Compares a resource with the status at the position of the account in its tags. Returns true if it is
    /// exactly what status says.
    fn compare(
        &mut self,
        position: usize,
        kind: ResourceKind,
        listed: &Listed,
        statuses: &StatusRecords,
    ) -> bool {
        let status = statuses.at(position);
        if status.contradicts(kind, listed) {
            self.contradicted.push(ContradictedStatus::new(status.account(), listed));
        }
        let is_recorded = is_as_recorded(status, kind, listed);
        self.as_recorded[position] |= is_recorded;
        is_recorded
    }

    fn add_aws_account(&mut self, arn: &str) {
        let location = ArnLocation::parse(arn);
        if let Some(location) = location.filter(|location| !self.aws_accounts.contains(location.account)) {
            self.aws_accounts.insert(location.account.to_owned());
        }
    }

    fn add_idle(&mut self, listed: &Listed, now: Timestamp) {
        let is_idle =
            |at: &Timestamp| now.duration_since(*at).try_into().is_ok_and(|idle: Duration| idle >= KEPT_IDLE);
        if let Some(at) = listed.updated_at.filter(is_idle) {
            self.idle.push((listed.arn.as_str().into(), at));
        }
    }
}

/// Time since the last update from which the inventory keeps that time. Less than [`ROOM_IDLE`], because an
/// inventory is used until the next one.
const KEPT_IDLE: Duration = Duration::from_hours(ROOM_IDLE.as_secs() / 3600 / 2);

/// Everything that the last resync listed, by account and by user. It identifies a user whose status and rows
/// are lost. A resource that is exactly what a status said when the resync began is not held: the inventory
/// shares that status with the cache.
#[derive(Clone, Debug)]
pub struct Inventory {
    installation: Box<str>,
    /// The statuses of all accounts when the resync began.
    statuses: StatusRecords,
    /// For each kind and account, true if the list contained the resource of its status, as status says.
    as_recorded: ByKind<Box<[bool]>>,
    /// The positions of the statuses with such a resource, by user.
    statuses_by_user: Box<[u32]>,
    /// The other resources, by account.
    others: Box<[TaggedResource]>,
    /// The positions of the other resources whose tags name a user, by user.
    others_by_user: Box<[u32]>,
    /// The times of the last updates, by ARN, of resources that were not updated for long.
    idle: Box<[(Arn, Timestamp)]>,
}

impl Default for Inventory {
    fn default() -> Self {
        Self::new("", StatusRecords::default(), ByKind::new(|_| Listing::default()))
    }
}

impl Inventory {
    /// Indexes the lists of all kinds, which were compared with these statuses.
    #[must_use]
    pub fn new(installation: &str, statuses: StatusRecords, lists: ByKind<Listing>) -> Self {
        let (mut others, mut idle) = (Vec::new(), Vec::new());
        let as_recorded = lists.map(|mut list| {
            others.append(&mut list.others);
            idle.append(&mut list.idle);
            list.as_recorded.resize(statuses.len(), false);
            list.as_recorded.into_boxed_slice()
        });
        others.sort_unstable_by(|a, b| (&a.account, a.kind, &a.arn).cmp(&(&b.account, b.kind, &b.arn)));
        for next in 1..others.len() {
            if let [before, after] = &mut others[next - 1..=next] {
                after.share(before);
            }
        }
        let positions = (0_u32..).zip(&others).filter(|(_, resource)| resource.user().is_some());
        let mut others_by_user: Vec<_> = positions.map(|(position, _)| position).collect();
        others_by_user.sort_unstable_by_key(|position| (others[*position as usize].user(), *position));
        let is_listed = |position: usize| as_recorded.iter().any(|(_, listed)| listed[position]);
        let positions = (0_u32..).zip(0..statuses.len()).filter(|(_, position)| is_listed(*position));
        let mut statuses_by_user: Vec<_> = positions.map(|(position, _)| position).collect();
        statuses_by_user
            .sort_unstable_by_key(|position| (statuses.at(*position as usize).state().user, *position));
        idle.sort_unstable();
        Self {
            installation: installation.into(),
            statuses,
            as_recorded,
            statuses_by_user: statuses_by_user.into(),
            others: others.into(),
            others_by_user: others_by_user.into(),
            idle: idle.into(),
        }
    }

    /// Returns the inventory of these resources, none of which a status names.
    #[cfg(test)]
    pub(crate) fn of_resources(installation: &str, others: Vec<TaggedResource>) -> Self {
        let mut lists = ByKind::new(|_| Listing::default());
        lists[ResourceKind::Channel].others = others;
        Self::new(installation, StatusRecords::default(), lists)
    }

    /// Returns the statuses of all accounts when the resync began.
    #[must_use]
    pub fn statuses(&self) -> &StatusRecords {
        &self.statuses
    }

    /// Returns the resources that are not exactly what a status said.
    pub fn others(&self) -> impl Iterator<Item = &TaggedResource> {
        self.others.iter()
    }

    /// Returns true if the list contained the resource of this kind in the status at a position, as status
    /// says.
    pub(super) fn is_as_recorded(&self, position: usize, kind: ResourceKind) -> bool {
        self.as_recorded[kind][position]
    }

    /// Returns the entries of a status whose resources the list contained, as status says.
    pub(super) fn recorded_at(&self, position: usize) -> impl Iterator<Item = StatusEntry<'_>> {
        let kinds = ResourceKind::ALL.into_iter().filter(move |kind| self.is_as_recorded(position, *kind));
        kinds.filter_map(move |kind| self.statuses.at(position).resource(kind))
    }

    /// Returns such an entry as a resource. The nonce of its attempt is not known.
    pub(super) fn to_resource(&self, position: usize, entry: StatusEntry<'_>) -> TaggedResource {
        let status = self.statuses.at(position);
        TaggedResource {
            kind: entry.kind,
            arn: entry.arn.clone(),
            name: status.username().into(),
            account: Some(status.account().to_string().into()),
            user: status.state().user.map(CompactId::Uuid),
            attempt: None,
            updated_at: None,
        }
    }

    /// Returns the ARNs of the resources that are exactly what a status said.
    pub fn recorded_arns(&self) -> impl Iterator<Item = &Arn> {
        (0..self.statuses.len()).flat_map(|position| self.recorded_at(position)).map(|entry| entry.arn)
    }

    fn of_status(&self, position: usize) -> impl Iterator<Item = TaggedResource> {
        self.recorded_at(position).map(move |entry| self.to_resource(position, entry))
    }

    /// Returns all resources tagged with this account, by kind and ARN.
    fn tagged_with(&self, account: &AccountRef) -> Vec<TaggedResource> {
        let text = account.to_string();
        let of = |resource: &TaggedResource| resource.account.as_deref().cmp(&Some(text.as_str()));
        let start = self.others.partition_point(|resource| of(resource).is_lt());
        let count = self.others[start..].partition_point(|resource| of(resource).is_eq());
        let recorded = self.statuses.position(account).into_iter().flat_map(|at| self.of_status(at));
        let mut all: Vec<_> = recorded.chain(self.others[start..start + count].iter().cloned()).collect();
        all.sort_unstable_by(|a, b| (a.kind, &a.arn).cmp(&(b.kind, &b.arn)));
        all
    }

    fn tagged_with_user(&self, user: Uuid) -> impl Iterator<Item = TaggedResource> {
        let at = |position: &u32| &self.others[*position as usize];
        let start = self.others_by_user.partition_point(|position| at(position).user() < Some(user));
        let others = self.others_by_user[start..].iter().map(at);
        let others = others.take_while(move |resource| resource.user() == Some(user)).cloned();
        let of = |position: &u32| self.statuses.at(*position as usize).state().user;
        let start = self.statuses_by_user.partition_point(|position| of(position) < Some(user));
        let statuses = self.statuses_by_user[start..].iter();
        let statuses = statuses.take_while(move |position| of(position) == Some(user));
        statuses.flat_map(|position| self.of_status(*position as usize)).chain(others)
    }

    /// Returns the user in the tags of this account's resources.
    #[must_use]
    pub fn user(&self, account: &AccountRef, username: &str) -> Option<Uuid> {
        // An account that was re-created with another username is another user. A different spelling is
        // refused if the user has a row.
        let tagged = self.tagged_with(account);
        let mut of_name = tagged.iter().filter(|resource| *resource.name == *username);
        of_name.find_map(TaggedResource::user)
    }

    /// Returns all resources tagged with this account and user.
    pub fn of_account(&self, account: &AccountRef, user: Uuid) -> impl Iterator<Item = TaggedResource> {
        self.tagged_with(account).into_iter().filter(move |resource| resource.is_of_user(user))
    }

    /// Returns all resources of one kind tagged with this user, whatever their name.
    #[must_use]
    pub fn of_user(&self, user: Uuid, kind: ResourceKind) -> Vec<Listed> {
        let all = self.tagged_with_user(user).filter(|resource| resource.kind == kind);
        all.map(|resource| resource.to_listed(&self.installation)).collect()
    }

    /// Returns the ARN of this user's resource; the first by ARN if a crash left more than one. A resource of
    /// the same name and account that has lost the user's tag counts only if there is no other.
    #[must_use]
    pub fn arn(&self, owner: &Owner, kind: ResourceKind) -> Option<String> {
        let may_be = |resource: &TaggedResource| {
            let is_untagged = resource.user.is_none()
                && *resource.name == *owner.username
                && *self.installation == *owner.installation;
            resource.kind == kind && (resource.is_of_user(owner.user) || is_untagged)
        };
        let all = self.tagged_with(&owner.account).into_iter().chain(self.tagged_with_user(owner.user));
        let all = all.filter(may_be).map(|resource| (!resource.is_of_user(owner.user), resource.arn));
        all.min().map(|(_, arn)| arn.to_string())
    }

    /// Returns the time of the last update of a resource, if it is long ago.
    #[must_use]
    pub fn idle_since(&self, arn: &Arn) -> Option<Timestamp> {
        let position = self.idle.binary_search_by(|(idle, _)| idle.cmp(arn)).ok()?;
        Some(self.idle[position].1)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::provision::status_record::tests::{TestStatus, records};

    /// A scope of this installation, in which nothing has been idle for long.
    pub fn scope(statuses: &StatusRecords) -> ListScope<'_> {
        ListScope { installation: "here", statuses, now: Timestamp::UNIX_EPOCH }
    }

    pub fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "default".to_owned(), name: name.to_owned() }
    }

    pub fn listed(arn: &str, account: &str, user: u128) -> Listed {
        let tags = Tags::from([
            (tags::INSTALLATION.to_owned(), "here".to_owned()),
            (tags::ACCOUNT.to_owned(), format!("default/{account}")),
            (tags::USER.to_owned(), Uuid::from_u128(user).to_string()),
        ]);
        Listed { arn: arn.to_owned(), name: account.to_owned(), tags, ..Listed::default() }
    }

    /// Returns the inventory of these channels.
    pub fn inventory(all: &[Listed]) -> Inventory {
        let channel = |listed| TaggedResource::new(ResourceKind::Channel, listed);
        Inventory::of_resources("here", all.iter().map(channel).collect())
    }

    /// Returns the inventory of these channels, compared with these statuses.
    pub fn inventory_with(statuses: &[TestStatus], all: &[Listed]) -> Inventory {
        let statuses = records(statuses);
        let mut lists = ByKind::new(|_| Listing::new(scope(&statuses)));
        lists[ResourceKind::Channel].add(ResourceKind::Channel, all, scope(&statuses));
        Inventory::new("here", statuses.clone(), lists)
    }

    fn owner() -> Owner {
        let (installation, username) = ("here".to_owned(), "todd".to_owned());
        Owner { installation, user: Uuid::from_u128(1), account: account("todd"), username }
    }

    #[test]
    fn a_renamed_resource_is_found_by_its_tags() {
        let renamed = Listed { name: "another-name".to_owned(), ..listed("a", "todd", 1) };
        let of_kind = |kind, listed: &Listed| TaggedResource::new(kind, listed);
        let room = of_kind(ResourceKind::ChatRoom, &listed("r", "todd", 1));
        let inventory = Inventory::of_resources("here", vec![of_kind(ResourceKind::Channel, &renamed), room]);
        assert_eq!(inventory.user(&account("todd"), "todd"), Some(Uuid::from_u128(1)));
        assert_eq!(inventory.of_user(Uuid::from_u128(1), ResourceKind::Channel), [renamed]);
    }

    #[test]
    fn the_user_of_an_account_is_found_by_tags() {
        let others = [listed("o", "ann", 2), listed("p", "zoe", 3)];
        let all = [&others[..], &[listed("b", "todd", 1), listed("a", "todd", 1)]].concat();
        let inventory = inventory(&all);
        assert_eq!(inventory.user(&account("todd"), "todd"), Some(Uuid::from_u128(1)));
        for other in ["Todd", "another"] {
            assert_eq!(inventory.user(&account("todd"), other), None);
        }
        assert_eq!(inventory.arn(&owner(), ResourceKind::Channel).as_deref(), Some("a"));
        assert_eq!(inventory.arn(&owner(), ResourceKind::Stage), None);
        assert_eq!(inventory.user(&account("bob"), "bob"), None);
        assert_eq!(inventory.of_account(&account("todd"), Uuid::from_u128(1)).count(), 2);
    }

    #[test]
    fn a_user_is_found_in_whatever_order_accounts_have_users() {
        let all = [("ann", 3), ("bob", 1), ("todd", 2)];
        let inventory = inventory(&all.map(|(name, user)| listed(name, name, user)));
        for (name, user) in all {
            let found = inventory.of_user(Uuid::from_u128(user), ResourceKind::Channel);
            assert_eq!(found.iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>(), [name]);
        }
        assert_eq!(inventory.of_user(Uuid::from_u128(4), ResourceKind::Channel), []);
    }

    #[test]
    fn an_untagged_resource_counts_only_if_there_is_no_other() {
        let mut channel = listed("a", "todd", 1);
        channel.tags.remove(tags::USER);
        let both = inventory(&[channel.clone(), listed("b", "todd", 1)]);
        assert_eq!(both.user(&account("todd"), "todd"), Some(Uuid::from_u128(1)));
        assert_eq!(both.arn(&owner(), ResourceKind::Channel).as_deref(), Some("b"));
        let untagged = inventory(&[channel.clone()]);
        assert_eq!(untagged.arn(&owner(), ResourceKind::Channel).as_deref(), Some("a"));
        channel.tags.insert(tags::USER.to_owned(), "another".to_owned());
        assert_eq!(inventory(&[channel]).arn(&owner(), ResourceKind::Channel), None);
    }

    #[test]
    fn a_user_whose_tag_is_not_as_written_is_found_but_owns_nothing() {
        let mut channel = listed("a", "todd", 0xa);
        channel.tags.insert(tags::USER.to_owned(), Uuid::from_u128(0xa).to_string().to_uppercase());
        let inventory = inventory(std::slice::from_ref(&channel));
        assert_eq!(inventory.user(&account("todd"), "todd"), Some(Uuid::from_u128(0xa)));
        assert_eq!(inventory.of_user(Uuid::from_u128(0xa), ResourceKind::Channel), [channel]);
        assert_eq!(inventory.of_account(&account("todd"), Uuid::from_u128(0xa)).count(), 0);
    }

    #[test]
    fn the_resources_of_an_account_share_its_texts() {
        let inventory = inventory(&[listed("b", "todd", 1), listed("c", "ann", 2), listed("a", "todd", 1)]);
        let [_, first, second] = &*inventory.others else { panic!("three resources") };
        assert!(Arc::ptr_eq(&first.name, &second.name));
        assert_eq!(first.account.as_ref().map(Arc::as_ptr), second.account.as_ref().map(Arc::as_ptr));
    }

    #[test]
    fn a_listing_keeps_only_what_is_not_as_recorded() {
        let mut other = listed("b", "todd", 1);
        other.tags.insert(tags::INSTALLATION.to_owned(), "there".to_owned());
        let statuses = records(&[TestStatus::new("ann", Some(2)).with_channel("c")]);
        let mut listing = Listing::new(scope(&statuses));
        let page = [listed("a", "todd", 1), other, listed("c", "ann", 2)];
        listing.add(ResourceKind::Channel, &page, scope(&statuses));
        assert_eq!(listing.arns, ["a", "b"].map(Arn::from));
        assert_eq!(listing.others.iter().map(|it| it.arn.to_string()).collect::<Vec<_>>(), ["a"]);
        assert_eq!((listing.as_recorded, listing.pages), (vec![true], 1));
    }

    #[test]
    fn a_resource_that_contradicts_its_status_is_kept() {
        let recorded = TestStatus::new("todd", Some(1)).with_channel("a");
        let as_recorded = listed("a", "todd", 1);
        let tagged = |key: &str, value: &str| {
            let mut listed = as_recorded.clone();
            listed.tags.insert(key.to_owned(), value.to_owned());
            listed
        };
        let renamed = Listed { name: "another".to_owned(), ..as_recorded.clone() };
        let mut untagged = as_recorded.clone();
        untagged.tags.remove(tags::USER);
        let of_another = [
            tagged(tags::USER, &Uuid::from_u128(2).to_string()),
            tagged(tags::ACCOUNT, "default/ann"),
            listed("b", "todd", 1),
        ];
        for differing in [renamed, untagged].into_iter().chain(of_another) {
            let inventory = inventory_with(std::slice::from_ref(&recorded), std::slice::from_ref(&differing));
            assert_eq!(inventory.others().count(), 1, "{differing:?}");
            assert_eq!(inventory.recorded_arns().count(), 0);
        }
        assert_eq!(inventory_with(&[recorded], &[as_recorded]).others().count(), 0);
    }

    #[test]
    fn what_is_as_recorded_is_found_like_any_other_resource() {
        let all = [("ann", 3), ("bob", 1), ("todd", 2)];
        let listed = all.map(|(name, user)| listed(name, name, user));
        let statuses = all.map(|(name, user)| TestStatus::new(name, Some(user)).with_channel(name));
        // One of the accounts has no status.
        let found = inventory_with(&statuses[..2], &listed);
        let expected = inventory(&listed);
        for (name, user) in all {
            let (account, user) = (account(name), Uuid::from_u128(user));
            assert_eq!(found.user(&account, name), Some(user));
            assert_eq!(found.user(&account, "another"), None);
            let kind = ResourceKind::Channel;
            assert_eq!(found.of_user(user, kind), expected.of_user(user, kind));
            let of_account = |inventory: &Inventory| inventory.of_account(&account, user).collect::<Vec<_>>();
            assert_eq!(of_account(&found), of_account(&expected));
            let owner = Owner { user, account: account.clone(), username: name.to_owned(), ..owner() };
            assert_eq!(found.arn(&owner, kind), expected.arn(&owner, kind));
            assert_eq!(found.arn(&owner, ResourceKind::Stage), None);
        }
        assert_eq!(found.of_user(Uuid::from_u128(4), ResourceKind::Channel), []);
    }

    #[test]
    fn the_update_time_is_known_of_what_was_idle_for_long() {
        let statuses = StatusRecords::default();
        let now = Timestamp::UNIX_EPOCH + KEPT_IDLE * 2;
        let scope = ListScope { now, ..scope(&statuses) };
        let updated = |arn, ago| Listed { updated_at: Some(now - ago), ..listed(arn, "todd", 1) };
        let mut list = Listing::new(scope);
        list.add(
            ResourceKind::ChatRoom,
            &[updated("idle", KEPT_IDLE), updated("used", KEPT_IDLE / 2)],
            scope,
        );
        let inventory = Inventory::new("here", StatusRecords::default(), ByKind::new(|_| list.clone()));
        assert_eq!(inventory.idle_since(&"idle".into()), Some(now - KEPT_IDLE));
        assert_eq!(inventory.idle_since(&"used".into()), None);
    }
}
