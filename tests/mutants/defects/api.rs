//! Defects in the API: how objects are read, and what they may say.

use super::Defect;

const OBSERVED: &str = "src/api/observed.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "tag keys are reserved in lower case only",
        file: "src/api/tags.rs",
        right: "start.eq_ignore_ascii_case(prefix)",
        wrong: "start == prefix",
    },
    Defect {
        name: "a deletion policy that cannot be read counts as Delete",
        file: OBSERVED,
        right: "policy.unwrap_or(Some(DeletionPolicy::Retain))",
        wrong: "policy.unwrap_or_default()",
    },
    Defect {
        name: "a status that can be read in part only counts as current",
        file: OBSERVED,
        right: "        parts.remove(\"observedGeneration\");",
        wrong: "        parts.remove(\"observed\");",
    },
];
