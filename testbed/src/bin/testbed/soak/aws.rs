//! Fault injection into AWS: slow, eventually consistent, and failing in every way it can.

use std::time::Duration;

use ivs_simulator::{Fault, FaultKind, Garbage, Latency, Simulator};

const LIST_LAG: Duration = Duration::from_millis(700);
/// Delay until a call with a lost response takes effect: less than its timeout plus the grace.
const LATE: Duration = Duration::from_secs(2);
const SLOW: Duration = Duration::from_secs(1);

/// Returns the faults, each with its probability for a call of any operation.
fn faults() -> [(FaultKind, f64); 9] {
    let error = |status, code: &str| FaultKind::Error {
        code: code.to_owned(),
        status,
        message: "Injected by the simulator".to_owned(),
    };
    [
        (FaultKind::ExecuteThenDrop, 0.02),
        (FaultKind::Late { after: LATE }, 0.02),
        (FaultKind::Block, 0.01),
        (FaultKind::Hang, 0.003),
        (FaultKind::Throttle, 0.02),
        (error(500, "InternalServerException"), 0.01),
        (FaultKind::Html { status: 503 }, 0.005),
        (FaultKind::Garbage { form: Garbage::Truncated }, 0.005),
        (FaultKind::SlowBody { over: SLOW }, 0.005),
    ]
}

/// Injects latency, list lag, and faults from now on.
pub(super) fn inject_faults(simulator: &Simulator, seed: u64) {
    simulator.set_latency(Latency::distributed(Duration::from_millis(80), Duration::from_millis(900)));
    simulator.set_list_lag(LIST_LAG);
    for (kind, probability) in faults() {
        simulator.fault(Fault::new("*", kind).probability(probability, seed));
    }
}

/// Removes all faults and latency.
pub(super) fn clear_faults(simulator: &Simulator) {
    simulator.clear_faults();
    simulator.set_latency(Duration::ZERO);
    simulator.set_list_lag(Duration::ZERO);
}
