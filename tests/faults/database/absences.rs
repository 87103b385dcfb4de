//! `missing_resources`, `former_resources`, and `brake_releases`.

use std::{collections::BTreeMap, time::Duration};

use streamcat_operator::{
    api::ResourceKind,
    store::{AbsenceChanges, Absences, Evidence, Missing, MissingRow, Result},
};
use uuid::Uuid;

use super::{Database, read, write};
use crate::{fault_injector::FaultInjector, world::State};

/// Time for which a replaced resource counts for the brake.
const BRAKE_WINDOW: Duration = Duration::from_hours(24);

/// A row of `missing_resources`.
#[derive(Clone, Debug)]
pub struct MissingResource {
    pub user: Uuid,
    pub kind: ResourceKind,
    /// Start times of the first and of the latest list without the resource.
    unlisted: Option<(Duration, Duration)>,
    deletion_requested: bool,
}

/// A row of `former_resources`.
#[derive(Clone, Debug)]
pub struct FormerResource {
    pub arn: String,
    pub recorded: Duration,
    replaced: Duration,
    missing_since: Option<Duration>,
}

impl Database {
    fn evidence(&self, arn: &str, absent: &MissingResource) -> Missing {
        let released = self.brake_releases.get(&absent.kind);
        Missing {
            arn: arn.to_owned(),
            unlisted_for: absent.unlisted.map(|(since, until)| until.saturating_sub(since)),
            released: absent.unlisted.zip(released).is_some_and(|((since, _), released)| since <= *released),
            deletion_requested: absent.deletion_requested,
        }
    }

    /// Returns the evidence of absence for one kind of a user's resources.
    pub(super) fn missing_of(&self, user: Uuid, kind: ResourceKind) -> Vec<Missing> {
        let of = self.missing.iter().filter(|(_, absent)| absent.user == user && absent.kind == kind);
        of.map(|(arn, absent)| self.evidence(arn, absent)).collect()
    }

    /// Returns the ARNs that were recorded for a user before the current one, the earliest first.
    pub(super) fn former_of(&self, user: Uuid, kind: ResourceKind) -> Vec<String> {
        let (Some(row), Some(former)) = (self.rows.get(&(user, kind)), self.former.get(&(user, kind))) else {
            return Vec::new();
        };
        let now = row.resource.arn();
        let first =
            former.iter().find(|former| former.arn == now).map_or(row.created, |former| former.recorded);
        let mut earlier: Vec<_> =
            former.iter().filter(|former| former.arn != now && former.recorded < first).collect();
        earlier.sort_by_key(|former| former.recorded);
        earlier.into_iter().map(|former| former.arn.clone()).collect()
    }

    /// Notes that another resource replaces the recorded one, if it differs.
    pub(super) fn replace(&mut self, now: Duration, key: (Uuid, ResourceKind), arn: &str) {
        if let Some(row) = self.rows.get(&key).filter(|row| row.resource.arn() != arn) {
            let before = row.resource.arn().to_owned();
            let absent = self.missing.get(&before).filter(|absent| !absent.deletion_requested);
            let missing_since = absent.and_then(|absent| absent.unlisted).map(|(since, _)| since);
            let all = self.former.entry(key).or_default();
            match all.iter_mut().find(|former| former.arn == before) {
                Some(former) => (former.replaced, former.missing_since) = (now, missing_since),
                None => {
                    all.push(FormerResource {
                        arn: before,
                        recorded: row.created,
                        replaced: now,
                        missing_since,
                    });
                }
            }
        }
        self.missing.retain(|_, absent| (absent.user, absent.kind) != key);
    }

    fn replaced(&self, now: Duration) -> BTreeMap<ResourceKind, usize> {
        let mut replaced = BTreeMap::new();
        for ((_, kind), former) in &self.former {
            let released = self.brake_releases.get(kind).copied();
            let counts = |former: &&FormerResource| {
                former.replaced + BRAKE_WINDOW > now
                    && former.missing_since.is_some_and(|since| released.is_none_or(|at| since > at))
                    && self.owner_of(&former.arn).is_none()
            };
            *replaced.entry(*kind).or_default() += former.iter().filter(counts).count();
        }
        replaced.retain(|_, count| *count > 0);
        replaced
    }

    fn apply_absences(&mut self, changes: AbsenceChanges, at: Duration) {
        for (user, kind, arn) in changes.unlisted {
            if !self.users.contains_key(&user) {
                continue;
            }
            let absent = MissingResource { user, kind, unlisted: None, deletion_requested: false };
            let absent = self.missing.entry(arn).or_insert(absent);
            absent.unlisted = Some((absent.unlisted.map_or(at, |(since, _)| since), at));
        }
        for arn in changes.listed {
            if let Some(absent) = self.missing.get_mut(&arn) {
                absent.unlisted = None;
            }
        }
        self.missing.retain(|_, absent| absent.unlisted.is_some() || absent.deletion_requested);
    }

    /// Forgets the deletions that an earlier object requested: they prove nothing to the next one.
    pub(super) fn forget_deletions(&mut self, user: Uuid) {
        for absent in self.missing.values_mut().filter(|absent| absent.user == user) {
            absent.deletion_requested = false;
        }
    }

    /// Notes that deletions of all recorded resources were requested long ago.
    pub fn request_deletions(&mut self) {
        let asked = self.rows.iter().map(|((user, kind), row)| {
            let absent =
                MissingResource { user: *user, kind: *kind, unlisted: None, deletion_requested: true };
            (row.resource.arn().to_owned(), absent)
        });
        self.missing.extend(asked.collect::<Vec<_>>());
    }

    /// Releases the brake.
    pub fn release_brake(&mut self, now: Duration) {
        self.brake_releases = ResourceKind::ALL.map(|kind| (kind, now)).into();
    }
}

impl Evidence for FaultInjector {
    async fn absences(&self) -> Result<Absences> {
        let effect = |state: &mut State, now| {
            let database = &state.database;
            let row = |(arn, absent): (&String, _)| {
                let absent: &MissingResource = absent;
                MissingRow { user: absent.user, kind: absent.kind, missing: database.evidence(arn, absent) }
            };
            let rows = database.missing.iter().map(row).collect();
            Ok(Absences { rows, replaced: database.replaced(now) })
        };
        self.call(read("absences"), "", effect).await
    }

    async fn note_absences(&self, changes: &AbsenceChanges, age: Duration) -> Result<()> {
        let changes = changes.clone();
        let effect = move |state: &mut State, now: Duration| {
            state.database.apply_absences(changes, now.saturating_sub(age));
            Ok(())
        };
        self.call(write("note_absences"), "", effect).await
    }

    async fn note_deletion(
        &self,
        user: Uuid,
        kind: ResourceKind,
        arn: &str,
        is_requested: bool,
    ) -> Result<()> {
        let noted = arn.to_owned();
        let effect = move |state: &mut State, _| {
            if state.database.users.contains_key(&user) {
                let absent = MissingResource { user, kind, unlisted: None, deletion_requested: false };
                state.database.missing.entry(noted).or_insert(absent).deletion_requested = is_requested;
            }
            Ok(())
        };
        self.call(write("note_deletion"), arn, effect).await
    }
}
