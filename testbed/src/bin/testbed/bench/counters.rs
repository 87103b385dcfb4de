//! The work that the API server, PostgreSQL, and the controller itself have counted.

use std::ops::Sub;
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use testbed::threshold::Threshold;
use testbed::{Error, Operator, Tenant, http};

use super::report::{Report, figure};

/// Metric of the API server's requests, by verb and resource.
const COUNTER: &str = "apiserver_request_total{";
const WRITES: [&str; 5] = ["POST", "PUT", "PATCH", "APPLY", "DELETE"];
const READS: [&str; 2] = ["GET", "LIST"];
/// Time after which an idle session of PostgreSQL has reported its counts (10 s).
const SESSION_REPORT: Duration = Duration::from_millis(10_500);
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Requests to the API server, by any client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ApiRequests {
    /// Writes of accounts, without their status.
    pub(super) accounts: u64,
    pub(super) statuses: u64,
    pub(super) secrets: u64,
    pub(super) events: u64,
    /// Reads of accounts, Secrets, and namespaces. A watch does not count.
    pub(super) reads: u64,
}

impl ApiRequests {
    pub(super) async fn read(tenant: &Tenant) -> Result<Self, Error> {
        let request = hyper::Request::get("/metrics").body(Vec::new());
        let request = request.map_err(|e| Error::Unexpected(e.to_string()))?;
        let text = tenant.kube().request_text(request).await;
        Ok(Self::of(&text.map_err(Error::kube("read the API server's metrics"))?))
    }

    fn of(metrics: &str) -> Self {
        let mut requests = Self::default();
        for line in metrics.lines().filter_map(|line| line.strip_prefix(COUNTER)) {
            let Some((labels, count)) = line.rsplit_once("} ") else { continue };
            let label = |name: &str| {
                labels
                    .split(',')
                    .find_map(|label| label.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
                    .unwrap_or_default()
            };
            let count: u64 = count.parse().unwrap_or_default();
            let verb = label("verb");
            match (label("resource"), label("subresource")) {
                ("streameraccounts" | "secrets" | "namespaces", _) if READS.contains(&verb) => {
                    requests.reads += count;
                }
                _ if !WRITES.contains(&verb) => {}
                ("streameraccounts", "status") => requests.statuses += count,
                ("streameraccounts", _) => requests.accounts += count,
                ("secrets", _) => requests.secrets += count,
                ("events", _) => requests.events += count,
                _ => {}
            }
        }
        requests
    }
}

impl Sub for ApiRequests {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            accounts: self.accounts - before.accounts,
            statuses: self.statuses - before.statuses,
            secrets: self.secrets - before.secrets,
            events: self.events - before.events,
            reads: self.reads - before.reads,
        }
    }
}

/// The work of PostgreSQL in a tenant's database.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DatabaseWork {
    pub(super) transactions: u64,
    /// Rows inserted, updated, or deleted.
    pub(super) rows: u64,
}

impl DatabaseWork {
    /// Waits until the sessions of PostgreSQL have reported their work, and returns it.
    pub(super) async fn read_settled(tenant: &Tenant) -> Result<Self, Error> {
        tokio::time::sleep(SESSION_REPORT).await;
        Self::read(tenant).await
    }

    async fn read(tenant: &Tenant) -> Result<Self, Error> {
        // Over a connection to another database, whose own transactions do not count.
        let (server, database) = tenant.database_url().rsplit_once('/').unwrap_or_default();
        let query = "select xact_commit + xact_rollback, tup_inserted + tup_updated + tup_deleted
                     from pg_stat_database where datname = $1";
        let work = async {
            let mut connection = PgConnection::connect(&format!("{server}/postgres")).await?;
            let row: (i64, i64) = sqlx::query_as(query).bind(database).fetch_one(&mut connection).await?;
            connection.close().await?;
            Ok(row)
        };
        let failed = |source| Error::Sql { action: "read pg_stat_database".into(), source };
        let (transactions, rows) = work.await.map_err(failed)?;
        Ok(Self { transactions: transactions.unsigned_abs(), rows: rows.unsigned_abs() })
    }
}

impl Sub for DatabaseWork {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { transactions: self.transactions - before.transactions, rows: self.rows - before.rows }
    }
}

/// Everything that was counted until a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) api: ApiRequests,
    pub(super) database: DatabaseWork,
}

impl Work {
    /// Waits until all writes are done and counted, and returns the counts: events are written after Ready,
    /// and a session of PostgreSQL reports late what it did.
    pub(super) async fn read_settled(tenant: &Tenant) -> Result<Self, Error> {
        let mut api = ApiRequests::read(tenant).await?;
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let later = ApiRequests::read(tenant).await?;
            if later == api {
                break;
            }
            api = later;
        }
        Ok(Self { api, database: DatabaseWork::read_settled(tenant).await? })
    }

    /// Adds the work per account to a report.
    pub(super) fn add_to(&self, report: &mut Report, accounts: usize) {
        let per_account = |count: u64| figure(count) / figure(accounts as u64);
        let Self { api, database } = self;
        // The goals are 5 and 10. The controller's regular work is known only approximately.
        let (transactions, rows) = (per_account(database.transactions), per_account(database.rows));
        report.add_with_goal("SQL transactions per account", transactions, Threshold::Below(5.5));
        report.add_with_goal("SQL rows written per account", rows, Threshold::Below(10.5));
        report.add("status writes per account", per_account(api.statuses));
        report.add("events written per account", per_account(api.events));
        report.add("reads of the API server per account", per_account(api.reads));
    }
}

/// A measurement of the work of a benchmark, without what the controller does regularly.
pub(super) struct Meter {
    before: Work,
    begun: Instant,
    /// Work of PostgreSQL, and the time in which it was done, before the benchmark.
    idle: (DatabaseWork, Duration),
}

impl Meter {
    /// Observes the idle controller, and begins the measurement.
    pub(super) async fn start(tenant: &Tenant) -> Result<Self, Error> {
        let (first, observed) = (Work::read_settled(tenant).await?, Instant::now());
        let before = Work::read_settled(tenant).await?;
        let idle = (before.database - first.database, observed.elapsed());
        Ok(Self { before, begun: Instant::now(), idle })
    }

    /// Returns the work since the start.
    pub(super) async fn finish(self, tenant: &Tenant) -> Result<Work, Error> {
        let work = Work::read_settled(tenant).await?;
        let (idle, observed) = self.idle;
        let times = self.begun.elapsed().div_duration_f64(observed);
        let DatabaseWork { transactions, rows } = work.database - self.before.database;
        let database = DatabaseWork {
            transactions: transactions.saturating_sub(scaled(idle.transactions, times)),
            rows: rows.saturating_sub(scaled(idle.rows, times)),
        };
        Ok(Work { api: work.api - self.before.api, database })
    }
}

fn scaled(count: u64, times: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "both are small and positive"
    )]
    let scaled = (figure(count) * times).ceil() as u64;
    scaled
}

/// Counts in the controller's own metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ControllerCounts {
    /// Finished reconciles.
    pub(super) reconciles: f64,
    /// Unix time of the latest resync that succeeded; 0 before the first one.
    pub(super) last_resync: f64,
}

impl ControllerCounts {
    pub(super) async fn read(controller: &Operator) -> Result<Self, Error> {
        let metrics = http::get(&format!("{}/metrics", controller.admin_url())).await?.body;
        Ok(Self {
            reconciles: sum(&metrics, "controller_runtime_reconcile_total"),
            last_resync: sum(&metrics, "streamcat_last_resync_timestamp_seconds"),
        })
    }
}

/// Returns the sum of a metric over all labels.
fn sum(metrics: &str, name: &str) -> f64 {
    let values = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_resource_and_verb() {
        let metrics = r#"
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="streamcat.dev",resource="streameraccounts",scope="resource",subresource="status",verb="APPLY",version="v1alpha1"} 7
apiserver_request_total{code="201",component="apiserver",dry_run="",group="streamcat.dev",resource="streameraccounts",scope="resource",subresource="",verb="POST",version="v1alpha1"} 2
apiserver_request_total{code="200",component="apiserver",dry_run="",group="streamcat.dev",resource="streameraccounts",scope="resource",subresource="",verb="GET",version="v1alpha1"} 30
apiserver_request_total{code="200",component="apiserver",dry_run="",group="streamcat.dev",resource="streameraccounts",scope="cluster",subresource="",verb="WATCH",version="v1alpha1"} 5
apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="POST",version="v1"} 3
apiserver_request_total{code="201",component="apiserver",dry_run="",group="events.k8s.io",resource="events",scope="resource",subresource="",verb="POST",version="v1"} 4"#;
        let requests = ApiRequests { accounts: 2, statuses: 7, secrets: 3, events: 4, reads: 30 };
        assert_eq!(ApiRequests::of(metrics), requests);
    }

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let metrics = "# TYPE a counter\na_total{result=\"success\"} 2\na_total{result=\"error\"} 1\na_total_x 9\nb 1.5\n";
        assert_eq!((sum(metrics, "a_total"), sum(metrics, "b"), sum(metrics, "c")), (3.0, 1.5, 0.0));
    }
}
