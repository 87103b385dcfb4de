//! The claim that an account's object holds.

use uuid::Uuid;

use super::super::{Context, World, problem::Problem};
use crate::{
    api::AccountRef,
    store::{UsernameOwner, Users},
};

/// A user that an account's object holds in PostgreSQL, by its UID. Only the claim makes one, and without one nothing is
/// made, changed or deleted for an account. (Late creates of a released user are deleted without one.)
#[derive(Debug)]
pub(in crate::controller) struct HeldClaim {
    user: Uuid,
    account: AccountRef,
    username: String,
    uid: String,
}

impl HeldClaim {
    /// The claim of the object with this UID, whose row this is by now.
    pub(super) fn new(holder: UsernameOwner, account: AccountRef, uid: &str) -> Self {
        Self { user: holder.user, account, username: holder.username, uid: uid.to_owned() }
    }

    /// The user.
    pub fn user(&self) -> Uuid {
        self.user
    }

    /// The account of the object.
    pub fn account(&self) -> &AccountRef {
        &self.account
    }

    /// The username as the user's resources are called.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// UID of the object.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// From here on nothing is begun for the user.
    pub async fn leave<W: World>(&self, context: &Context<W>) -> Result<(), Problem> {
        self.still(context.world.store().mark_deleting(self.user, &self.uid).await?)
    }

    /// Notes that the user stays without its account; false when it has nothing that could stay.
    pub async fn retain<W: World>(&self, context: &Context<W>) -> Result<bool, Problem> {
        Ok(context.world.store().mark_retained(self.user, &self.uid).await?)
    }

    /// Deletes the user's rows. `kept`: what may be in AWS stays.
    pub async fn release<W: World>(&self, context: &Context<W>, kept: bool) -> Result<(), Problem> {
        self.still(context.world.store().delete_user(self.user, &self.uid, kept).await?)
    }

    /// The row is another object's by now, or gone: the next try claims it once more.
    fn still(&self, is_held: bool) -> Result<(), Problem> {
        if is_held {
            return Ok(());
        }
        tracing::debug!(user = %self.user, "the row is not this object's any more");
        Err(Problem::superseded())
    }
}
