//! What is wanted of each account.

/// An account, and what is wanted of it.
#[derive(Clone)]
pub(super) struct Account {
    /// Of the object and of the user.
    pub(super) name: String,
    /// None: it is to be gone.
    pub(super) desired: Option<Desired>,
}

/// What an account is to be like.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Desired {
    /// The type of its channel.
    pub(super) channel_type: &'static str,
    /// The value of a tag that all three have, another one after each edit.
    pub(super) revision: u32,
}

impl Desired {
    /// What an account is like at first.
    pub(super) const FIRST: Self = Self { channel_type: "STANDARD", revision: 1 };

    /// The same with another type and another tag.
    pub(super) fn edited(&self) -> Self {
        let channel_type = if self.channel_type == "STANDARD" { "BASIC" } else { "STANDARD" };
        Self { channel_type, revision: self.revision + 1 }
    }
}

/// So many accounts, none of which is there yet.
pub(super) fn accounts(count: usize) -> impl Iterator<Item = Account> {
    (1..=count).map(|number| Account { name: format!("streamer-{number}"), desired: None })
}
