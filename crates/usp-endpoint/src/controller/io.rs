//! What enters the controller machine and what leaves it. One machine stands for one agent.

use bytes::Bytes;
use dm::{Fault, Mono, Operation, Outcome};
use usp_proto::EndpointId;
use usp_proto::link::{Contact, Inbound, LinkId, Outbound, PeerAuth, ReturnPath};

/// The host's name for an operation (a job) or for something to be stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Ticket(pub u64);

/// What enters.
#[derive(Clone, Debug)]
pub enum Input {
    /// A connection with the agent stands.
    LinkUp {
        /// How to reach it.
        return_path: ReturnPath,
        /// How the agent reaches us by it.
        contact: Contact,
        /// What the transport proved.
        peer: PeerAuth,
    },
    /// The connection is gone.
    LinkDown(LinkId),
    /// A Record arrived.
    Record(Inbound),
    /// Carry out an operation; ends with [`Output::Answered`] or [`Output::Failed`].
    ///
    /// A machine knows only its own life. A host that submits once more what an earlier machine may have
    /// sent does so with Get, GetInstances, GetSchema, Set and Delete alone, and takes the failure of such
    /// a Delete for doubt: the first one may be what left nothing to delete.
    Submit {
        /// The host's name for it; from 2^32 up is reserved for the machine.
        ticket: Ticket,
        /// What to do.
        operation: Operation,
        /// When to give up.
        deadline: Mono,
    },
    /// What [`Output::Store`] asked for is on stable storage; now the agent may be told.
    Stored(Ticket),
    /// It could not be stored: the agent is not told and will send again.
    NotStored(Ticket),
    /// Onboard the agent after this plan: at once, or when it is connected. Told again while it is under
    /// way, the same plan goes on, and another one begins in its place.
    Onboard(OnboardingPlan),
    /// Ask with [`Output::ConfirmDue`] for a look at whether our subscriptions stand on the agent, unless it is
    /// known by then: a notification of one of them, or an onboarding, shows it. For this connection only.
    Confirm {
        /// Not before.
        at: Mono,
        /// How our own subscription ids begin.
        id_prefix: String,
    },
    /// An agent that was onboarded may have lost its state: one question tells. Where all stands that this
    /// plan wants, nothing follows. Where some subscriptions are missing, they are made. Where none of ours
    /// stand, the agent is onboarded after the plan. An onboarding under way goes on, and this ends in nothing.
    Reconcile(OnboardingPlan),
    /// The time given by `poll_timeout` has come.
    Timeout,
}

/// What leaves.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a Record.
    Send(Outbound),
    /// Close a connection whose Record could not be decoded or whose sender is another.
    Close {
        /// Which.
        link: LinkId,
        /// For the log and the *Refused* list.
        reason: String,
    },
    /// Send a ping on this connection: an answer is overdue (OB-USP-AGENT's client stalls until woken).
    Nudge(LinkId),
    /// A notification to keep; answered only after [`Input::Stored`].
    Store {
        /// Comes back.
        ticket: Ticket,
        /// What happened.
        notification: Notification,
    },
    /// The operation's message has left (or was handed to the transport).
    Sent(Ticket),
    /// The operation ended with this outcome. Asynchronous commands end here with
    /// [`dm::operation::CommandResult::Started`]; their completion is a notification.
    Answered {
        /// Which.
        ticket: Ticket,
        /// With every level of result.
        outcome: Outcome,
    },
    /// The operation ended without an answer.
    Failed {
        /// Which.
        ticket: Ticket,
        /// Why.
        failure: Failure,
    },
    /// What onboarding (or a later look) found out.
    Learned(Learned),
    /// Onboarding ended. One that another one replaced ends with that.
    Onboarded {
        /// Of its plan.
        ticket: Ticket,
        /// An error if it could not be completed.
        result: Result<(), String>,
    },
    /// What [`Input::Reconcile`] asked for is done, and the agent was onboarded still.
    Reconciled {
        /// Of its plan.
        ticket: Ticket,
        /// An error if it could not be completed.
        result: Result<(), String>,
    },
    /// What [`Input::Confirm`] asked for is due: [`Input::Reconcile`] is wanted.
    ConfirmDue,
    /// A Record came on the agent's connection in a name that is not the agent's, or not its certificate's
    /// (R-SEC.0a). It is dropped; the connection's end follows.
    Impersonates {
        /// The connection.
        link: LinkId,
        /// In whose name.
        from: EndpointId,
    },
    /// The agent sends its Records to another controller than us, over our connection. They are ignored
    /// (R-E2E.1); told once for each connection.
    Misaddressed {
        /// Whom it takes us for.
        to: EndpointId,
    },
    /// The agent sent its Connect record: it is there.
    Connected,
    /// The agent sent a Disconnect record.
    Disconnected {
        /// What it gave as reason.
        reason: String,
    },
    /// Something worth a log line and a counter, e.g. an answer that nobody waits for.
    Noticed(String),
}

/// Why an operation has no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It was never sent; it may be queued again.
    NotSent,
    /// It may have been carried out: sent, and neither answered in time nor safe to repeat.
    InDoubt,
    /// No answer in time; it has no effect worth a doubt (Get, GetInstances, GetSchema).
    TimedOut,
    /// The agent answered with something that is not an answer to this request.
    BadAnswer(String),
}

/// A notification of the agent.
#[derive(Clone, PartialEq, Eq)]
pub struct Notification {
    /// The message id, for the duplicate rule.
    pub msg_id: String,
    /// SHA-256 of the encoded Notify, for the duplicate rule.
    pub digest: [u8; 32],
    /// The subscription that caused it, empty for OnBoardRequest.
    pub subscription_id: String,
    /// Whether the agent wants a NotifyResp.
    pub send_resp: bool,
    /// What happened.
    pub what: Notice,
    /// The Notify, still encoded, for the trace.
    pub raw: Bytes,
}

/// The six kinds of Notify.
#[derive(Clone, PartialEq, Eq)]
pub enum Notice {
    /// An event of the data model.
    Event {
        /// The object's path.
        path: String,
        /// Name with `!`.
        name: String,
        /// Arguments.
        params: Vec<(String, String)>,
    },
    /// A value changed.
    ValueChange {
        /// The parameter's path.
        path: String,
        /// Its value now.
        value: String,
    },
    /// A row appeared.
    ObjectCreation {
        /// The row's path.
        path: String,
        /// Its keys.
        unique_keys: Vec<(String, String)>,
    },
    /// A row vanished.
    ObjectDeletion {
        /// The row's path.
        path: String,
    },
    /// An asynchronous command ended.
    OperationComplete {
        /// The object's path.
        path: String,
        /// Name with `()`.
        command: String,
        /// The requester's key.
        command_key: String,
        /// Output arguments, or the failure.
        result: Result<Vec<(String, String)>, Fault>,
    },
    /// The agent asks to be onboarded.
    OnBoardRequest {
        /// Manufacturer's OUI.
        oui: String,
        /// Product class.
        product_class: String,
        /// Serial number.
        serial_number: String,
        /// Protocol versions, as the agent lists them.
        versions: String,
    },
}

/// What to find out and set up on an agent; computed by the host, carried out step by step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OnboardingPlan {
    /// The host's name for it, which comes back with its end.
    pub ticket: Ticket,
    /// Objects to read first.
    pub read: Vec<String>,
    /// Ask for the supported model (false: the host knows it already).
    pub schema: bool,
    /// Ask which rows exist.
    pub instances: bool,
    /// Subscriptions that must stand, by our own ids. Rows of other ids or recipients are not touched.
    pub subscriptions: Vec<Subscription>,
    /// How our own subscription ids begin: rows of this controller with such an id that are not wanted
    /// any more are deleted. Empty: none are.
    pub id_prefix: String,
    /// Parameters that Boot! shall carry (`BootParameter` rows).
    pub boot_parameters: Vec<String>,
    /// Set `OnBoardingComplete` at the end.
    pub complete: bool,
}

/// A wanted subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Our id; the reconciliation's key. It holds no `~`: a row that replaces one of other content has
    /// `~2`, `~3`, … after it on the device, because both stand for a moment; notifications carry that.
    pub id: String,
    /// TR-181 NotifType.
    pub notif_type: String,
    /// TR-181 ReferenceList, comma-separated.
    pub reference_list: String,
    /// Survive a restart of the agent.
    pub persistent: bool,
    /// Retry until acknowledged.
    pub retry: bool,
}

/// A finding of onboarding, to be stored by the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Learned {
    /// GetSupportedProtocol: versions as listed.
    Protocols(String),
    /// Values read, as a Get outcome.
    Values(Outcome),
    /// The supported model, whole, as one GetSchema outcome: a result for `Device.`, or for each of its
    /// children where the whole was too much for the agent, and one for each divergent path.
    Schema(Outcome),
    /// The rows of all tables, as one GetInstances outcome.
    Instances(Outcome),
    /// The path of the row under `Device.LocalAgent.Controller.` that is this controller's.
    OwnRow(String),
    /// Subscriptions that do not stand although they were asked for: our id of each, and the agent's reason
    /// where it gave one.
    Refused(Vec<(String, Option<Fault>)>),
}
