//! Whose user an account's is: the claim to a username, and what a new object has from an earlier one of its name.

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Cluster, Context, World,
    let_go::is_let_go,
    outdated::is_out_of_date,
    problem::Problem,
    report::{reference, user_in_status},
};
use crate::{
    api::{AccountRef, StreamerAccount, USER_ID_ANNOTATION, are_alike},
    provision::Inventory,
    store::{Claim, Claimant, Holder, Users},
};

/// What was read so long ago is still so: nobody can have made an account and lost its database since.
const JUST_NOW: Duration = Duration::from_secs(5);

/// Makes the username this account's. Who holds it keeps it; of two that claim one nobody holds, the older wins.
pub(super) async fn claim<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    inventory: &Inventory,
    read: Instant,
) -> Result<Uuid, Problem> {
    let accounts = context.world.cluster().accounts();
    let username = &account.spec.username;
    if context.world.store().holder(username).await?.is_none()
        && let Some(first) = first_claimant(account, &accounts, inventory)
    {
        return Err(Problem::username_taken(username, &first, true));
    }
    let known = user_in_status(account).or_else(|| user_in_tags(account, inventory));
    match hold(account, context, known).await? {
        Claim::Held(holder) => {
            if known.is_none() && read.elapsed() > JUST_NOW {
                refuse_another(&holder, account, context).await?;
            }
            Ok(holder.user)
        }
        Claim::Spelled(holder) => Err(Problem::username_spelled(username, &holder.username)),
        Claim::Taken(holder) => {
            let exists = accounts.iter().any(|other| reference(other) == holder.account);
            Err(Problem::username_taken(username, &holder.account, exists))
        }
        Claim::Registered => Err(Problem::username_registered(username)),
        Claim::Released => Err(Problem::superseded()),
    }
}

/// The account had no user when it was read. Whoever slept since may have missed that it was given one, and that the database was
/// lost then, so that this one was drawn anew: status knows, and the next look takes up the one that it names.
async fn refuse_another<W: World>(
    holder: &Holder,
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

/// The user that a deleted account leaves behind: by the database, else by its status or the tags of what it has (the
/// database was lost). From here on nothing is created for it. None where the account has nothing.
pub(super) async fn leave<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
) -> Result<Option<Uuid>, Problem> {
    let store = context.world.store();
    let mut known = user_in_status(account);
    if known.is_none() {
        known = user_in_tags(account, &*seen(account, context).await?);
    }
    // Where no row is, one is made and taken away again: a claim that was sent before and comes late finds it released.
    let user = match hold(account, context, known).await? {
        Claim::Held(holder) if store.leave(holder.user, uid(account)).await? => Some(holder.user),
        Claim::Held(_) => return Err(Problem::superseded()),
        Claim::Released => None,
        // A copy of another account, status and all: what the other has is not this one's.
        Claim::Taken(holder) if Some(holder.user) == known => None,
        // The row was lost, and the username is another's by now.
        Claim::Taken(_) | Claim::Registered | Claim::Spelled(_) => known,
    };
    if user.is_some() {
        return Ok(user);
    }
    // It goes without a user: a claim of its that is still on its way must not get one.
    match store.bar(uid(account)).await? {
        Some(user) if store.leave(user, uid(account)).await? => Ok(Some(user)),
        Some(_) => Err(Problem::superseded()),
        None => Ok(None),
    }
}

/// What the last sweep saw; whoever is let go of does not wait for AWS to be seen.
async fn seen<W: World>(account: &StreamerAccount, context: &Context<W>) -> Result<Arc<Inventory>, Problem> {
    if is_let_go(account) {
        Ok(context.last_inventory().unwrap_or_default())
    } else {
        context.inventory().await
    }
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
    let claimant =
        Claimant { username: &account.spec.username, account: &key, uid: uid(account), known, registration };
    let claim = match store.claim(claimant).await? {
        Claim::Taken(holder) | Claim::Held(holder) | Claim::Spelled(holder)
            if is_out_of_date(&holder, account, &claimant, context).await? =>
        {
            tracing::warn!(account = %key, by = %holder.account, "a row from before a restore, or from after a loss, names another user than the account has: it goes");
            let is_own = holder.uid.as_deref() == Some(uid(account));
            store.evict(&holder, is_own.then_some(context.timing.grace)).await?;
            store.claim(claimant).await?
        }
        claim => claim,
    };
    if let Claim::Held(holder) = &claim {
        inherit(account, context, holder).await?;
    }
    Ok(claim)
}

/// A row that names an earlier object is handed on to this one, if this one is still there. It is looked for after the
/// row was read, so that the one that the row names cannot be a later one.
async fn inherit<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    holder: &Holder,
) -> Result<(), Problem> {
    if holder.uid.as_deref() == Some(uid(account)) {
        return Ok(());
    }
    let is_there = context.world.cluster().current(account).await?.is_some();
    if is_there && context.world.store().inherit(holder.user, holder.uid.as_deref(), uid(account)).await? {
        return Ok(());
    }
    Err(Problem::superseded())
}

/// Another account that claims the same username and comes before this one: who has resources of that name comes first (the
/// database was lost), then the older.
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
        (user_in_tags(of, inventory).is_none(), created)
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
