//! The places of the reconciles that run at the same time. Pure.

use std::num::NonZeroU16;

use crate::lanes::Lane;

/// Number of places beside the others that only changes by persons get. A reconcile that waits for a call
/// budget keeps its place, and those of a backlog all do.
const INTERACTIVE_PLACES: usize = 8;

/// The places that are taken.
#[derive(Debug)]
pub struct Places {
    /// Number of places for all lanes.
    shared: usize,
    interactive: usize,
    others: usize,
}

impl Places {
    /// Returns free places: so many for all lanes, and a few that only changes by persons get.
    pub fn new(shared: NonZeroU16) -> Self {
        Self { shared: shared.get().into(), interactive: 0, others: 0 }
    }

    /// Returns true if there is a free place for a lane.
    pub fn is_free(&self, lane: Lane) -> bool {
        let is_any_free = self.interactive + self.others < self.shared + INTERACTIVE_PLACES;
        is_any_free && (lane == Lane::Interactive || self.others < self.shared)
    }

    /// Takes a place.
    pub fn take(&mut self, lane: Lane) {
        *self.taken(lane) += 1;
    }

    /// Gives a place back.
    pub fn give_back(&mut self, lane: Lane) {
        *self.taken(lane) -= 1;
    }

    fn taken(&mut self, lane: Lane) -> &mut usize {
        if lane == Lane::Interactive { &mut self.interactive } else { &mut self.others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_leaves_places_for_persons() {
        let mut places = Places::new(NonZeroU16::MIN);
        places.take(Lane::Bulk);
        assert!(!places.is_free(Lane::Bulk) && !places.is_free(Lane::Background));
        for _ in 0..INTERACTIVE_PLACES {
            assert!(places.is_free(Lane::Interactive));
            places.take(Lane::Interactive);
        }
        assert!(!places.is_free(Lane::Interactive));
        places.give_back(Lane::Bulk);
        assert!(places.is_free(Lane::Bulk));
    }

    #[test]
    fn persons_use_the_other_places_too_if_those_are_free() {
        let mut places = Places::new(NonZeroU16::MIN);
        for _ in 0..=INTERACTIVE_PLACES {
            assert!(places.is_free(Lane::Interactive));
            places.take(Lane::Interactive);
        }
        assert!(Lane::ALL.into_iter().all(|lane| !places.is_free(lane)));
    }
}
