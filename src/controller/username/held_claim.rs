//! The claim that an account's object holds.

use uuid::Uuid;

use crate::{
    api::AccountRef,
    controller::{backends::Backends, blocker::Blocker, context::Context},
    provision::Owner,
    store::{UsernameOwner, Users},
};

/// A user that an account's object holds in PostgreSQL, by the UID of the object. Only a successful claim
/// returns one, and without one nothing is created, changed or deleted for an account. The exception are late
/// creates of a deleted user, which nobody holds.
#[derive(Debug)]
pub(in crate::controller) struct HeldClaim {
    user: Uuid,
    account: AccountRef,
    username: String,
    uid: String,
    is_new: bool,
}

impl HeldClaim {
    /// Returns the claim of the object with this UID to the row that it holds.
    pub(super) fn new(holder: UsernameOwner, account: AccountRef, uid: &str) -> Self {
        Self {
            user: holder.user,
            account,
            username: holder.username,
            uid: uid.to_owned(),
            is_new: holder.is_new,
        }
    }

    /// Returns the user.
    pub fn user(&self) -> Uuid {
        self.user
    }

    /// Returns the UID of the object.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns true if the claim has added the user: the database knows nothing of its resources.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Returns the owner of the user's resources.
    pub fn owner<B>(&self, context: &Context<B>) -> Owner {
        Owner {
            installation: context.installation.clone(),
            user: self.user,
            account: self.account.clone(),
            username: self.username.clone(),
        }
    }

    /// Marks the user as being deleted: from now on nothing is created for it.
    pub async fn mark_deleting<B: Backends>(&self, context: &Context<B>) -> Result<(), Blocker> {
        self.check(context.backends.store().mark_deleting(self.user, &self.uid).await?)
    }

    /// Notes that the user stays without its account. Returns false if it has no resources that could stay.
    pub async fn retain<B: Backends>(&self, context: &Context<B>) -> Result<bool, Blocker> {
        Ok(context.backends.store().mark_retained(self.user, &self.uid).await?)
    }

    /// Deletes the user's rows. `kept` says that its resources in AWS, if any, stay.
    pub async fn delete_user<B: Backends>(&self, context: &Context<B>, kept: bool) -> Result<(), Blocker> {
        self.check(context.backends.store().delete_user(self.user, &self.uid, kept).await?)
    }

    /// Returns an error if the row is gone or now held by another object. The next reconcile claims it
    /// again.
    fn check(&self, is_held: bool) -> Result<(), Blocker> {
        if is_held {
            return Ok(());
        }
        tracing::debug!(user = %self.user, "the object no longer holds the user's row");
        Err(Blocker::superseded())
    }
}
