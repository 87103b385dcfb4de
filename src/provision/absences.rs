//! Absences at a resync: recorded resources that a complete list does not contain, and the brake. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::{Inventory, RecordedRows, Timing};
use crate::{
    api::{Arn, ResourceKind},
    ivs::Target,
    messages,
    store::{AbsenceChanges, Absences, Missing, MissingRow},
};

/// Age of an unused chat room from which its absence does not count for the brake. AWS deletes rooms that are
/// unused for 24 months (docs/ivs.md); this is 23.
pub const ROOM_IDLE: Duration = Duration::from_hours(23 * 730);

/// A resource that a record names: a row in PostgreSQL, or the status of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownResource<'a> {
    /// The user.
    pub user: Uuid,
    /// The kind.
    pub kind: ResourceKind,
    /// The ARN.
    pub arn: &'a Arn,
    /// True if the account exists. A row from a restored database may belong to one that is gone.
    pub has_account: bool,
    /// True if this controller serves the account for the user, and so records its absences.
    pub is_served: bool,
    /// True if the user's resources are being deleted.
    pub is_being_deleted: bool,
    /// Time since it was recorded.
    pub age: Duration,
    /// Time since the last update, if AWS returns it.
    pub since_update: Option<Duration>,
}

impl KnownResource<'_> {
    /// Returns true if AWS may have deleted the room by itself. A room whose last update is unknown is not
    /// idle.
    fn is_idle_room(&self) -> bool {
        self.kind == ResourceKind::ChatRoom
            && self.age >= ROOM_IDLE
            && self.since_update.is_some_and(|since_update| since_update >= ROOM_IDLE)
    }
}

/// Limits of the missing resources of one kind. The brake engages when both are exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrakeLimits {
    /// Maximum number of missing resources.
    pub resources: usize,
    /// Maximum percentage of the recorded resources.
    pub percent: f64,
}

/// An engaged brake: too many resources of one kind are missing at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brake {
    /// The kind.
    pub kind: ResourceKind,
    /// Number of resources that are missing, or that were missing and replaced within 24 hours.
    pub missing: usize,
    /// Number of recorded resources.
    pub recorded: usize,
    /// True if AWS lists no resource of this installation, of any kind, although some are recorded. The
    /// controller may be in another AWS account or region than the records.
    pub is_blind: bool,
}

impl Brake {
    /// Returns the reason of the brake, and how to release it.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { kind, missing, recorded, is_blind } = *self;
        if is_blind {
            messages::absence::nothing_listed(kind, recorded)
        } else {
            messages::absence::too_many_missing(kind, missing, recorded)
        }
    }
}

/// A complete list of AWS, of all kinds.
#[derive(Clone, Debug, Default)]
pub struct CompleteList {
    /// The ARNs, without those of consistent resources.
    pub arns: BTreeSet<Arn>,
    /// Number of recorded resources of each kind that are listed, and of which nothing else is to be decided.
    pub consistent: BTreeMap<ResourceKind, usize>,
    /// True if any listed resource carries the tag of this installation.
    pub has_ours: bool,
    /// Time from the start of the list until the records were read.
    pub took: Duration,
}

impl CompleteList {
    /// Adds the number of the consistent resources, and the listed ARNs that `known` names although they are
    /// what a status said.
    pub fn add_consistent(
        &mut self,
        recorded: &RecordedRows,
        inventory: &Inventory,
        known: &[KnownResource<'_>],
    ) {
        self.consistent = recorded.consistent().iter().map(|(kind, count)| (kind, *count)).collect();
        let known: BTreeSet<&Arn> = known.iter().map(|known| known.arn).collect();
        self.arns.extend(inventory.recorded_arns().filter(|arn| known.contains(arn)).cloned());
    }
}

/// The absences that a resync found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbsenceFindings {
    /// Changes of the recorded evidence.
    pub changes: AbsenceChanges,
    /// Users whose evidence changes. Each is reconciled.
    pub users: BTreeSet<Uuid>,
    /// Number of missing resources of each kind, without those whose deletion the operator requested.
    pub missing: BTreeMap<ResourceKind, usize>,
    /// The engaged brakes.
    pub brakes: BTreeMap<ResourceKind, Brake>,
}

/// Compares a complete list with the records. `known`: the recorded resources, without those that are
/// consistent. A resource that was recorded a moment before the list began, or later, may not be on it, and
/// one that is recorded in another AWS account or region never is.
#[must_use]
pub fn find_absences(
    list: &CompleteList,
    known: &[KnownResource<'_>],
    absences: &Absences,
    target: &Target,
    limits: BrakeLimits,
    timing: Timing,
) -> AbsenceFindings {
    let evidence: BTreeMap<Arn, _> =
        absences.rows.iter().map(|row| (row.missing.arn.as_str().into(), &row.missing)).collect();
    let evidence_of = |known: &KnownResource<'_>| evidence.get(known.arn).copied();
    let being_deleted: BTreeSet<Uuid> = known
        .iter()
        .filter(|known| is_requested(known, evidence_of(known)))
        .map(|known| known.user)
        .collect();
    let known_arns: BTreeSet<&Arn> = known.iter().map(|known| known.arn).collect();
    let served: BTreeSet<Uuid> =
        known.iter().filter(|known| known.is_served).map(|known| known.user).collect();
    let mut seen = BTreeSet::new();
    let known = known.iter().filter(|known| target.holds_arn(known.arn) && seen.insert(known.arn));
    let (mut findings, mut counts) = (AbsenceFindings::default(), Counts::new(list, absences));
    for known in known {
        let evidence = evidence_of(known);
        counts.add_recorded(known);
        if list.arns.contains(known.arn) {
            counts.is_any_listed = true;
            findings.add_listed(known, evidence);
        } else if known.age >= list.took + timing.grace && !is_requested(known, evidence) {
            counts.add_missing(known, evidence);
            counts.is_any_unaccounted |= known.has_account && !being_deleted.contains(&known.user);
            findings.add_unlisted(known, evidence, timing);
        }
    }
    findings.forget_replaced(absences, &known_arns, &served);
    findings.missing = counts.missing.clone();
    findings.brakes = counts.brakes(list, limits);
    findings
}

/// Returns true if the account is being deleted and the operator has asked AWS to delete the resource.
fn is_requested(known: &KnownResource<'_>, evidence: Option<&Missing>) -> bool {
    known.is_being_deleted && evidence.is_some_and(|evidence| evidence.deletion_requested)
}

impl AbsenceFindings {
    /// Removes the evidence against resources that no record names anymore: they were replaced while it was
    /// recorded.
    fn forget_replaced(&mut self, absences: &Absences, known: &BTreeSet<&Arn>, served: &BTreeSet<Uuid>) {
        let is_replaced = |row: &&MissingRow| {
            !known.contains(&Arn::from(row.missing.arn.as_str()))
                && served.contains(&row.user)
                && row.missing.unlisted_for.is_some()
        };
        let replaced = absences.rows.iter().filter(is_replaced);
        self.changes.listed.extend(replaced.map(|row| row.missing.arn.clone()));
    }

    /// Removes the evidence against a resource that is listed.
    fn add_listed(&mut self, known: &KnownResource<'_>, evidence: Option<&Missing>) {
        if known.is_served && evidence.is_some_and(|evidence| evidence.unlisted_for.is_some()) {
            self.changes.listed.push(known.arn.to_string());
            self.users.insert(known.user);
        }
    }

    /// Adds evidence against a resource that is not listed. Once its absence is confirmed, nothing more is
    /// written (I5).
    fn add_unlisted(&mut self, known: &KnownResource<'_>, evidence: Option<&Missing>, timing: Timing) {
        if known.is_served
            && evidence.is_none_or(|evidence| evidence.unlisted_for < Some(timing.min_time_between_lists()))
        {
            self.changes.unlisted.push((known.user, known.kind, known.arn.to_string()));
            self.users.insert(known.user);
        }
    }
}

/// Counts for the brakes, by kind. Resources of accounts that are gone do not count: they are never replaced.
struct Counts {
    recorded: BTreeMap<ResourceKind, usize>,
    missing: BTreeMap<ResourceKind, usize>,
    /// Resources that are missing without a known cause or a release, or that were missing and replaced.
    unexplained: BTreeMap<ResourceKind, usize>,
    idle_rooms: usize,
    is_any_listed: bool,
    /// True if a missing resource belongs to a user whose resources the operator is not deleting. Then the
    /// controller may be in another AWS account or region.
    is_any_unaccounted: bool,
}

impl Counts {
    fn new(list: &CompleteList, absences: &Absences) -> Self {
        Self {
            recorded: list.consistent.clone(),
            missing: BTreeMap::new(),
            unexplained: absences.replaced.clone(),
            idle_rooms: 0,
            is_any_listed: list.consistent.values().any(|count| *count > 0),
            is_any_unaccounted: false,
        }
    }

    fn add_recorded(&mut self, known: &KnownResource<'_>) {
        *self.recorded.entry(known.kind).or_default() += usize::from(known.has_account);
    }

    fn add_missing(&mut self, known: &KnownResource<'_>, evidence: Option<&Missing>) {
        if !known.has_account {
            return;
        }
        *self.missing.entry(known.kind).or_default() += 1;
        if evidence.is_some_and(|evidence| evidence.released) {
            return;
        }
        if known.is_idle_room() {
            self.idle_rooms += 1;
        } else {
            *self.unexplained.entry(known.kind).or_default() += 1;
        }
    }

    fn brakes(mut self, list: &CompleteList, limits: BrakeLimits) -> BTreeMap<ResourceKind, Brake> {
        let of = |counts: &BTreeMap<_, usize>, kind| counts.get(&kind).copied().unwrap_or_default();
        let is_blind = !self.is_any_listed && !list.has_ours && self.is_any_unaccounted;
        // AWS deletes idle rooms one by one. If all rooms are missing, there is another cause.
        let rooms = ResourceKind::ChatRoom;
        if of(&self.missing, rooms) == of(&self.recorded, rooms) {
            *self.unexplained.entry(rooms).or_default() += self.idle_rooms;
        }
        let brake = |kind| {
            let (missing, recorded) = (of(&self.unexplained, kind), of(&self.recorded, kind));
            let brake = Brake { kind, missing, recorded, is_blind };
            (missing > 0 && (is_blind || is_too_much(&brake, limits))).then_some((kind, brake))
        };
        ResourceKind::ALL.into_iter().filter_map(brake).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of resources is far below 2^52")]
fn is_too_much(brake: &Brake, limits: BrakeLimits) -> bool {
    brake.missing > limits.resources && brake.missing as f64 * 100.0 > brake.recorded as f64 * limits.percent
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        aws_call_timeout: Duration::from_secs(10),
        grace: Duration::from_secs(15),
        resync: Duration::from_mins(10),
    };
    const LIMITS: BrakeLimits = BrakeLimits { resources: 5, percent: 2.0 };
    const OLD: Duration = Duration::from_hours(1);

    fn arn(number: usize) -> String {
        format!("arn:aws:ivs:eu-west-1:1:channel/{number}")
    }

    /// Returns an ARN for as long as the test runs.
    fn kept(arn: &str) -> &'static Arn {
        Box::leak(Box::new(arn.into()))
    }

    fn known(number: usize) -> KnownResource<'static> {
        let user = Uuid::from_u128(number as u128);
        KnownResource {
            user,
            kind: ResourceKind::Channel,
            arn: kept(&arn(number)),
            has_account: true,
            is_served: true,
            is_being_deleted: false,
            age: OLD,
            since_update: None,
        }
    }

    fn listing(numbers: std::ops::Range<usize>) -> CompleteList {
        CompleteList {
            arns: numbers.map(|number| arn(number).as_str().into()).collect(),
            ..CompleteList::default()
        }
    }

    fn with_evidence(number: usize, missing: &Missing) -> Absences {
        let missing = Missing { arn: arn(number), ..missing.clone() };
        let row = MissingRow { user: Uuid::from_u128(number as u128), kind: ResourceKind::Channel, missing };
        Absences { rows: vec![row], ..Absences::default() }
    }

    fn target() -> Target {
        Target::new("eu-west-1", Some("1".to_owned()))
    }

    fn find(listing: &CompleteList, known: &[KnownResource<'_>], absences: &Absences) -> AbsenceFindings {
        find_absences(listing, known, absences, &target(), LIMITS, TIMING)
    }

    #[test]
    fn a_complete_list_with_everything_records_nothing() {
        let found = find(&listing(0..3), &[known(0), known(1), known(2)], &Absences::default());
        assert_eq!(found, AbsenceFindings::default());
    }

    #[test]
    fn an_unlisted_resource_gains_evidence_until_confirmed_absent() {
        let unlisted = |unlisted_for| Missing { unlisted_for, ..Missing::default() };
        let notes = |absences: &Absences| find(&listing(0..0), &[known(1)], absences).changes.unlisted.len();
        assert_eq!(notes(&Absences::default()), 1);
        assert_eq!(notes(&with_evidence(1, &unlisted(Some(Duration::ZERO)))), 1);
        assert_eq!(notes(&with_evidence(1, &unlisted(Some(TIMING.resync)))), 0);
    }

    #[test]
    fn evidence_against_a_replaced_resource_is_forgotten() {
        let missing = Missing { unlisted_for: Some(Duration::ZERO), ..Missing::default() };
        let absences = with_evidence(1, &missing);
        let now = KnownResource { arn: kept(&arn(2)), ..known(1) };
        assert_eq!(find(&listing(2..3), &[now], &absences).changes.listed, [arn(1)]);
        let elsewhere = KnownResource { arn: kept(&arn(2)), is_served: false, ..known(1) };
        assert!(find(&listing(2..3), &[elsewhere], &absences).changes.listed.is_empty());
    }

    #[test]
    fn a_resource_that_is_listed_again_loses_its_evidence() {
        let absences =
            with_evidence(1, &Missing { unlisted_for: Some(Duration::ZERO), ..Missing::default() });
        let found = find(&listing(1..2), &[known(1)], &absences);
        assert_eq!((found.changes.listed, found.missing.len()), (vec![arn(1)], 0));
    }

    #[test]
    fn a_deleted_new_or_elsewhere_recorded_resource_is_not_missing() {
        let deleted = with_evidence(1, &Missing { deletion_requested: true, ..Missing::default() });
        let deleting = KnownResource { is_being_deleted: true, ..known(1) };
        assert_eq!(find(&listing(0..0), &[deleting], &deleted), AbsenceFindings::default());
        assert_eq!(
            find(&listing(0..0), &[known(1)], &deleted).missing.len(),
            1,
            "its account is not being deleted"
        );
        let new = KnownResource { age: Duration::from_secs(5), ..known(1) };
        assert_eq!(find(&listing(0..0), &[new], &Absences::default()), AbsenceFindings::default());
        let elsewhere = KnownResource { arn: kept("arn:aws:ivs:us-west-2:1:channel/1"), ..known(1) };
        assert_eq!(find(&listing(0..0), &[elsewhere], &Absences::default()), AbsenceFindings::default());
    }

    #[test]
    fn the_brake_needs_more_than_five_and_more_than_two_percent() {
        let brake = |missing: usize, of: usize| {
            let all: Vec<_> = (0..of).map(known).collect();
            find(&listing(missing..of), &all, &Absences::default())
                .brakes
                .contains_key(&ResourceKind::Channel)
        };
        assert!(!brake(5, 6) && brake(6, 7));
        assert!(!brake(6, 300) && brake(7, 300));
    }

    #[test]
    fn consistent_resources_count_as_recorded_and_listed() {
        let all: Vec<_> = (0..7).map(known).collect();
        let brakes = |consistent: &[(ResourceKind, usize)]| {
            let consistent = consistent.iter().copied().collect();
            let list = CompleteList { consistent, ..CompleteList::default() };
            find(&list, &all, &Absences::default()).brakes
        };
        assert!(brakes(&[])[&ResourceKind::Channel].is_blind);
        let others = brakes(&[(ResourceKind::Stage, 500)]);
        assert!(!others[&ResourceKind::Channel].is_blind, "AWS lists something");
        assert_eq!(others[&ResourceKind::Channel].recorded, 7);
        assert!(brakes(&[(ResourceKind::Channel, 500)]).is_empty(), "seven are less than two percent");
    }

    #[test]
    fn the_brake_engages_if_no_recorded_resource_is_listed() {
        let brakes =
            |listed: &CompleteList, absences: &Absences| find(listed, &[known(0), known(1)], absences).brakes;
        let blind = brakes(&listing(7..9), &Absences::default())[&ResourceKind::Channel];
        assert!(blind.is_blind && blind.describe().contains("endpoint"), "{}", blind.describe());
        assert!(brakes(&listing(0..1), &Absences::default()).is_empty());
        let unrecorded = CompleteList { has_ours: true, ..listing(7..9) };
        assert!(brakes(&unrecorded, &Absences::default()).is_empty(), "a restored database");
        let deleted =
            |number| with_evidence(number, &Missing { deletion_requested: true, ..Missing::default() }).rows;
        let both = Absences { rows: [deleted(0), deleted(1)].concat(), ..Absences::default() };
        let deleting = [0, 1].map(|number| KnownResource { is_being_deleted: true, ..known(number) });
        assert!(
            find(&listing(0..0), &deleting, &both).brakes.is_empty(),
            "the operator has deleted everything"
        );
        let room = KnownResource {
            kind: ResourceKind::ChatRoom,
            arn: kept(&arn(2)),
            user: deleting[0].user,
            ..known(2)
        };
        let the_last = [deleting[0], deleting[1], room];
        assert!(
            find(&listing(0..0), &the_last, &both).brakes.is_empty(),
            "the operator has deleted the user's others"
        );
        let gone = [0, 1].map(|number| KnownResource { has_account: false, ..known(number) });
        assert!(
            find(&listing(0..0), &gone, &Absences::default()).brakes.is_empty(),
            "their accounts are gone"
        );
    }

    #[test]
    fn resources_replaced_within_a_day_count_for_the_brake() {
        let all: Vec<_> = (0..100).map(known).collect();
        let replaced = |count| Absences {
            replaced: BTreeMap::from([(ResourceKind::Channel, count)]),
            ..Absences::default()
        };
        assert!(find(&listing(1..100), &all, &replaced(4)).brakes.is_empty());
        let brake = find(&listing(1..100), &all, &replaced(5)).brakes[&ResourceKind::Channel];
        assert_eq!((brake.missing, brake.recorded), (6, 100));
        assert!(brake.describe().contains("release-brake --kind channel"));
    }

    #[test]
    fn released_absences_and_idle_rooms_do_not_count_for_the_brake() {
        let mut absences = Absences::default();
        for number in 0..3 {
            absences
                .rows
                .extend(with_evidence(number, &Missing { released: true, ..Missing::default() }).rows);
        }
        let all: Vec<_> = (0..9).map(known).collect();
        assert!(find(&listing(8..9), &all, &absences).brakes.is_empty());
        assert_eq!(find(&listing(8..9), &all, &Absences::default()).brakes.len(), 1);

        let idle = |since_update| {
            move |number| KnownResource {
                kind: ResourceKind::ChatRoom,
                age: ROOM_IDLE,
                since_update,
                ..known(number)
            }
        };
        let brakes = |since_update, listed| {
            let rooms: Vec<_> = (0..9).map(idle(since_update)).collect();
            find(&listed, &rooms, &Absences::default()).brakes.len()
        };
        assert_eq!(brakes(Some(ROOM_IDLE), listing(8..9)), 0);
        assert_eq!(brakes(Some(OLD), listing(8..9)), 1);
        assert_eq!(brakes(None, listing(8..9)), 1, "their last update is unknown");
        assert_eq!(brakes(Some(ROOM_IDLE), listing(9..10)), 1, "AWS deletes them one by one");
    }
}
