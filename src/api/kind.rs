//! The registry of kinds: everything that tells one kind of resource from another, in one place.

use std::fmt;

use super::condition::{CHANNEL_READY, CHAT_ROOM_READY, STAGE_READY};

/// Passes the registry to a macro that defines items for each kind:
///
/// - `field`: the field of spec and status; in programs, the name of the kind
/// - `settings`, `status`: the types of that field
/// - `client`: the client in `ivs`
/// - `noun`: the name of the kind for people
/// - `condition`: the condition that reports it
/// - `table`: the table of its rows
/// - `calls`: the calls to AWS that every kind has: Create, Get, List, Update, Delete. Each is a fail point.
macro_rules! for_each_kind {
    ($define:ident) => {
        $define! {
            /// An Amazon IVS channel.
            Channel {
                field: channel,
                settings: ChannelSpec,
                status: ChannelStatus,
                client: Channels,
                noun: "channel",
                condition: CHANNEL_READY,
                table: "channels",
                calls: ["CreateChannel", "GetChannel", "ListChannels", "UpdateChannel", "DeleteChannel"],
            }
            /// An Amazon IVS chat room.
            ChatRoom {
                field: chat_room,
                settings: ChatRoomSpec,
                status: ChatRoomStatus,
                client: ChatRooms,
                noun: "chat room",
                condition: CHAT_ROOM_READY,
                table: "chat_rooms",
                calls: ["CreateRoom", "GetRoom", "ListRooms", "UpdateRoom", "DeleteRoom"],
            }
            /// An Amazon IVS real-time stage.
            Stage {
                field: stage,
                settings: StageSpec,
                status: StageStatus,
                client: Stages,
                noun: "stage",
                condition: STAGE_READY,
                table: "stages",
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
        client: $client:ident,
        noun: $noun:literal,
        condition: $condition:ident,
        table: $table:literal,
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

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    /// Number of files in each directory of `src` that name a kind in code. A new kind needs code in these
    /// files, of which two are its own: one in `api`, one in `ivs`.
    const FILES: [(&str, usize); 6] =
        [("api", 5), ("controller", 2), ("ivs", 4), ("provision", 1), ("registration", 3), ("store", 1)];

    fn root() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
    }

    /// Returns the paths and texts of all files below a directory.
    fn files(directory: &Path) -> Vec<(PathBuf, String)> {
        let entries =
            fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
        let read = |path: PathBuf| {
            if path.is_dir() {
                return files(&path);
            }
            let text = fs::read_to_string(&path).expect("a text file");
            vec![(path, text)]
        };
        entries.flat_map(read).collect()
    }

    /// Returns true if a file names the chat room in code that is neither a test nor a test double nor a
    /// comment.
    fn names_a_kind(path: &Path, text: &str) -> bool {
        let is_test = |part: &str| part == "tests" || part.starts_with("fake");
        if path.with_extension("").iter().any(|part| part.to_str().is_some_and(is_test)) {
            return false;
        }
        let tests = ["mod tests {", "pub(super) mod tests {"].map(|tests| format!("#[cfg(test)]\n{tests}"));
        let end = tests.iter().filter_map(|tests| text.find(tests.as_str())).min().unwrap_or(text.len());
        let code = &text[..end];
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        code.lines().filter(is_code).any(|line| line.contains("ChatRoom") || line.contains("chat_room"))
    }

    #[test]
    fn a_new_kind_needs_code_in_the_counted_files() {
        let source = root().join("src");
        let mut found: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
        for (path, text) in files(&source) {
            let path = path.strip_prefix(&source).expect("a file below src").to_owned();
            if !names_a_kind(&path, &text) {
                continue;
            }
            let top = path.iter().next().expect("a name").to_string_lossy().into_owned();
            found.entry(top).or_default().insert(path);
        }
        let expected: BTreeMap<_, _> = FILES.into_iter().collect();
        let counts: BTreeMap<_, _> = found.iter().map(|(top, paths)| (top.as_str(), paths.len())).collect();
        assert_eq!(counts, expected, "{found:#?}");
    }

    #[test]
    fn each_kind_has_its_table() {
        let migrations: String =
            files(&root().join("migrations")).into_iter().map(|(_, text)| text).collect();
        for kind in ResourceKind::ALL {
            assert!(migrations.contains(&format!("create table {} (", kind.table())), "{kind}");
        }
    }
}
