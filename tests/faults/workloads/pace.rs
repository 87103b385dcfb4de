//! A paced resync, during whose lists accounts and resources come and go.

use std::time::Duration;

use tokio::time::sleep;

use super::{DURING_CREATES, SETTLE_TIME, edited, spec};
use crate::{actor::Actor, controller::RESYNC};

/// Resources on a page. Each list has two or three pages.
const PAGE_SIZE: usize = 2;

/// Time between two pages of the paced resync. The resync before it had one page per list, so the first paced
/// one spreads two pages over its interval.
const PAUSE: Duration = Duration::from_secs(RESYNC.as_secs() * 4 / 5);

/// Maximum time of what happens between two pages.
const MARGIN: Duration = Duration::from_secs(10);

/// Todd and Ann are settled. The lists show the newest first, so the first page has the rooms without an
/// account, and the next one the accounts' rooms.
pub async fn act(actor: &Actor) {
    actor.set_page_size(Some(PAGE_SIZE));
    actor.create_unowned_room("left");
    actor.create_unowned_room("vanishing");
    // The next resync has read its first pages.
    sleep(RESYNC.saturating_sub(SETTLE_TIME) + MARGIN).await;
    actor.delete_by_name_in_aws("vanishing");
    actor.apply("bea", spec("bea")).await;
    sleep(PAUSE / 2).await;
    for operation in ["ListChannels", "ListRooms", "ListStages"] {
        actor.check_calls(operation, 1);
    }
    // It has read its second pages, and all pages of the channels and stages.
    sleep(PAUSE / 2).await;
    actor.delete("todd");
    actor.apply("ann", edited("ann")).await;
    actor.apply("cal", spec("cal")).await;
    sleep(DURING_CREATES).await;
    actor.delete("cal");
    sleep(PAUSE).await;
    actor.check_resync_findings(&["left"]);
    actor.check_ready_accounts(2);
    // The next resync followed at once, and is done too.
    sleep(PAUSE).await;
    actor.check_resync_findings(&["left"]);
    actor.set_page_size(None);
}
