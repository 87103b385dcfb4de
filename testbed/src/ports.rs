//! Free ports on loopback.

use std::future::Future;
use std::net::TcpListener;

use crate::Error;

/// Returns distinct ports that are free now on loopback. All are held until the last one is found.
pub(crate) fn free<const N: usize>() -> Result<[u16; N], Error> {
    let failed = || Error::io("find a free port on 127.0.0.1");
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed())?;
        *port = listener.local_addr().map_err(failed())?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Runs `start`, and runs it once more if a port was in use: another process can take a port after it was
/// found free.
pub(crate) async fn retry_if_port_taken<T, F: Future<Output = Result<T, Error>>>(
    mut start: impl FnMut() -> F,
) -> Result<T, Error> {
    match start().await {
        Err(Error::Ended { tail, .. }) if tail.to_lowercase().contains("address already in use") => {
            start().await
        }
        outcome => outcome,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test panics")]
mod tests {
    use super::*;
    use crate::process::{Launch, StopSignal};
    use std::time::Duration;

    #[test]
    fn free_ports_differ() {
        let [one, two, three] = free().unwrap();
        assert!(one != two && two != three && one != three);
    }

    #[tokio::test]
    async fn a_taken_port_is_retried_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut tries = 0;
        let outcome = retry_if_port_taken(|| {
            tries += 1;
            let launch = Launch::new("a server", "sh", folder.path().join("log"), StopSignal::Kill);
            let script = "echo listen tcp 127.0.0.1:1: bind: address already in use; exit 1";
            let mut server = launch.args(["-c", script]).start().unwrap();
            async move { server.until("it listens", Duration::from_secs(20), || async { false }).await }
        })
        .await;
        assert!(matches!(outcome, Err(Error::Ended { .. })), "{outcome:?}");
        assert_eq!(tries, 2);
    }
}
