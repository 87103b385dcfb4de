//! The writes that the API server has counted.

use testbed::{Error, Tenant};

/// Metric of the API server's requests, by verb and resource.
const COUNTER: &str = "apiserver_request_total{";
const VERBS: [&str; 5] = ["POST", "PUT", "PATCH", "APPLY", "DELETE"];

/// Number of writes of each resource, by any client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Writes {
    /// Accounts, including status.
    pub(super) accounts: u64,
    pub(super) secrets: u64,
    pub(super) events: u64,
}

impl Writes {
    pub(super) async fn read(tenant: &Tenant) -> Result<Self, Error> {
        let request = hyper::Request::get("/metrics").body(Vec::new());
        let request = request.map_err(|e| Error::Unexpected(e.to_string()))?;
        let text = tenant.kube().request_text(request).await;
        let text = text.map_err(|e| Error::Kube {
            action: "read the API server's metrics".into(),
            source: Box::new(e),
        })?;
        Ok(Self::of(&text))
    }

    fn of(metrics: &str) -> Self {
        let mut writes = Self::default();
        for line in metrics.lines().filter_map(|line| line.strip_prefix(COUNTER)) {
            let Some((labels, count)) = line.rsplit_once("} ") else { continue };
            let label = |name: &str| {
                labels
                    .split(',')
                    .find_map(|label| label.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
            };
            if !label("verb").is_some_and(|verb| VERBS.contains(&verb)) {
                continue;
            }
            let count: u64 = count.parse().unwrap_or_default();
            match label("resource") {
                Some("streameraccounts") => writes.accounts += count,
                Some("secrets") => writes.secrets += count,
                Some("events") => writes.events += count,
                _ => {}
            }
        }
        writes
    }

    /// Returns the writes since `before`.
    pub(super) fn since(self, before: &Self) -> Self {
        Self {
            accounts: self.accounts - before.accounts,
            secrets: self.secrets - before.secrets,
            events: self.events - before.events,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_counted_and_reads_are_not() {
        let metrics = r#"
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="streamcat.dev",resource="streameraccounts",scope="resource",subresource="status",verb="APPLY",version="v1alpha1"} 7
apiserver_request_total{code="201",component="apiserver",dry_run="",group="streamcat.dev",resource="streameraccounts",scope="resource",subresource="",verb="POST",version="v1alpha1"} 2
apiserver_request_total{code="200",component="apiserver",dry_run="",group="streamcat.dev",resource="streameraccounts",scope="resource",subresource="",verb="GET",version="v1alpha1"} 30
apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="POST",version="v1"} 3
apiserver_request_total{code="201",component="apiserver",dry_run="",group="events.k8s.io",resource="events",scope="resource",subresource="",verb="POST",version="v1"} 4"#;
        assert_eq!(Writes::of(metrics), Writes { accounts: 9, secrets: 3, events: 4 });
    }
}
