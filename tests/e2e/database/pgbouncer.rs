//! PgBouncer between the programs and PostgreSQL.

use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Error::PoolTimedOut, PgConnection, postgres::PgConnectOptions};
use streamcat_operator::store::{Error, Postgres};
use testbed::{OperatorBuilder, PgBouncer, Tenant};

use crate::{
    registration::{PASSWORD, submit},
    support::{delete, gone, ready, scratch_database, tenant},
};

/// The commands that use the database.
const COMMANDS: [&str; 5] = ["migrate", "controller", "registration", "orphans", "release-brake"];

/// Settings with which PgBouncer serves a client that sets parameters at the start.
const TRANSACTION_MODE: &str =
    "pool_mode = transaction\nignore_startup_parameters = options,extra_float_digits";

/// Starts PgBouncer in front of a tenant's database.
async fn pgbouncer(tenant: &Tenant, settings: &str) -> PgBouncer {
    let urls = [tenant.database_url(), tenant.controller_database_url(), tenant.registration_database_url()];
    PgBouncer::start(&urls, settings).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Prepares a command of the tenant that reaches the database through PgBouncer.
fn through(pgbouncer: &PgBouncer, tenant: &Tenant, command: &str) -> OperatorBuilder {
    let (operator, url) = match command {
        "registration" => (tenant.registration(), tenant.registration_database_url()),
        "migrate" => (tenant.controller(), tenant.database_url()),
        _ => (tenant.controller(), tenant.controller_database_url()),
    };
    operator.env("DATABASE_URL", pgbouncer.url(url).unwrap())
}

/// Connects without the startup parameters that PgBouncer rejects.
async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    PgConnection::connect_with(&options.extra_float_digits(None)).await.unwrap()
}

async fn run(connection: &mut PgConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.unwrap();
}

#[tokio::test]
async fn pgbouncer_in_session_mode_serves_the_whole_life_of_an_account() {
    let tenant = tenant("pgbouncer").await;
    let pgbouncer = pgbouncer(&tenant, "pool_mode = session").await;
    let (status, output) = through(&pgbouncer, &tenant, "migrate").run(&["migrate"]).await.unwrap();
    assert!(status.success(), "{output}");
    let _controller = through(&pgbouncer, &tenant, "controller").start().await;
    let registration = through(&pgbouncer, &tenant, "registration").start().await;

    let registered = submit(&registration, "todd", PASSWORD).await;
    assert_eq!(registered.status, 303, "{}", registered.body);
    ready(&tenant, "todd").await;
    let (status, output) = through(&pgbouncer, &tenant, "orphans").run(&["orphans"]).await.unwrap();
    assert!(status.success(), "{output}");
    delete(&tenant, "todd").await;
    gone(&tenant, "todd").await;
}

#[tokio::test]
async fn pgbouncer_in_another_mode_is_refused_by_every_command() {
    let tenant = tenant("pgbouncer-modes").await;
    for mode in ["transaction", "statement"] {
        let pgbouncer = pgbouncer(&tenant, &format!("pool_mode = {mode}")).await;
        for command in COMMANDS {
            let (status, output) = through(&pgbouncer, &tenant, command).run(&[command]).await.unwrap();
            // The controller logs other lines before it reaches the database.
            assert_eq!(status.code(), Some(2), "{mode}, {command}: {output}");
            let named = output.lines().filter(|line| line.contains("pooler")).collect::<Vec<_>>();
            let [line] = *named else { panic!("{mode}, {command}: {output}") };
            assert!(line.contains("pool_mode = session"), "{mode}, {command}: {output}");
        }
    }
}

#[tokio::test]
async fn transaction_mode_is_refused_while_several_backends_are_free() {
    let scratch = scratch_database().await;
    for robin in 0..=1 {
        let settings = format!("{TRANSACTION_MODE}\nserver_round_robin = {robin}");
        let pgbouncer = PgBouncer::start(&[scratch.url()], &settings).await.unwrap();
        let url = pgbouncer.url(scratch.url()).unwrap();
        let mut clients = Vec::new();
        for backends in [2, 3, 8] {
            // Open transactions have a backend each. Afterwards, all of these are free.
            while clients.len() < backends {
                clients.push(connect(&url).await);
            }
            for client in &mut clients {
                run(client, "begin").await;
            }
            for client in &mut clients {
                run(client, "commit").await;
            }
            for _ in 0..5 {
                let store = Postgres::new(&SecretString::from(url.as_str()), 1).unwrap();
                let refused = store.migrate().await.expect_err("transaction mode").to_string();
                assert!(refused.contains("pool_mode = session"), "{backends}, {robin}: {refused}");
                // The next store must not find what this one has left behind.
                for client in &mut clients {
                    run(client, "begin; select set_config('streamcat.session', '', false)").await;
                }
                for client in &mut clients {
                    run(client, "commit").await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_pool_without_a_check_at_the_start_runs_nothing_on_a_shared_backend() {
    let scratch = scratch_database().await;
    let direct = Postgres::new(&SecretString::from(scratch.url()), 1).unwrap();
    direct.migrate().await.unwrap();
    // One backend for both clients: sqlx pings in the background, so the first one's may be busy.
    let settings = format!("{TRANSACTION_MODE}\nmax_db_connections = 1");
    let pgbouncer = PgBouncer::start(&[scratch.url()], &settings).await.unwrap();
    let url = SecretString::from(pgbouncer.url(scratch.url()).unwrap());
    let [first, other] = [(); 2].map(|()| Postgres::new(&url, 1).unwrap());
    assert_eq!(first.installation("first").await.unwrap(), "first");
    let is_timeout = |error: &Error| matches!(error, Error::Sql(PoolTimedOut));
    // The backend is marked as the first one's.
    let refused = other.installation("other").await.map(drop).expect_err("another's backend");
    assert!(is_timeout(&refused), "{refused:?}");
    // PgBouncer replaces a backend whose client gives up during a query, so this one may have no mark.
    let mut client = connect(url.expose_secret()).await;
    run(&mut client, "select set_config('streamcat.session', 'another', false)").await;
    let refused = first.known_installation().await.map(drop).expect_err("another's backend");
    assert!(is_timeout(&refused), "{refused:?}");
    assert_eq!(direct.known_installation().await.unwrap().as_deref(), Some("first"));
}

/// Adds columns to a table that show the settings of the session that writes a row.
const SHOW_SETTINGS: &str = r#"
    set search_path = "my tables";
    alter table installation add path text default current_setting('search_path');
    alter table installation add lock_timeout text default current_setting('lock_timeout');
    alter table installation add statement_timeout text default current_setting('statement_timeout');
    alter table installation add idle text default current_setting('idle_in_transaction_session_timeout');
    alter table installation add application text default current_setting('application_name')"#;

#[tokio::test]
async fn options_of_the_url_hold_behind_pgbouncer() {
    let scratch = scratch_database().await;
    let mut owner = connect(scratch.url()).await;
    run(&mut owner, r#"create schema "my tables""#).await;
    let pgbouncer = PgBouncer::start(&[scratch.url()], "pool_mode = session").await.unwrap();
    let mut is_prepared = false;
    for base in [scratch.url().to_owned(), pgbouncer.url(scratch.url()).unwrap()] {
        for options in [
            r"options=-c%20search_path=%22my\%20tables%22%20--lock-timeout=4s",
            "options[search_path]=%22my%20tables%22&options[lock_timeout]=4s",
        ] {
            let store = Postgres::new(&SecretString::from(format!("{base}?{options}")), 1).unwrap();
            store.migrate().await.unwrap();
            if !std::mem::replace(&mut is_prepared, true) {
                run(&mut owner, SHOW_SETTINGS).await;
            }
            store.installation("x").await.unwrap();
            let show =
                "delete from installation returning path, lock_timeout, statement_timeout, idle, application";
            let (path, lock, statement, idle, application): (String, String, String, String, String) =
                sqlx::query_as(show).fetch_one(&mut owner).await.unwrap();
            let settings = [path, lock, statement, idle, application];
            let expected = [r#""my tables""#, "4s", "15s", "15s", "streamcat-operator"];
            assert_eq!(settings, expected, "{options}");
        }
    }
}
