//! Abandons an account: finishes its deletion without AWS, and adds everything that may remain there to the
//! orphan list.

use uuid::Uuid;

use crate::{
    api::{ResourceKind, StreamerAccount},
    controller::{
        account::AccountExt,
        backends::Backends,
        blocker::Blocker,
        context::Context,
        status::{events, publish_event},
        username::HeldClaim,
    },
    provision::{Inventory, describe_orphan},
    store::{Abandonment, Orphan, OrphanReason, Orphans},
};

/// Adds every known resource of the account to the orphan list, deletes the user's rows, and publishes an
/// event.
pub(super) async fn abandon<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
    held: &HeldClaim,
) -> Result<(), Blocker> {
    let inventory = context.last_inventory().unwrap_or_default();
    let key = account.reference();
    let elsewhere = known_orphans(account, held.user(), &inventory);
    let abandonment = Abandonment { account: &key, uid: held.uid(), user: held.user(), elsewhere };
    let orphans = context.backends.store().abandon(&abandonment).await?.ok_or_else(Blocker::superseded)?;
    report_abandoned(account, context, &orphans).await;
    Ok(())
}

/// Publishes the event for an abandoned account again: the earlier reconcile may have failed to publish it.
pub(super) async fn report_abandoned_again<B: Backends>(
    account: &StreamerAccount,
    context: &Context<B>,
) -> Result<(), Blocker> {
    let key = account.reference();
    let rows = context.backends.store().orphans(Some(&key.namespace)).await?;
    let is_own =
        |orphan: &Orphan| orphan.account.as_ref() == Some(&key) && orphan.reason == OrphanReason::Abandoned;
    let orphans: Vec<_> = rows.into_iter().map(|row| row.orphan).filter(is_own).collect();
    report_abandoned(account, context, &orphans).await;
    Ok(())
}

async fn report_abandoned<B: Backends>(account: &StreamerAccount, context: &Context<B>, orphans: &[Orphan]) {
    let event = events::abandoned(orphans);
    tracing::warn!(account = %account.reference(), "{}", event.note);
    publish_event(account, context, &event).await;
}

/// Returns the resources of the account that status or the tags seen by the latest resync name.
fn known_orphans(account: &StreamerAccount, user: Uuid, inventory: &Inventory) -> Vec<Orphan> {
    let key = account.reference();
    let in_status = ResourceKind::ALL.into_iter().filter_map(|kind| {
        Some(Orphan {
            kind,
            arn: Some(account.status.as_ref()?.arn(kind)?.to_owned()),
            attempt: None,
            user: Some(user),
            account: Some(key.clone()),
            username: Some(account.spec.username.clone()),
            reason: OrphanReason::Abandoned,
        })
    });
    let tagged =
        inventory.of_account(&key, user).map(|resource| describe_orphan(&resource, OrphanReason::Abandoned));
    tagged.chain(in_status).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{StageStatus, StreamerAccountStatus, test_account},
        controller::status::events,
        ivs::{Listed, Tags},
        provision::TaggedResource,
    };

    fn account() -> StreamerAccount {
        let mut account = test_account("todd", "todd");
        let stage = StageStatus { arn: "in-status".to_owned(), ..StageStatus::default() };
        account.status =
            Some(StreamerAccountStatus { stage: Some(stage), ..StreamerAccountStatus::default() });
        account
    }

    #[test]
    fn resources_in_tags_and_status_become_orphans_and_are_reported() {
        let user = Uuid::from_u128(1);
        let owner = crate::provision::Owner {
            installation: "here".to_owned(),
            user,
            account: account().reference(),
            username: "todd".to_owned(),
        };
        let tags = owner.create_tags(Uuid::from_u128(7), &Tags::new());
        let listed = Listed { arn: "in-tags".to_owned(), name: "todd".to_owned(), tags, ..Listed::default() };
        let inventory =
            Inventory::of_resources("here", vec![TaggedResource::new(ResourceKind::Channel, &listed)]);

        let mut known = known_orphans(&account(), user, &inventory);
        let arns: Vec<_> = known.iter().filter_map(|orphan| orphan.arn.as_deref()).collect();
        assert_eq!(arns, ["in-tags", "in-status"]);
        assert!(
            known.iter().all(|orphan| orphan.user == Some(user) && orphan.reason == OrphanReason::Abandoned)
        );

        known[1].arn = None;
        known[1].attempt = Some(Uuid::from_u128(9));
        let note = events::abandoned(&known).note;
        assert!(note.contains("the channel in-tags, a stage that attempt 00000000-"), "{note}");
        assert!(events::abandoned(&[]).note.contains("No resources"));
    }
}
