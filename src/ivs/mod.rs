//! Amazon IVS: the clients of the kinds of resource behind one trait, errors by class, and call budgets.
//!
//! The facts about Amazon IVS that this module relies on are in docs/ivs.md.

mod budget;
mod caller;
mod channel;
mod chat_room;
mod class;
mod clients;
mod credentials;
mod defaults;
mod error;
mod kind;
mod pagination;
mod request_body;
mod sdk;
mod settings;
mod shared_scan;
mod stage;
mod target;

pub use budget::Budgets;
pub use caller::Caller;
pub use channel::Channels;
pub use chat_room::ChatRooms;
pub use class::Class;
pub use clients::Clients;
pub(crate) use clients::dispatch_kind;
pub use defaults::{SettingDefault, default_of, is_off, may_be_left_out, set_defaults, switch_of};
pub use error::{Error, REQUEST_ID_MARK, Result};
pub use kind::{Created, Kind, ListPage, Listed, Live, Properties, StreamKeys, Tags};
pub use sdk::{check_root_certificates, sdk_config};
pub use settings::{SettingDifference, changes, differences, for_each_setting, value_at};
pub use stage::Stages;
pub use target::{ArnLocation, Target, caller_account, target_identity};
