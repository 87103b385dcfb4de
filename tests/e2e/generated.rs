//! The generated files in the repository are up to date.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, PgPool, SqlSafeStr};

use crate::support::tenant;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the names and the contents of the files in a folder that have this extension.
fn files(folder: &str, extension: &str) -> BTreeMap<String, String> {
    let path = root().join(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let wanted = paths.iter().filter(|path| path.extension().is_some_and(|found| found == extension));
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    wanted.map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn crds_match_what_the_operator_prints() {
    let printed = Command::new(env!("CARGO_BIN_EXE_streamcat-operator")).arg("crds").output().unwrap();
    assert!(printed.status.success());
    let committed: String = files("crds", "yaml").into_values().collect();
    assert_eq!(committed, String::from_utf8(printed.stdout).unwrap(), "crds/ is stale: run `make crds`");
}

#[test]
fn the_chart_carries_the_same_crds() {
    let charted = files("charts/streamcat-operator/files/crds", "yaml");
    assert_eq!(charted, files("crds", "yaml"), "the chart's copy is stale: run `make crds`");
}

/// The committed description of one query, for builds without a database.
struct Record {
    query: String,
    described: Value,
}

fn record(text: &str) -> Record {
    let record: Value = serde_json::from_str(text).unwrap();
    Record { query: record["query"].as_str().unwrap().to_owned(), described: record["describe"].clone() }
}

/// Returns the part of a description that a build relies on: all but the nullability of columns for which the
/// query states it (`name!`, `name?`). For those it is a guess from the planner's choice, which may change
/// without a change of the schema.
fn binding(described: &Value) -> Value {
    let mut binding = described.clone();
    for (at, column) in described["columns"].as_array().unwrap().iter().enumerate() {
        let name = column["name"].as_str().unwrap();
        let name = name.split(':').next().unwrap_or(name);
        if name.ends_with(['!', '?']) {
            binding["nullable"][at] = Value::Null;
        }
    }
    binding
}

/// Returns why a record is stale, if it is: its query is not in the source, or the database describes it
/// differently.
async fn stale_reason(record: &Record, source: &str, pool: &PgPool) -> Option<String> {
    let query = &record.query;
    if !source.contains(query.as_str()) {
        return Some(format!("no longer in src/store: {query}"));
    }
    match pool.describe(AssertSqlSafe(query.clone()).into_sql_str()).await {
        Err(error) => Some(format!("PostgreSQL rejects it ({error}): {query}")),
        Ok(described) => {
            let now = serde_json::to_value(&described).unwrap();
            (binding(&now) != binding(&record.described))
                .then(|| format!("{query}\nrecorded: {}\nnow: {now}", record.described))
        }
    }
}

async fn stale_records(pool: &PgPool) -> Vec<String> {
    let source: String = files("src/store", "rs").into_values().collect();
    let mut stale = Vec::new();
    for text in files(".sqlx", "json").values() {
        stale.extend(stale_reason(&record(text), &source, pool).await);
    }
    stale
}

#[tokio::test]
async fn recorded_queries_match_the_source_and_the_schema() {
    let pool = tenant("sqlx").await.pool();
    assert!(!files(".sqlx", "json").is_empty(), "there are no records");
    let stale = stale_records(&pool).await;
    assert!(stale.is_empty(), ".sqlx is stale: run `make sqlx`\n{}", stale.join("\n"));
}

#[tokio::test]
async fn a_differing_query_record_is_detected() {
    let tenant = tenant("doctored").await;
    let pool = tenant.pool();
    let query = "select id, password_hash from users where username = $1";
    let described = pool.describe(query.into_sql_str()).await.unwrap();
    let described = serde_json::to_value(&described).unwrap();
    let stale = async |edit: fn(&mut Value)| {
        let mut described = described.clone();
        edit(&mut described);
        stale_reason(&Record { query: query.to_owned(), described }, query, &pool).await.is_some()
    };
    assert!(!stale(|_| {}).await);
    assert!(stale(|described| described["nullable"][1] = false.into()).await);
    assert!(stale(|described| described["columns"][0]["type_info"] = "Text".into()).await);
    assert!(stale(|described| described["columns"][0]["name"] = "key".into()).await);
    assert!(stale(|described| described["parameters"]["Left"][0] = "Uuid".into()).await);
    let orphan = Record { query: query.to_owned(), described };
    assert!(stale_reason(&orphan, "select 1", &pool).await.is_some());
}

#[tokio::test]
async fn a_change_of_the_schema_makes_records_stale() {
    let tenant = tenant("schema-change").await;
    let pool = tenant.pool();
    pool.execute("alter table users alter column password_hash set not null").await.unwrap();
    let stale = stale_records(&pool).await;
    assert!(stale.iter().all(|record| record.contains("password_hash")) && !stale.is_empty(), "{stale:#?}");
    pool.execute("alter table users drop column password_hash cascade").await.unwrap();
    let stale = stale_records(&pool).await;
    assert!(stale.iter().any(|record| record.contains("PostgreSQL rejects it")), "{stale:#?}");
}
