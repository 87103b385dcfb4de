//! The updates that were sent after their deadlines, and could not be recorded again. They may take effect
//! after another controller has verified the resource.

use std::{collections::BTreeMap, sync::Mutex};

use super::lock;
use crate::api::{AccountRef, AppliedFields, ResourceKind};

/// The fields that updates set which are not recorded, by resource.
#[derive(Debug, Default)]
pub struct UnrecordedUpdates(Mutex<BTreeMap<(AccountRef, ResourceKind), AppliedFields>>);

impl UnrecordedUpdates {
    /// Adds an update that sets these fields.
    pub fn add(&self, account: AccountRef, kind: ResourceKind, fields: AppliedFields) {
        lock(&self.0).entry((account, kind)).or_default().extend(fields);
    }

    /// Returns the fields that unrecorded updates of a resource set; None if there is no such update.
    pub fn get(&self, account: &AccountRef, kind: ResourceKind) -> Option<AppliedFields> {
        lock(&self.0).get(&(account.clone(), kind)).cloned()
    }

    /// Forgets the updates of a resource: they are recorded, or the account is gone.
    pub fn remove(&self, account: &AccountRef, kind: ResourceKind) {
        lock(&self.0).remove(&(account.clone(), kind));
    }
}
