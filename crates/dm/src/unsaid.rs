//! `Debug` of what may hold secrets: names, paths and lengths, never values.
//!
//! Requests and answers carry values as text, and nothing there tells a password from a name. What a
//! device is told and what it answers is printed elsewhere, by those who know the model.

use std::fmt;

use crate::operation::{
    CommandResult, CreatedInstance, Instance, ObjectValues, Operate, ParamSetting, UpdatedInstance,
};
use crate::path::Literal;
use crate::tree::CommandCall;

/// A text as its length: `<12 chars>`.
struct Chars<'a>(&'a str);

impl fmt::Debug for Chars<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} chars>", self.0.chars().count())
    }
}

/// Names with the lengths of their values.
struct Pairs<'a>(&'a [(String, String)]);

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, Chars(value)))).finish()
    }
}

impl fmt::Debug for ParamSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParamSetting")
            .field("param", &self.param)
            .field("value", &Chars(&self.value))
            .field("required", &self.required)
            .finish()
    }
}

impl fmt::Debug for Operate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operate")
            .field("command", &self.command)
            .field("command_key", &self.command_key)
            .field("send_resp", &self.send_resp)
            .field("args", &Pairs(&self.args))
            .finish()
    }
}

impl fmt::Debug for CommandCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandCall").field("path", &self.path).field("args", &Pairs(&self.args)).finish()
    }
}

impl fmt::Debug for ObjectValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectValues")
            .field("path", &self.path)
            .field("params", &Pairs(&self.params))
            .finish()
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("path", &self.path)
            .field("unique_keys", &Pairs(&self.unique_keys))
            .finish()
    }
}

impl fmt::Debug for UpdatedInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdatedInstance")
            .field("path", &self.path)
            .field("params", &Pairs(&self.params))
            .field("errors", &self.errors)
            .finish()
    }
}

impl fmt::Debug for CreatedInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedInstance")
            .field("path", &self.path)
            .field("unique_keys", &Pairs(&self.unique_keys))
            .field("errors", &self.errors)
            .finish()
    }
}

impl fmt::Debug for CommandResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandResult::Output(args) => f.debug_tuple("Output").field(&Pairs(args)).finish(),
            CommandResult::Started(path) => f.debug_tuple("Started").field(path).finish(),
        }
    }
}

/// The constant of a search expression may be what somebody searches for by a secret.
impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Quoted(text) => f.debug_tuple("Quoted").field(&Chars(text)).finish(),
            Literal::Bare(text) => f.debug_tuple("Bare").field(&Chars(text)).finish(),
        }
    }
}
