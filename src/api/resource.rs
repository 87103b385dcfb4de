//! The parts of spec and status that belong to one resource, whatever its kind.

use super::{AppliedFields, ResourceKind, StreamerAccountSpec, StreamerAccountStatus, kind::for_each_kind};

/// The part of the spec that belongs to one kind.
pub trait Settings {
    /// Returns the part of this spec.
    fn of(spec: &StreamerAccountSpec) -> &Self;
}

/// The part of the status that belongs to one kind.
pub trait Status: Into<ResourceStatus> {
    /// Returns the part of this status.
    fn of(status: &StreamerAccountStatus) -> Option<&Self>;

    /// Returns the ARN.
    fn arn(&self) -> &str;

    /// Returns the fields that the spec names or has named.
    fn applied_fields(&self) -> &AppliedFields;

    /// Replaces the fields that the spec names or has named.
    fn set_applied_fields(&mut self, fields: AppliedFields);
}

macro_rules! define_resource_status {
    ($($(#[$doc:meta])* $kind:ident {
        field: $field:ident,
        settings: $settings:ident,
        status: $status:ident,
        $($rest:tt)*
    })+) => {
        /// The status of one resource.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ResourceStatus {
            $($(#[$doc])* $kind($crate::api::$status),)+
        }

        impl ResourceStatus {
            /// Returns the kind.
            #[must_use]
            pub fn kind(&self) -> ResourceKind {
                match self {
                    $(Self::$kind(_) => ResourceKind::$kind,)+
                }
            }

            /// Returns the ARN.
            #[must_use]
            pub fn arn(&self) -> &str {
                match self {
                    $(Self::$kind(status) => &status.arn,)+
                }
            }

            /// Returns the fields that the spec names or has named.
            #[must_use]
            pub fn applied_fields(&self) -> &AppliedFields {
                match self {
                    $(Self::$kind(status) => &status.applied_fields,)+
                }
            }
        }

        impl StreamerAccountSpec {
            /// Returns the settings of this kind as JSON.
            #[must_use]
            pub fn settings(&self, kind: ResourceKind) -> serde_json::Value {
                match kind {
                    $(ResourceKind::$kind => serde_json::to_value(&self.$field).unwrap_or_default(),)+
                }
            }
        }

        impl StreamerAccountStatus {
            /// Returns the ARN of the resource of this kind.
            #[must_use]
            pub fn arn(&self, kind: ResourceKind) -> Option<&str> {
                match kind {
                    $(ResourceKind::$kind => self.$field.as_ref().map(|status| status.arn.as_str()),)+
                }
            }

            /// Replaces the status of one resource.
            pub fn set(&mut self, resource: ResourceStatus) {
                match resource {
                    $(ResourceStatus::$kind(status) => self.$field = Some(status),)+
                }
            }
        }

        $(
            impl Settings for $crate::api::$settings {
                fn of(spec: &StreamerAccountSpec) -> &Self {
                    &spec.$field
                }
            }

            impl Status for $crate::api::$status {
                fn of(status: &StreamerAccountStatus) -> Option<&Self> {
                    status.$field.as_ref()
                }

                fn arn(&self) -> &str {
                    &self.arn
                }

                fn applied_fields(&self) -> &AppliedFields {
                    &self.applied_fields
                }

                fn set_applied_fields(&mut self, fields: AppliedFields) {
                    self.applied_fields = fields;
                }
            }

            impl From<$crate::api::$status> for ResourceStatus {
                fn from(status: $crate::api::$status) -> Self {
                    Self::$kind(status)
                }
            }
        )+
    };
}
for_each_kind!(define_resource_status);
