//! Three Creates got no answer: two were carried out and are adopted, one was not and is made.

use ivs_simulator::{Fault, FaultKind};
use serde_json::json;

use super::{Place, Story, tell};

/// Three Creates got no answer: two were carried out and are adopted, one was not and is made.
pub struct UnknownOutcome;

impl Story for UnknownOutcome {
    const NAME: &'static str = "unknown";
    const EFFECTS: &'static [&'static str] = &[
        "record",
        "end",
        "open",
        "CreateRoom",
        "record_made",
        "ListStreamKeys",
        "GetStreamKey",
        "write_secret",
    ];

    async fn prepare(place: &Place<'_>) {
        for (operation, kind) in [
            ("CreateChannel", FaultKind::ExecuteThenDrop),
            ("CreateRoom", FaultKind::Block),
            ("CreateStage", FaultKind::ExecuteThenDrop),
        ] {
            place.tenant.simulator().fault(Fault::new(operation, kind).named(&place.name));
        }
        place.create(json!({})).await;
        let unknown = ["ChannelReady", "ChatRoomReady", "StageReady"].map(|part| (part, "OutcomeUnknown"));
        place.reach_patiently(|| place.has_reasons(&unknown)).await;
        assert_eq!((place.made(), place.live().len()), (2, 2));
    }

    async fn act(_: &Place<'_>) {}

    /// Each was made once.
    async fn check(place: &Place<'_>) {
        assert_eq!((place.made(), place.users().await), (3, 1));
        let open = "select count(*) from create_attempts a join users u on u.id = a.user_id where u.username = $1 and a.state = 'open'";
        assert_eq!(place.count(open).await, 0);
    }
}

#[tokio::test]
async fn killed_while_it_looks_for_what_a_create_without_an_answer_made_each_is_made_once() {
    tell::<UnknownOutcome>().await;
}
