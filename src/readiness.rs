//! Looks again and again whether what we need is there, for `/readyz` and for the log.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::admin::Gates;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Opens and shuts one gate as `check` says, until `stop`; each change is logged once.
pub async fn watch<C, F>(gates: Gates, gate: &'static str, stop: CancellationToken, check: C)
where
    C: Fn() -> F,
    F: Future<Output = Result<(), String>>,
{
    let mut last = None;
    loop {
        let now = tokio::select! {
            () = stop.cancelled() => return,
            now = check() => now,
        };
        if last.as_ref() != Some(&now) {
            tell(&gates, gate, &now);
            last = Some(now);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

fn tell(gates: &Gates, gate: &'static str, now: &Result<(), String>) {
    match now {
        Ok(()) => {
            gates.open(gate);
            tracing::info!(gate, "ready");
        }
        Err(reason) => {
            gates.close(gate, reason);
            tracing::warn!(gate, reason, "not ready, trying again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_gate_follows_what_is_seen() {
        let gates = Gates::shut(&["database"]);
        let looks = AtomicUsize::new(0);
        let check = async || match looks.fetch_add(1, Ordering::Relaxed) {
            0 => Err("refused".to_owned()),
            1 => Ok(()),
            _ => Err("gone again".to_owned()),
        };
        let (watched, stop) = (gates.clone(), CancellationToken::new());
        let look = async {
            let mut seen = Vec::new();
            for _ in 0..3 {
                tokio::time::sleep(INTERVAL / 2).await;
                seen.push(watched.closed().get("database").cloned());
                tokio::time::sleep(INTERVAL / 2).await;
            }
            stop.cancel();
            seen
        };
        let (seen, ()) = tokio::join!(look, watch(gates, "database", stop.clone(), check));
        assert_eq!(seen, [Some("refused".to_owned()), None, Some("gone again".to_owned())]);
    }
}
