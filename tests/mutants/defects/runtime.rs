//! Defects in the watch, in the queue, and in the lease on the database.

use super::Defect;

const PLACES: &str = "src/lanes/places.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "a cluster starts although another holds the database",
        file: "src/controller/runtime/database_lease.rs",
        right: "                gates::close(gates, gates::CLUSTER, held_by(&other, cluster));
",
        wrong: "                gates::close(gates, gates::CLUSTER, held_by(&other, cluster));
                if other.expires_in <= cluster.takeover_after {
                    break;
                }
",
    },
    Defect {
        name: "a suspended cluster continues after another has taken over",
        file: "src/controller/runtime/database_lease.rs",
        right: "\"another cluster has taken over\");
                return;",
        wrong: "\"another cluster has taken over\");",
    },
    Defect {
        name: "a CRD that is deleted leaves the controller ready",
        file: "src/controller/runtime/watch.rs",
        right: "if is_crd_missing(error) {",
        wrong: "if is_crd_missing(error) && gates.closed().contains_key(gates::KUBERNETES) {",
    },
    Defect {
        name: "an object that is removed in spite of its finalizer is not cleaned up",
        file: "src/controller/changes.rs",
        right: "account.has_finalizer() && !account.is_being_deleted() && is_recent",
        wrong: "account.has_finalizer() && account.is_being_deleted() && is_recent",
    },
    Defect {
        name: "an object that is removed in etcd counts as deleted by a person",
        file: "src/controller/changes.rs",
        right: "account.has_finalizer() && !account.is_being_deleted() && is_recent",
        wrong: "account.has_finalizer() && !account.is_being_deleted() && (is_recent || added.is_some())",
    },
    Defect {
        name: "the addition of our finalizer causes a second reconcile",
        file: "src/controller/changes.rs",
        right: "} else if !before.has_finalizer || now.has_finalizer {",
        wrong: "} else if before.has_finalizer == now.has_finalizer {",
    },
    Defect {
        name: "a new account does not wait for older ones that may want its username",
        file: "src/controller/changes.rs",
        right: "Event::InitDone => self.requeue_changed(context),
            // An",
        wrong: "Event::Init => self.requeue_changed(context),
            Event::InitApply(account) => {
                self.record_listed(&account);
                self.requeue_changed(context);
            }
            Event::InitDone => {}
            // An",
    },
    Defect {
        name: "an account that gets a user while all are listed counts as gone",
        file: "src/controller/changes.rs",
        right: "            Event::Init | Event::Delete(_) => {}
            event @ (Event::InitApply(_) | Event::Apply(_)) => self.handle(event, context),",
        wrong: "            Event::Init => {}
            event => self.handle(event, context),",
    },
    Defect {
        name: "an account that changes during its reconcile is not reconciled again",
        file: "src/controller/queue/mod.rs",
        right: "*next = Some(next.map_or(turn, |next| next.merge(turn)))",
        wrong: "*next = next.map(|next| next.merge(turn))",
    },
    Defect {
        name: "an edit stays in the slow lane that its account waits in",
        file: "src/controller/queue/mod.rs",
        right: "                due.lane = turn.lane;
",
        wrong: "                due.lane = due.lane.max(turn.lane);
",
    },
    Defect {
        name: "a namespace with many accounts goes before one with few",
        file: "src/lanes/fair_queue.rs",
        right: "            self.turns.push_back(namespace);",
        wrong: "            self.turns.push_front(namespace);",
    },
    Defect {
        name: "the least urgent lane has the largest share",
        file: "src/lanes/mod.rs",
        right: "            Self::Interactive => 16,",
        wrong: "            Self::Interactive => 1,",
    },
    Defect {
        name: "an import counts as many persons",
        file: "src/controller/queue/change_rate.rs",
        right: "        if next > now + INTERVAL * BURST {",
        wrong: "        if next > now + INTERVAL * BURST * 1000 {",
    },
    Defect {
        name: "each change of an annotation causes a reconcile at once",
        file: "src/controller/changes.rs",
        right: "if latest > Instant::now() { latest } else { latest + MIN_ANNOTATION_INTERVAL }",
        wrong: "if latest > Instant::now() { latest } else { latest + MIN_ANNOTATION_INTERVAL * 0 }",
    },
    Defect {
        name: "a stream of annotations postpones the next reconcile for ever",
        file: "src/controller/changes.rs",
        right: "if latest > Instant::now() { latest }",
        wrong: "if latest > Instant::now() { latest + MIN_ANNOTATION_INTERVAL }",
    },
    Defect {
        name: "one who no longer waits uses up the budget",
        file: "src/ivs/budget.rs",
        right: ".any(|(_, admit)| admit.send(()).is_ok());",
        wrong: ".any(|(_, admit)| admit.send(()).map_or(true, |()| true));",
    },
    Defect {
        name: "an account that waits for a call budget keeps its place",
        file: "src/ivs/budget.rs",
        right: "        let _ = without_place(admitted).await;",
        wrong: "        without_place(async {}).await;
        let _ = admitted.await;",
    },
    Defect {
        name: "all accounts of a backlog begin and wait",
        file: PLACES,
        right: "*count < MAX_WAITING_OF_NAMESPACE && waiting.count < max_waiting(lane)",
        wrong: "*count < MAX_WAITING_OF_NAMESPACE * 1000",
    },
    Defect {
        name: "an account whose stage waits has no place while its channel is created",
        file: PLACES,
        right: "self.waiting > 0 && self.waiting >= self.branches",
        wrong: "self.waiting > 0 && self.waiting <= self.branches.max(self.waiting)",
    },
    Defect {
        name: "the waits for call budgets count towards the reconcile timeout",
        file: PLACES,
        right: "(limit + waited().saturating_sub(waited_before)).min(total)",
        wrong: "(limit + waited().saturating_sub(waited_before) * 0).min(total)",
    },
];
