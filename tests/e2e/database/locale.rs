//! Databases whose locale folds or sorts letters in its own way.

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use streamcat_operator::{
    api::username_key,
    store::{Addition, Claim, ClaimRefusal, MIGRATIONS, Postgres, Registrants, Users},
};
use testbed::ScratchDatabase;

use crate::{
    store::{account, add, claim, claimant, held},
    support::scratch_database,
};

/// Creates an empty database with this ICU locale, and returns its URL.
async fn database(scratch: &ScratchDatabase, locale: &str) -> String {
    let name = locale.to_lowercase().replace('-', "_");
    let create = format!(
        "create database {name} template template0 encoding 'UTF8' locale_provider icu icu_locale '{locale}'"
    );
    let mut administrator = PgConnection::connect(scratch.url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut administrator).await.unwrap();
    format!("{}/{name}", scratch.url().rsplit_once('/').unwrap().0)
}

fn store(url: &str) -> Postgres {
    Postgres::new(&SecretString::from(url), 4).unwrap()
}

#[tokio::test]
async fn usernames_are_compared_alike_in_every_locale() {
    let scratch = scratch_database().await;
    for locale in ["tr-TR", "az", "lt-LT", "de-DE"] {
        let url = database(&scratch, locale).await;
        let store = store(&url);
        store.migrate().await.unwrap();
        let mut direct = PgConnection::connect(&url).await.unwrap();
        for name in ["TITI", "Todd_I-i", "İSTANBUL", "ẞtraße"] {
            let key: String = sqlx::query_scalar("select username_key($1)")
                .bind(name)
                .fetch_one(&mut direct)
                .await
                .unwrap();
            assert_eq!(key, username_key(name), "{locale}");
        }

        let Addition::Added(titi) = add(&store, "TITI", None).await else { panic!("{locale}: not added") };
        assert_eq!(store.registrant("titi").await.unwrap().map(|found| found.id), Some(titi.id), "{locale}");
        assert!(store.is_held("Titi").await.unwrap(), "{locale}");
        let refused = claim(&store, "titi", "titi", None).await;
        assert!(matches!(refused, Claim::Refused(ClaimRefusal::Taken(_))), "{locale}: {refused:?}");

        // The tombstone of a username holds every spelling of it back.
        let user = held(&store, "IVI").await;
        assert!(store.delete_user(user, "IVI", false).await.unwrap(), "{locale}");
        assert!(matches!(add(&store, "ivi", None).await, Addition::HeldBack), "{locale}");

        // The characters of a username are a range of the alphabet, which depends on no locale either.
        let object = account("dotless");
        let dotless = store.claim(claimant("dotless-ı", &object, "dotless")).await;
        assert!(dotless.is_err(), "{locale}: {dotless:?}");
    }
}

#[tokio::test]
async fn the_keys_of_an_existing_database_are_corrected() {
    let scratch = scratch_database().await;
    let url = database(&scratch, "tr-TR").await;
    let mut owner = PgConnection::connect(&url).await.unwrap();
    MIGRATIONS.run_to(1, &mut owner).await.unwrap();
    let rows = "insert into users (username, account_namespace, account_name) values ('TITI', 'n', 'titi');
                insert into username_tombstones (username, deleted_at)
                values ('ıvı', now()), ('ivi', now() - interval '1 day'), ('ivı', now() - interval '2 days')";
    sqlx::raw_sql(rows).execute(&mut owner).await.unwrap();

    let store = store(&url);
    store.migrate().await.unwrap();
    assert!(store.is_held("titi").await.unwrap());
    assert!(matches!(add(&store, "titi", None).await, Addition::Exists));
    assert!(matches!(add(&store, "IVI", None).await, Addition::HeldBack));
    let tombstones: Vec<String> =
        sqlx::query_scalar("select username from username_tombstones").fetch_all(&mut owner).await.unwrap();
    assert_eq!(tombstones, ["ivi"]);
}
