//! Creates and deletes in AWS, from the simulator's journal.

use std::collections::BTreeSet;
use std::fmt;

use ivs_simulator::Call;
use testbed::Tenant;

use super::snapshot::KINDS;

/// Create and delete operations of each kind, in the order of [`KINDS`].
const OPERATIONS: [(&str, &str); 3] =
    [("CreateChannel", "DeleteChannel"), ("CreateRoom", "DeleteRoom"), ("CreateStage", "DeleteStage")];
/// Maximum number of calls that are printed about one account; the last ones are kept.
const MAX_CALLS: usize = 60;

/// Numbers of created and deleted resources.
pub(super) struct Ledger {
    /// Created and deleted resources of each kind.
    kinds: [(usize, usize); 3],
    calls: usize,
    faults: usize,
}

impl Ledger {
    pub(super) fn of(tenant: &Tenant) -> Self {
        let calls = tenant.simulator().calls();
        let faults = calls.iter().filter(|call| call.fault.is_some()).count();
        Self {
            kinds: OPERATIONS.map(|operations| made_and_deleted(&calls, operations)),
            calls: calls.len(),
            faults,
        }
    }
}

fn made_and_deleted(calls: &[Call], (create, delete): (&str, &str)) -> (usize, usize) {
    let done = || calls.iter().filter(|call| call.effected.is_some() && call.error.is_none());
    let made: BTreeSet<_> =
        done().filter(|call| call.operation == create).filter_map(|call| call.created.as_deref()).collect();
    let deleted: BTreeSet<_> = done()
        .filter(|call| call.operation == delete)
        .filter_map(|call| call.resource.as_deref())
        .filter(|arn| made.contains(arn))
        .collect();
    (made.len(), deleted.len())
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((name, ..), (made, deleted)) in KINDS.iter().zip(&self.kinds) {
            writeln!(
                f,
                "{:<12} creates {made}, deletes {deleted}, left {}",
                format!("{name}s"),
                made - deleted
            )?;
        }
        writeln!(f, "AWS          {} calls, {} of them with an injected fault", self.calls, self.faults)
    }
}

/// Returns the calls about an account, as text.
pub(super) fn call_log(tenant: &Tenant, account: &str) -> String {
    let calls = tenant.simulator().calls();
    let lines: Vec<_> = calls.iter().filter(|call| call.is_about(account)).map(line).collect();
    let from = lines.len().saturating_sub(MAX_CALLS);
    format!("calls to AWS about {account}:\n{}", lines[from..].join("\n"))
}

fn line(call: &Call) -> String {
    let seconds = |time: std::time::Duration| format!("{:.3}", time.as_secs_f64());
    let moment = |time: Option<std::time::Duration>| time.map_or_else(|| "never".to_owned(), seconds);
    format!(
        "  {}  {} {} {} effected {} answered {} status {} {}{}{}",
        seconds(call.arrived),
        call.access_key.as_deref().unwrap_or("nobody"),
        call.operation,
        call.resource.as_deref().unwrap_or_default(),
        moment(call.effected),
        moment(call.answered),
        call.status,
        call.error.as_deref().unwrap_or_default(),
        call.fault.as_deref().map(|fault| format!(" fault {fault}")).unwrap_or_default(),
        call.created.as_deref().map(|arn| format!(" made {arn}")).unwrap_or_default(),
    )
}
