//! The objects that the API server has removed without waiting for our finalizer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use super::lock;
use crate::{
    api::{AccountRef, ObservedAccount},
    controller::account::AccountExt,
};

/// The objects of each account that are removed and not cleaned up yet, the earliest first.
#[derive(Debug, Default)]
pub struct RemovedObjects {
    objects: Mutex<HashMap<AccountRef, Vec<Arc<ObservedAccount>>>>,
}

impl RemovedObjects {
    /// Adds an object.
    pub fn add(&self, object: ObservedAccount) {
        lock(&self.objects).entry(object.reference()).or_default().push(Arc::new(object));
    }

    /// Returns the earliest object of an account.
    pub fn first(&self, account: &AccountRef) -> Option<Arc<ObservedAccount>> {
        lock(&self.objects).get(account)?.first().cloned()
    }

    /// Forgets an object that is cleaned up.
    pub fn forget(&self, object: &ObservedAccount) {
        let mut objects = lock(&self.objects);
        if let Some(of_account) = objects.get_mut(&object.reference()) {
            of_account.retain(|other| other.metadata.uid != object.metadata.uid);
            if of_account.is_empty() {
                objects.remove(&object.reference());
            }
        }
    }
}
