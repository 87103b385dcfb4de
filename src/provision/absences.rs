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
    store::{AbsenceChanges, Absences},
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
    /// Time since it was recorded.
    pub age: Duration,
    /// Time since AWS showed that it was changed, where that is known.
    pub updated: Option<Duration>,
}

impl Named {
    /// Returns true if AWS may have deleted it by itself.
    fn is_idle_room(&self) -> bool {
        self.kind == ResourceKind::ChatRoom
            && self.age >= ROOM_IDLE
            && self.updated.is_none_or(|updated| updated >= ROOM_IDLE)
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
    /// True if AWS shows nothing at all of what is recorded, of any kind: then this may be another place than the records'.
    pub is_blind: bool,
}

impl Brake {
    /// The reason, and how the brake is released.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { kind, missing, recorded, is_blind } = self;
        let finding = if *is_blind {
            format!(
                "AWS shows nothing of what is recorded, {recorded} {kind}s among it: check the endpoint, the region and the credentials"
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

/// Compares all ARNs of a complete list, which took `took`, with what records name. What was recorded a moment before the list need not be on
/// it, and what is recorded elsewhere never is.
#[must_use]
pub fn find_absences(
    listed: &BTreeSet<String>,
    named: &[Named],
    absences: &Absences,
    target: &Target,
    limits: BrakeLimits,
    (timing, took): (Timing, Duration),
) -> Findings {
    let noted: BTreeMap<&str, _> =
        absences.rows.iter().map(|row| (row.missing.arn.as_str(), &row.missing)).collect();
    let mut findings = Findings::default();
    let mut recorded: BTreeMap<ResourceKind, usize> = BTreeMap::new();
    let mut counted: BTreeMap<ResourceKind, usize> = absences.replaced.clone();
    let (mut seen, mut shown) = (BTreeSet::new(), 0_usize);
    for named in named.iter().filter(|named| target.holds(&named.arn) && seen.insert(named.arn.as_str())) {
        *recorded.entry(named.kind).or_default() += 1;
        let note = noted.get(named.arn.as_str());
        if listed.contains(&named.arn) {
            shown += 1;
            if note.is_some_and(|note| note.unlisted_for.is_some()) {
                findings.changes.listed.push(named.arn.clone());
                findings.users.insert(named.user);
            }
            continue;
        }
        if named.age < took + timing.grace || note.is_some_and(|note| note.deletion_requested) {
            continue;
        }
        *findings.missing.entry(named.kind).or_default() += 1;
        if !note.is_some_and(|note| note.released) && !named.is_idle_room() {
            *counted.entry(named.kind).or_default() += 1;
        }
        // Once an absence is proved there is nothing more to note (I5).
        if note.is_none_or(|note| note.unlisted_for < Some(timing.evidence())) {
            let unlisted = (named.user, named.kind, named.arn.clone());
            findings.changes.unlisted.push(unlisted);
            findings.users.insert(named.user);
        }
    }
    let brake = |kind: ResourceKind| {
        let of = |counts: &BTreeMap<ResourceKind, usize>| counts.get(&kind).copied().unwrap_or_default();
        let brake = Brake { kind, missing: of(&counted), recorded: of(&recorded), is_blind: shown == 0 };
        (brake.missing > 0 && (brake.is_blind || is_too_much(&brake, limits))).then_some((kind, brake))
    };
    findings.brakes = ResourceKind::ALL.into_iter().filter_map(brake).collect();
    findings
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
        create_timeout: Duration::from_secs(10),
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
        Named { user, kind: ResourceKind::Channel, arn: arn(number), age: OLD, updated: None }
    }

    fn listing(numbers: std::ops::Range<usize>) -> BTreeSet<String> {
        numbers.map(arn).collect()
    }

    fn noted(number: usize, missing: Missing) -> Absences {
        let missing = Missing { arn: arn(number), ..missing };
        let row = MissingRow { user: Uuid::from_u128(number as u128), kind: ResourceKind::Channel, missing };
        Absences { rows: vec![row], ..Absences::default() }
    }

    fn target() -> Target {
        Target::new("eu-west-1", Some("1".to_owned()))
    }

    fn find(listing: &BTreeSet<String>, named: &[Named], absences: &Absences) -> Findings {
        find_absences(listing, named, absences, &target(), LIMITS, (TIMING, Duration::ZERO))
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
        assert_eq!(notes(&noted(1, unlisted(Some(Duration::ZERO)))), 1);
        assert_eq!(notes(&noted(1, unlisted(Some(TIMING.resync)))), 0);
    }

    #[test]
    fn a_resource_that_shows_again_loses_its_note() {
        let absences = noted(1, Missing { unlisted_for: Some(Duration::ZERO), ..Missing::default() });
        let found = find(&listing(1..2), &[named(1)], &absences);
        assert_eq!((found.changes.listed, found.missing.len()), (vec![arn(1)], 0));
    }

    #[test]
    fn what_we_deleted_was_just_made_or_is_elsewhere_is_not_missing() {
        let deleted = noted(1, Missing { deletion_requested: true, ..Missing::default() });
        assert_eq!(find(&listing(0..0), &[named(1)], &deleted), Findings::default());
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
        let brakes = |listed: &BTreeSet<String>, absences: &Absences| {
            find(listed, &[named(0), named(1)], absences).brakes
        };
        let blind = brakes(&listing(7..9), &Absences::default())[&ResourceKind::Channel];
        assert!(blind.is_blind && blind.describe().contains("endpoint"), "{}", blind.describe());
        assert!(brakes(&listing(0..1), &Absences::default()).is_empty());
        let deleted = |number| noted(number, Missing { deletion_requested: true, ..Missing::default() }).rows;
        let both = Absences { rows: [deleted(0), deleted(1)].concat(), ..Absences::default() };
        assert!(brakes(&listing(0..0), &both).is_empty(), "we have deleted everything");
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
            absences.rows.extend(noted(number, Missing { released: true, ..Missing::default() }).rows);
        }
        let all: Vec<_> = (0..9).map(named).collect();
        assert!(find(&listing(8..9), &all, &absences).brakes.is_empty());
        assert_eq!(find(&listing(8..9), &all, &Absences::default()).brakes.len(), 1);

        let idle = |updated| {
            move |number| Named { kind: ResourceKind::ChatRoom, age: ROOM_IDLE, updated, ..named(number) }
        };
        let rooms: Vec<_> = (0..9).map(idle(None)).collect();
        assert!(find(&listing(8..9), &rooms, &Absences::default()).brakes.is_empty());
        let used: Vec<_> = (0..9).map(idle(Some(OLD))).collect();
        assert_eq!(find(&listing(8..9), &used, &Absences::default()).brakes.len(), 1);
    }
}
