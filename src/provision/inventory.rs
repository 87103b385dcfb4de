//! The inventory: everything that the last resync listed, by account and by user.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::jiff::Timestamp;
use uuid::Uuid;

use super::Owner;
use crate::{
    api::{AccountRef, Arn, CompactId, ResourceKind, tags},
    ivs::{Kind, Listed, Result, Tags},
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
        Listed { arn, name, tags, updated_at: self.updated_at }
    }

    /// Returns the user in the tags, in whatever form it is written.
    fn user(&self) -> Option<Uuid> {
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

/// A complete list of the resources of one kind.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The resources that carry this installation's tag.
    pub ours: Vec<TaggedResource>,
    /// The ARNs of all resources.
    pub arns: Vec<Arn>,
}

impl Listing {
    /// Lists one kind. Each page is brought into compact form before the next one is read.
    ///
    /// # Errors
    /// The failed call.
    pub async fn of_kind<K: Kind>(kind: &K, installation: &str) -> Result<Self> {
        let mut listing = Self::default();
        kind.list(|page| listing.add(K::KIND, &page, installation)).await?;
        Ok(listing)
    }

    fn add(&mut self, kind: ResourceKind, page: &[Listed], installation: &str) {
        for listed in page {
            let resource = TaggedResource::new(kind, listed);
            self.arns.push(resource.arn.clone());
            if listed.tags.get(tags::INSTALLATION).is_some_and(|found| found == installation) {
                self.ours.push(resource);
            }
        }
    }
}

/// Everything that the last resync listed, by account and by user. It identifies a user whose status and rows
/// are lost.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    installation: Box<str>,
    /// The resources, by account.
    all: Vec<TaggedResource>,
    /// The positions of the resources whose tags name a user, by user.
    by_user: Vec<u32>,
}

impl Inventory {
    /// Indexes the resources that carry the tag of this installation.
    #[must_use]
    pub fn new(installation: &str, mut all: Vec<TaggedResource>) -> Self {
        all.sort_unstable_by(|a, b| (&a.account, a.kind, &a.arn).cmp(&(&b.account, b.kind, &b.arn)));
        for next in 1..all.len() {
            if let [before, after] = &mut all[next - 1..=next] {
                after.share(before);
            }
        }
        all.shrink_to_fit();
        let positions = (0_u32..).zip(&all).filter(|(_, resource)| resource.user().is_some());
        let mut by_user: Vec<_> = positions.map(|(position, _)| position).collect();
        by_user.sort_unstable_by_key(|position| (all[*position as usize].user(), *position));
        by_user.shrink_to_fit();
        Self { installation: installation.into(), all, by_user }
    }

    /// Returns all resources.
    pub fn all(&self) -> impl Iterator<Item = &TaggedResource> {
        self.all.iter()
    }

    fn tagged_with(&self, account: &AccountRef) -> &[TaggedResource] {
        let account = account.to_string();
        let of = |resource: &TaggedResource| resource.account.as_deref().cmp(&Some(account.as_str()));
        let start = self.all.partition_point(|resource| of(resource).is_lt());
        let count = self.all[start..].partition_point(|resource| of(resource).is_eq());
        &self.all[start..start + count]
    }

    fn tagged_with_user(&self, user: Uuid) -> impl Iterator<Item = &TaggedResource> {
        let at = |position: &u32| &self.all[*position as usize];
        let start = self.by_user.partition_point(|position| at(position).user() < Some(user));
        self.by_user[start..].iter().map(at).take_while(move |resource| resource.user() == Some(user))
    }

    /// Returns the user in the tags of this account's resources.
    #[must_use]
    pub fn user(&self, account: &AccountRef, username: &str) -> Option<Uuid> {
        // An account that was re-created with another username is another user. A different spelling is
        // refused if the user has a row.
        let mut of_name = self.tagged_with(account).iter().filter(|resource| *resource.name == *username);
        of_name.find_map(TaggedResource::user)
    }

    /// Returns all resources tagged with this account and user.
    pub fn of_account(&self, account: &AccountRef, user: Uuid) -> impl Iterator<Item = &TaggedResource> {
        self.tagged_with(account).iter().filter(move |resource| resource.is_of_user(user))
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
        let may_be = |resource: &&TaggedResource| {
            let is_untagged = resource.user.is_none()
                && *resource.name == *owner.username
                && *self.installation == *owner.installation;
            resource.kind == kind && (resource.is_of_user(owner.user) || is_untagged)
        };
        let all = self.tagged_with(&owner.account).iter().chain(self.tagged_with_user(owner.user));
        let all = all.filter(may_be).map(|resource| (!resource.is_of_user(owner.user), &resource.arn));
        all.min().map(|(_, arn)| arn.to_string())
    }

    /// Returns the times of the last updates, by ARN, for resources whose time AWS returns.
    #[must_use]
    pub fn update_times(&self) -> BTreeMap<&Arn, Timestamp> {
        self.all().filter_map(|resource| Some((&resource.arn, resource.updated_at?))).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn account(name: &str) -> AccountRef {
        AccountRef { namespace: "default".to_owned(), name: name.to_owned() }
    }

    pub fn listed(arn: &str, account: &str, user: u128) -> Listed {
        let tags = Tags::from([
            (tags::INSTALLATION.to_owned(), "here".to_owned()),
            (tags::ACCOUNT.to_owned(), format!("default/{account}")),
            (tags::USER.to_owned(), Uuid::from_u128(user).to_string()),
        ]);
        Listed { arn: arn.to_owned(), name: account.to_owned(), tags, updated_at: None }
    }

    /// Returns the inventory of these channels.
    pub fn inventory(all: &[Listed]) -> Inventory {
        let channel = |listed| TaggedResource::new(ResourceKind::Channel, listed);
        Inventory::new("here", all.iter().map(channel).collect())
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
        let inventory = Inventory::new("here", vec![of_kind(ResourceKind::Channel, &renamed), room]);
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
        let [_, first, second] = inventory.all.as_slice() else { panic!("three resources") };
        assert!(Arc::ptr_eq(&first.name, &second.name));
        assert_eq!(first.account.as_ref().map(Arc::as_ptr), second.account.as_ref().map(Arc::as_ptr));
    }

    #[test]
    fn a_listing_keeps_all_arns_and_the_resources_of_its_installation() {
        let mut other = listed("b", "todd", 1);
        other.tags.insert(tags::INSTALLATION.to_owned(), "there".to_owned());
        let mut listing = Listing::default();
        listing.add(ResourceKind::Stage, &[listed("a", "todd", 1), other], "here");
        assert_eq!(listing.arns, ["a", "b"].map(Arn::from));
        assert_eq!(listing.ours.iter().map(|it| it.arn.to_string()).collect::<Vec<_>>(), ["a"]);
    }
}
