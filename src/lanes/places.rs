//! The places of the tasks that run at the same time. A task gives its place back while it waits.

use std::{
    collections::HashMap,
    num::NonZeroU16,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{Lane, Origin};
use crate::lock::lock;

/// Number of places beside the others that only changes by persons get.
const INTERACTIVE_PLACES: usize = 8;

/// Number of tasks of one lane and one namespace that may wait before no further one begins. Each holds
/// memory, and a longer line makes no call come earlier.
const MAX_WAITING_OF_NAMESPACE: usize = 16;

/// Number of tasks of a lane that may wait before no further one of their namespaces begins.
const fn max_waiting(lane: Lane) -> usize {
    match lane {
        Lane::Interactive | Lane::Bulk => 96,
        // Its share of the calls is small, so that a longer line would take minutes.
        Lane::Background => 24,
    }
}

/// Number of tasks of a lane that may wait besides, the first of their namespaces: what others wait for need
/// not be what they need.
const fn max_first_waiting(lane: Lane) -> usize {
    match lane {
        Lane::Interactive | Lane::Bulk => 64,
        Lane::Background => 16,
    }
}

tokio::task_local! {
    static PLACE: Arc<Place>;
}

/// The places of all tasks.
#[derive(Debug)]
pub struct Places {
    /// Number of places for all lanes.
    shared: usize,
    state: Mutex<State>,
    /// Notified when a place is given back, or a task stops waiting.
    changed: Notify,
}

/// The places that are taken, and the tasks that wait without one.
#[derive(Debug, Default)]
struct State {
    interactive: usize,
    others: usize,
    waiting: [WaitingTasks; Lane::ALL.len()],
}

/// The tasks of one lane that wait.
#[derive(Debug, Default)]
struct WaitingTasks {
    count: usize,
    of_namespaces: HashMap<String, usize>,
}

impl State {
    fn taken(&mut self, lane: Lane) -> &mut usize {
        if lane == Lane::Interactive { &mut self.interactive } else { &mut self.others }
    }

    fn add_waiting(&mut self, origin: &Origin) {
        let waiting = &mut self.waiting[origin.lane as usize];
        waiting.count += 1;
        if let Some(count) = waiting.of_namespaces.get_mut(&origin.namespace) {
            *count += 1;
        } else {
            waiting.of_namespaces.insert(origin.namespace.clone(), 1);
        }
    }

    fn remove_waiting(&mut self, origin: &Origin) {
        let waiting = &mut self.waiting[origin.lane as usize];
        waiting.count -= 1;
        if let Some(count) = waiting.of_namespaces.get_mut(&origin.namespace) {
            *count -= 1;
            if *count == 0 {
                waiting.of_namespaces.remove(&origin.namespace);
            }
        }
    }
}

impl Places {
    /// Returns free places: so many for all lanes, and a few that only changes by persons get.
    #[must_use]
    pub fn new(shared: NonZeroU16) -> Arc<Self> {
        Arc::new(Self { shared: shared.get().into(), state: Mutex::default(), changed: Notify::new() })
    }

    /// Returns the openings, which do not change as long as the result exists.
    pub fn openings(&self) -> Openings<'_> {
        Openings { shared: self.shared, state: lock(&self.state) }
    }

    /// Takes a place for a task. The caller has checked that there is one.
    #[must_use]
    pub fn take(self: &Arc<Self>, origin: Origin) -> Place {
        *lock(&self.state).taken(origin.lane) += 1;
        Place { places: Arc::clone(self), origin, activity: Mutex::default() }
    }

    /// Waits until the openings may have changed since the latest call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// The lanes and namespaces in which a task may begin now.
#[derive(Debug)]
pub struct Openings<'a> {
    shared: usize,
    state: MutexGuard<'a, State>,
}

impl Openings<'_> {
    /// Returns true if there is a free place for a lane, and not too many of its tasks wait in all.
    #[must_use]
    pub fn is_lane_open(&self, lane: Lane) -> bool {
        let State { interactive, others, ref waiting } = *self.state;
        // Those that continued without a free place do not take one from persons.
        let is_any_free = interactive + others.min(self.shared) < self.shared + INTERACTIVE_PLACES;
        let is_free = is_any_free && (lane == Lane::Interactive || others < self.shared);
        is_free && waiting[lane as usize].count < max_waiting(lane) + max_first_waiting(lane)
    }

    /// Returns true unless too many tasks of the lane and the namespace wait.
    #[must_use]
    pub fn is_namespace_open(&self, lane: Lane, namespace: &str) -> bool {
        let waiting = &self.state.waiting[lane as usize];
        let is_open = |count: &usize| *count < MAX_WAITING_OF_NAMESPACE && waiting.count < max_waiting(lane);
        waiting.of_namespaces.get(namespace).is_none_or(is_open)
    }
}

/// The place of a task, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    origin: Origin,
    activity: Mutex<Activity>,
}

/// The activity of a task.
#[derive(Debug, Default)]
struct Activity {
    /// Number of its branches that run or wait at the same time. Zero if it has none.
    branches: usize,
    /// Number of its branches that wait.
    waiting: usize,
    /// Time since which the whole task waits. It has no place then.
    waits_since: Option<Instant>,
    /// Time that it waited before.
    waited: Duration,
}

impl Activity {
    /// Returns true if nothing of the task runs.
    fn is_waiting(&self) -> bool {
        self.waiting > 0 && self.waiting >= self.branches
    }
}

impl Place {
    /// Runs a task that has this place, in the lane and for the namespace that it was taken for.
    pub async fn scope<F: Future>(self, task: F) -> F::Output {
        let origin = self.origin.clone();
        PLACE.scope(Arc::new(self), origin.scope(task)).await
    }

    /// Changes the activity. Gives the place back if the task now waits. If it no longer does, takes a place
    /// even if none is free: what it waited for was given out by lane already, and must not be kept waiting.
    /// The next task begins later instead.
    fn change(&self, change: impl FnOnce(&mut Activity)) {
        let mut activity = lock(&self.activity);
        change(&mut activity);
        match (activity.waits_since, activity.is_waiting()) {
            (None, true) => {
                activity.waits_since = Some(Instant::now());
                let mut state = lock(&self.places.state);
                *state.taken(self.origin.lane) -= 1;
                state.add_waiting(&self.origin);
            }
            (Some(since), false) => {
                activity.waits_since = None;
                activity.waited += since.elapsed();
                let mut state = lock(&self.places.state);
                *state.taken(self.origin.lane) += 1;
                state.remove_waiting(&self.origin);
            }
            _ => return,
        }
        self.places.changed.notify_one();
    }

    /// Returns the time that the whole task has waited.
    fn waited(&self) -> Duration {
        let activity = lock(&self.activity);
        activity.waited + activity.waits_since.map(|since| since.elapsed()).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whatever waited or branched was dropped before.
        *lock(&self.places.state).taken(self.origin.lane) -= 1;
        self.places.changed.notify_one();
    }
}

/// A change of the activity of a task that is undone when it is dropped.
struct Temporary {
    place: Arc<Place>,
    undo: fn(&mut Activity),
}

impl Temporary {
    /// Changes the activity of the current task. None if it has no place.
    fn begin(change: fn(&mut Activity), undo: fn(&mut Activity)) -> Option<Self> {
        let place = PLACE.try_with(Arc::clone).ok()?;
        place.change(change);
        Some(Self { place, undo })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.place.change(self.undo);
    }
}

/// Waits. The current task has no place while each of its branches waits.
pub async fn without_place<F: Future>(wait: F) -> F::Output {
    let _waiting = Temporary::begin(|activity| activity.waiting += 1, |activity| activity.waiting -= 1);
    wait.await
}

/// Returns a branch of the current task, one of several that run at the same time.
pub fn branch<F: Future>(task: F) -> impl Future<Output = F::Output> {
    // Counted before the first branch runs, which would otherwise seem to be the only one.
    let branch = Temporary::begin(|activity| activity.branches += 1, |activity| activity.branches -= 1);
    async move {
        let _branch = branch;
        task.await
    }
}

/// Runs a part of the current task for at most `limit`, less the time in which the task waited without a
/// place, and for at most `total`. Returns None if it takes longer.
pub async fn timeout<F: Future>(limit: Duration, total: Duration, task: F) -> Option<F::Output> {
    let waited = || PLACE.try_with(|place| place.waited()).unwrap_or_default();
    let (begun, waited_before) = (Instant::now(), waited());
    let over = async {
        loop {
            let end = begun + (limit + waited().saturating_sub(waited_before)).min(total);
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    };
    tokio::select! {
        biased;
        output = task => Some(output),
        () = over => None,
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};

    use futures::{FutureExt, future::join};
    use tokio::{sync::oneshot, time::sleep};

    use super::*;

    fn origin(lane: Lane, namespace: &str) -> Origin {
        Origin { lane, namespace: namespace.to_owned() }
    }

    fn is_open(places: &Places, lane: Lane, namespace: &str) -> bool {
        let openings = places.openings();
        openings.is_lane_open(lane) && openings.is_namespace_open(lane, namespace)
    }

    /// A task that waits in the background, and the end of its wait.
    fn waiting_task(
        places: &Arc<Places>,
        origin: Origin,
    ) -> (Pin<Box<dyn Future<Output = ()>>>, oneshot::Sender<()>) {
        let (end, ended) = oneshot::channel();
        let mut task = Box::pin(places.take(origin).scope(async {
            let _ = without_place(ended).await;
            std::future::pending::<()>().await;
        }));
        assert!(task.as_mut().now_or_never().is_none());
        (task, end)
    }

    #[test]
    fn a_backlog_leaves_places_for_persons() {
        let places = Places::new(NonZeroU16::MIN);
        let bulk = places.take(origin(Lane::Bulk, "a"));
        assert!(!is_open(&places, Lane::Bulk, "a") && !is_open(&places, Lane::Background, "b"));
        let persons: Vec<_> = (0..INTERACTIVE_PLACES)
            .map(|_| {
                assert!(is_open(&places, Lane::Interactive, "a"));
                places.take(origin(Lane::Interactive, "a"))
            })
            .collect();
        assert!(!is_open(&places, Lane::Interactive, "a"));
        drop(bulk);
        assert!(is_open(&places, Lane::Bulk, "a"));
        drop(persons);
    }

    #[test]
    fn persons_use_the_other_places_too_if_those_are_free() {
        let places = Places::new(NonZeroU16::MIN);
        let mut persons = Vec::new();
        for _ in 0..=INTERACTIVE_PLACES {
            assert!(is_open(&places, Lane::Interactive, "a"));
            persons.push(places.take(origin(Lane::Interactive, "a")));
        }
        assert!(Lane::ALL.into_iter().all(|lane| !is_open(&places, lane, "b")));
    }

    #[test]
    fn a_task_that_waits_holds_no_place_and_continues_without_a_free_one() {
        let places = Places::new(NonZeroU16::MIN);
        let (mut task, end) = waiting_task(&places, origin(Lane::Bulk, "a"));
        assert!(is_open(&places, Lane::Bulk, "a"));
        let other = places.take(origin(Lane::Bulk, "b"));
        end.send(()).expect("it waits");
        assert!(task.as_mut().now_or_never().is_none());
        let persons: Vec<_> =
            (1..INTERACTIVE_PLACES).map(|_| places.take(origin(Lane::Interactive, "a"))).collect();
        assert!(is_open(&places, Lane::Interactive, "a"), "the last place of persons is free");
        drop((persons, other));
        assert!(!is_open(&places, Lane::Bulk, "b"), "the task has a place again");
        drop(task);
        assert!(is_open(&places, Lane::Bulk, "b"));
    }

    #[test]
    fn a_task_keeps_its_place_while_one_of_its_branches_runs() {
        let places = Places::new(NonZeroU16::MIN);
        let (end, ended) = oneshot::channel::<()>();
        let mut task = pin!(places.take(origin(Lane::Bulk, "a")).scope(async {
            let waits = || branch(without_place(std::future::pending::<()>()));
            let works = branch(async { ended.await.expect("an end") });
            join(join(waits(), waits()), works).await
        }));
        assert!(task.as_mut().now_or_never().is_none());
        assert!(!is_open(&places, Lane::Bulk, "b"));
        end.send(()).expect("it runs");
        assert!(task.as_mut().now_or_never().is_none());
        assert!(is_open(&places, Lane::Bulk, "b"), "the other branches wait");
    }

    #[test]
    fn the_tasks_that_wait_are_bounded_in_each_namespace_and_lane() {
        let places = Places::new(NonZeroU16::MIN);
        let mut waiting = Vec::new();
        let namespaces = ["a", "b", "c", "d", "e", "f"];
        for namespace in namespaces {
            for _ in 0..MAX_WAITING_OF_NAMESPACE {
                assert!(is_open(&places, Lane::Bulk, namespace));
                waiting.push(waiting_task(&places, origin(Lane::Bulk, namespace)));
            }
            assert!(!is_open(&places, Lane::Bulk, namespace));
        }
        for number in 0..max_first_waiting(Lane::Bulk) {
            let another = format!("another-{number}");
            assert!(is_open(&places, Lane::Bulk, &another), "nothing of it waits");
            waiting.push(waiting_task(&places, origin(Lane::Bulk, &another)));
            assert!(!is_open(&places, Lane::Bulk, &another));
        }
        assert!(!is_open(&places, Lane::Bulk, "last"), "the lane is full");
        assert!(is_open(&places, Lane::Interactive, "a") && is_open(&places, Lane::Background, "a"));
        waiting.clear();
        assert!(is_open(&places, Lane::Bulk, "a"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_timeout_does_not_count_waits_up_to_a_total() {
        let places = Places::new(NonZeroU16::MIN);
        let seconds = Duration::from_secs;
        let run = async |wait: Duration, work: Duration| {
            let task = async {
                without_place(sleep(wait)).await;
                sleep(work).await;
            };
            let place = places.take(origin(Lane::Bulk, "a"));
            place.scope(timeout(seconds(10), seconds(100), task)).await.is_some()
        };
        assert!(run(seconds(80), seconds(9)).await);
        assert!(!run(seconds(80), seconds(11)).await);
        assert!(!run(seconds(101), seconds(1)).await);
    }
}
