//! Words of a fixed vocabulary: texts in JSON, enumerations in the description of the API.

use fleet::access::Role;
use fleet::event::EventKind as CoreEventKind;
use fleet::job::{OpKind, Priority, StateName};
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The words of a core type that knows all of its values and a word for each.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident of $core:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
        #[serde(transparent)]
        pub struct $name(&'static str);

        impl From<$core> for $name {
            fn from(core: $core) -> Self {
                $name(core.as_str())
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = $core::ALL.iter().map(|one| one.as_str());
                ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build().into()
            }
        }

        impl ToSchema for $name {}
    )* };
}

words! {
    /// Which operation.
    JobKind of OpKind;
    /// How far a job is.
    JobState of StateName;
    /// How urgent a job is.
    JobPriority of Priority;
    /// What happened.
    EventKind of CoreEventKind;
    /// What someone may do.
    RoleName of Role;
}
