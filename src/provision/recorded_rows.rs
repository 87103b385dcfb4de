//! The rows of PostgreSQL, compared with the statuses and the lists while they arrive.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{Inventory, StatusEntry, StatusRecords, TaggedResource};
use crate::{
    api::{Arn, ByKind, ResourceKind},
    ivs::Target,
    store::{Absences, RecordedResource, RecordedUser},
};

/// The rows of PostgreSQL. Of a row that says exactly what a status says, whose resource AWS lists in the
/// same way, and of which nothing else is known, only that is kept.
#[derive(Debug)]
pub struct RecordedRows {
    /// For each kind and account of the inventory, true if such a row exists.
    as_recorded: ByKind<Box<[bool]>>,
    /// For each account of the inventory, true if its status is still about the same object and user.
    is_same_object: Box<[bool]>,
    /// The other rows.
    others: Vec<RecordedResource>,
    /// The users of the other rows. The rows of a user share what describes the user.
    owners: HashMap<Uuid, Arc<RecordedUser>>,
    /// The users with evidence of absences, and the resources that it is about. All their rows are kept.
    users: BTreeSet<Uuid>,
    missing: BTreeSet<Arn>,
}

impl RecordedRows {
    /// Returns the rows before the first one. `absences`: the evidence of absences.
    #[must_use]
    pub fn new(inventory: &Inventory, absences: &Absences) -> Self {
        let none = || vec![false; inventory.statuses().len()].into_boxed_slice();
        Self {
            as_recorded: ByKind::new(|_| none()),
            is_same_object: none(),
            others: Vec::new(),
            owners: HashMap::new(),
            users: absences.rows.iter().map(|row| row.user).collect(),
            missing: absences.rows.iter().map(|row| row.missing.arn.as_str().into()).collect(),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: RecordedResource, inventory: &Inventory, target: &Target) {
        match self.position_as_recorded(&row, inventory, target) {
            Some(position) => self.as_recorded[row.kind][position] = true,
            None => self.keep(row),
        }
    }

    fn keep(&mut self, mut row: RecordedResource) {
        let shared = self.owners.entry(row.owner.user).or_insert_with(|| Arc::clone(&row.owner));
        if *shared == row.owner {
            row.owner = Arc::clone(shared);
        }
        self.others.push(row);
    }

    /// Returns the position of the status that says exactly what the row says, if AWS lists the resource in
    /// the same way.
    fn position_as_recorded(
        &self,
        row: &RecordedResource,
        inventory: &Inventory,
        target: &Target,
    ) -> Option<usize> {
        let RecordedUser { user, account, uid, retained, deleting } = &*row.owner;
        let position = inventory.statuses().position(account)?;
        let status = inventory.statuses().at(position);
        let is_same = inventory.is_as_recorded(position, row.kind)
            && status.resource(row.kind).is_some_and(|entry| *entry.arn == row.arn)
            && status.state().user == Some(*user)
            && status.state().uid == uid.as_ref();
        let is_usual = !retained
            && !deleting
            && row.pending_update.is_none()
            && !self.users.contains(user)
            && !self.missing.contains(&row.arn)
            && target.holds_arn(&row.arn);
        (is_same && is_usual).then_some(position)
    }

    /// Returns the rows that are not exactly what a status says.
    #[must_use]
    pub fn others(&self) -> &[RecordedResource] {
        &self.others
    }

    /// Removes the rows that are not exactly what a status says, and that do not satisfy this condition.
    pub fn retain(&mut self, condition: impl FnMut(&RecordedResource) -> bool) {
        self.others.retain(condition);
    }

    /// Returns true if a row says exactly what the status at a position says.
    pub(super) fn is_as_recorded(&self, position: usize, kind: ResourceKind) -> bool {
        self.as_recorded[kind][position]
    }

    /// Returns the resources of the inventory that have no row, except those that `is_excused`.
    pub fn unnamed(&self, inventory: &Inventory, is_excused: impl Fn(&Arn) -> bool) -> Vec<TaggedResource> {
        let rows: HashSet<_> = self.others.iter().map(|row| &row.arn).collect();
        let is_unnamed = |arn: &Arn| !rows.contains(arn) && !is_excused(arn);
        let others = inventory.others().filter(|resource| is_unnamed(&resource.arn)).cloned();
        let of_statuses = (0..inventory.statuses().len()).flat_map(|position| {
            let listed = inventory.recorded_at(position);
            let unnamed = listed
                .filter(move |entry| !self.is_as_recorded(position, entry.kind))
                .filter(|entry| is_unnamed(entry.arn));
            unnamed.map(move |entry| inventory.to_resource(position, entry))
        });
        others.chain(of_statuses).collect()
    }

    /// Notes the statuses after the rows were read.
    pub fn compare_with(&mut self, inventory: &Inventory, accounts: &StatusRecords) {
        let statuses = inventory.statuses();
        let now = statuses.with_positions_in(accounts);
        let is_same = now.map(|(status, position)| {
            let now = position.map(|position| accounts.at(position).state());
            now.is_some_and(|now| (now.uid, now.user) == (status.state().uid, status.state().user))
        });
        self.is_same_object = is_same.collect();
    }

    /// Returns true if the status at a position is still about the same object and user.
    pub(super) fn is_same_object(&self, position: usize) -> bool {
        self.is_same_object[position]
    }

    /// Returns true if status, list, and row say the same about the resource of this kind, and status is
    /// still about the same object and user.
    fn is_consistent(&self, position: usize, kind: ResourceKind) -> bool {
        self.is_as_recorded(position, kind) && self.is_same_object(position)
    }

    /// Returns the number of resources of each kind about which status, list, and row say the same.
    #[must_use]
    pub fn consistent(&self) -> ByKind<usize> {
        let all = || 0..self.is_same_object.len();
        ByKind::new(|kind| all().filter(|position| self.is_consistent(*position, kind)).count())
    }

    /// Returns the entries of the statuses of which list or row do not say the same. Only what status named
    /// before the list began and still names counts: it existed for the whole time.
    pub fn differing<'r>(
        &'r self,
        inventory: &'r Inventory,
        accounts: &'r StatusRecords,
    ) -> impl Iterator<Item = StatusEntry<'r>> {
        let positions = 0..inventory.statuses().len();
        let all = positions.flat_map(|position| ResourceKind::ALL.map(|kind| (position, kind)));
        let all = all.filter(|(position, kind)| !self.is_consistent(*position, *kind));
        let before = all.filter_map(|(position, kind)| inventory.statuses().at(position).resource(kind));
        before.filter(|entry| {
            let now = accounts.resource(entry.account, entry.kind);
            now.is_some_and(|now| now.arn == entry.arn)
        })
    }
}
