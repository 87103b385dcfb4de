//! Absences at a resync: what a complete list lacks of what records name, and the brake. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::Timing;
use crate::{
    api::ResourceKind,
    ivs::Target,
    store::{AbsenceChanges, Absences, Missing},
};

/// A room that nobody has used for 24 months is deleted by AWS itself; after this time its absence is no reason to brake.
pub const ROOM_IDLE: Duration = Duration::from_hours(23 * 730);

/// A resource that a record names: a row in PostgreSQL, or the status of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The user.
    pub user: Uuid,
    /// The kind.
    pub kind: ResourceKind,
    /// The ARN.
    pub arn: String,
    /// True if the account that it is of is there; a row from a restored database may be of one that is gone.
    pub is_held: bool,
    /// True if this controller serves the account, and so notes what becomes of its resources.
    pub is_served: bool,
    /// True if what the user has is being taken away.
    pub is_leaving: bool,
    /// Time since it was recorded.
    pub age: Duration,
    /// Time since AWS showed that it was changed, where that is known.
    pub updated: Option<Duration>,
}

impl Named {
    /// Returns true if AWS may have deleted it by itself. One of which nobody knows when it was changed is not idle.
    fn is_idle_room(&self) -> bool {
        self.kind == ResourceKind::ChatRoom
            && self.age >= ROOM_IDLE
            && self.updated.is_some_and(|updated| updated >= ROOM_IDLE)
    }
}

/// The share of what is recorded that may be missing before the brake is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrakeLimits {
    /// Number of resources of one kind.
    pub resources: usize,
    /// Percentage of the recorded resources of that kind.
    pub percent: f64,
}

/// A brake that is on: too much of one kind is missing at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brake {
    /// The kind.
    pub kind: ResourceKind,
    /// Number of resources that are missing, or were replaced for being missing within 24 hours.
    pub missing: usize,
    /// Number of resources recorded.
    pub recorded: usize,
    /// True if AWS shows nothing of this installation, of any kind, though something is recorded: then this may be another place than the records'.
    pub is_blind: bool,
}

impl Brake {
    /// The reason, and how the brake is released.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { kind, missing, recorded, is_blind } = self;
        let finding = if *is_blind {
            format!(
                "AWS shows nothing of this installation, though {recorded} {kind}s are recorded: check the endpoint, the region and the credentials"
            )
        } else {
            format!(
                "{missing} of {recorded} {kind}s are missing or were replaced within 24 hours, and the operator did not delete them"
            )
        };
        format!(
            "{finding}. Nothing is created or deleted in their place until they show again. If they are really gone, run: streamcat-operator release-brake --kind {}",
            kind.label(),
        )
    }
}

/// Everything that AWS has listed, of all kinds.
#[derive(Clone, Debug, Default)]
pub struct CompleteList {
    /// The ARNs.
    pub arns: BTreeSet<String>,
    /// True if any of them carries the tag of this installation.
    pub has_ours: bool,
    /// Time that it took.
    pub took: Duration,
}

/// The absences that a resync has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// What is to be noted.
    pub changes: AbsenceChanges,
    /// Users with a resource about which something is noted: they are reconciled.
    pub users: BTreeSet<Uuid>,
    /// The number of missing resources of each kind that nobody has explained.
    pub missing: BTreeMap<ResourceKind, usize>,
    /// The brakes that are on.
    pub brakes: BTreeMap<ResourceKind, Brake>,
}

/// Compares a complete list with what records name. What was recorded a moment before the list need not be on
/// it, and what is recorded elsewhere never is.
#[must_use]
pub fn find_absences(
    list: &CompleteList,
    named: &[Named],
    absences: &Absences,
    target: &Target,
    limits: BrakeLimits,
    timing: Timing,
) -> Findings {
    let noted: BTreeMap<&str, _> =
        absences.rows.iter().map(|row| (row.missing.arn.as_str(), &row.missing)).collect();
    let note_of = |named: &Named| noted.get(named.arn.as_str()).copied();
    let being_deleted: BTreeSet<Uuid> =
        named.iter().filter(|named| is_explained(named, note_of(named))).map(|named| named.user).collect();
    let mut seen = BTreeSet::new();
    let named = named.iter().filter(|named| target.holds(&named.arn) && seen.insert(named.arn.as_str()));
    let (mut findings, mut counts) = (Findings::default(), Counts::new(absences));
    for named in named {
        let note = note_of(named);
        counts.record(named);
        if list.arns.contains(&named.arn) {
            counts.is_any_shown = true;
            findings.shows(named, note);
        } else if named.age >= list.took + timing.grace && !is_explained(named, note) {
            counts.miss(named, note);
            counts.is_any_unaccounted |= named.is_held && !being_deleted.contains(&named.user);
            findings.lacks(named, note, timing);
        }
    }
    findings.missing = counts.missing.clone();
    findings.brakes = counts.brakes(list, limits);
    findings
}

/// Returns true if the operator has asked AWS to delete the resource, and the account is being deleted still.
fn is_explained(named: &Named, note: Option<&Missing>) -> bool {
    named.is_leaving && note.is_some_and(|note| note.deletion_requested)
}

impl Findings {
    /// A resource is listed: a note that it was not goes.
    fn shows(&mut self, named: &Named, note: Option<&Missing>) {
        if named.is_served && note.is_some_and(|note| note.unlisted_for.is_some()) {
            self.changes.listed.push(named.arn.clone());
            self.users.insert(named.user);
        }
    }

    /// A resource is not listed. Once its absence is proved there is nothing more to note (I5).
    fn lacks(&mut self, named: &Named, note: Option<&Missing>, timing: Timing) {
        if named.is_served && note.is_none_or(|note| note.unlisted_for < Some(timing.evidence())) {
            self.changes.unlisted.push((named.user, named.kind, named.arn.clone()));
            self.users.insert(named.user);
        }
    }
}

/// What is counted for the brakes, by kind. Of accounts that are gone nothing counts: nothing is made for them.
struct Counts {
    recorded: BTreeMap<ResourceKind, usize>,
    missing: BTreeMap<ResourceKind, usize>,
    /// Missing without a release or another explanation, or replaced for being missing.
    unexplained: BTreeMap<ResourceKind, usize>,
    idle_rooms: usize,
    is_any_shown: bool,
    /// True if anything is missing of a user of whom AWS has not shown, and deleted for us, something else: then it may show nothing at
    /// all.
    is_any_unaccounted: bool,
}

impl Counts {
    fn new(absences: &Absences) -> Self {
        let (recorded, missing) = (BTreeMap::new(), BTreeMap::new());
        let unexplained = absences.replaced.clone();
        Self { recorded, missing, unexplained, idle_rooms: 0, is_any_shown: false, is_any_unaccounted: false }
    }

    fn record(&mut self, named: &Named) {
        *self.recorded.entry(named.kind).or_default() += usize::from(named.is_held);
    }

    fn miss(&mut self, named: &Named, note: Option<&Missing>) {
        if !named.is_held {
            return;
        }
        *self.missing.entry(named.kind).or_default() += 1;
        if note.is_some_and(|note| note.released) {
            return;
        }
        if named.is_idle_room() {
            self.idle_rooms += 1;
        } else {
            *self.unexplained.entry(named.kind).or_default() += 1;
        }
    }

    fn brakes(mut self, list: &CompleteList, limits: BrakeLimits) -> BTreeMap<ResourceKind, Brake> {
        let of = |counts: &BTreeMap<_, usize>, kind| counts.get(&kind).copied().unwrap_or_default();
        let is_blind = !self.is_any_shown && !list.has_ours && self.is_any_unaccounted;
        // AWS deletes idle rooms one by one: that all of them are missing has another reason.
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

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 resources")]
fn is_too_much(brake: &Brake, limits: BrakeLimits) -> bool {
    brake.missing > limits.resources && brake.missing as f64 * 100.0 > brake.recorded as f64 * limits.percent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Missing, MissingRow};

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

    fn named(number: usize) -> Named {
        let user = Uuid::from_u128(number as u128);
        Named {
            user,
            kind: ResourceKind::Channel,
            arn: arn(number),
            is_held: true,
            is_served: true,
            is_leaving: false,
            age: OLD,
            updated: None,
        }
    }

    fn listing(numbers: std::ops::Range<usize>) -> CompleteList {
        CompleteList { arns: numbers.map(arn).collect(), ..CompleteList::default() }
    }

    fn noted(number: usize, missing: &Missing) -> Absences {
        let missing = Missing { arn: arn(number), ..missing.clone() };
        let row = MissingRow { user: Uuid::from_u128(number as u128), kind: ResourceKind::Channel, missing };
        Absences { rows: vec![row], ..Absences::default() }
    }

    fn target() -> Target {
        Target::new("eu-west-1", Some("1".to_owned()))
    }

    fn find(listing: &CompleteList, named: &[Named], absences: &Absences) -> Findings {
        find_absences(listing, named, absences, &target(), LIMITS, TIMING)
    }

    #[test]
    fn a_complete_list_with_everything_notes_nothing() {
        let found = find(&listing(0..3), &[named(0), named(1), named(2)], &Absences::default());
        assert_eq!(found, Findings::default());
    }

    #[test]
    fn an_unlisted_resource_is_noted_until_its_absence_is_proved() {
        let unlisted = |unlisted_for| Missing { unlisted_for, ..Missing::default() };
        let notes = |absences: &Absences| find(&listing(0..0), &[named(1)], absences).changes.unlisted.len();
        assert_eq!(notes(&Absences::default()), 1);
        assert_eq!(notes(&noted(1, &unlisted(Some(Duration::ZERO)))), 1);
        assert_eq!(notes(&noted(1, &unlisted(Some(TIMING.resync)))), 0);
    }

    #[test]
    fn a_resource_that_shows_again_loses_its_note() {
        let absences = noted(1, &Missing { unlisted_for: Some(Duration::ZERO), ..Missing::default() });
        let found = find(&listing(1..2), &[named(1)], &absences);
        assert_eq!((found.changes.listed, found.missing.len()), (vec![arn(1)], 0));
    }

    #[test]
    fn what_we_deleted_was_just_made_or_is_elsewhere_is_not_missing() {
        let deleted = noted(1, &Missing { deletion_requested: true, ..Missing::default() });
        let leaving = Named { is_leaving: true, ..named(1) };
        assert_eq!(find(&listing(0..0), &[leaving], &deleted), Findings::default());
        assert_eq!(find(&listing(0..0), &[named(1)], &deleted).missing.len(), 1, "it lives on");
        let new = Named { age: Duration::from_secs(5), ..named(1) };
        assert_eq!(find(&listing(0..0), &[new], &Absences::default()), Findings::default());
        let elsewhere = Named { arn: "arn:aws:ivs:us-west-2:1:channel/1".into(), ..named(1) };
        assert_eq!(find(&listing(0..0), &[elsewhere], &Absences::default()), Findings::default());
    }

    #[test]
    fn the_brake_needs_more_than_five_and_more_than_two_percent() {
        let brake = |missing: usize, of: usize| {
            let all: Vec<_> = (0..of).map(named).collect();
            find(&listing(missing..of), &all, &Absences::default())
                .brakes
                .contains_key(&ResourceKind::Channel)
        };
        assert!(!brake(5, 6) && brake(6, 7));
        assert!(!brake(6, 300) && brake(7, 300));
    }

    #[test]
    fn the_brake_is_on_where_nothing_of_what_is_recorded_shows() {
        let brakes =
            |listed: &CompleteList, absences: &Absences| find(listed, &[named(0), named(1)], absences).brakes;
        let blind = brakes(&listing(7..9), &Absences::default())[&ResourceKind::Channel];
        assert!(blind.is_blind && blind.describe().contains("endpoint"), "{}", blind.describe());
        assert!(brakes(&listing(0..1), &Absences::default()).is_empty());
        let unrecorded = CompleteList { has_ours: true, ..listing(7..9) };
        assert!(brakes(&unrecorded, &Absences::default()).is_empty(), "a restored database");
        let deleted =
            |number| noted(number, &Missing { deletion_requested: true, ..Missing::default() }).rows;
        let both = Absences { rows: [deleted(0), deleted(1)].concat(), ..Absences::default() };
        let leaving = [0, 1].map(|number| Named { is_leaving: true, ..named(number) });
        assert!(find(&listing(0..0), &leaving, &both).brakes.is_empty(), "we have deleted everything");
        let room = Named { kind: ResourceKind::ChatRoom, arn: arn(2), user: leaving[0].user, ..named(2) };
        let the_last = [leaving[0].clone(), leaving[1].clone(), room];
        assert!(find(&listing(0..0), &the_last, &both).brakes.is_empty(), "AWS has shown the user's others");
        let gone = [0, 1].map(|number| Named { is_held: false, ..named(number) });
        assert!(find(&listing(0..0), &gone, &Absences::default()).brakes.is_empty(), "of no account");
    }

    #[test]
    fn what_was_replaced_within_a_day_counts_for_the_brake() {
        let all: Vec<_> = (0..100).map(named).collect();
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
    fn what_a_person_released_and_idle_rooms_do_not_count() {
        let mut absences = Absences::default();
        for number in 0..3 {
            absences.rows.extend(noted(number, &Missing { released: true, ..Missing::default() }).rows);
        }
        let all: Vec<_> = (0..9).map(named).collect();
        assert!(find(&listing(8..9), &all, &absences).brakes.is_empty());
        assert_eq!(find(&listing(8..9), &all, &Absences::default()).brakes.len(), 1);

        let idle = |updated| {
            move |number| Named { kind: ResourceKind::ChatRoom, age: ROOM_IDLE, updated, ..named(number) }
        };
        let brakes = |updated, listed| {
            let rooms: Vec<_> = (0..9).map(idle(updated)).collect();
            find(&listed, &rooms, &Absences::default()).brakes.len()
        };
        assert_eq!(brakes(Some(ROOM_IDLE), listing(8..9)), 0);
        assert_eq!(brakes(Some(OLD), listing(8..9)), 1);
        assert_eq!(brakes(None, listing(8..9)), 1, "nobody knows when they were changed");
        assert_eq!(brakes(Some(ROOM_IDLE), listing(9..10)), 1, "AWS deletes them one by one");
    }
}
