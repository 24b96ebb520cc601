//! `Debug` of the structs that hold values of parameters or arguments, or encoded Records full of them: names
//! and lengths are shown, values are not. Any of them may be a secret, and a struct ends in a log sooner than
//! one thinks.

use std::collections::BTreeMap;
use std::fmt;

use crate::exchange::Entry;
use crate::link::{Inbound, Outbound};
use crate::record::Length;
use crate::{add, get, get_instances, notify, operate, set};

/// Names of a map, with their values hidden.
struct Names<'a>(&'a BTreeMap<String, String>);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|name| (name, Hidden))).finish()
    }
}

/// A value that is not shown.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// Implements `Debug` from the plain fields of a struct, its maps and its hidden fields.
macro_rules! without_values {
    ($($type:ty { $($plain:ident),* ; $($map:ident),* ; $($hidden:ident),* })*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let name = stringify!($type).rsplit(':').next().unwrap_or_default().trim();
                f.debug_struct(name)
                    $(.field(stringify!($plain), &self.$plain))*
                    $(.field(stringify!($map), &Names(&self.$map)))*
                    $(.field(stringify!($hidden), &Hidden))*
                    .finish()
            }
        }
    )*};
}

without_values! {
    get::ResolvedPathResult { resolved_path; result_params; }
    get_instances::CurrInstance { instantiated_obj_path; unique_keys; }
    add::CreateParamSetting { param, required; ; value }
    add::OperationSuccess { instantiated_path, param_errs; unique_keys; }
    set::UpdateParamSetting { param, required; ; value }
    set::UpdatedInstanceResult { affected_path, param_errs; updated_params; }
    operate::Operate { command, command_key, send_resp; input_args; }
    operate::OutputArgs { ; output_args; }
    notify::Event { obj_path, event_name; params; }
    notify::ValueChange { param_path; ; param_value }
    notify::ObjectCreation { obj_path; unique_keys; }
    notify::OutputArgs { ; output_args; }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("link", &self.link)
            .field("peer", &self.peer)
            .field("return_path", &self.return_path)
            .field("record", &Length(self.record.len()))
            .finish()
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("return_path", &self.return_path)
            .field("record", &Length(self.record.len()))
            .finish()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("direction", &self.direction)
            .field("at_micros", &self.at_micros)
            .field("record", &Length(self.record.len()))
            .field("note", &self.note)
            .finish()
    }
}
