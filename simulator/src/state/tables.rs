//! The list of all tables. The dump, tags, limits, the delayed view and the dashboard are derived from it.

use super::State;
use crate::{
    any_table::NamedTable,
    model::{
        channel::Channel, logging_configuration::LoggingConfiguration,
        recording_configuration::RecordingConfiguration, restriction_policy::RestrictionPolicy, room::Room,
        stage::Stage, storage_configuration::StorageConfiguration, stream_key::StreamKey,
    },
    table::{Row, Table},
};

/// A resource kind that has a table in the state.
pub(crate) trait Stored: Row + Sized {
    fn table(state: &State) -> &Table<Self>;
    fn table_mut(state: &mut State) -> &mut Table<Self>;
}

/// Each line lists a field of the state, its row type, and its kind, member and title (see `NamedTable`).
macro_rules! tables {
    ($($field:ident: $row:ty, $kind:literal, $member:literal, $title:literal;)*) => {
        const COUNT: usize = [$($kind),*].len();

        impl State {
            pub fn tables(&mut self) -> [NamedTable<'_>; COUNT] {
                [$(NamedTable { kind: $kind, member: $member, title: $title, rows: &mut self.$field }),*]
            }
        }

        $(
            impl Stored for $row {
                fn table(state: &State) -> &Table<Self> {
                    &state.$field
                }
                fn table_mut(state: &mut State) -> &mut Table<Self> {
                    &mut state.$field
                }
            }
        )*
    };
}

tables! {
    channels: Channel, "channel", "channels", "Channels";
    stream_keys: StreamKey, "stream-key", "streamKeys", "Stream keys";
    rooms: Room, "room", "rooms", "Chat rooms";
    stages: Stage, "stage", "stages", "Stages";
    recording_configurations: RecordingConfiguration,
        "recording-configuration", "recordingConfigurations", "Recording configurations";
    restriction_policies: RestrictionPolicy,
        "playback-restriction-policy", "playbackRestrictionPolicies", "Playback restriction policies";
    logging_configurations: LoggingConfiguration,
        "logging-configuration", "loggingConfigurations", "Logging configurations";
    storage_configurations: StorageConfiguration,
        "storage-configuration", "storageConfigurations", "Storage configurations";
}
