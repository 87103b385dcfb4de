//! Something fails, at any call.

use super::*;

#[tokio::test]
async fn whatever_call_fails_a_row_gets_its_account_from_the_loop_or_from_the_same_person() {
    const CALLS: usize = 5;
    for call in 0..CALLS {
        for fault in [Fault::Away, Fault::AnswerLost] {
            for again in [false, true] {
                let world = World::empty();
                world.fail(call, fault);
                let registered = register(&world, "todd", "a long password").await;
                let done = matches!(registered, Ok(_) | Err(Refusal::NotNow(_)));
                assert!(done, "{call} {fault:?}: {registered:?}");
                assert!(registered.is_err() || world.rows().len() == 1, "{call} {fault:?}: nothing kept");
                if again {
                    register(&world, "todd", "a long password").await.expect("gets through");
                }
                make_due(&world).await;
                assert_eq!(world.pairs(), world.rows().len(), "{call} {fault:?}");
                assert!(!again || world.pairs() == 1, "{call} {fault:?}");
            }
        }
    }
    let world = World::empty();
    world.fail(CALLS, Fault::Away);
    register(&world, "todd", "a long password").await.expect("registered");
    assert!(!world.rows()[0].open, "there are no more calls");
}

#[tokio::test]
async fn whatever_call_fails_a_name_that_went_to_another_account_leaves_no_row() {
    for call in 0..6 {
        for fault in [Fault::Away, Fault::AnswerLost] {
            let world = World::empty();
            world.on_create(Fault::NameTaken);
            world.fail(call, fault);
            let registered = register(&world, "todd", "a long password").await;
            assert!(
                matches!(
                    registered,
                    Err(Refusal::Taken | Refusal::NotNow(_)) | Ok(Registered { made: Made::Later, .. })
                ),
                "{call} {fault:?}: {registered:?}"
            );
            world.heal();
            make_due(&world).await;
            assert_eq!(world.rows().len(), 0, "{call} {fault:?}");
            assert!(world.accounts().len() <= 1, "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn coming_back_survives_a_failure_of_any_call_too() {
    const CALLS: usize = 5;
    for call in 0..CALLS {
        for fault in [Fault::Away, Fault::AnswerLost] {
            let world = World::empty();
            register(&world, "todd", "a long password").await.expect("registered");
            world.fail(call, fault);
            let back = register(&world, "todd", "a long password").await;
            assert!(matches!(back, Ok(_) | Err(Refusal::NotNow(_))), "{call}: {back:?}");
            make_due(&world).await;
            assert_eq!(world.pairs(), 1, "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_the_cluster_refuses_is_kept_until_it_no_longer_does() {
    let world = World::empty();
    world.on_create(Fault::Refused);
    let registered = register(&world, "todd", "a long password").await.expect("kept");
    assert_eq!((registered.made, world.accounts().len()), (Made::Later, 0));
    make_due(&world).await;
    assert_eq!(world.pairs(), 1);
}

#[tokio::test]
async fn without_the_right_to_look_nothing_is_begun() {
    let world = World::empty();
    world.fail(1, Fault::Refused);
    assert!(matches!(register(&world, "todd", "a long password").await, Err(Refusal::Misconfigured(_))));
    assert_eq!((world.rows().len(), world.accounts().len()), (0, 0));
}

#[tokio::test]
async fn whatever_call_fails_an_unwanted_account_goes_with_its_user() {
    for is_there in [false, true] {
        for call in 0..3 {
            for fault in [Fault::Away, Fault::AnswerLost] {
                let world = World::empty();
                world.fail(3, Fault::Away);
                register(&world, "todd", "a long password").await.expect("kept");
                let row = world.rows().remove(0);
                registrar(&world).leave(&row, None).await.expect("written down");
                if is_there {
                    // Whoever was making it gets through only now.
                    world.put_account("todd", Some(&row));
                }
                world.fail(call, fault);
                registrar(&world).make_due().await.ok();
                make_due(&world).await;
                let going =
                    world.accounts().iter().all(|account| account.metadata.deletion_timestamp.is_some());
                assert!(going && (is_there || world.rows().is_empty()), "{is_there} {call} {fault:?}");
                world.forget_account("todd");
                make_due(&world).await;
                assert_eq!(
                    (world.rows().len(), world.accounts().len()),
                    (0, 0),
                    "{is_there} {call} {fault:?}"
                );
            }
        }
    }
}
