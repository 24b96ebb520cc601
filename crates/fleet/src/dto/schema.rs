//! A supported model in rows. What a device did not say is left out, so that models stay small.

use dm::Type;
use dm::operation::{
    ObjectAccess, ParamAccess, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam, SchemaResult,
    ValueChange,
};
use serde::{Deserialize, Serialize};

use super::{convertible, mirror};

#[derive(Serialize, Deserialize)]
pub(super) struct SchemaDto {
    model_uri: String,
    objects: Vec<ObjectDto>,
}

#[derive(Serialize, Deserialize)]
struct ObjectDto {
    path: String,
    access: ObjectAccessDto,
    is_multi: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    params: Vec<ParamDto>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    commands: Vec<CommandDto>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventDto>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    divergent_paths: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unique_keys: Vec<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct ParamDto {
    name: String,
    access: ParamAccessDto,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_type: Option<TypeDto>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_change: Option<ValueChangeDto>,
}

#[derive(Serialize, Deserialize)]
struct CommandDto {
    name: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_async: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct EventDto {
    name: String,
    args: Vec<String>,
}

mirror!(SchemaDto = SchemaResult { model_uri, objects });
mirror!(
    ObjectDto =
        SchemaObject { path, access, is_multi, params, commands, events, divergent_paths, unique_keys }
);
mirror!(ParamDto = SchemaParam { name, access, value_type, value_change });
mirror!(CommandDto = SchemaCommand { name, inputs, outputs, is_async });
mirror!(EventDto = SchemaEvent { name, args });

/// Enumerations without content, and both directions.
macro_rules! words {
    ($dto:ident = $core:ty { $($word:ident),* $(,)? }) => {
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        enum $dto { $($word),* }

        impl From<$core> for $dto {
            fn from(core: $core) -> Self {
                match core { $(<$core>::$word => $dto::$word),* }
            }
        }
        impl From<$dto> for $core {
            fn from(dto: $dto) -> Self {
                match dto { $($dto::$word => <$core>::$word),* }
            }
        }
    };
}

words!(ObjectAccessDto = ObjectAccess { ReadOnly, AddDelete, AddOnly, DeleteOnly });
words!(ParamAccessDto = ParamAccess { ReadOnly, ReadWrite, WriteOnceReadOnly, WriteOnly });
words!(ValueChangeDto = ValueChange { Allowed, WillIgnore });
words!(
    TypeDto =
        Type { Boolean, Int, UnsignedInt, Long, UnsignedLong, Decimal, String, Base64, HexBinary, DateTime }
);

convertible!(
    ObjectDto = SchemaObject,
    ParamDto = SchemaParam,
    CommandDto = SchemaCommand,
    EventDto = SchemaEvent,
    ObjectAccessDto = ObjectAccess,
    ParamAccessDto = ParamAccess,
    ValueChangeDto = ValueChange,
    TypeDto = Type,
);
