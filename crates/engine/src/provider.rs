//! The seam between the engine and the system whose values it shows.
//!
//! A provider speaks in tables and row *keys* (an interface's name, a process id); the engine maps
//! (table, key) to a persistent instance number. A provider that cannot tell a value leaves it out:
//! absent is right, invented is wrong.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use dm::model::ModelBuilder;
use dm::path::{Name, ObjectPath, SchemaPath};
use dm::{Fault, Value};
use tokio::sync::{mpsc, watch};

/// A boxed future, because providers stand behind `dyn`.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something that supplies a part of the data model.
pub trait Provider: Send + Sync + 'static {
    /// For logs: `ethernet`, `routing`, ….
    fn name(&self) -> &'static str;

    /// The objects, parameters, commands and events that this system has, added to the model. Called at
    /// start, and again after [`Push::ModelChanged`].
    fn supported(&self, model: &mut ModelBuilder);

    /// What [`Provider::supported`] added last is in effect: whoever asks the instance from now on finds it, and
    /// what it did not add any more is gone. Called after each [`Push::ModelChanged`] of any provider, at a moment
    /// when nobody can ask: it must not wait, nor enter the instance.
    fn in_effect(&self) {}

    /// The object paths (`Device.Ethernet.`, `Device.DeviceInfo.MemoryStatus.`) that this provider
    /// answers for, with all below; no two providers overlap, except that a longer one wins.
    fn subtrees(&self) -> Vec<SchemaPath>;

    /// Whether what is behind it counts its rows itself: its keys are then numbers, each row gets the number
    /// that its key says unless another row has it, and nothing of it outlives the process. Row counts and
    /// aliases are its own too.
    fn counts_rows(&self) -> bool {
        false
    }

    /// How old values may be and still be shown. Zero: always ask.
    fn max_age(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// The rows and values of the wanted objects, now. `want` holds paths at or below
    /// [`Provider::subtrees`]; giving more than was wanted is allowed. Every row of a wanted table that
    /// is not given exists no longer; of what was not wanted, what is not given stays as it is.
    fn refresh<'a>(&'a self, want: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>>;

    /// Whether asking for less than whole objects is worth it: what is behind it is far away, or has much to tell. Reads
    /// that name single objects, rows or parameters then come by [`Provider::read`].
    fn reads_parts(&self) -> bool {
        false
    }

    /// The rows and values of these parts, now. Giving more is allowed. What is not given of a part exists no longer.
    fn read<'a>(&'a self, want: &'a [Wanted]) -> Pending<'a, Result<Report, ProviderError>> {
        let _ = want;
        Box::pin(async { Err(ProviderError("it reads whole objects alone".to_owned())) })
    }

    /// Called once: where changes and events are pushed as they happen. A provider that returns `true` sees each
    /// change by itself, and is not polled for ValueChange subscriptions while it says so.
    fn watch(&self, sink: Sink) -> bool {
        drop(sink);
        false
    }

    /// Whether a provider that sees changes by itself does so at the moment. While it does not, it is polled like others.
    fn sees_changes(&self) -> bool {
        true
    }

    /// Checks that the changes of one transaction can be made, and makes ready. Nothing is effective yet.
    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        let _ = changes;
        Box::pin(async { Err(Fault::new(dm::Code::NON_WRITEABLE_PARAMETER, "this part is read-only")) })
    }

    /// Makes a prepared transaction effective. On error the provider has undone what was half done, or
    /// says in the fault (7003) what it could not undo. What it needs to undo a success stays in
    /// `prepared`: [`Provider::abort`] gets it when a later provider's commit fails, or nobody confirms.
    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        let _ = prepared;
        Box::pin(async { Ok(Committed::default()) })
    }

    /// Forgets a prepared transaction, or undoes one that was committed: when a later provider's failed, or
    /// when it needed a controller to confirm it and none did.
    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        drop(prepared);
        Box::pin(async { Ok(()) })
    }

    /// Whether it runs the commands of an object that the engine keeps itself: the part of the system that works
    /// by such rows. The key of a row of the engine's is its number.
    fn runs(&self, object: &SchemaPath) -> bool {
        let _ = object;
        false
    }

    /// Runs a command to its end. `cancelled` turns true when the controller cancels; the command then
    /// ends soon with 7023.
    fn operate(&self, call: Call, cancelled: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        let _ = (call, cancelled);
        Box::pin(async { Err(Fault::new(dm::Code::COMMAND_FAILURE, "no such command")) })
    }
}

/// An object, table or row with all below it, or a single parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// `Device.Ethernet.Interface.{i}.Stats.`
    pub object: SchemaPath,
    /// One key per `{i}` of the path; a table lacks the last one.
    pub keys: Vec<RowKey>,
    /// The parameter; `None`: all.
    pub param: Option<Name>,
}

/// How a command ended: output arguments, or the failure.
pub type CommandResult = Result<Vec<(String, String)>, Fault>;

/// What a refresh found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Rows of tables and single objects, parents before children.
    pub rows: Vec<Row>,
}

/// One object's values. The chain of keys leads from the top table down; it is empty for a
/// single-instance object that stands below no table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// `Device.Ethernet.Interface.{i}.Stats.`
    pub object: SchemaPath,
    /// One key per `{i}` of the path.
    pub keys: Vec<RowKey>,
    /// Values that are known. A parameter left out is absent.
    pub values: Vec<(Name, Value)>,
}

/// What identifies a row for the system: an interface's name, an address, a process id. A row that the engine keeps,
/// and that has something of a provider's below it, is identified by its number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowKey(pub Arc<str>);

/// A refresh that did not work.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProviderError(pub String);

/// A change that a provider is asked to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Edit {
    /// A parameter of an existing object.
    Set {
        /// With instance numbers.
        path: ObjectPath,
        /// The object, and the keys of the rows on the way; `None` for a row that was added in the same
        /// or an earlier transaction and has no key yet.
        object: SchemaPath,
        /// One per `{i}`.
        keys: Vec<Option<RowKey>>,
        /// The parameter.
        param: Name,
        /// The value from now on.
        value: Value,
    },
    /// A row to create, with all its values.
    Add {
        /// With the number that it has.
        path: ObjectPath,
        /// The table.
        object: SchemaPath,
        /// Keys of the rows above.
        parents: Vec<Option<RowKey>>,
        /// Its values, defaults included.
        values: Vec<(Name, Value)>,
    },
    /// A row to remove.
    Delete {
        /// With instance numbers.
        path: ObjectPath,
        /// The table.
        object: SchemaPath,
        /// One per `{i}`.
        keys: Vec<Option<RowKey>>,
    },
}

/// A prepared transaction. What is inside is the provider's.
pub struct Prepared(pub Box<dyn std::any::Any + Send>);

/// What a commit made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Committed {
    /// Keys of the rows that were added, by path.
    pub keys: Vec<(ObjectPath, RowKey)>,
    /// What the system itself put into the added rows, as far as it is known at once: row, parameter, lexical
    /// form. The next refresh tells the rest.
    pub values: Vec<(ObjectPath, Name, String)>,
    /// The change may cut the path to the controller: it is undone unless a controller is recognised on a
    /// new connection within the confirm window.
    pub needs_confirm: bool,
}

/// A command to run. Its arguments may be secrets, and are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// Path with instance numbers and `()`.
    pub path: String,
    /// The object in `{i}` form, and the command's name without `()`.
    pub object: SchemaPath,
    /// The command's name without `()`.
    pub command: Name,
    /// One per `{i}`.
    pub keys: Vec<Option<RowKey>>,
    /// The requester's correlation key.
    pub command_key: String,
    /// Checked arguments.
    pub args: Vec<(String, String)>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.args.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Call")
            .field("path", &self.path)
            .field("command_key", &self.command_key)
            .field("args", &names)
            .finish_non_exhaustive()
    }
}

/// What a provider tells unasked.
#[derive(Clone, Debug)]
pub enum Push {
    /// Values or rows changed; same meaning as a refresh of these subtrees.
    Changed {
        /// The subtrees that the report is complete for.
        subtrees: Vec<SchemaPath>,
        /// What is there now.
        report: Report,
    },
    /// An event of the data model.
    Event {
        /// The object in `{i}` form.
        object: SchemaPath,
        /// One per `{i}`.
        keys: Vec<RowKey>,
        /// Name with `!`.
        name: String,
        /// Arguments.
        params: Vec<(String, String)>,
    },
    /// [`Provider::supported`] would answer differently now.
    ModelChanged,
}

/// Where a provider pushes.
#[derive(Clone, Debug)]
pub struct Sink(pub mpsc::Sender<Push>);
