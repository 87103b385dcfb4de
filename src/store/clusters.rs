//! The Kubernetes clusters that work on this database: one at a time.

use std::time::Duration;

use super::{Postgres, Result, seconds};

/// The cluster that a controller works for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdentity {
    /// UID of the cluster's namespace kube-system.
    pub id: String,
    /// How long after another cluster was last seen this one may take its place.
    pub takeover_after: Duration,
}

/// Another cluster whose controller may still work on this database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherCluster {
    /// UID of its namespace kube-system.
    pub id: String,
    /// When it was last seen, as RFC 3339 writes it (UTC), by the database's clock.
    pub seen_at: String,
    /// How long until it counts as gone, if it is not seen again.
    pub expires_in: Duration,
}

/// The clusters, as PostgreSQL knows them.
pub trait Clusters: Send + Sync + 'static {
    /// Notes that this cluster works on the database, unless another one may still do so: that one then.
    fn hold_database(
        &self,
        cluster: &ClusterIdentity,
    ) -> impl Future<Output = Result<Option<OtherCluster>>> + Send;
}

impl Clusters for Postgres {
    async fn hold_database(&self, cluster: &ClusterIdentity) -> Result<Option<OtherCluster>> {
        let mut transaction = self.pool.begin().await?;
        // Of two clusters that come at the same time, the second one sees the first.
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
        // Rows from before any cluster was known are the first one's.
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
