//! The Secret with the stream key.

pub(crate) fn taken(name: &str) -> String {
    format!(
        "Secret {name} does not belong to this account's channel, so the stream key cannot be written. Rename or delete that Secret."
    )
}

pub(crate) fn immutable(name: &str) -> String {
    format!(
        "Secret {name} is immutable, and its stream key or addresses differ from the channel's. Delete it; the controller creates it again."
    )
}

pub(crate) const KEY_NOT_RETURNED: &str = "AWS does not return the stream key of the channel yet; retrying.";

pub(crate) fn key_created(channel_arn: &str) -> String {
    format!(
        "Channel {channel_arn} had no stream key, so a new one was created. The new key is written to the Secret. Configure encoders with it."
    )
}

pub(crate) fn key_replaced(name: &str) -> String {
    format!("Replaced the stream key in Secret {name}, which differed from the channel's.")
}

pub(crate) fn adopted(name: &str) -> String {
    format!("Adopted Secret {name}, which had no owner.")
}
