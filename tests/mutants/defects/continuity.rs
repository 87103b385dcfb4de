//! Defects in the continuity of the records.

use super::Defect;

const CONTINUITY: &str = "src/store/continuity.rs";
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
        right: "context.decision_context(K::KIND, self.basis)",
        wrong: "context.decision_context(K::KIND, &Default::default())",
    },
    Defect {
        name: "the renewal token is read before the wait for the call budget",
        file: "src/provision/create.rs",
        right: "    kind.admit().await?;
    let (begun, deadline) = (Instant::now(), context.timing.create_deadline());
    let token = context.records.token()?;",
        wrong: "    let token = context.records.token()?;
    kind.admit().await?;
    let (begun, deadline) = (Instant::now(), context.timing.create_deadline());",
    },
    Defect {
        name: "the list after a restore begins before AWS shows the latest resources: renewal token",
        file: "src/controller/resync/mod.rs",
        right: "tokio::time::sleep(context.timing.create_outcome()).await;",
        wrong: "tokio::time::sleep(context.timing.create_outcome() * 0).await;",
    },
    Defect {
        name: "the renewal token is not checked when a username is claimed",
        file: CLAIM,
        right: "        renewal_token: basis.records.token()?,
        is_aws_listed",
        wrong: "        renewal_token: basis.records.token()?.filter(|_| false),
        is_aws_listed",
    },
    Defect {
        name: "a renewal token that PostgreSQL does not have is inherited",
        file: CONTINUITY,
        right: "&& self.in_time(self.store.inherit_token(scope, inherited, next)).await?",
        wrong: "&& self.in_time(self.store.inherit_token(scope, inherited, next)).await.is_some()",
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
        right: "latest.filter(|latest| latest.chain == records.id())",
        wrong: "latest.filter(|latest| latest.chain == records.id() || latest.chain != records.id())",
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
        right: "if context.halt().is_none() && context.nothing_listed().is_none() && are_all_recorded {",
        wrong: "if (context.halt().is_none() || context.nothing_listed().is_none()) && are_all_recorded {",
    },
    Defect {
        name: "the renewal token is passed on although only tags name a resource",
        file: "src/provision/recorded_rows.rs",
        right: "let is_unnamed = |arn: &Arn| !rows.contains(arn) && !is_excused(arn);",
        wrong: "let is_unnamed = |arn: &Arn| !rows.contains(arn) && !is_excused(arn) && rows.len() == usize::MAX;",
    },
    Defect {
        name: "a resource without a row and without an open attempt counts as recorded",
        file: "src/controller/resync/records.rs",
        right: "is_recorded || open.is_some() && open == resource.attempt",
        wrong: "is_recorded || open == resource.attempt",
    },
];
