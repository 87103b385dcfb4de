//! Defects in the continuity of the records.

use super::Defect;

const CONTINUITY: &str = "src/controller/continuity.rs";
const CONTEXT: &str = "src/controller/context.rs";
const CLAIM: &str = "src/controller/username/claim.rs";

pub const DEFECTS: &[Defect] = &[
    Defect {
        name: "the renewal token is always the same",
        file: CONTINUITY,
        right: "        let next = Uuid::new_v4();
        let listed = match completeness {",
        wrong: "        let next = current;
        let listed = match completeness {",
    },
    Defect {
        name: "the renewal token is not checked when an attempt is opened",
        file: "src/controller/reconcile/resource.rs",
        right: "context.decision_context(K::KIND, self.basis.renewal_token)",
        wrong: "context.decision_context(K::KIND, None)",
    },
    Defect {
        name: "the renewal token is not checked when a username is claimed",
        file: CLAIM,
        right: "        renewal_token: basis.renewal_token,",
        wrong: "        renewal_token: None,",
    },
    Defect {
        name: "a renewal token that PostgreSQL does not have is inherited",
        file: CONTINUITY,
        right: "&& in_time(self.store.inherit_token(scope, inherited, next)).await?",
        wrong: "&& in_time(self.store.inherit_token(scope, inherited, next)).await.is_some()",
    },
    Defect {
        name: "the Lease gets a renewal token before AWS is listed",
        file: CONTINUITY,
        right: "let is_trusted = completeness != Completeness::Unproven;",
        wrong: "let is_trusted = true;",
    },
    Defect {
        name: "an older renewal token in the Lease is not noticed",
        file: CONTINUITY,
        right: "if !chain.in_lease.is_empty() && !is_lease_ours {",
        wrong: "if chain.in_lease.is_empty() && is_lease_ours {",
    },
    Defect {
        name: "a list from before a restore counts: its renewal tokens are ignored",
        file: CONTEXT,
        right: "latest.filter(|latest| latest.chain == chain.id)",
        wrong: "latest.filter(|latest| latest.chain == chain.id || latest.chain != chain.id)",
    },
    Defect {
        name: "orphans are ignored while only the renewal token is known",
        file: CLAIM,
        right: "        is_aws_listed: basis.is_aws_listed,",
        wrong: "        is_aws_listed: true,",
    },
    Defect {
        name: "the renewal token is passed on although records name another region",
        file: "src/controller/resync/mod.rs",
        right: "if context.halt().is_none() && context.nothing_listed().is_none() {",
        wrong: "if context.halt().is_none() || context.nothing_listed().is_none() {",
    },
];
