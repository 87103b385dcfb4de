//! Three Creates get no response. Two took effect, and their resources are adopted. One did not, and is
//! repeated.

use ivs_simulator::{Fault, FaultKind};
use serde_json::json;

use super::{Fixture, Scenario, run};

/// Three Creates get no response. Two took effect, and their resources are adopted. One did not, and is
/// repeated.
pub struct UnknownOutcome;

impl Scenario for UnknownOutcome {
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

    async fn prepare(fixture: &Fixture<'_>) {
        for (operation, kind) in [
            ("CreateChannel", FaultKind::ExecuteThenDrop),
            ("CreateRoom", FaultKind::Block),
            ("CreateStage", FaultKind::ExecuteThenDrop),
        ] {
            fixture.tenant.simulator().fault(Fault::new(operation, kind).named(&fixture.name));
        }
        fixture.create(json!({})).await;
        let unknown = ["ChannelReady", "ChatRoomReady", "StageReady"].map(|part| (part, "OutcomeUnknown"));
        fixture.run_until_with_long_grace(|| fixture.has_reasons(&unknown)).await;
        assert_eq!((fixture.created_count(), fixture.live().len()), (2, 2));
    }

    async fn act(_: &Fixture<'_>) {}

    /// Each resource was created once.
    async fn check(fixture: &Fixture<'_>) {
        assert_eq!((fixture.created_count(), fixture.users().await), (3, 1));
        let open = "select count(*) from create_attempts a join users u on u.id = a.user_id
                    where u.username = $1 and a.state = 'open'";
        assert_eq!(fixture.count(open).await, 0);
    }
}

#[tokio::test]
async fn killed_while_an_unknown_outcome_is_resolved_one_of_each_exists() {
    run::<UnknownOutcome>().await;
}
