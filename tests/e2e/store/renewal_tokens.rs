//! Renewal tokens: claims and attempts check them in their own statements.

use sqlx::PgPool;
use streamcat_operator::store::{Error, RenewalTokens, TokenScope};
use testbed::ScratchDatabase;

use super::*;
use crate::support::scratch_database;

/// A database with the token of a Lease.
struct TokenFixture {
    // Dropped last.
    store: Postgres,
    pool: PgPool,
    scope: TokenScope,
    token: Uuid,
    _database: ScratchDatabase,
}

impl TokenFixture {
    async fn new() -> Self {
        let database = scratch_database().await;
        let (store, pool) = (store_of(&database), pool(&database).await);
        let target = Some("eu-west-1".to_owned());
        let scope = TokenScope { cluster: here().id.clone(), lease: "home/lease".to_owned(), target };
        let token = Uuid::new_v4();
        store.begin_tokens(&scope, token).await.unwrap();
        Self { store, pool, scope, token, _database: database }
    }

    async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.pool).await.unwrap();
    }

    /// Replaces the token, as a renewal of the Lease does.
    async fn renew(&mut self) -> bool {
        let next = Uuid::new_v4();
        let replaced = self.store.replace_token(&self.scope, self.token, next, Some(MINUTE)).await.unwrap();
        if replaced {
            self.token = next;
        }
        replaced
    }

    async fn inherits(&self) -> bool {
        self.store.inherit_token(&self.scope, self.token, Uuid::new_v4()).await.unwrap()
    }

    async fn opens(&self, user: Uuid, token: Uuid) -> bool {
        let nonce =
            match self.store.open(user, ResourceKind::Stage, None, MINUTE, Some(token), NO_FIELDS).await {
                Ok(nonce) => nonce.unwrap(),
                Err(Error::RecordsReplaced) => return false,
                Err(error) => panic!("{error}"),
            };
        self.store.end(nonce, AttemptOutcome::Failed).await.unwrap();
        true
    }

    async fn claims(&self, name: &str, token: Uuid, is_aws_listed: bool) -> Result<Claim, Error> {
        let account = account(name);
        let claimant = claimant(name, &account, name);
        self.store.claim(Claimant { renewal_token: Some(token), is_aws_listed, ..claimant }).await
    }
}

#[tokio::test]
async fn the_latest_two_tokens_are_valid_in_the_process_that_wrote_them() {
    let mut fixture = TokenFixture::new().await;
    let user = held(&fixture.store, "todd").await;
    let (first, mut valid) = (fixture.token, vec![fixture.token]);
    for _ in 0..2 {
        assert!(fixture.renew().await);
        valid = vec![*valid.last().unwrap(), fixture.token];
        for token in &valid {
            assert!(fixture.opens(user, *token).await);
            assert!(fixture.claims("ann", *token, true).await.is_ok());
        }
    }
    assert!(!fixture.opens(user, first).await);
    assert!(matches!(fixture.claims("bob", first, true).await, Err(Error::RecordsReplaced)));

    fixture.execute("update renewal_tokens set server_started_at = server_started_at - interval '1 s'").await;
    assert!(!fixture.opens(user, fixture.token).await);
    assert!(matches!(fixture.claims("bob", fixture.token, true).await, Err(Error::RecordsReplaced)));
    assert!(!fixture.renew().await && !fixture.inherits().await);
    let bobs = "select count(*) from users where username = 'bob'";
    assert_eq!(sqlx::query_scalar::<_, i64>(bobs).fetch_one(&fixture.pool).await.unwrap(), 0);
}

#[tokio::test]
async fn only_the_current_and_recent_token_of_the_same_target_is_inherited() {
    let mut fixture = TokenFixture::new().await;
    let first = fixture.token;
    assert!(fixture.renew().await);
    let inherit =
        async |token, scope: &TokenScope| fixture.store.inherit_token(scope, token, token).await.unwrap();
    assert!(!inherit(first, &fixture.scope).await, "the previous one");
    for target in [None, Some("us-east-1".to_owned())] {
        assert!(!inherit(fixture.token, &TokenScope { target, ..fixture.scope.clone() }).await);
    }
    assert!(
        !inherit(fixture.token, &TokenScope { lease: "x/lease".to_owned(), ..fixture.scope.clone() }).await
    );
    assert!(inherit(fixture.token, &fixture.scope).await);
    for interval in [
        "update renewal_tokens set renewed_at = renewed_at - interval '2 minutes'",
        "update renewal_tokens set renewed_at = renewed_at + interval '5 minutes'",
    ] {
        fixture.execute(interval).await;
        assert!(!inherit(fixture.token, &fixture.scope).await);
    }
    fixture.execute("truncate users cascade").await;
    assert!(!fixture.renew().await, "removed users count as a restore");
}

#[tokio::test]
async fn a_claim_waits_for_aws_if_only_tags_may_name_its_resources() {
    let mut fixture = TokenFixture::new().await;
    let waits = async |fixture: &TokenFixture, name: &str| {
        matches!(fixture.claims(name, fixture.token, false).await, Err(Error::AwsNotListed))
    };
    assert!(!waits(&fixture, "ann").await);
    fixture
        .execute(
            "insert into orphans (kind, arn, account_namespace, account_name, reason)
             values ('stage', 'arn', 'default', 'todd', 'unowned')",
        )
        .await;
    assert!(waits(&fixture, "todd").await && !waits(&fixture, "bob").await);
    assert!(fixture.claims("todd", fixture.token, true).await.is_ok());

    let kept =
        "insert into user_tombstones (id, account_uid, resources_kept) values (gen_random_uuid(), 'x', true)";
    fixture.execute(kept).await;
    assert!(waits(&fixture, "cal").await, "nothing was listed yet");
    // The latest list began a minute ago.
    assert!(fixture.renew().await);
    assert!(waits(&fixture, "dan").await);
    fixture.execute("update user_tombstones set deleted_at = now() - interval '2 minutes'").await;
    assert!(!waits(&fixture, "dan").await);
}
