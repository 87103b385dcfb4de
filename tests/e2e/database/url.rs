//! Database URLs: which ones are supported, and that no part of one reaches a log.

use std::path::Path;

use testbed::Tenant;

use crate::support::tenant;

/// Canary in every secret part of a URL.
const CANARY: &str = "canary-4711";

/// Returns the login and the address of the tenant's database.
fn login_and_address(tenant: &Tenant) -> (&str, &str) {
    let (base, _) = tenant.database_url().split_once("://").unwrap().1.rsplit_once('/').unwrap();
    base.split_once('@').unwrap()
}

#[tokio::test]
async fn a_url_that_is_not_supported_is_refused_in_one_line() {
    let tenant = tenant("urls").await;
    let (login, address) = login_and_address(&tenant);
    let base = format!("postgres://{login}@{address}/d");
    let cases = [
        (format!("{base}?sslpassword={CANARY}"), "sslpassword"),
        (format!("{base}?target_session_attrs={CANARY}"), "target_session_attrs"),
        (format!("{base}?channel_binding={CANARY}"), "channel_binding"),
        // The rest of a password with an unescaped `?`.
        (format!("postgres://u:12?{CANARY}={CANARY}@h/d"), "parameter"),
        (format!("{base}?sslmode={CANARY}"), "sslmode"),
        (format!("{base}?port={CANARY}"), "port"),
        (format!("{base}?hostaddr={CANARY}"), "hostaddr"),
        (format!("{base}?options=-d%20{CANARY}"), "options"),
        (format!("{base}?options[statement_timeout]={CANARY}"), "statement_timeout"),
        (format!("postgres://u:{CANARY}@one,two/d"), "several hosts"),
        (format!("postgres://u:{CANARY}@one:5432,two:5433/d"), "several hosts"),
        (format!("postgres:///d?host=one,two&password={CANARY}"), "several hosts"),
        (format!("postgres://u:{CANARY}@h:port/d"), "postgres://user:password@host"),
        (format!("host=h password={CANARY}"), "postgres://user:password@host"),
    ];
    for (url, word) in cases {
        for command in ["migrate", "controller", "registration"] {
            let operator =
                if command == "registration" { tenant.registration() } else { tenant.controller() };
            let operator = operator.env("DATABASE_URL", &url).env("STREAMCAT_LOG_LEVEL", "trace");
            let (status, output) = operator.run(&[command]).await.unwrap();
            assert_eq!(status.code(), Some(2), "{word}, {command}: {output}");
            assert_eq!(output.trim().lines().count(), 1, "{word}, {command}: {output}");
            assert!(output.contains(word) && output.contains("DATABASE_URL"), "{word}, {command}: {output}");
            assert!(!output.contains(CANARY) && !output.contains(login), "{word}, {command}: {output}");
        }
    }
}

#[tokio::test]
async fn a_failed_connection_logs_no_part_of_the_url() {
    let tenant = tenant("url-parts").await;
    let (login, address) = login_and_address(&tenant);
    let user = login.split_once(':').unwrap().0;
    let cases = [
        (format!("postgres://{user}:{CANARY}@{address}/postgres"), "password"),
        (format!("postgres://{CANARY}:{CANARY}@{address}/postgres"), "password"),
        (format!("postgres://{login}@{address}/{CANARY}"), "does not exist"),
        (format!("postgres://u:{CANARY}@{CANARY}.invalid/{CANARY}"), "address"),
        (format!("postgres://{login}@{address}/{CANARY}?sslmode=verify-full"), "TLS"),
        (format!("postgres://{login}@{address}/d?sslmode=verify-full&sslrootcert=/{CANARY}"), "TLS"),
    ];
    for (url, word) in cases {
        let operator = tenant.controller().env("DATABASE_URL", url).env("STREAMCAT_LOG_LEVEL", "debug");
        let (status, output) = operator.run(&["migrate"]).await.unwrap();
        assert_eq!(status.code(), Some(1), "{word}: {output}");
        assert!(output.contains(word), "{word}: {output}");
        assert!(!output.contains(CANARY), "{word}: {output}");
    }
}

#[tokio::test]
async fn a_malformed_password_file_is_not_logged() {
    let tenant = tenant("pgpass").await;
    let (login, address) = login_and_address(&tenant);
    let file = tenant.kubeconfig().with_extension("pgpass");
    testbed::write_private(Path::new(&file), format!("{CANARY}\nh:1:d:u:{CANARY}\\x\n").as_bytes()).unwrap();
    let user = login.split_once(':').unwrap().0;
    for level in ["trace", "trace,sqlx_postgres::options::pgpass=trace"] {
        let operator = tenant
            .controller()
            .env("DATABASE_URL", format!("postgres://{user}@{address}/postgres"))
            .env("PGPASSFILE", file.display().to_string())
            .env("STREAMCAT_LOG_LEVEL", level);
        let (_, output) = operator.run(&["migrate"]).await.unwrap();
        assert!(!output.contains(CANARY), "{output}");
    }
}
