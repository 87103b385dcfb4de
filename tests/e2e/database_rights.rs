//! Privileges of each program's role in the database. Every other test shows that they suffice: its processes
//! use these roles.

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection, error::DatabaseError};
use streamcat_operator::store::Postgres;
use testbed::Tenant;

use crate::support::{scratch_database, tenant};

const FORBIDDEN: &str = "42501";

/// Executes a statement with the role of the URL. Returns None if it succeeds, or the error code from
/// PostgreSQL.
async fn attempt(url: &str, statement: &str) -> Option<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let ended = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await;
    connection.close().await.unwrap();
    let error = ended.err()?;
    let code = error.as_database_error().and_then(DatabaseError::code);
    Some(code.map_or_else(|| error.to_string(), String::from))
}

async fn assert_forbidden(url: &str, statements: &[&str]) {
    for statement in statements {
        assert_eq!(attempt(url, statement).await.as_deref(), Some(FORBIDDEN), "{statement}");
    }
}

async fn with_a_user(label: &str) -> Tenant {
    let tenant = tenant(label).await;
    let insert = "insert into users (username, password_hash, account_namespace, account_name)
                  values ('mary', 'hash', 'n', 'mary')";
    sqlx::query(insert).execute(&tenant.pool()).await.unwrap();
    tenant
}

#[tokio::test]
async fn registration_role_cannot_read_aws_resources_or_change_audit_log() {
    let tenant = with_a_user("registration-role").await;
    let url = tenant.registration_database_url();
    assert_eq!(attempt(url, "select username, password_hash, account_uid from users").await, None);
    assert_eq!(attempt(url, "insert into audit_log (event) values ('signed_in')").await, None);
    assert_eq!(attempt(url, "select next_try(id, null, 1) from users").await, None);
    let tables = [
        "channels",
        "chat_rooms",
        "stages",
        "create_attempts",
        "missing_resources",
        "orphans",
        "user_tombstones",
    ];
    for table in tables {
        let statements = ["select 1 from", "delete from", "truncate"].map(|verb| format!("{verb} {table}"));
        assert_forbidden(url, &statements.each_ref().map(String::as_str)).await;
    }
    assert_forbidden(
        url,
        &[
            "select arn from channels",
            "select arn from resources",
            "update channels set arn = ''",
            "select event from audit_log",
            "update audit_log set address = null",
            "update audit_log set username = ''",
            "delete from audit_log",
            "truncate audit_log",
            "insert into audit_log (event, at) values ('signed_in', now() - interval '1 day')",
            "alter table audit_log disable trigger all",
            "update users set username = 'x'",
            "update users set account_name = 'x'",
            "update users set account_uid = 'x'",
            "insert into users (username, account_namespace, account_name, account_uid)
             values ('a', 'n', 'a', 'u')",
            "delete from users",
            "delete from registrations",
            "insert into username_tombstones (username) values ('x')",
            "delete from username_tombstones",
            "update _sqlx_migrations set success = false",
            "create table mine (id int)",
            "alter table users add mine int",
        ],
    )
    .await;
}

/// Adds kim, whose account was created with kubectl, and returns the registration role's URL.
async fn with_a_user_of_kubectl(tenant: &Tenant) -> &str {
    let insert = "insert into users (username, account_namespace, account_name, account_uid)
                  values ('kim', 'n', 'kim', 'uid-of-kim')";
    sqlx::query(insert).execute(&tenant.pool()).await.unwrap();
    tenant.registration_database_url()
}

#[tokio::test]
async fn registration_role_cannot_take_over_a_user_of_kubectl() {
    let tenant = with_a_user("registration-others").await;
    let url = with_a_user_of_kubectl(&tenant).await;
    assert_forbidden(
        url,
        &[
            "update users set password_hash = 'x' where username = 'kim'",
            "update users set password_hash = 'x' where username = 'mary'",
            "update users set password_hash = null",
            "insert into users (username, password_hash, account_namespace, account_name) values ('a', null, 'n', 'a')",
            "insert into users (username, password_hash, account_namespace, account_name) values ('a', 'x', 'n', 'a')",
            "insert into sessions (token_hash, user_id, expires_at)
             select 'x', id, now() + interval '1 day' from users where username = 'kim'",
            "update sessions set user_id = (select id from users where username = 'kim')",
            "insert into registrations (user_id, due_at, delete_requested)
             select id, now(), true from users where username = 'kim'",
            "update registrations set user_id = (select id from users where username = 'kim')",
            "update registrations set idempotency_key = 'x'",
            "select * from users for update",
            "truncate sessions",
            "truncate registrations",
        ],
    )
    .await;
    let kim = "(select id from users where username = 'kim')";
    for call in [
        format!("select replace_password_hash({kim}, null, 'x')"),
        format!("select replace_password_hash({kim}, '', 'x')"),
        format!("select begin_session({kim}, null, 'x', interval '1 day', null)"),
        format!("select begin_session({kim}, '', 'x', interval '1 day', null)"),
        format!("select lease_registration({kim})"),
        format!("select rollback_registration({kim}, 1)"),
        "select replace_password_hash(id, 'hash', null) from users".to_owned(),
        "select replace_password_hash(id, 'not the hash', 'x') from users".to_owned(),
        "select add_registrant('a', null, 'n', 'a', null, null)".to_owned(),
    ] {
        assert_eq!(attempt(url, &call).await, None, "{call}");
    }
    let rows = "select username || ' ' || coalesce(password_hash, 'none') from users order by username";
    let users: Vec<String> = sqlx::query_scalar(rows).fetch_all(&tenant.pool()).await.unwrap();
    assert_eq!(users, ["kim none", "mary hash"]);
    for table in ["sessions", "registrations", "audit_log"] {
        let query = AssertSqlSafe(format!("select count(*) from {table}"));
        let rows: i64 = sqlx::query_scalar(query).fetch_one(&tenant.pool()).await.unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

#[tokio::test]
async fn migrate_revokes_what_an_earlier_version_granted() {
    let tenant = with_a_user("registration-revoked").await;
    let url = with_a_user_of_kubectl(&tenant).await;
    let earlier = "grant insert, update (password_hash) on users to streamcat_registration;
                   grant insert, update on registrations to streamcat_registration;
                   grant insert on sessions to streamcat_registration";
    sqlx::raw_sql(earlier).execute(&tenant.pool()).await.unwrap();
    let change = "update users set password_hash = 'x' where username = 'kim'";
    assert_eq!(attempt(url, change).await, None);
    Postgres::new(&SecretString::from(tenant.database_url()), 1).unwrap().migrate().await.unwrap();
    assert_forbidden(
        url,
        &[
            change,
            "insert into sessions (token_hash, user_id, expires_at) select 'x', id, now() from users",
            "insert into registrations (user_id, due_at) select id, now() from users",
            "update registrations set user_id = gen_random_uuid()",
        ],
    )
    .await;
}

#[tokio::test]
async fn controller_role_cannot_read_hashes_sessions_or_audit_log() {
    let tenant = with_a_user("controller-role").await;
    let url = tenant.controller_database_url();
    assert_eq!(attempt(url, "select id, username, registered from users").await, None);
    assert_eq!(attempt(url, "select arn from orphans").await, None);
    assert_forbidden(
        url,
        &[
            "select password_hash from users",
            "select * from users",
            "select 1 from users where password_hash like '$argon2id%'",
            "update users set password_hash = 'x'",
            "update users set username = 'x'",
            "insert into users (username, account_namespace, account_name, password_hash)
             values ('a', 'n', 'a', 'x')",
            "select token_hash from sessions",
            "insert into sessions (token_hash, user_id, expires_at) select '', id, now() from users",
            "delete from sessions",
            "select idempotency_key from registrations",
            "select event from audit_log",
            "insert into audit_log (event) values ('signed_in')",
            "delete from audit_log",
            "select forget_addresses(interval '1 day')",
            "select rollback_registration(id, 1) from users",
            "select next_try(id, null, 1) from users",
            "update stages set is_live = true",
            "update channels set title = 'x'",
            "create table mine (id int)",
            "alter table users add mine int",
        ],
    )
    .await;
}

/// Returns the URL of another database on the same server, for another role.
fn elsewhere(url: &str, role: &str, database: &str) -> String {
    let (base, _) = url.rsplit_once('/').unwrap();
    let host = base.rsplit_once('@').unwrap().1;
    format!("postgres://{role}:{role}@{host}/{database}")
}

/// Returns true if the registration's role may add to the audit log of this database.
async fn is_granted(owner: &str) -> bool {
    let mut connection = PgConnection::connect(owner).await.unwrap();
    let query = "select has_any_column_privilege('streamcat_registration', 'audit_log', 'insert')";
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn migrate_without_createrole_succeeds_and_grants_once_roles_exist() {
    let scratch = scratch_database().await;
    let mut administrator = PgConnection::connect(scratch.url()).await.unwrap();
    let mut run = async |statements: &'static str| {
        sqlx::raw_sql(statements).execute(&mut administrator).await.unwrap();
    };
    run("create role owner login password 'owner'").await;
    run("create database owned owner owner").await;
    let owner = elsewhere(scratch.url(), "owner", "owned");
    let store = Postgres::new(&SecretString::from(owner.as_str()), 1).unwrap();
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();

    run("create role streamcat_controller nologin; create role streamcat_registration nologin").await;
    assert!(!is_granted(&owner).await);
    store.migrate().await.unwrap();
    assert!(is_granted(&owner).await);
}

#[tokio::test]
async fn concurrent_migrations_of_several_databases_create_the_roles_once() {
    let scratch = scratch_database().await;
    let mut administrator = PgConnection::connect(scratch.url()).await.unwrap();
    let names = ["one", "two", "three", "four"];
    for name in names {
        let create = AssertSqlSafe(format!("create database {name}"));
        sqlx::query(create).execute(&mut administrator).await.unwrap();
    }
    let (base, _) = scratch.url().rsplit_once('/').unwrap();
    let migrations = names.map(|name| {
        let url = format!("{base}/{name}");
        async move {
            let migrated = Postgres::new(&SecretString::from(url.as_str()), 1).unwrap().migrate().await;
            migrated.unwrap_or_else(|error| panic!("{url}: {error}"));
            assert!(is_granted(&url).await, "{url}");
        }
    });
    futures::future::join_all(migrations).await;
}

#[tokio::test]
async fn concurrent_migrations_of_one_database_all_succeed() {
    let scratch = scratch_database().await;
    let url = SecretString::from(scratch.url());
    let migrations = [(); 8].map(|()| {
        let store = Postgres::new(&url, 1).unwrap();
        async move { store.migrate().await }
    });
    for migrated in futures::future::join_all(migrations).await {
        migrated.unwrap();
    }
    assert!(is_granted(scratch.url()).await);
}
