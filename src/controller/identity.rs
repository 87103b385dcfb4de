//! The claim of an account's object to its username, and what a new object has from an earlier one of its name.

mod held;

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Cluster, Context, World,
    abandon::is_abandoned,
    outdated::is_out_of_date,
    problem::Problem,
    report::{reference, user_in_status},
};
use crate::{
    api::{AccountRef, StreamerAccount, USER_ID_ANNOTATION, are_alike},
    provision::Inventory,
    store::{Claim, Claimant, UsernameOwner, ClaimRefusal, Users},
};

pub(super) use self::held::HeldClaim;

/// What was read so long ago is still so: nobody can have made an account and lost its database since.
const JUST_NOW: Duration = Duration::from_secs(5);

/// The answer to a claim.
#[derive(Debug)]
enum Claimed {
    Held(HeldClaim),
    /// No user is this object's; the reason, as a condition says it.
    Refused(Problem),
    /// What it had was taken away already.
    Released,
}

/// The end of the claim that a deletion makes.
#[derive(Debug)]
pub(super) enum Leaving {
    /// The object holds a user, for whom nothing is begun from here on.
    Held(HeldClaim),
    /// It holds none, for this reason, and never will.
    Refused(Problem),
    /// It held one, of whom everything was taken away already.
    Released,
}

/// Makes the username this account's. Who holds it keeps it; of two that claim one nobody holds, the one that has something
/// wins, then the older.
pub(super) async fn claim<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    inventory: &Inventory,
    read: Instant,
) -> Result<HeldClaim, Problem> {
    match make_claim(account, context, inventory, read).await? {
        Claimed::Held(held) => Ok(held),
        Claimed::Refused(problem) => Err(problem),
        Claimed::Released => Err(Problem::superseded()),
    }
}

/// The claim of an object that is being deleted, by the rules of any other: only so does it get a user, and what it gets is
/// what it may delete. From here on nothing is created for it.
pub(super) async fn leave<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    read: Instant,
) -> Result<Leaving, Problem> {
    // Who is let go of does not wait for AWS: then no tags are known.
    let inventory = if is_abandoned(account) { Arc::default() } else { context.inventory().await? };
    let leaving = match make_claim(account, context, &inventory, read).await? {
        Claimed::Held(held) => {
            held.leave(context).await?;
            return Ok(Leaving::Held(held));
        }
        Claimed::Refused(problem) => Leaving::Refused(problem),
        Claimed::Released => Leaving::Released,
    };
    // A claim of its that is still on its way must not get a user. It has one if that one was faster.
    if context.world.store().tombstone(uid(account)).await?.is_some() {
        return Err(Problem::superseded());
    }
    Ok(leaving)
}

/// The one way to a [`HeldClaim`].
async fn make_claim<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    inventory: &Inventory,
    read: Instant,
) -> Result<Claimed, Problem> {
    let accounts = context.world.cluster().accounts();
    let username = &account.spec.username;
    if let Some(first) = first_claimant(account, &accounts, inventory)
        && !context.world.store().is_held(username).await?
    {
        return Ok(Claimed::Refused(Problem::username_taken(username, &first, true)));
    }
    let known = user_in_status(account).or_else(|| user_in_tags(account, inventory));
    let refusal = match hold(account, context, known).await? {
        Claim::Held(holder) => {
            if known.is_none() && read.elapsed() > JUST_NOW {
                refuse_another(&holder, account, context).await?;
            }
            return Ok(Claimed::Held(HeldClaim::new(holder, reference(account), uid(account))));
        }
        Claim::Refused(refusal) => refusal,
    };
    Ok(Claimed::Refused(match refusal {
        ClaimRefusal::SpellingMismatch(other) => Problem::username_spelled(username, other.username()),
        ClaimRefusal::Taken(other) => {
            let exists = accounts.iter().any(|account| reference(account) == *other.account());
            Problem::username_taken(username, other.account(), exists)
        }
        ClaimRefusal::Registered => Problem::username_registered(username),
        ClaimRefusal::OtherCluster(cluster) => Problem::of_another_cluster(username, &cluster),
        ClaimRefusal::Deleted => return Ok(Claimed::Released),
    }))
}

/// The account had no user when it was read. Whoever slept since may have missed that it was given one, and that the database was
/// lost then, so that this one was drawn anew: status knows, and the next look takes up the one that it names.
async fn refuse_another<W: World>(
    holder: &UsernameOwner,
    account: &StreamerAccount,
    context: &Context<W>,
) -> Result<(), Problem> {
    let current = context.world.cluster().current(account).await?.ok_or_else(Problem::superseded)?;
    if user_in_status(&current).is_none_or(|user| user == holder.user) {
        return Ok(());
    }
    context.doubt(reference(account));
    Err(Problem::superseded())
}

/// The UID of the object.
pub(super) fn uid(account: &StreamerAccount) -> &str {
    account.metadata.uid.as_deref().unwrap_or_default()
}

/// The user's id by the tags of what the account has in AWS.
fn user_in_tags(account: &StreamerAccount, inventory: &Inventory) -> Option<Uuid> {
    inventory.user(&reference(account), &account.spec.username)
}

/// Claims the username, and where the row is of an earlier object of this account, hands it on to this one.
async fn hold<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    known: Option<Uuid>,
) -> Result<Claim, Problem> {
    let store = context.world.store();
    let key = reference(account);
    let registration = account.annotations().get(USER_ID_ANNOTATION).and_then(|id| id.parse().ok());
    let claimant = Claimant {
        username: &account.spec.username,
        account: &key,
        uid: uid(account),
        known,
        registration,
        cluster: &context.cluster,
        is_deleted: account.metadata.deletion_timestamp.is_some(),
    };
    let mut claim = store.claim(claimant).await?;
    if let Some(row) = row(&claim)
        && is_out_of_date(row, account, &claimant, context).await?
    {
        tracing::warn!(account = %key, by = %row.account, "a row from before a restore, or from after a loss, names another user than the account has: it goes");
        let is_own = row.uid.as_deref() == Some(uid(account));
        store.delete_stale_user(row, is_own.then_some(context.timing.grace)).await?;
        claim = store.claim(claimant).await?;
    }
    if let Claim::Held(holder) = &claim {
        inherit(account, context, holder).await?;
    }
    Ok(claim)
}

/// The row that may be out of date.
fn row(claim: &Claim) -> Option<&UsernameOwner> {
    match claim {
        Claim::Held(holder) => Some(holder),
        Claim::Refused(ClaimRefusal::Taken(other) | ClaimRefusal::SpellingMismatch(other)) => Some(other.row()),
        Claim::Refused(ClaimRefusal::Registered | ClaimRefusal::Deleted | ClaimRefusal::OtherCluster(_)) => None,
    }
}

/// A row that names an earlier object is handed on to this one, if this one is still there. It is looked for after the
/// row was read, so that the one that the row names cannot be a later one.
async fn inherit<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    holder: &UsernameOwner,
) -> Result<(), Problem> {
    if holder.uid.as_deref() == Some(uid(account)) {
        return Ok(());
    }
    let current = context.world.cluster().current(account).await?;
    let is_deleted = |account: &StreamerAccount| account.metadata.deletion_timestamp.is_some();
    // One that was deleted since the claim claims by other rules.
    let is_there = current.is_some_and(|current| is_deleted(&current) == is_deleted(account));
    let (store, cluster) = (context.world.store(), &context.cluster.id);
    if is_there && store.transfer(holder.user, holder.uid.as_deref(), uid(account), cluster).await? {
        return Ok(());
    }
    Err(Problem::superseded())
}

/// Another account that claims the same username and comes before this one: who has had a user, by its status or by the tags of
/// resources of that name, comes first (the database was lost), then the older.
fn first_claimant(
    account: &StreamerAccount,
    all: &[Arc<StreamerAccount>],
    inventory: &Inventory,
) -> Option<AccountRef> {
    let claims_same = |other: &&Arc<StreamerAccount>| {
        other.metadata.uid != account.metadata.uid && are_alike(&other.spec.username, &account.spec.username)
    };
    let rank = |of: &StreamerAccount| {
        let created = of.metadata.creation_timestamp.clone().map(|time| time.0);
        let has_had_one = user_in_status(of).is_some() || user_in_tags(of, inventory).is_some();
        (!has_had_one, created)
    };
    all.iter().filter(claims_same).find(|other| rank(other) < rank(account)).map(|other| reference(other))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

    use super::*;
    use crate::{
        api::{ResourceKind, tags},
        ivs::{Listed, Tags},
        provision::Listing,
    };

    fn account(name: &str, username: &str, second: i64) -> Arc<StreamerAccount> {
        let spec = serde_json::from_value(serde_json::json!({ "username": username })).expect("a spec");
        let mut account = StreamerAccount::new(name, spec);
        account.metadata.uid = Some(name.to_owned());
        account.metadata.namespace = Some("default".to_owned());
        account.metadata.creation_timestamp = Some(Time(Timestamp::from_second(second).expect("a time")));
        Arc::new(account)
    }

    #[test]
    fn of_two_that_claim_one_username_or_look_alikes_the_older_wins() {
        let (older, younger, other) =
            (account("a", "Todd_1", 1), account("b", "todd-1", 2), account("c", "ann", 0));
        let all = [Arc::clone(&younger), Arc::clone(&older), other];
        assert_eq!(first_claimant(&older, &all, &Inventory::default()), None);
        assert_eq!(first_claimant(&younger, &all, &Inventory::default()), Some(reference(&older)));
    }

    #[test]
    fn who_has_something_in_aws_comes_before_the_older() {
        let (older, younger) = (account("a", "todd", 1), account("b", "todd", 2));
        let all = [Arc::clone(&older), Arc::clone(&younger)];
        let tags = Tags::from([
            (tags::ACCOUNT.to_owned(), reference(&younger).to_string()),
            (tags::USER.to_owned(), Uuid::from_u128(1).to_string()),
        ]);
        let listed = Listed { arn: "arn".to_owned(), name: "todd".to_owned(), tags, updated_at: None };
        let inventory = Inventory::new(&Listing([(ResourceKind::Stage, vec![listed])].into()));
        assert_eq!(first_claimant(&older, &all, &inventory), Some(reference(&younger)));
        assert_eq!(first_claimant(&younger, &all, &inventory), None);
    }

    #[test]
    fn two_of_the_same_second_leave_it_to_the_database() {
        let all = [account("a", "todd", 1), account("b", "todd", 1)];
        assert_eq!(first_claimant(&all[0], &all, &Inventory::default()), None);
        assert_eq!(first_claimant(&all[1], &all, &Inventory::default()), None);
    }
}
