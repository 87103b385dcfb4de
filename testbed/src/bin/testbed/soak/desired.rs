//! The desired state of each account.

/// An account with its desired state.
#[derive(Clone)]
pub(super) struct Account {
    /// Name of the object, and username.
    pub(super) name: String,
    /// Desired state; None if the account is to be deleted.
    pub(super) desired: Option<Desired>,
}

/// Desired settings of an account.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Desired {
    /// Type of its channel.
    pub(super) channel_type: &'static str,
    /// Value of a tag of all three resources, incremented by each edit.
    pub(super) revision: u32,
}

impl Desired {
    /// Desired settings of a new account.
    pub(super) const FIRST: Self = Self { channel_type: "STANDARD", revision: 1 };

    /// Returns the settings with another type and another tag.
    pub(super) fn edited(&self) -> Self {
        let channel_type = if self.channel_type == "STANDARD" { "BASIC" } else { "STANDARD" };
        Self { channel_type, revision: self.revision + 1 }
    }
}

/// Returns `count` accounts that do not exist yet.
pub(super) fn accounts(count: usize) -> impl Iterator<Item = Account> {
    (1..=count).map(|number| Account { name: format!("streamer-{number}"), desired: None })
}
