//! The registry of kinds: everything that tells one kind of resource from another, in one place.

use std::fmt;

use super::condition::{CHANNEL_READY, CHAT_ROOM_READY, STAGE_READY};

/// Passes the registry to a macro that defines items for each kind:
///
/// - `field`: the field of spec and status; in programs, the name of the kind
/// - `settings`, `status`: the types of that field
/// - `noun`: the name of the kind for people
/// - `condition`: the condition that reports it
/// - `table`: the table of its rows
/// - `client`: the client in `ivs`
/// - `calls`: the calls to AWS that every kind has: Create, Get, List, Update, Delete. Each is a fail point.
macro_rules! for_each_kind {
    ($define:ident) => {
        $define! {
            /// An Amazon IVS channel.
            Channel {
                field: channel,
                settings: ChannelSpec,
                status: ChannelStatus,
                noun: "channel",
                condition: CHANNEL_READY,
                table: "channels",
                client: Channels,
                calls: ["CreateChannel", "GetChannel", "ListChannels", "UpdateChannel", "DeleteChannel"],
            }
            /// An Amazon IVS chat room.
            ChatRoom {
                field: chat_room,
                settings: ChatRoomSpec,
                status: ChatRoomStatus,
                noun: "chat room",
                condition: CHAT_ROOM_READY,
                table: "chat_rooms",
                client: ChatRooms,
                calls: ["CreateRoom", "GetRoom", "ListRooms", "UpdateRoom", "DeleteRoom"],
            }
            /// An Amazon IVS real-time stage.
            Stage {
                field: stage,
                settings: StageSpec,
                status: StageStatus,
                noun: "stage",
                condition: STAGE_READY,
                table: "stages",
                client: Stages,
                calls: ["CreateStage", "GetStage", "ListStages", "UpdateStage", "DeleteStage"],
            }
        }
    };
}
pub(crate) use for_each_kind;

macro_rules! define_resource_kind {
    ($($(#[$doc:meta])* $kind:ident {
        field: $field:ident,
        settings: $settings:ident,
        status: $status:ident,
        noun: $noun:literal,
        condition: $condition:ident,
        table: $table:literal,
        client: $client:ident,
        calls: $calls:expr,
    })+) => {
        /// A kind of resource.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, clap::ValueEnum)]
        #[sqlx(type_name = "resource_kind", rename_all = "snake_case")]
        #[value(rename_all = "snake_case")]
        pub enum ResourceKind {
            $($(#[$doc])* $kind,)+
        }

        impl ResourceKind {
            /// All kinds, in the order of their declaration.
            pub const ALL: [Self; [$(stringify!($kind)),+].len()] = [$(Self::$kind),+];

            /// Returns the name of the kind for programs.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($field),)+
                }
            }

            /// Returns the name of the kind for people.
            #[must_use]
            pub fn noun(self) -> &'static str {
                match self {
                    $(Self::$kind => $noun,)+
                }
            }

            /// Returns the type of the condition that reports the resource.
            #[must_use]
            pub fn condition(self) -> &'static str {
                match self {
                    $(Self::$kind => $condition,)+
                }
            }

            /// Returns the name of the table of its rows.
            #[must_use]
            pub fn table(self) -> &'static str {
                match self {
                    $(Self::$kind => $table,)+
                }
            }

            /// Returns the names of its calls to AWS: Create, Get, List, Update, Delete.
            #[must_use]
            pub fn calls(self) -> [&'static str; 5] {
                match self {
                    $(Self::$kind => $calls,)+
                }
            }
        }
    };
}
for_each_kind!(define_resource_kind);

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun())
    }
}
