//! Ownership of a resource, as its tags express it.

use uuid::Uuid;

use crate::{
    api::{AccountRef, AppliedFields, Field, tags},
    ivs::{Kind, Listed, Result, Tags},
};

/// The user and the installation that a resource belongs to.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The installation's id.
    pub installation: String,
    /// The user's id.
    pub user: Uuid,
    /// The account that holds the claim on the user.
    pub account: AccountRef,
    /// The username, which is also the name of the resource.
    pub username: String,
}

impl Owner {
    /// Returns the tags for a Create: the operator's, and the user's own, which never override the
    /// operator's.
    #[must_use]
    pub fn create_tags(&self, attempt: Uuid, own: &Tags) -> Tags {
        let mut all: Tags = own.iter().filter(|(key, _)| !tags::is_reserved(key)).map(clone_pair).collect();
        all.extend(self.ownership_tags());
        all.insert(tags::ATTEMPT.to_owned(), attempt.to_string());
        all
    }

    /// Returns the tags that name the owner of a resource.
    #[must_use]
    pub fn ownership_tags(&self) -> Tags {
        Tags::from([
            (tags::INSTALLATION.to_owned(), self.installation.clone()),
            (tags::USER.to_owned(), self.user.to_string()),
            (tags::ACCOUNT.to_owned(), self.account.to_string()),
        ])
    }

    /// Returns true if tags name this user and this installation. No other resource is touched (I2).
    #[must_use]
    pub fn owns(&self, found: &Tags) -> bool {
        found.get(tags::INSTALLATION) == Some(&self.installation)
            && found.get(tags::USER) == Some(&self.user.to_string())
    }

    /// Returns true if tags name this user, of any installation.
    #[must_use]
    pub fn is_user_of(&self, found: &Tags) -> bool {
        found.get(tags::USER) == Some(&self.user.to_string())
    }

    /// Lists the resources of one kind that carry this user's tags: those with the user's name, and those in
    /// `listed`, from the last resync, which someone may have renamed. `is_complete`: true if the user can
    /// have no others. Then a kind that AWS lists only as a whole is not listed again.
    ///
    /// # Errors
    /// The failed call.
    pub async fn list_owned<K: Kind>(
        &self,
        kind: &K,
        listed: &[Listed],
        is_complete: bool,
    ) -> Result<Vec<Listed>> {
        let is_known = is_complete && !K::IS_LISTED_BY_NAME;
        let mut found = if is_known { Vec::new() } else { kind.list_by_name(&self.username).await? };
        let is_new = |renamed: &&Listed| found.iter().all(|one| one.arn != renamed.arn);
        let renamed: Vec<_> = listed.iter().filter(is_new).cloned().collect();
        found.extend(renamed);
        found.retain(|listed| self.owns(&listed.tags));
        Ok(found)
    }

    /// Returns true if tags do not name another owner: some or all of the operator's tags may be missing.
    #[must_use]
    pub fn may_own(&self, found: &Tags) -> bool {
        found.get(tags::INSTALLATION).is_none_or(|installation| *installation == self.installation)
            && found.get(tags::USER).is_none_or(|user| *user == self.user.to_string())
    }
}

/// Returns the changes that bring a user's own tags to the desired state: tags to set, and keys to remove.
/// Tags that are not `owned` are left alone, except keys that differ from the operator's only in case, which
/// are removed.
#[must_use]
pub(super) fn tag_changes(desired: &Tags, live: &Tags, owned: &AppliedFields) -> (Tags, Vec<String>) {
    let differs =
        |(key, value): &(&String, &String)| live.get(*key) != Some(*value) && !tags::is_reserved(key);
    let set = desired.iter().filter(differs).map(clone_pair).collect();
    let is_obsolete = |key: &&String| {
        let is_undesired = !tags::is_reserved(key) && !desired.contains_key(*key);
        is_undesired && owned.contains(&Field::Tag((*key).clone())) || tags::is_look_alike(key)
    };
    (set, live.keys().filter(is_obsolete).cloned().collect())
}

fn clone_pair((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::world::{World, owner};

    fn tags_of(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_users_own_tags_never_override_the_operators() {
        let own = tags_of(&[("team", "a"), (tags::USER, "somebody else")]);
        let all = owner().create_tags(Uuid::from_u128(2), &own);
        assert_eq!(all.len(), 5);
        assert!(owner().owns(&all));
        assert_eq!(all[tags::ACCOUNT], "default/todd");
    }

    #[test]
    fn a_resource_of_another_installation_or_user_is_not_owned() {
        let mut other = owner().create_tags(Uuid::from_u128(2), &Tags::new());
        other.insert(tags::INSTALLATION.to_owned(), "there".to_owned());
        assert!(!owner().owns(&other));
        let mut other = owner().create_tags(Uuid::from_u128(2), &Tags::new());
        other.insert(tags::USER.to_owned(), Uuid::from_u128(9).to_string());
        assert!(!owner().owns(&other));
        assert!(!owner().may_own(&other));
        assert!(!owner().owns(&Tags::new()) && owner().may_own(&Tags::new()));
    }

    #[tokio::test]
    async fn a_renamed_resource_is_found_by_its_tags() {
        let tags = owner().create_tags(Uuid::from_u128(2), &Tags::new());
        let listed = |name: &str, tags: &Tags| Listed {
            arn: format!("arn of {name}"),
            name: name.to_owned(),
            tags: tags.clone(),
            ..Listed::default()
        };
        let all = [listed("renamed", &tags), listed("todd", &Tags::new())];
        let found = owner().list_owned(&World::new().aws, &all, false).await.expect("a list");
        assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["renamed"]);
    }

    #[test]
    fn only_a_users_own_tags_are_changed() {
        let live =
            owner().create_tags(Uuid::from_u128(2), &tags_of(&[("team", "a"), ("old", "x"), ("same", "s")]));
        let desired = tags_of(&[("team", "b"), ("new", "n"), ("same", "s")]);
        let owned = ["team", "old", "gone"].map(|key| Field::Tag(key.to_owned())).into();
        let (set, remove) = tag_changes(&desired, &live, &owned);
        assert_eq!(set, tags_of(&[("team", "b"), ("new", "n")]));
        assert_eq!(remove, vec!["old".to_owned()]);
        assert_eq!(tag_changes(&desired, &live, &AppliedFields::new()), (set, Vec::new()));
    }

    #[test]
    fn a_look_alike_of_a_reserved_tag_is_removed_and_never_set() {
        let look_alike = tags_of(&[("Streamcat.dev/installation", "other"), ("STREAMCAT.DEV/x", "y")]);
        let aws = tags_of(&[("aws:cloudformation:stack-name", "s"), ("AWS:x", "y")]);
        assert_eq!(owner().create_tags(Uuid::from_u128(2), &look_alike).len(), 4);
        let mut live = owner().create_tags(Uuid::from_u128(2), &Tags::new());
        live.extend(look_alike.clone());
        live.extend(aws);
        for desired in [Tags::new(), look_alike.clone()] {
            let (set, mut remove) = tag_changes(&desired, &live, &AppliedFields::new());
            remove.sort();
            assert!(set.is_empty(), "{set:?}");
            assert_eq!(remove, ["STREAMCAT.DEV/x", "Streamcat.dev/installation"]);
        }
    }
}
