//! The rows of an account in PostgreSQL. Tables and columns are taken from the catalog.

use std::ops::Range;

use sqlx::{AssertSqlSafe, PgPool};
use testbed::{Error, Tenant};

use super::template::{Identifiers, Template};

/// Number of accounts whose rows are inserted together.
const BATCH: usize = 2000;

/// The rows of the model in one table, as JSON.
pub(super) struct StoredTable {
    name: String,
    /// The columns that can be written.
    columns: String,
    pub(super) rows: Vec<String>,
}

/// Returns the rows of the account in `users` and in the tables that refer to it.
pub(super) async fn stored(tenant: &Tenant, account: &str) -> Result<Vec<StoredTable>, Error> {
    let pool = tenant.pool();
    let references = "select conrelid::regclass::text, attname::text
                      from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
                      where contype = 'f' and confrelid = 'users'::regclass";
    let references: Vec<(String, String)> =
        sqlx::query_as(references).fetch_all(&pool).await.map_err(failed)?;
    let mut stored = Vec::new();
    for (name, key) in [("users".to_owned(), "id".to_owned())].into_iter().chain(references) {
        let columns = "select string_agg(quote_ident(attname), ', ') from pg_attribute
                       where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''";
        let columns = sqlx::query_scalar(columns).bind(&name).fetch_one(&pool).await.map_err(failed)?;
        let rows = format!(
            "select to_jsonb(stored)::text from {name} stored
             where {key} = (select id from users where account_name = $1)"
        );
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).bind(account).fetch_all(&pool);
        let rows: Vec<String> = rows.await.map_err(failed)?;
        if !rows.is_empty() {
            stored.push(StoredTable { name, columns, rows });
        }
    }
    Ok(stored)
}

/// Returns the id of the cluster in the rows of the account.
pub(super) async fn cluster(tenant: &Tenant, account: &str) -> Result<String, Error> {
    let query = "select coalesce(account_cluster, '') from users where account_name = $1";
    sqlx::query_scalar(query).bind(account).fetch_one(&tenant.pool()).await.map_err(failed)
}

/// Inserts copies of the rows.
pub(super) async fn copy(
    tenant: &Tenant,
    tables: &[StoredTable],
    identifiers: &Identifiers,
    copies: Range<usize>,
) -> Result<(), Error> {
    let pool = tenant.pool();
    for table in tables {
        let templates: Vec<_> =
            table.rows.iter().map(|row| Template::new(row.as_bytes(), identifiers)).collect();
        for first in copies.clone().step_by(BATCH) {
            let batch = first..(first + BATCH).min(copies.end);
            let rows = batch.flat_map(|number| {
                templates.iter().map(move |template| template.render(identifiers, number))
            });
            let rows: Vec<_> = rows.map(|row| String::from_utf8_lossy(&row).into_owned()).collect();
            insert(&pool, table, &format!("[{}]", rows.join(","))).await?;
        }
    }
    // As autovacuum does some time after many changes.
    sqlx::query("vacuum analyze").execute(&pool).await.map_err(failed)?;
    Ok(())
}

async fn insert(pool: &PgPool, table: &StoredTable, rows: &str) -> Result<(), Error> {
    let StoredTable { name, columns, .. } = table;
    let insert = format!(
        "insert into {name} ({columns})
         select {columns} from jsonb_populate_recordset(null::{name}, $1::jsonb)"
    );
    sqlx::query(AssertSqlSafe(insert)).bind(rows).execute(pool).await.map_err(failed)?;
    Ok(())
}

fn failed(source: sqlx::Error) -> Error {
    Error::Sql { action: "copy the rows of an account".into(), source }
}
