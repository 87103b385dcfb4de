//! What an operation is, and the list of all of them. A new operation is one entry in the table of its module.

use std::{collections::HashMap, sync::LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    error::Failure,
    glob, ivs, ivschat, realtime,
    state::State,
    sts,
    validate::{self, Member},
};

/// One of the three APIs of IVS, or the one that tells whose credentials these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Ivs,
    IvsChat,
    IvsRealtime,
    Sts,
}

impl Service {
    /// The name that requests are signed with.
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Ivs | Self::IvsRealtime => "ivs",
            Self::IvsChat => "ivschat",
            Self::Sts => "sts",
        }
    }

    /// The member of an error that holds its text.
    pub fn message_member(self) -> &'static str {
        match self {
            Self::Ivs | Self::IvsRealtime => "exceptionMessage",
            Self::IvsChat | Self::Sts => "message",
        }
    }
}

/// What an operation comes to: its output, written down at once. As a value first, a page of a List would take twice the time.
pub(crate) type Outcome = Result<String, Failure>;

/// One operation of one API: its rules and what it does.
pub(crate) struct Operation {
    pub name: &'static str,
    pub service: Service,
    /// The status of a success: 204 has no body, 200 has one.
    pub success: u16,
    pub input: &'static [Member],
    /// Carries it out on input that has passed `input`.
    pub run: fn(&mut State, &Value) -> Outcome,
}

impl Operation {
    /// Whether it only looks: what it sees may be late.
    pub fn reads(&self) -> bool {
        ["Get", "BatchGet", "List"].iter().any(|verb| self.name.starts_with(verb))
    }

    /// Validates the input, member by member.
    pub fn check(&self, input: &Value) -> Result<(), Failure> {
        validate::check(self.input, input)
    }

    /// The ARN of what it made, if it is a Create.
    pub fn created(&self, output: &str) -> Option<String> {
        if !self.name.starts_with("Create") {
            return None;
        }
        // Rooms and the like are flat; a channel comes with its stream key, a stage with its tokens.
        let output: Map<String, Value> = serde_json::from_str(output).ok()?;
        let first = ["channel", "stage"].iter().find_map(|member| output.get(*member));
        let made = output.get("arn").or_else(|| first.or_else(|| output.values().next())?.get("arn"));
        made?.as_str().map(str::to_owned)
    }
}

/// Reads input into its type. It has been validated, so a failure here is a mistake of ours.
pub(crate) fn decode<'a, T: Deserialize<'a>>(input: &'a Value) -> Result<T, Failure> {
    T::deserialize(input).map_err(|error| Failure::internal(format!("cannot read the input: {error}")))
}

/// Writes output down.
pub(crate) fn encode(output: impl Serialize) -> Outcome {
    serde_json::to_string(&output)
        .map_err(|error| Failure::internal(format!("cannot write the output: {error}")))
}

/// What is known of a name of an operation.
pub(crate) enum Lookup {
    Supported(&'static Operation),
    /// AWS has it, we do not.
    Unimplemented(Service, &'static str),
}

impl Lookup {
    /// Whether it has no path of its own.
    pub fn is_query_protocol(&self) -> bool {
        matches!(self, Self::Supported(operation) if operation.service == Service::Sts)
    }
}

/// Looks an operation up by its name, which is also its path (but that of sts).
pub(crate) fn find(name: &str) -> Option<Lookup> {
    static BY_NAME: LazyLock<HashMap<&str, &Operation>> = LazyLock::new(|| {
        let tables = [
            ivs::channel::OPERATIONS,
            ivs::stream_key::OPERATIONS,
            ivs::stream::OPERATIONS,
            ivs::recording_configuration::OPERATIONS,
            ivs::restriction_policy::OPERATIONS,
            ivschat::room::OPERATIONS,
            ivschat::logging_configuration::OPERATIONS,
            ivschat::messaging::OPERATIONS,
            realtime::stage::OPERATIONS,
            realtime::token::OPERATIONS,
            realtime::session::OPERATIONS,
            realtime::storage_configuration::OPERATIONS,
            sts::OPERATIONS,
        ];
        tables.into_iter().flatten().map(|operation| (operation.name, operation)).collect()
    });
    let here = BY_NAME.get(name).map(|operation| Lookup::Supported(operation));
    here.or_else(|| {
        let mut all =
            UNIMPLEMENTED.iter().flat_map(|(service, names)| names.iter().map(|name| (*service, *name)));
        all.find(|(_, known)| *known == name).map(|(service, name)| Lookup::Unimplemented(service, name))
    })
}

/// Whether a rule for operations of that name can ever have to do with one that is here.
pub(crate) fn is_known_or_pattern(name: &str) -> bool {
    const ON_TAGS: &[&str] = &["TagResource", "UntagResource", "ListTagsForResource"];
    glob::is_pattern(name) || ON_TAGS.contains(&name) || matches!(find(name), Some(Lookup::Supported(_)))
}

/// The operations of the three APIs that the simulator does not have.
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
    fn an_operation_is_here_or_known_to_be_missing_but_not_both() {
        assert!(matches!(find("CreateChannel"), Some(Lookup::Supported(_))));
        assert!(matches!(find("GetParticipant"), Some(Lookup::Unimplemented(Service::IvsRealtime, _))));
        assert!(find("MakeCoffee").is_none());
        for name in UNIMPLEMENTED.iter().flat_map(|(_, names)| names.iter()) {
            assert!(
                matches!(find(name), Some(Lookup::Unimplemented(..))),
                "{name} is here now: strike it off the list"
            );
        }
    }
}
