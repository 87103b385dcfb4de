//! Faults at every backend call.

use super::*;

#[tokio::test]
async fn after_a_failed_call_a_row_gets_its_account_by_retry() {
    const CALLS: usize = 5;
    for call in 0..CALLS {
        for fault in [Fault::Unavailable, Fault::ResponseLost] {
            for again in [false, true] {
                let backend = FakeBackend::new();
                backend.fail(call, fault);
                let registered = register(&backend, "todd", "a long password").await;
                let done = matches!(registered, Ok(_) | Err(RegistrationError::Unavailable(_)));
                assert!(done, "{call} {fault:?}: {registered:?}");
                assert!(registered.is_err() || backend.rows().len() == 1, "{call} {fault:?}: nothing kept");
                if again {
                    register(&backend, "todd", "a long password").await.expect("gets through");
                }
                process_due(&backend).await;
                assert_eq!(backend.consistent_accounts(), backend.rows().len(), "{call} {fault:?}");
                assert!(!again || backend.consistent_accounts() == 1, "{call} {fault:?}");
            }
        }
    }
    let backend = FakeBackend::new();
    backend.fail(CALLS, Fault::Unavailable);
    register(&backend, "todd", "a long password").await.expect("registered");
    assert!(!backend.rows()[0].open, "there are no further calls");
}

#[tokio::test]
async fn after_a_failed_call_a_lost_username_leaves_no_row() {
    for call in 0..6 {
        for fault in [Fault::Unavailable, Fault::ResponseLost] {
            let backend = FakeBackend::new();
            backend.on_create(Fault::NameTaken);
            backend.fail(call, fault);
            let registered = register(&backend, "todd", "a long password").await;
            assert!(
                matches!(
                    registered,
                    Err(RegistrationError::UsernameTaken | RegistrationError::Unavailable(_))
                        | Ok(Registered { outcome: CreationOutcome::Deferred, .. })
                ),
                "{call} {fault:?}: {registered:?}"
            );
            backend.clear_fault();
            process_due(&backend).await;
            assert_eq!(backend.rows().len(), 0, "{call} {fault:?}");
            assert!(backend.accounts().len() <= 1, "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn registering_again_survives_any_failed_call() {
    const CALLS: usize = 5;
    for call in 0..CALLS {
        for fault in [Fault::Unavailable, Fault::ResponseLost] {
            let backend = FakeBackend::new();
            register(&backend, "todd", "a long password").await.expect("registered");
            backend.fail(call, fault);
            let back = register(&backend, "todd", "a long password").await;
            assert!(matches!(back, Ok(_) | Err(RegistrationError::Unavailable(_))), "{call}: {back:?}");
            process_due(&backend).await;
            assert_eq!(backend.consistent_accounts(), 1, "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_rejected_creation_is_retried_until_it_succeeds() {
    let backend = FakeBackend::new();
    backend.on_create(Fault::Rejected);
    let registered = register(&backend, "todd", "a long password").await.expect("accepted");
    assert_eq!((registered.outcome, backend.accounts().len()), (CreationOutcome::Deferred, 0));
    process_due(&backend).await;
    assert_eq!(backend.consistent_accounts(), 1);
}

#[tokio::test]
async fn a_missing_read_permission_prevents_any_registration() {
    let backend = FakeBackend::new();
    backend.fail(1, Fault::Rejected);
    assert!(matches!(
        register(&backend, "todd", "a long password").await,
        Err(RegistrationError::Misconfigured(_))
    ));
    assert_eq!((backend.rows().len(), backend.accounts().len()), (0, 0));
}

#[tokio::test]
async fn after_a_failed_call_a_deletion_removes_account_and_user() {
    for is_there in [false, true] {
        for call in 0..3 {
            for fault in [Fault::Unavailable, Fault::ResponseLost] {
                let backend = FakeBackend::new();
                backend.fail(3, Fault::Unavailable);
                register(&backend, "todd", "a long password").await.expect("accepted");
                let row = backend.rows().remove(0);
                service(&backend).delete_account(&row, None).await.expect("written down");
                if is_there {
                    // A delayed request creates the account only now.
                    backend.put_account("todd", Some(&row));
                }
                backend.fail(call, fault);
                service(&backend).process_due().await.ok();
                process_due(&backend).await;
                let is_deleting =
                    backend.accounts().iter().all(|account| account.metadata.deletion_timestamp.is_some());
                assert!(
                    is_deleting && (is_there || backend.rows().is_empty()),
                    "{is_there} {call} {fault:?}"
                );
                backend.remove_account("todd");
                process_due(&backend).await;
                assert_eq!(
                    (backend.rows().len(), backend.accounts().len()),
                    (0, 0),
                    "{is_there} {call} {fault:?}"
                );
            }
        }
    }
}
