//! A queue with lanes. Pure.

use std::collections::{HashMap, VecDeque};

use super::{Lane, Origin};

/// Items that wait in lanes. Between the lanes, [`Self::pop`] chooses by weight; within a lane, it takes the
/// namespaces in turn, and of each the item that has waited longest.
#[derive(Debug)]
pub struct FairQueue<T> {
    lanes: [LaneQueue<T>; Lane::ALL.len()],
}

/// The items that wait in one lane.
#[derive(Debug)]
struct LaneQueue<T> {
    of_namespaces: HashMap<String, VecDeque<T>>,
    /// The namespaces with items, in the order of their turns.
    turns: VecDeque<String>,
    length: usize,
    /// Advantage over the other lanes (smooth weighted round robin).
    credit: i64,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        let lane =
            || LaneQueue { of_namespaces: HashMap::new(), turns: VecDeque::new(), length: 0, credit: 0 };
        Self { lanes: [lane(), lane(), lane()] }
    }
}

impl<T> FairQueue<T> {
    /// Adds an item.
    pub fn push(&mut self, origin: &Origin, item: T) {
        let lane = &mut self.lanes[origin.lane as usize];
        lane.length += 1;
        if let Some(items) = lane.of_namespaces.get_mut(&origin.namespace) {
            items.push_back(item);
            return;
        }
        lane.of_namespaces.insert(origin.namespace.clone(), VecDeque::from([item]));
        lane.turns.push_back(origin.namespace.clone());
    }

    /// Removes and returns the next item, with its lane.
    pub fn pop(&mut self) -> Option<(Lane, T)> {
        self.pop_from(|_| true, |_, _| true)
    }

    /// Removes and returns the next item of the open lanes and namespaces, with its lane. Few namespaces of
    /// an open lane should be closed, because each of them is passed over one by one.
    pub fn pop_from(
        &mut self,
        is_lane_open: impl Fn(Lane) -> bool,
        is_namespace_open: impl Fn(Lane, &str) -> bool,
    ) -> Option<(Lane, T)> {
        // The turn of the first open namespace of each open lane.
        let turns = Lane::ALL.map(|lane| {
            let turns = &self.lanes[lane as usize].turns;
            is_lane_open(lane)
                .then(|| turns.iter().position(|namespace| is_namespace_open(lane, namespace)))
                .flatten()
        });
        let waiting = || Lane::ALL.into_iter().filter(|lane| turns[*lane as usize].is_some());
        let mut total = 0;
        for lane in waiting() {
            self.lanes[lane as usize].credit += lane.weight();
            total += lane.weight();
        }
        // Of equal credits, the last counts, so the lanes are compared from the least urgent one.
        let next = waiting().rev().max_by_key(|lane| self.lanes[*lane as usize].credit)?;
        let queue = &mut self.lanes[next as usize];
        queue.credit -= total;
        let item = queue.pop(turns[next as usize]?)?;
        if queue.length == 0 {
            // An empty lane saves nothing up.
            queue.credit = 0;
        }
        Some((next, item))
    }

    /// Returns the number of items that wait in a lane.
    #[must_use]
    pub fn len(&self, lane: Lane) -> usize {
        self.lanes[lane as usize].length
    }

    /// Returns the numbers of items of each namespace in a lane, with the one that has waited longest.
    pub fn namespaces(&self, lane: Lane) -> impl Iterator<Item = (usize, &T)> {
        let all = self.lanes[lane as usize].of_namespaces.values();
        all.filter_map(|items| Some((items.len(), items.front()?)))
    }

    /// Returns true if no item waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.length == 0)
    }
}

impl<T> LaneQueue<T> {
    /// Removes and returns the next item of the namespace with this turn.
    fn pop(&mut self, turn: usize) -> Option<T> {
        let namespace = self.turns.remove(turn)?;
        let items = self.of_namespaces.get_mut(&namespace)?;
        let item = items.pop_front()?;
        self.length -= 1;
        if items.is_empty() {
            self.of_namespaces.remove(&namespace);
        } else {
            self.turns.push_back(namespace);
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(lane: Lane, namespace: &str) -> Origin {
        Origin { lane, namespace: namespace.to_owned() }
    }

    fn popped(queue: &mut FairQueue<&'static str>, count: usize) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).take(count).map(|(_, item)| item).collect()
    }

    #[test]
    fn a_person_goes_before_a_backlog() {
        let mut queue = FairQueue::default();
        for _ in 0..1000 {
            queue.push(&origin(Lane::Bulk, "import"), "import");
            queue.push(&origin(Lane::Background, "import"), "resync");
        }
        popped(&mut queue, 100);
        queue.push(&origin(Lane::Interactive, "import"), "person");
        assert!(popped(&mut queue, 2).contains(&"person"));
    }

    #[test]
    fn each_lane_gets_its_share_and_none_starves() {
        let mut queue = FairQueue::default();
        for _ in 0..1000 {
            queue.push(&origin(Lane::Interactive, "a"), "interactive");
            queue.push(&origin(Lane::Bulk, "a"), "bulk");
            queue.push(&origin(Lane::Background, "a"), "background");
        }
        let first = popped(&mut queue, 210);
        let count = |lane| first.iter().filter(|item| **item == lane).count();
        assert_eq!((count("interactive"), count("bulk"), count("background")), (160, 40, 10));
    }

    #[test]
    fn a_lane_that_is_not_open_is_skipped() {
        let mut queue = FairQueue::default();
        let pop = |queue: &mut FairQueue<_>| queue.pop_from(|lane| lane == Lane::Interactive, |_, _| true);
        queue.push(&origin(Lane::Bulk, "a"), "bulk");
        assert_eq!(pop(&mut queue), None);
        queue.push(&origin(Lane::Interactive, "a"), "person");
        assert_eq!(pop(&mut queue), Some((Lane::Interactive, "person")));
        assert_eq!(queue.len(Lane::Bulk), 1);
    }

    #[test]
    fn a_namespace_that_is_not_open_keeps_its_turn_and_lends_its_lane_nothing() {
        let mut queue = FairQueue::default();
        for item in ["a1", "a2"] {
            queue.push(&origin(Lane::Bulk, "a"), item);
        }
        for item in ["b1", "b2"] {
            queue.push(&origin(Lane::Bulk, "b"), item);
        }
        queue.push(&origin(Lane::Background, "a"), "later");
        let without_a = |queue: &mut FairQueue<_>| {
            queue.pop_from(|_| true, |lane, namespace| (lane, namespace) != (Lane::Bulk, "a"))
        };
        assert_eq!(without_a(&mut queue), Some((Lane::Bulk, "b1")));
        assert_eq!(queue.pop(), Some((Lane::Bulk, "a1")));
        assert_eq!(without_a(&mut queue), Some((Lane::Background, "later")));
        assert_eq!(without_a(&mut queue), Some((Lane::Bulk, "b2")));
        assert_eq!(without_a(&mut queue), None);
        assert_eq!(popped(&mut queue, 9), ["a2"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn an_empty_lane_saves_nothing_up() {
        let mut queue = FairQueue::default();
        for _ in 0..100 {
            queue.push(&origin(Lane::Background, "a"), "background");
        }
        popped(&mut queue, 90);
        for _ in 0..30 {
            queue.push(&origin(Lane::Bulk, "a"), "bulk");
        }
        let first = popped(&mut queue, 25);
        assert_eq!(first.iter().filter(|item| **item == "bulk").count(), 20);
    }

    #[test]
    fn namespaces_take_turns_whatever_their_number_of_items() {
        let mut queue = FairQueue::default();
        for item in ["a1", "a2", "a3"] {
            queue.push(&origin(Lane::Bulk, "a"), item);
        }
        queue.push(&origin(Lane::Bulk, "b"), "b1");
        assert_eq!(queue.len(Lane::Bulk), 4);
        assert_eq!(popped(&mut queue, 9), ["a1", "b1", "a2", "a3"]);
        assert_eq!(queue.len(Lane::Bulk), 0);
    }
}
