//! An account that a person lets go of: nothing more is asked of AWS, and what may be left there is written down.

use kube::ResourceExt;
use uuid::Uuid;

use super::{
    Context, Notice, World,
    identity::HeldClaim,
    problem::Problem,
    report::{records, reference, tell},
};
use crate::{
    api::{ABANDON_ANNOTATION, StreamerAccount},
    provision::{Inventory, describe_orphan},
    store::{Abandonment, Orphan, OrphanReason, Orphans},
};

/// Whether a person lets go of an account, once it is being deleted.
pub(super) fn is_abandoned(account: &StreamerAccount) -> bool {
    account.annotations().get(ABANDON_ANNOTATION).is_some_and(|value| value == "true")
}

/// Puts all that is known of the account's resources onto the orphan list, deletes the rows of the user that it holds, and says so in
/// an event.
pub(super) async fn abandon<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
    held: &HeldClaim,
) -> Result<(), Problem> {
    let inventory = context.last_inventory().unwrap_or_default();
    let key = reference(account);
    let elsewhere = known_elsewhere(account, held.user(), &inventory);
    let whom = Abandonment { account: &key, uid: held.uid(), user: held.user(), elsewhere };
    let left = context.world.store().abandon(&whom).await?.ok_or_else(Problem::superseded)?;
    say_farewell(account, context, &left).await;
    Ok(())
}

/// Says once more what is left of an account that was let go of: whether it was said the first time is not known.
pub(super) async fn abandon_again<W: World>(
    account: &StreamerAccount,
    context: &Context<W>,
) -> Result<(), Problem> {
    let key = reference(account);
    let rows = context.world.store().orphans(Some(&key.namespace)).await?;
    let is_its =
        |orphan: &Orphan| orphan.account.as_ref() == Some(&key) && orphan.reason == OrphanReason::Abandoned;
    let left: Vec<_> = rows.into_iter().map(|row| row.orphan).filter(is_its).collect();
    say_farewell(account, context, &left).await;
    Ok(())
}

async fn say_farewell<W: World>(account: &StreamerAccount, context: &Context<W>, left: &[Orphan]) {
    let note = farewell(left);
    tracing::warn!(account = %reference(account), "{note}");
    let notice = Notice { warning: true, reason: "Abandoned".to_owned(), action: "Release", note };
    tell(account, context, &notice).await;
}

/// What tags, as the last sweep saw them, and status know of the account's resources.
fn known_elsewhere(account: &StreamerAccount, user: Uuid, inventory: &Inventory) -> Vec<Orphan> {
    let key = reference(account);
    let in_status = records(account).into_iter().map(|record| Orphan {
        kind: record.kind,
        arn: Some(record.arn),
        attempt: None,
        user: Some(user),
        account: Some(record.account),
        username: Some(account.spec.username.clone()),
        reason: OrphanReason::Abandoned,
    });
    let swept = inventory
        .of_account(&key, user)
        .map(|(kind, listed)| describe_orphan(kind, listed, OrphanReason::Abandoned));
    swept.chain(in_status).collect()
}

/// What is left, in words.
fn farewell(left: &[Orphan]) -> String {
    let items: Vec<_> = left.iter().map(item).collect();
    if items.is_empty() {
        return "let go of without AWS: nothing is known that it has there".to_owned();
    }
    format!(
        "let go of without AWS; nobody deletes there any more, and `streamcat-operator orphans` lists: {}",
        items.join(", ")
    )
}

fn item(orphan: &Orphan) -> String {
    match (&orphan.arn, orphan.attempt) {
        (Some(arn), _) => format!("the {} {arn}", orphan.kind),
        (None, Some(attempt)) => format!("a {} that the attempt {attempt} may have made", orphan.kind),
        (None, None) => format!("a {}", orphan.kind),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        api::{ResourceKind, StageStatus, StreamerAccountStatus},
        ivs::{Listed, Tags},
        provision::Listing,
    };

    fn account(annotation: Option<&str>) -> StreamerAccount {
        let spec = serde_json::from_value(serde_json::json!({ "username": "todd" })).expect("a spec");
        let mut account = StreamerAccount::new("todd", spec);
        account.metadata.namespace = Some("default".to_owned());
        account.metadata.annotations =
            annotation.map(|value| [(ABANDON_ANNOTATION.to_owned(), value.to_owned())].into());
        let stage = StageStatus { arn: "in-status".to_owned(), endpoints: None };
        account.status =
            Some(StreamerAccountStatus { stage: Some(stage), ..StreamerAccountStatus::default() });
        account
    }

    #[test]
    fn only_the_word_true_lets_go() {
        assert!(is_abandoned(&account(Some("true"))));
        for other in [None, Some(""), Some("false"), Some("True"), Some("yes")] {
            assert!(!is_abandoned(&account(other)), "{other:?}");
        }
    }

    #[test]
    fn what_tags_and_status_know_is_written_down_and_told() {
        let user = Uuid::from_u128(1);
        let owner = crate::provision::Owner {
            installation: "here".to_owned(),
            user,
            account: reference(&account(None)),
            username: "todd".to_owned(),
        };
        let tags = owner.create_tags(Uuid::from_u128(7), &Tags::new());
        let listed = Listed { arn: "in-tags".to_owned(), name: "todd".to_owned(), tags, updated_at: None };
        let inventory = Inventory::new(&Listing(BTreeMap::from([(ResourceKind::Channel, vec![listed])])));

        let mut known = known_elsewhere(&account(None), user, &inventory);
        let arns: Vec<_> = known.iter().filter_map(|orphan| orphan.arn.as_deref()).collect();
        assert_eq!(arns, ["in-tags", "in-status"]);
        assert!(
            known.iter().all(|orphan| orphan.user == Some(user) && orphan.reason == OrphanReason::Abandoned)
        );

        known[1].arn = None;
        known[1].attempt = Some(Uuid::from_u128(9));
        let told = farewell(&known);
        assert!(told.contains("the channel in-tags, a stage that the attempt 00000000-"), "{told}");
        assert!(farewell(&[]).contains("nothing is known"));
    }
}
