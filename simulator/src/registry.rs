//! The registry of all operations.
//!
//! A new operation is one entry in the `OPERATIONS` table of its module. A new module is one line in
//! `TABLES`.

use std::{collections::HashMap, sync::LazyLock};

use crate::{glob, ivs, ivschat, operation::Operation, realtime, service::Service, sts};

/// The tables of operations. Tag operations have their own paths; see `tagging::find`.
static TABLES: &[&[Operation]] = &[
    ivs::channel::OPERATIONS,
    ivs::stream_key::OPERATIONS,
    ivs::stream::OPERATIONS,
    ivs::stream_session::OPERATIONS,
    ivs::recording_configuration::OPERATIONS,
    ivs::restriction_policy::OPERATIONS,
    ivschat::room::OPERATIONS,
    ivschat::logging_configuration::OPERATIONS,
    ivschat::messaging::OPERATIONS,
    realtime::stage::OPERATIONS,
    realtime::token::OPERATIONS,
    realtime::stage_session::OPERATIONS,
    realtime::storage_configuration::OPERATIONS,
    sts::OPERATIONS,
];

/// The result of looking up an operation by its name.
pub(crate) enum Lookup {
    Supported(&'static Operation),
    /// An operation of AWS that the simulator does not implement.
    Unimplemented(Service, &'static str),
}

impl Lookup {
    /// Returns true if the operation uses the AWS query protocol, in which the body names the operation.
    pub fn is_query_protocol(&self) -> bool {
        matches!(self, Self::Supported(operation) if operation.service == Service::Sts)
    }
}

/// Looks up an operation by its name, which is also its path except in the query protocol.
pub(crate) fn find(name: &str) -> Option<Lookup> {
    static BY_NAME: LazyLock<HashMap<&str, &Operation>> = LazyLock::new(|| {
        TABLES.iter().copied().flatten().map(|operation| (operation.name, operation)).collect()
    });
    let supported = BY_NAME.get(name).map(|operation| Lookup::Supported(operation));
    supported.or_else(|| {
        let mut all =
            UNIMPLEMENTED.iter().flat_map(|(service, names)| names.iter().map(|name| (*service, *name)));
        all.find(|(_, known)| *known == name).map(|(service, name)| Lookup::Unimplemented(service, name))
    })
}

/// Returns true if the text is a pattern or the name of a supported operation.
pub(crate) fn is_known_or_pattern(name: &str) -> bool {
    const TAG_OPERATIONS: &[&str] = &["TagResource", "UntagResource", "ListTagsForResource"];
    glob::is_pattern(name)
        || TAG_OPERATIONS.contains(&name)
        || matches!(find(name), Some(Lookup::Supported(_)))
}

/// The operations of the three IVS APIs that the simulator does not implement.
const UNIMPLEMENTED: &[(Service, &[&str])] = &[
    (
        Service::Ivs,
        &[
            "BatchStartViewerSessionRevocation",
            "CreateAdConfiguration",
            "CreateFailoverSlateConfiguration",
            "DeleteAdConfiguration",
            "DeleteFailoverSlateConfiguration",
            "DeletePlaybackKeyPair",
            "GetAdConfiguration",
            "GetFailoverSlateConfiguration",
            "GetPlaybackKeyPair",
            "ImportPlaybackKeyPair",
            "InsertAdBreak",
            "ListAdConfigurations",
            "ListFailoverSlateConfigurations",
            "ListPlaybackKeyPairs",
            "StartViewerSessionRevocation",
            "UpdateAdConfiguration",
            "UpdateFailoverSlateConfiguration",
        ],
    ),
    (
        Service::IvsRealtime,
        &[
            "CreateEncoderConfiguration",
            "CreateIngestConfiguration",
            "DeleteEncoderConfiguration",
            "DeleteIngestConfiguration",
            "DeletePublicKey",
            "GetComposition",
            "GetEncoderConfiguration",
            "GetIngestConfiguration",
            "GetParticipant",
            "GetPublicKey",
            "GetStageSession",
            "ImportPublicKey",
            "ListCompositions",
            "ListEncoderConfigurations",
            "ListIngestConfigurations",
            "ListParticipantEvents",
            "ListParticipantReplicas",
            "ListPublicKeys",
            "RevokeConnectionToken",
            "StartComposition",
            "StartParticipantReplication",
            "StopComposition",
            "StopParticipantReplication",
            "UpdateIngestConfiguration",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_either_supported_or_unimplemented() {
        assert!(matches!(find("CreateChannel"), Some(Lookup::Supported(_))));
        assert!(matches!(find("GetParticipant"), Some(Lookup::Unimplemented(Service::IvsRealtime, _))));
        assert!(find("MakeCoffee").is_none());
        for name in UNIMPLEMENTED.iter().flat_map(|(_, names)| names.iter()) {
            assert!(
                matches!(find(name), Some(Lookup::Unimplemented(..))),
                "{name} is implemented now: remove it from UNIMPLEMENTED"
            );
        }
    }
}
