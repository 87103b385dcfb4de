//! Usernames that are not available.

use super::*;

#[tokio::test]
async fn another_password_means_that_the_username_is_taken() {
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    assert!(matches!(
        register(&backend, "todd", "another password").await,
        Err(RegistrationError::UsernameTaken)
    ));
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn a_user_created_with_kubectl_is_not_taken_over() {
    let backend = FakeBackend::new();
    backend.put_user("todd", None);
    assert!(matches!(
        register(&backend, "todd", "a long password").await,
        Err(RegistrationError::UsernameTaken)
    ));
    assert_eq!(backend.accounts().len(), 0);
}

#[tokio::test]
async fn an_account_created_with_kubectl_is_not_taken_over() {
    let backend = FakeBackend::new();
    backend.put_account("todd", None);
    assert!(matches!(
        register(&backend, "todd", "a long password").await,
        Err(RegistrationError::UsernameTaken)
    ));
    assert_eq!(backend.rows().len(), 0);
}

#[tokio::test]
async fn a_concurrent_kubectl_account_rolls_the_registration_back() {
    let backend = FakeBackend::new();
    backend.on_create(Fault::NameTaken);
    assert!(matches!(
        register(&backend, "todd", "a long password").await,
        Err(RegistrationError::UsernameTaken)
    ));
    assert_eq!((backend.rows().len(), backend.accounts().len()), (0, 1));
}

#[tokio::test]
async fn a_kubectl_account_wins_over_a_deferred_registration() {
    let backend = FakeBackend::new();
    backend.fail(1, Fault::Unavailable);
    let registered = register(&backend, "todd", "a long password").await.expect("accepted");
    assert_eq!(registered.outcome, CreationOutcome::Deferred);
    backend.put_account("todd", None);
    assert!(matches!(process_due(&backend).await[..], [Err(RegistrationError::UsernameTaken)]));
    assert_eq!((backend.rows().len(), backend.accounts().len()), (0, 1));
}

#[tokio::test]
async fn the_reuse_delay_reserves_the_username_of_a_deleted_account() {
    let backend = FakeBackend::new();
    backend.reserve("todd");
    assert!(matches!(
        register(&backend, "todd", "a long password").await,
        Err(RegistrationError::UsernameTaken)
    ));
    assert_eq!(backend.rows().len(), 0);
    let generous = RegistrationService { username_reuse_delay: None, ..service(&backend) };
    generous.register(&applicant("todd", "a long password")).await.expect("registered");
}

#[tokio::test]
async fn an_account_that_is_being_deleted_blocks_its_username() {
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    backend.start_deletion("todd");
    assert!(matches!(
        register(&backend, "todd", "a long password").await,
        Err(RegistrationError::AccountDeleting)
    ));
    assert_eq!(backend.rows().len(), 1);
}

#[tokio::test]
async fn an_account_without_its_annotation_is_found_by_its_uid() {
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    backend.make_ready("todd");
    backend.drop_annotations("todd");
    let again = register(&backend, "todd", "a long password").await.expect("theirs");
    assert_eq!(
        (again.outcome, again.status, backend.consistent_accounts()),
        (CreationOutcome::Existing, ProgressStatus::Ready, 1)
    );
}

#[tokio::test]
async fn a_recreated_account_is_pending_until_the_transfer() {
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    backend.make_ready("todd");
    backend.remove_account("todd");
    let again = async || register(&backend, "todd", "a long password").await.expect("theirs");
    assert_eq!(again().await.outcome, CreationOutcome::Created);
    let before = again().await;
    assert_eq!((before.outcome, before.status), (CreationOutcome::Existing, ProgressStatus::Pending));
    backend.make_ready("todd");
    assert_eq!((again().await.status, backend.consistent_accounts()), (ProgressStatus::Ready, 1));
}

#[tokio::test]
async fn a_foreign_object_with_the_accounts_name_is_not_the_users() {
    let backend = FakeBackend::new();
    register(&backend, "todd", "a long password").await.expect("registered");
    backend.make_ready("todd");
    backend.replace_with_foreign("todd");
    assert!(matches!(
        register(&backend, "todd", "a long password").await,
        Err(RegistrationError::UsernameTaken)
    ));
}
