//! The claim of an account's object to its username.

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use tokio::time::Instant;
use uuid::Uuid;

use super::{held_claim::HeldClaim, stale::is_stale, transfer::transfer};
use crate::{
    api::{AccountRef, CompactId, StreamerAccount, USER_ID_ANNOTATION},
    controller::{
        account::AccountExt,
        backends::Backends,
        blocker::Blocker,
        cache::CachedAccount,
        context::{Basis, Context},
        kubernetes::Kubernetes,
    },
    provision::Inventory,
    store::{self, Claim, ClaimRefusal, Claimant, UsernameOwner, Users},
};

/// Maximum age of a read that is still trusted: too short for an account to get a user and for the database
/// to be lost since.
const MAX_READ_AGE: Duration = Duration::from_secs(5);

/// Result of a claim.
#[derive(Debug)]
enum ClaimResult {
    Held(HeldClaim),
    /// The object holds no user, for this reason.
    Refused(Blocker),
    /// The object held a user whose resources are all deleted.
    AlreadyDeleted,
}

/// Result of the claim of an object that is being deleted.
#[derive(Debug)]
pub(in crate::controller) enum DeletionClaim {
    /// The object holds a user. From now on nothing is created for that user.
    Held(HeldClaim),
    /// The object holds no user, for this reason, and never will.
    Refused(Blocker),
    /// The object held a user whose resources are all deleted.
    AlreadyDeleted,
}

/// Claims the username for an account, which was read at `read`. A user that is held stays with its holder.
/// Of two accounts that claim a username that nobody holds, the one that had resources wins, then the older
/// one.
pub(in crate::controller) async fn claim<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    basis: &Basis,
    read: Instant,
) -> Result<HeldClaim, Blocker> {
    match make_claim(account, context, basis, read).await? {
        ClaimResult::Held(held) => Ok(held),
        ClaimResult::Refused(blocker) => Err(blocker),
        ClaimResult::AlreadyDeleted => Err(Blocker::superseded()),
    }
}

/// Claims the username for an object that is being deleted, by the same rules: what the claim holds is what
/// the object may delete. From then on nothing is created for the object.
pub(in crate::controller) async fn claim_for_deletion<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    read: Instant,
) -> Result<DeletionClaim, Blocker> {
    // An abandoned account does not wait for AWS, so its tags are unknown.
    let basis = if account.is_abandoned() { Basis::of_abandonment() } else { context.listed_basis().await? };
    let claim = match make_claim_for_deletion(account, context, &basis, read).await? {
        ClaimResult::Held(held) => {
            held.mark_deleting(context).await?;
            return Ok(DeletionClaim::Held(held));
        }
        ClaimResult::Refused(blocker) => DeletionClaim::Refused(blocker),
        ClaimResult::AlreadyDeleted => DeletionClaim::AlreadyDeleted,
    };
    // An earlier claim of this object may still be in flight. It must not get a user; if it already has one,
    // this pass is outdated.
    if context.backends.store().tombstone(account.object_uid()).await?.is_some() {
        return Err(Blocker::superseded());
    }
    Ok(claim)
}

/// Makes the claim of an object that is being deleted. One whose username can neither be read nor is recorded
/// holds no user.
async fn make_claim_for_deletion<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    basis: &Basis,
    read: Instant,
) -> Result<ClaimResult, Blocker> {
    if account.spec.username.is_empty() {
        return Ok(ClaimResult::Refused(Blocker::username_unknown()));
    }
    make_claim(account, context, basis, read).await
}

/// Makes a claim. Nothing else returns a [`HeldClaim`].
async fn make_claim<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    basis: &Basis,
    read: Instant,
) -> Result<ClaimResult, Blocker> {
    let (cache, username) = (context.backends.kubernetes().cache(), &account.spec.username);
    let (claimants, inventory) = (cache.claimants(username), &basis.inventory);
    if claimants.len() > 1 && !basis.is_aws_listed {
        // The tags decide which of them comes first.
        return Err(store::Error::AwsNotListed.into());
    }
    if let Some(first) = first_claimant(account, &claimants, inventory)
        && !context.backends.store().is_held(username).await?
    {
        return Ok(ClaimResult::Refused(Blocker::username_taken(username, &first, true)));
    }
    let known = account.user_in_status().or_else(|| inventory.user(&account.reference(), username));
    let refusal = match claim_row(account, context, basis, known).await? {
        Claim::Held(holder) => {
            if known.is_none() && read.elapsed() > MAX_READ_AGE {
                check_live_status(&holder, account, context).await?;
            }
            return Ok(ClaimResult::Held(HeldClaim::new(holder, account.reference(), account.object_uid())));
        }
        Claim::Refused(refusal) => refusal,
    };
    Ok(ClaimResult::Refused(match refusal {
        ClaimRefusal::SpellingMismatch(other) => Blocker::username_spelling(username, other.username()),
        ClaimRefusal::Taken(other) => {
            let exists = cache.get(other.account()).is_some() || !cache.is_listed();
            Blocker::username_taken(username, other.account(), exists)
        }
        ClaimRefusal::Registered => Blocker::username_registered(username),
        ClaimRefusal::OtherCluster(cluster) => Blocker::other_cluster(username, &cluster),
        ClaimRefusal::Deleted => return Ok(ClaimResult::AlreadyDeleted),
    }))
}

/// Refuses a new user if the live status names another one. The account had no user when it was read long
/// ago: since then it may have been given one and the database may have been lost. The next reconcile claims
/// the user that status names.
async fn check_live_status<B: Backends>(
    holder: &UsernameOwner,
    account: &StreamerAccount,
    context: &Context<B>,
) -> Result<(), Blocker> {
    let key = account.reference();
    let current = context.backends.kubernetes().current(&key, account.object_uid()).await?;
    let current = current.ok_or_else(Blocker::superseded)?;
    if current.user_in_status().is_none_or(|user| user == holder.user) {
        return Ok(());
    }
    context.mark_dirty(key);
    Err(Blocker::superseded())
}

/// Claims the row of the username. A stale row is deleted, and a row of an earlier object of this account is
/// transferred.
async fn claim_row<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    basis: &Basis,
    known: Option<Uuid>,
) -> Result<Claim, Blocker> {
    let store = context.backends.store();
    let key = account.reference();
    let registration = account.annotations().get(USER_ID_ANNOTATION).and_then(|id| id.parse().ok());
    let claimant = Claimant {
        username: &account.spec.username,
        account: &key,
        uid: account.object_uid(),
        known,
        registration,
        cluster: &context.cluster,
        is_deleted: account.is_being_deleted(),
        renewal_token: basis.records.token()?,
        is_aws_listed: basis.is_aws_listed,
    };
    let mut claim = store.claim(claimant).await?;
    if let Some(row) = row(&claim)
        && is_stale(row, account, &claimant, context).await?
    {
        tracing::warn!(
            account = %key,
            row_account = %row.account,
            "deleting a stale row: it names another user than the account has, as after a restore or a loss of the database"
        );
        let is_own = row.uid.as_deref() == Some(account.object_uid());
        store.delete_stale_user(row, is_own.then_some(context.timing.grace)).await?;
        claim = store.claim(Claimant { renewal_token: basis.records.token()?, ..claimant }).await?;
    }
    if let Claim::Held(holder) = &claim {
        transfer(account, context, holder).await?;
    }
    Ok(claim)
}

/// Returns the row that may be stale.
fn row(claim: &Claim) -> Option<&UsernameOwner> {
    match claim {
        Claim::Held(holder) => Some(holder),
        Claim::Refused(ClaimRefusal::Taken(other) | ClaimRefusal::SpellingMismatch(other)) => {
            Some(other.row())
        }
        Claim::Refused(ClaimRefusal::Registered | ClaimRefusal::Deleted | ClaimRefusal::OtherCluster(_)) => {
            None
        }
    }
}

/// Returns the account that comes before this one among the `claimants` of its username: one that has had a
/// user, by its status or by tags (the database was lost), then the oldest.
fn first_claimant(
    account: &StreamerAccount,
    claimants: &[Arc<CachedAccount>],
    inventory: &Inventory,
) -> Option<AccountRef> {
    let uid = account.metadata.uid.as_deref().map(CompactId::from);
    let is_other = |other: &&Arc<CachedAccount>| other.uid != uid && !other.is_released();
    let rank = |user: Option<Uuid>, key: &AccountRef, username: &str, created| {
        let has_had_user = user.is_some() || inventory.user(key, username).is_some();
        (!has_had_user, created)
    };
    let created = account.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let own = rank(account.user_in_status(), &account.reference(), &account.spec.username, created);
    let is_first = |other: &&Arc<CachedAccount>| {
        rank(other.user, &other.reference, &other.username, other.created) < own
    };
    claimants.iter().filter(is_other).find(is_first).map(|first| first.reference.clone())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::*;
    use crate::{
        api::{ResourceKind, tags, test_account},
        controller::cache::CachedAccounts,
        ivs::{Listed, Tags},
        provision::TaggedResource,
    };

    fn account(name: &str, username: &str, second: i64) -> StreamerAccount {
        let mut account = test_account(name, username);
        account.metadata.uid = Some(name.to_owned());
        account.metadata.creation_timestamp = Some(Time(Timestamp::from_second(second).expect("a time")));
        account
    }

    /// Returns the account that comes before this one.
    fn first(
        account: &StreamerAccount,
        all: &[&StreamerAccount],
        inventory: &Inventory,
    ) -> Option<AccountRef> {
        let cache = CachedAccounts::default();
        for &other in all {
            cache.insert(CachedAccount::new(&other.clone().into()));
        }
        first_claimant(account, &cache.claimants(&account.spec.username), inventory)
    }

    #[test]
    fn the_older_of_two_claimants_of_a_username_or_look_alike_wins() {
        let (older, younger, other) =
            (account("a", "Todd_1", 1), account("b", "todd-1", 2), account("c", "ann", 0));
        let all = [&younger, &older, &other];
        assert_eq!(first(&older, &all, &Inventory::default()), None);
        assert_eq!(first(&younger, &all, &Inventory::default()), Some(older.reference()));
    }

    #[test]
    fn a_claimant_with_resources_in_aws_wins_over_an_older_one() {
        let (older, younger) = (account("a", "todd", 1), account("b", "todd", 2));
        let all = [&older, &younger];
        let tags = Tags::from([
            (tags::ACCOUNT.to_owned(), younger.reference().to_string()),
            (tags::USER.to_owned(), Uuid::from_u128(1).to_string()),
        ]);
        let listed = Listed { arn: "arn".to_owned(), name: "todd".to_owned(), tags, ..Listed::default() };
        let inventory =
            Inventory::of_resources("here", vec![TaggedResource::new(ResourceKind::Stage, &listed)]);
        assert_eq!(first(&older, &all, &inventory), Some(younger.reference()));
        assert_eq!(first(&younger, &all, &inventory), None);
    }

    #[test]
    fn the_database_decides_between_claimants_of_the_same_second() {
        let (one, other) = (account("a", "todd", 1), account("b", "todd", 1));
        assert_eq!(first(&one, &[&one, &other], &Inventory::default()), None);
        assert_eq!(first(&other, &[&one, &other], &Inventory::default()), None);
    }

    #[test]
    fn a_claimant_that_holds_nothing_anymore_comes_before_nobody() {
        let (mut older, younger) = (account("a", "todd", 1), account("b", "todd", 2));
        older.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert_eq!(first(&younger, &[&older, &younger], &Inventory::default()), None);
    }
}
