//! An account that is being deleted: everything it has goes, then the account itself.

use kube::{ResourceExt, runtime::controller::Action};
use uuid::Uuid;

use super::{
    Cluster, Context, World,
    error::Error,
    problem::Problem,
    report::{next_try, publish, reference},
    status::Progress,
};
use crate::{
    api::{AccountRef, DeletionPolicy, FINALIZER, StreamerAccount},
    provision::{Owner, Retirement, retire},
    store::Users,
};

/// The user that a deleted account leaves behind.
struct Leaver {
    user: Uuid,
    /// Whether the row in `users` is this account's.
    has_row: bool,
}

pub(super) async fn release<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
) -> Result<Action, Error> {
    if !account.finalizers().iter().any(|name| name == FINALIZER) {
        return Ok(Action::await_change());
    }
    let key = reference(account);
    match take_away(account, context).await {
        Ok(()) => {
            context.world.cluster().remove_finalizer(account).await?;
            context.backoff.reset(&key);
            context.clear_doubt(&key);
            wake_claimants(account, context);
            Ok(Action::await_change())
        }
        Err(problem) => {
            let progress = Progress::stopped_by(&problem);
            publish(account, context, &progress).await?;
            Ok(next_try(&key, context, &progress))
        }
    }
}

/// Takes the three resources away, then the rows; nothing where the account owns nothing, or the policy says keep.
async fn take_away<W: World>(account: &StreamerAccount, context: &Context<W>) -> Result<(), Problem> {
    if account.spec.deletion_policy == DeletionPolicy::Retain {
        return Ok(());
    }
    let key = reference(account);
    let Some(leaver) = leaver(account, context, &key).await? else { return Ok(()) };
    let owner = Owner {
        installation: context.installation.clone(),
        user: leaver.user,
        account: key,
        username: account.spec.username.clone(),
    };
    retire_all(account, context, &owner).await?;
    if leaver.has_row {
        context.world.store().delete_user(leaver.user).await?;
    }
    Ok(())
}

/// The user this account holds: by the database, else by its status (the database was lost).
async fn leaver<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    key: &AccountRef,
) -> Result<Option<Leaver>, Problem> {
    if let Some(user) = context.world.store().held_by(&account.spec.username, key).await? {
        return Ok(Some(Leaver { user, has_row: true }));
    }
    let in_status = account.status.as_ref().and_then(|status| status.user_id.as_ref()?.parse().ok());
    Ok(in_status.map(|user| Leaver { user, has_row: false }))
}

async fn retire_all<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    owner: &Owner,
) -> Result<(), Problem> {
    let (world, timing) = (&context.world, context.timing);
    let status = account.status.as_ref();
    let channel = status.and_then(|status| status.channel.as_ref()).map(|channel| channel.arn.as_str());
    let chat_room = status.and_then(|status| status.chat_room.as_ref()).map(|room| room.arn.as_str());
    let stage = status.and_then(|status| status.stage.as_ref()).map(|stage| stage.arn.as_str());
    let (channel, chat_room, stage) = tokio::join!(
        retire(world.channels(), world.store(), timing, owner, channel),
        retire(world.chat_rooms(), world.store(), timing, owner, chat_room),
        retire(world.stages(), world.store(), timing, owner, stage),
    );
    for retirement in [channel?, chat_room?, stage?] {
        if let Retirement::Waiting(wait) = retirement {
            return Err(wait.into());
        }
    }
    Ok(())
}

/// Others that wait for the username have their turn now.
fn wake_claimants<W: World>(account: &StreamerAccount, context: &Context<W>) {
    for other in context.world.cluster().accounts() {
        let is_other = other.metadata.uid != account.metadata.uid;
        if is_other && other.spec.username.eq_ignore_ascii_case(&account.spec.username) {
            context.wake(reference(&other));
        }
    }
}
