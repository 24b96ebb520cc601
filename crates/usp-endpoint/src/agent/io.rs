//! What enters the agent machine and what leaves it.
//!
//! Both are plain values, so that an exchange can be recorded and replayed. The host owns the tree and
//! lends it for the length of a call; the machine never waits: where it needs the host (fresh values, a
//! commit, a command) it gives an output with a [`Ticket`] and goes on when the ticket comes back.

use dm::Fault;
use dm::path::{ObjectPath, SchemaPath};
use dm::tree::{ChangeSet, CommandCall, Place, Transaction};
use usp_proto::EndpointId;
use usp_proto::link::{Contact, Inbound, LinkId, Outbound, PeerAuth, ReturnPath};

use super::audit::Audit;

/// Ties an answer of the host to the output that asked for it. Never reused within a machine's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// What enters.
#[derive(Clone)]
pub enum Input {
    /// The agent starts. Always the first input, before any link.
    Started(Boot),
    /// A transport has a connection to (or from) this controller.
    LinkUp {
        /// The controller at its other end, as configured or as it named itself.
        controller: EndpointId,
        /// How to reach it.
        return_path: ReturnPath,
        /// How it reaches us: for the Connect record.
        contact: Contact,
        /// What the transport proved.
        peer: PeerAuth,
    },
    /// The connection is gone.
    LinkDown(LinkId),
    /// A Record arrived.
    Record(Inbound),
    /// The subtrees asked for by [`Output::Refresh`] are as fresh as they get; changes came before, as
    /// [`Input::Changed`].
    Refreshed(Ticket),
    /// Part of what [`Output::Refresh`] asked for could not be asked: whoever keeps it does not answer. Told before
    /// [`Input::Refreshed`]. What is known of it is not shown, because it may have changed.
    Unheard {
        /// Which refresh.
        ticket: Ticket,
        /// The objects, with all below them.
        subtrees: Vec<SchemaPath>,
        /// Why.
        fault: Fault,
    },
    /// The transactions of [`Output::Commit`] ended like this, in order. What the successful ones changed
    /// is already in the tree, and listed here.
    Committed {
        /// Which commit.
        ticket: Ticket,
        /// One verdict per transaction.
        ends: Vec<Result<(), Fault>>,
        /// What changed.
        changes: ChangeSet,
    },
    /// The tree changed without this machine's doing: a refresh, a provider's push, another protocol.
    Changed(ChangeSet),
    /// A command that [`Output::Run`] started has ended.
    CommandEnded {
        /// Which command.
        ticket: Ticket,
        /// Output arguments, or the failure.
        result: Result<Vec<(String, String)>, Fault>,
    },
    /// A provider reports an event of the data model.
    Event(ModelEvent),
    /// Somebody at the device consents to the requests whose names stand in this text, as errors and
    /// [`Output::Noticed`] say them; with none in it, to the only one that waits for that.
    Consent(String),
    /// The tree that is lent follows another supported model from now on; places of the old one mean
    /// nothing any more. Never while a commit is under way. Rows that came and went with the model are
    /// told afterwards, as [`Input::Changed`].
    ModelChanged,
    /// What [`super::trust::TrustCrypto`] knows of certificates has changed: CAs have taken some back.
    TrustChanged,
    /// The time given by [`crate::agent::AgentMachine::poll_timeout`] has come.
    Timeout,
    /// The agent stops in good order (R-MTP.7): the controllers are told on every connection, then the
    /// connections are closed. The last input; whatever comes after it does nothing.
    Shutdown,
}

/// Why the agent starts (TR-181 `Device.Boot!`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Boot {
    /// `LocalReboot`, `RemoteReboot`, `LocalFactoryReset` or `RemoteFactoryReset`.
    pub cause: String,
    /// The command key of the Reboot() or FactoryReset() that led here, or empty.
    pub command_key: String,
    /// Free text.
    pub reason: String,
    /// Whether the firmware changed.
    pub firmware_updated: bool,
}

/// An event of the data model.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelEvent {
    /// The object that raises it.
    pub object: ObjectPath,
    /// Its name with `!`.
    pub name: String,
    /// Its arguments.
    pub params: Vec<(String, String)>,
}

/// An object, table or row with all below it, or one parameter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ReadPart {
    /// The object, table or row; or what has the parameter.
    pub place: Place,
    /// Index into its parameters.
    pub param: Option<u16>,
}

/// What leaves.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a Record.
    Send(Outbound),
    /// Close a connection: its Record could not be decoded (R-WS.16), its controller was disabled or has
    /// another connection, or the agent stops.
    Close {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// Bring these places (an object with all below it, or a table) and parts up to date, then
    /// [`Input::Refreshed`]. Empty lists need nothing.
    Refresh {
        /// Comes back.
        ticket: Ticket,
        /// Places, possibly overlapping.
        places: Vec<Place>,
        /// What is read and named to the end, outside of these places: whoever keeps it may be asked for that alone.
        parts: Vec<ReadPart>,
    },
    /// Make these transactions durable and effective, in order, then [`Input::Committed`].
    Commit {
        /// Comes back.
        ticket: Ticket,
        /// The requester, for the audit log.
        controller: EndpointId,
        /// What to commit.
        transactions: Vec<Transaction>,
    },
    /// The machine changed the tree itself (Request rows, subscriptions that expired,
    /// `OnBoardingComplete`): keep what belongs to a persistent table.
    Wrote(ChangeSet),
    /// Run a command, then [`Input::CommandEnded`].
    Run {
        /// Comes back.
        ticket: Ticket,
        /// The requester.
        controller: EndpointId,
        /// Its correlation key.
        command_key: String,
        /// What to run.
        call: CommandCall,
    },
    /// Cancel a running command; it still ends with [`Input::CommandEnded`].
    Cancel(Ticket),
    /// The paths that ValueChange subscriptions name have changed: providers that cannot push must be
    /// refreshed for these places often enough to notify within 10 seconds (R-NOT.0a).
    Watch(Vec<Place>),
    /// An entry for the audit log.
    Audit(Audit),
    /// Something worth a log line: what the agent did of itself (the settings of a subscription) and could
    /// not do.
    Noticed(String),
}

/// Why the machine wants a connection closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// A Record that cannot be decoded: WebSocket close code 1003.
    BadRecord,
    /// The controller is disabled or gone from the table.
    ControllerGone,
    /// Another WebSocket connection with the same controller took its place (R-WS.4).
    Replaced,
    /// Its certificate is not, or no longer, one to be believed, or nobody has spoken on a connection that was
    /// trusted on first use.
    Untrusted,
    /// The agent shuts down: WebSocket close code 1001.
    GoingAway,
}
