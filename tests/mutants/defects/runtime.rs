//! Defects in the watch and in the lease on the database.

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
];
