//! What a device says, without its secrets: masked before any of it is stored.
//!
//! What is secret, a [`SchemaCheck`] knows: values of secured, hidden and write-only parameters, wherever
//! they stand, and names that commonly hold secrets where no model knows better.

use std::borrow::Cow;

use dm::limits::{MAX_PATH_BYTES, MAX_PATH_SEGMENTS};
use dm::operation::Operation;

use crate::check::SchemaCheck;
use crate::event::{EventBody, EventKind};
use crate::twin::{Change, Delta, TwinPath};

/// What stands where a secret stood.
pub const MASK: &str = "••••";

/// The shortest secret that is looked for within texts, bytes; shorter ones stand in every other word.
const SHORTEST_QUOTED: usize = 3;

/// Masks a value, if the parameter or argument `name` at `path` is secret. Nothing stays nothing, and nobody is asked
/// about what is too long to be a path: a device that answers so must not cost more than its bytes.
pub(crate) fn mask_value(schema: &dyn SchemaCheck, path: &str, name: &str, value: &mut String) {
    let too_long = path.len() + name.len() > MAX_PATH_BYTES;
    if !value.is_empty() && (too_long || schema.is_secret(path, name)) {
        MASK.clone_into(value);
    }
}

/// Masks the values of one object's parameters, or of one command's or event's arguments.
pub(crate) fn mask_values(schema: &dyn SchemaCheck, path: &str, params: &mut [(String, String)]) {
    for (name, value) in params {
        mask_value(schema, path, name, value);
    }
}

/// Masks what search expressions of a path compare secret parameters with
/// (`Device.Users.User.[Password=="x"].`). Of what is too long to be a path, or has too many expressions, they are
/// not kept.
pub(crate) fn mask_path(schema: &dyn SchemaCheck, path: &mut String) {
    let Some(open) = path.find('[') else { return };
    if path.len() > MAX_PATH_BYTES || path.matches('[').count() > MAX_PATH_SEGMENTS {
        path.truncate(open);
        path.push_str(MASK);
        return;
    }
    if let Cow::Owned(masked) = masked_path(schema, path) {
        *path = masked;
    }
}

fn masked_path<'a>(schema: &dyn SchemaCheck, path: &'a str) -> Cow<'a, str> {
    let (mut masked, mut table, mut rest) = (String::new(), String::new(), path);
    while let Some(open) = rest.find('[') {
        let (before, expression) = rest.split_at(open + 1);
        masked.push_str(before);
        table.push_str(before.strip_suffix('[').unwrap_or(before));
        let end = end_of(expression);
        let (expression, after) = expression.split_at(end);
        for (at, condition) in conditions(expression).into_iter().enumerate() {
            masked.push_str(if at > 0 { "&&" } else { "" });
            masked.push_str(&masked_condition(schema, &format!("{table}*."), condition));
        }
        if let Some(after) = after.strip_prefix(']') {
            masked.push(']');
            table.push('*');
            rest = after;
        } else {
            rest = after;
        }
    }
    masked.push_str(rest);
    if masked == path { Cow::Borrowed(path) } else { Cow::Owned(masked) }
}

/// Where an expression ends: at the first `]` outside quotes.
fn end_of(expression: &str) -> usize {
    let mut quoted = false;
    for (at, sign) in expression.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            ']' if !quoted => return at,
            _ => {}
        }
    }
    expression.len()
}

/// The conditions of an expression, cut at each `&&` outside quotes.
fn conditions(expression: &str) -> Vec<&str> {
    let (mut parts, mut quoted, mut from) = (Vec::new(), false, 0);
    for (at, sign) in expression.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            '&' if !quoted && at >= from && expression[at..].starts_with("&&") => {
                parts.push(&expression[from..at]);
                from = at + 2;
            }
            _ => {}
        }
    }
    parts.push(expression.get(from..).unwrap_or_default());
    parts
}

fn masked_condition<'a>(schema: &dyn SchemaCheck, row: &str, condition: &'a str) -> Cow<'a, str> {
    let Some(operator) = condition.find(['=', '!', '<', '>', '~']) else { return Cow::Borrowed(condition) };
    let (name, compared) = condition.split_at(operator);
    let literal = compared.trim_start_matches(['=', '!', '<', '>', '~']);
    if literal.trim().is_empty() || !schema.is_secret(row, name.trim()) {
        return Cow::Borrowed(condition);
    }
    let operator = &compared[..compared.len() - literal.len()];
    Cow::Owned(format!("{name}{operator}\"{MASK}\""))
}

/// The secrets that a request holds, for finding them in what the device answers: error messages like to
/// quote the value that they refuse.
#[derive(Default)]
pub struct Quoted(Vec<String>);

impl Quoted {
    /// The secrets of a request that still has them.
    pub fn of(operation: &Operation, schema: &dyn SchemaCheck) -> Self {
        let mut secrets = Vec::new();
        let mut note = |path: &str, name: &str, value: &str| {
            if value.len() >= SHORTEST_QUOTED && value != MASK && schema.is_secret(path, name) {
                secrets.push(value.to_owned());
            }
        };
        match operation {
            Operation::Set(dm::operation::Set { objects, .. })
            | Operation::Add(dm::operation::Add { objects, .. }) => {
                for object in objects {
                    object.params.iter().for_each(|one| note(&object.path, &one.param, &one.value));
                }
            }
            Operation::Operate(operate) => {
                operate.args.iter().for_each(|(name, value)| note(&operate.command, name, value));
            }
            Operation::Get(_)
            | Operation::GetInstances(_)
            | Operation::GetSchema(_)
            | Operation::Delete(_) => {}
        }
        // A secret that is a part of another must not leave the other's rest behind.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Quoted(secrets)
    }

    /// Masks them in a text.
    pub fn mask(&self, text: &mut String) {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), MASK);
            }
        }
    }
}

/// Masks the secrets of a notification's event.
pub fn mask_event(event: &mut EventBody, quoted: &Quoted, schema: &dyn SchemaCheck) {
    let path = event.path.clone().unwrap_or_default();
    for (name, value) in &mut event.params {
        match event.kind {
            EventKind::ValueChange => {
                let (object, param) = path.split_at(path.rfind('.').map_or(0, |dot| dot + 1));
                mask_value(schema, object, param, value);
            }
            EventKind::Boot if name == "ParameterMap" => mask_map(schema, value),
            _ => mask_value(schema, &path, name, value),
        }
        quoted.mask(value);
    }
}

/// Boot! carries the boot parameters as one JSON object of paths and values.
fn mask_map(schema: &dyn SchemaCheck, map: &mut String) {
    let Ok(serde_json::Value::Object(mut values)) = serde_json::from_str(map) else {
        // What can't be read can't be searched for secrets either.
        if !map.is_empty() {
            MASK.clone_into(map);
        }
        return;
    };
    let mut found = false;
    for (path, value) in &mut values {
        let (object, param) = path.split_at(path.rfind('.').map_or(0, |dot| dot + 1));
        if schema.is_secret(object, param) && *value != serde_json::Value::String(String::new()) {
            *value = serde_json::Value::String(MASK.to_owned());
            found = true;
        }
    }
    if found {
        *map = serde_json::Value::Object(values).to_string();
    }
}

/// Masks the secrets of what is about to go into a twin.
pub fn mask_delta(delta: &mut Delta, schema: &dyn SchemaCheck) {
    for change in &mut delta.changes {
        if let Change::Put { path, value } = change
            && !value.is_empty()
            && is_secret_at(schema, path)
        {
            *value = MASK.into();
        }
    }
}

fn is_secret_at(schema: &dyn SchemaCheck, path: &TwinPath) -> bool {
    let (object, param) = path.split();
    !param.is_empty() && schema.is_secret(object, param)
}
