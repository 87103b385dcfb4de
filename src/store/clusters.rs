//! The Kubernetes clusters whose controllers use this database. Only one is active at a time.

use std::time::Duration;

use super::{Postgres, Result, seconds};
use crate::lanes::{Lane, Origin};

/// The cluster of a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// UID of the namespace kube-system.
    pub id: String,
    /// Minimum time since another cluster was last seen before this one takes over.
    pub takeover_after: Duration,
}

/// Another cluster that may still be active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherCluster {
    /// UID of its namespace kube-system.
    pub id: String,
    /// Time at which it was last seen, by the database's clock, in RFC 3339 format (UTC).
    pub seen_at: String,
    /// Time until it expires, unless it is seen again.
    pub expires_in: Duration,
}

/// The clusters that have used the database.
pub trait Clusters: Send + Sync + 'static {
    /// Makes this cluster the active one, or renews that it is. If another cluster may still be active,
    /// returns that one instead.
    fn hold_database(
        &self,
        cluster: &ClusterIdentity,
    ) -> impl Future<Output = Result<Option<OtherCluster>>> + Send;
}

impl Clusters for Postgres {
    async fn hold_database(&self, cluster: &ClusterIdentity) -> Result<Option<OtherCluster>> {
        // A renewal must not wait for a backlog of accounts.
        let origin = Origin { lane: Lane::Interactive, namespace: String::new() };
        let mut transaction = origin.scope(self.pool.begin()).await?;
        // Of two clusters that start at the same time, the second one sees the first.
        sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('clusters', 0))::text as "lock""#)
            .fetch_one(&mut *transaction)
            .await?;
        let other = sqlx::query!(
            r#"select id,
                 to_char(seen_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "seen_at!",
                 extract(epoch from greatest(seen_at + make_interval(secs => $2), expires_at)
                                    - clock_timestamp())::float8 as "expires_in!"
               from clusters
               where id <> $1 and greatest(seen_at + make_interval(secs => $2), expires_at) > clock_timestamp()
               order by clusters.seen_at desc limit 1"#,
            cluster.id,
            cluster.takeover_after.as_secs_f64(),
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(other) = other {
            let expires_in = seconds(other.expires_in);
            return Ok(Some(OtherCluster { id: other.id, seen_at: other.seen_at, expires_in }));
        }
        // Rows without a cluster belong to the first cluster that uses the database.
        sqlx::query!(
            "update users set account_cluster = $1
             where account_cluster is null and account_uid is not null and not exists (select from clusters)",
            cluster.id,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "insert into clusters (id, expires_at) values ($1, clock_timestamp() + make_interval(secs => $2))
             on conflict (id) do update set seen_at = clock_timestamp(), expires_at = excluded.expires_at",
            cluster.id,
            cluster.takeover_after.as_secs_f64(),
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(None)
    }
}
