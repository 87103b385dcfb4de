//! The AWS services that the simulator implements.

/// One of the three IVS APIs, or STS, which tells a caller its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Ivs,
    IvsChat,
    IvsRealtime,
    Sts,
}

impl Service {
    /// Returns the service name in the credential scope of a signature.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Ivs | Self::IvsRealtime => "ivs",
            Self::IvsChat => "ivschat",
            Self::Sts => "sts",
        }
    }

    /// Returns the member of an error response that holds the message.
    pub fn message_member(self) -> &'static str {
        match self {
            Self::Ivs | Self::IvsRealtime => "exceptionMessage",
            Self::IvsChat | Self::Sts => "message",
        }
    }
}
