//! Whose a resource is, as its tags say it.

use uuid::Uuid;

use crate::{
    api::{AccountRef, tags},
    ivs::{Kind, Listed, Result, Tags},
};

/// The user and the installation that a resource belongs to.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The installation's id.
    pub installation: String,
    /// The user's id.
    pub user: Uuid,
    /// The account that holds the user.
    pub account: AccountRef,
    /// The user's name, which becomes the resource's.
    pub username: String,
}

impl Owner {
    /// The tags of what an attempt makes: ours, and the user's own, which can never override ours.
    #[must_use]
    pub fn tags(&self, attempt: Uuid, own: &Tags) -> Tags {
        let mut all: Tags = own.iter().filter(|(key, _)| !tags::is_reserved(key)).map(clone_pair).collect();
        all.extend(self.identity());
        all.insert(tags::ATTEMPT.to_owned(), attempt.to_string());
        all
    }

    /// The tags that say whose a resource is.
    #[must_use]
    pub fn identity(&self) -> Tags {
        Tags::from([
            (tags::INSTALLATION.to_owned(), self.installation.clone()),
            (tags::USER.to_owned(), self.user.to_string()),
            (tags::ACCOUNT.to_owned(), self.account.to_string()),
        ])
    }

    /// Whether tags say that a resource is this user's of this installation: without that it is not touched (I2).
    #[must_use]
    pub fn owns(&self, found: &Tags) -> bool {
        found.get(tags::INSTALLATION) == Some(&self.installation)
            && found.get(tags::USER) == Some(&self.user.to_string())
    }

    /// Returns true if tags name this user, of whichever installation.
    #[must_use]
    pub fn is_named(&self, found: &Tags) -> bool {
        found.get(tags::USER) == Some(&self.user.to_string())
    }

    /// All of one kind that carry the tags of this user: those that AWS finds by the user's name, and those that the last
    /// resync has `listed`, which somebody may have renamed.
    ///
    /// # Errors
    /// What AWS did not do.
    pub async fn find<K: Kind>(&self, kind: &K, listed: &[Listed]) -> Result<Vec<Listed>> {
        let mut found = kind.find(&self.username).await?;
        let is_new = |renamed: &&Listed| found.iter().all(|one| one.arn != renamed.arn);
        let renamed: Vec<_> = listed.iter().filter(is_new).cloned().collect();
        found.extend(renamed);
        found.retain(|listed| self.owns(&listed.tags));
        Ok(found)
    }

    /// Whether tags say nothing against its being this user's: somebody has removed some of ours, or all.
    #[must_use]
    pub fn may_own(&self, found: &Tags) -> bool {
        found.get(tags::INSTALLATION).is_none_or(|installation| *installation == self.installation)
            && found.get(tags::USER).is_none_or(|user| *user == self.user.to_string())
    }
}

/// What to change so that a user's own tags are as desired: those to set, and the keys to remove. Tags that are
/// reserved are left alone, but look-alikes of ours are removed.
#[must_use]
pub(super) fn tag_changes(desired: &Tags, live: &Tags) -> (Tags, Vec<String>) {
    let differs =
        |(key, value): &(&String, &String)| live.get(*key) != Some(*value) && !tags::is_reserved(key);
    let set = desired.iter().filter(differs).map(clone_pair).collect();
    let is_too_many = |key: &&String| {
        let is_undesired = !tags::is_reserved(key) && !desired.contains_key(*key);
        is_undesired || tags::is_look_alike(key)
    };
    (set, live.keys().filter(is_too_many).cloned().collect())
}

fn clone_pair((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::world::owner;

    fn tags_of(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_users_own_tags_never_override_ours() {
        let own = tags_of(&[("team", "a"), (tags::USER, "somebody else")]);
        let all = owner().tags(Uuid::from_u128(2), &own);
        assert_eq!(all.len(), 5);
        assert!(owner().owns(&all));
        assert_eq!(all[tags::ACCOUNT], "default/todd");
    }

    #[test]
    fn another_installation_or_user_is_not_ours() {
        let mut other = owner().tags(Uuid::from_u128(2), &Tags::new());
        other.insert(tags::INSTALLATION.to_owned(), "there".to_owned());
        assert!(!owner().owns(&other));
        let mut other = owner().tags(Uuid::from_u128(2), &Tags::new());
        other.insert(tags::USER.to_owned(), Uuid::from_u128(9).to_string());
        assert!(!owner().owns(&other));
        assert!(!owner().may_own(&other));
        assert!(!owner().owns(&Tags::new()) && owner().may_own(&Tags::new()));
    }

    #[test]
    fn only_a_users_own_tags_are_changed() {
        let live = owner().tags(Uuid::from_u128(2), &tags_of(&[("team", "a"), ("old", "x"), ("same", "s")]));
        let desired = tags_of(&[("team", "b"), ("new", "n"), ("same", "s")]);
        let (set, remove) = tag_changes(&desired, &live);
        assert_eq!(set, tags_of(&[("team", "b"), ("new", "n")]));
        assert_eq!(remove, vec!["old".to_owned()]);
    }

    #[test]
    fn a_look_alike_of_our_tags_is_removed_and_never_set() {
        let look_alike = tags_of(&[("Streamcat.dev/installation", "other"), ("STREAMCAT.DEV/x", "y")]);
        let aws = tags_of(&[("aws:cloudformation:stack-name", "s"), ("AWS:x", "y")]);
        assert_eq!(owner().tags(Uuid::from_u128(2), &look_alike).len(), 4);
        let mut live = owner().tags(Uuid::from_u128(2), &Tags::new());
        live.extend(look_alike.clone());
        live.extend(aws);
        for desired in [Tags::new(), look_alike.clone()] {
            let (set, mut remove) = tag_changes(&desired, &live);
            remove.sort();
            assert!(set.is_empty(), "{set:?}");
            assert_eq!(remove, ["STREAMCAT.DEV/x", "Streamcat.dev/installation"]);
        }
    }
}
