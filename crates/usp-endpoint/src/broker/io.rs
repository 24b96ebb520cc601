//! What enters the Broker's machine and what leaves it.

use dm::path::SchemaPath;
use dm::{Code, Fault, Mono, Operation, Outcome};
use usp_proto::EndpointId;
use usp_proto::link::{Inbound, LinkId, Outbound, ReturnPath};

pub use usp_proto::notify::{Notification, Notify};

/// The host's name for a request to a service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// What enters.
#[derive(Clone, Debug)]
pub enum Input {
    /// A service's agent has connected and shaken hands.
    LinkUp {
        /// Who it says it is.
        endpoint: EndpointId,
        /// How to reach it.
        return_path: ReturnPath,
    },
    /// The connection is gone.
    LinkDown(LinkId),
    /// A Record arrived.
    Record(Inbound),
    /// Ask a service; ends with [`Output::Answered`].
    Submit {
        /// The host's name for it.
        ticket: Ticket,
        /// Which service.
        link: LinkId,
        /// What to ask. An Operate wants its response.
        operation: Operation,
        /// When to give up.
        deadline: Mono,
    },
    /// The time given by `poll_timeout` has come.
    Timeout,
}

/// What leaves.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a Record.
    Send(Outbound),
    /// Close a connection; [`Input::LinkDown`] follows.
    Close {
        /// Which.
        link: LinkId,
        /// For the log and the peer.
        reason: String,
    },
    /// These paths are a service's from now on. The answer is on its way.
    Registered {
        /// Which service.
        link: LinkId,
        /// Object paths as it wrote them.
        paths: Vec<SchemaPath>,
    },
    /// These paths are nobody's any more.
    Deregistered {
        /// Which service.
        link: LinkId,
        /// Object paths as it wrote them.
        paths: Vec<SchemaPath>,
    },
    /// A request has ended.
    Answered {
        /// Which.
        ticket: Ticket,
        /// What the service answered, or why it did not.
        answer: Result<Outcome, Failure>,
    },
    /// A service notifies; it has been answered if it wants that.
    Notified {
        /// Which service.
        link: LinkId,
        /// What it says.
        notify: Box<Notify>,
    },
    /// Something worth a log line.
    Noticed(String),
}

/// Why a service did not answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// It is not connected, or has left meanwhile.
    #[error("the USP Service is gone")]
    Gone,
    /// Nothing came in time.
    #[error("the USP Service did not answer in time")]
    TimedOut,
    /// More requests wait for its answer than may.
    #[error("the USP Service has too many requests to answer")]
    Busy,
    /// It answered with something else.
    #[error("the USP Service answered wrongly: {0}")]
    BadAnswer(String),
}

impl Failure {
    /// As controllers are told.
    pub fn fault(&self) -> Fault {
        let code = match self {
            Failure::Busy => Code::RESOURCES_EXCEEDED,
            Failure::Gone | Failure::TimedOut | Failure::BadAnswer(_) => Code::INTERNAL_ERROR,
        };
        Fault::new(code, self.to_string())
    }
}
