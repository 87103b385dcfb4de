//! Periodic checks of dependencies, for `/readyz` and for the log.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{admin::Gates, messages::readiness::CHECK_TIMED_OUT};

/// The result of a check: a note, or the reason why the gate is closed.
type CheckResult = Result<Option<String>, String>;

/// Maximum duration of a check. A dependency that does not answer is not ready.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// Time between two checks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Opens and closes a gate according to `check`, until `stop`. A check that succeeds may return a note for
/// people. Logs each change once.
pub async fn watch<C, F>(gates: Gates, gate: &'static str, stop: CancellationToken, check: C)
where
    C: Fn() -> F,
    F: Future<Output = CheckResult>,
{
    let mut last = None;
    loop {
        let now = tokio::select! {
            () = stop.cancelled() => return,
            now = timeout(CHECK_TIMEOUT, check()) => now.unwrap_or_else(|_| Err(CHECK_TIMED_OUT.to_owned())),
        };
        if last.as_ref() != Some(&now) {
            update(&gates, gate, &now);
            last = Some(now);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

fn update(gates: &Gates, gate: &'static str, now: &CheckResult) {
    match now {
        Ok(note) => {
            gates.open(gate);
            gates.note(gate, note.clone());
            tracing::info!(gate, note, "ready");
        }
        Err(reason) => {
            gates.close(gate, reason);
            gates.note(gate, None);
            tracing::warn!(gate, reason, "not ready, retrying");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn gate_follows_the_check() {
        let gates = Gates::shut(&["database"]);
        let checks = AtomicUsize::new(0);
        let check = async || match checks.fetch_add(1, Ordering::Relaxed) {
            0 => Err("refused".to_owned()),
            1 => Ok(Some("slow".to_owned())),
            _ => Err("gone again".to_owned()),
        };
        let (watched, stop) = (gates.clone(), CancellationToken::new());
        let observe = async {
            let mut seen = Vec::new();
            for _ in 0..3 {
                tokio::time::sleep(INTERVAL / 2).await;
                let (closed, notes) = (watched.closed(), watched.notes());
                seen.push([closed.get("database").cloned(), notes.get("database").cloned()]);
                tokio::time::sleep(INTERVAL / 2).await;
            }
            stop.cancel();
            seen
        };
        let (seen, ()) = tokio::join!(observe, watch(gates, "database", stop.clone(), check));
        let expected = [[Some("refused"), None], [None, Some("slow")], [Some("gone again"), None]];
        assert_eq!(seen, expected.map(|texts| texts.map(|text| text.map(str::to_owned))));
    }
}
