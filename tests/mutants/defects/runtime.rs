//! Defects in the watch, in the queue, and in the lease on the database.

use super::Defect;

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
        right: "(before.has_finalizer && !now.has_finalizer)",
        wrong: "before.has_finalizer != now.has_finalizer",
    },
    Defect {
        name: "an account that changes during its reconcile is not reconciled again",
        file: "src/controller/queue.rs",
        right: "*next = Some(next.map_or(at, |next| next.min(at)))",
        wrong: "*next = next.map(|next| next.min(at))",
    },
];
