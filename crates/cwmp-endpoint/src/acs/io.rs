//! What enters the machine of a session and what leaves it.

use cwmp_proto::rpc::{AcsRequest, CpeRequest, CpeResponse, Inform};
use cwmp_proto::{Fault, Notice, Style};

/// The host's name for a call, or the machine's for something to be kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Ticket(pub u64);

/// What enters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The body of a POST; not before the last one was answered ([`Output::Reply`]).
    Post {
        /// The bytes, decompressed.
        body: Vec<u8>,
        /// What its Content-Type says about characters.
        charset: Option<String>,
    },
    /// What [`Output::Inform`] or [`Output::Request`] asked for is on stable storage: now the device may be told.
    Kept(Ticket),
    /// It could not be kept. The device is not told, and says it again.
    NotKept(Ticket),
    /// The device may not have a session, or its request is refused: with which fault.
    Refused(Ticket, Fault),
    /// How to write to this device; the default until it is said.
    Style(Style),
    /// What [`Output::Idle`] asked for: ends with [`Output::Answered`].
    Call(Ticket, CpeRequest),
    /// There is nothing (more) to be asked of the device.
    Done,
    /// The time given by `poll_timeout` has come.
    Timeout,
    /// The host ends the session: a newer one of the device took its place, or the server stops.
    End,
}

/// What leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Answer the POST.
    Reply(Reply),
    /// The device opens the session. It waits for [`Input::Kept`].
    Inform {
        /// Comes back.
        ticket: Ticket,
        /// What it says.
        inform: Box<Inform>,
    },
    /// The device asks something, or tells something that is to be kept. It waits for [`Input::Kept`].
    Request {
        /// Comes back.
        ticket: Ticket,
        /// What it says.
        request: Box<AcsRequest>,
    },
    /// We have the word: say [`Input::Call`] or [`Input::Done`].
    Idle,
    /// A call has ended.
    Answered {
        /// Which.
        ticket: Ticket,
        /// What the device says; or why nothing is known of it.
        result: Result<Box<CpeResponse>, Failure>,
    },
    /// What was wrong with the last message, and was understood all the same.
    Noticed(Vec<Notice>),
    /// Something worth a log line and a counter.
    Odd(String),
    /// The session is over. Nothing follows.
    Over {
        /// Whether it came to its end: the device has nothing to say again.
        complete: bool,
        /// In a few words.
        why: &'static str,
    },
}

/// Why a call has no response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The device refuses, or failed.
    Fault(Fault),
    /// It answered something else: whether it was done is not known.
    BadAnswer(String),
    /// The session ended before: whether it was done is not known.
    Lost,
    /// It was never sent.
    NotSent,
}

/// An answer over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// 200 with an envelope, 204 without; else the session has failed.
    pub status: u16,
    /// The envelope, or a line for people.
    pub body: Vec<u8>,
}

impl Reply {
    /// An empty one, which gives the device the word or ends the session (TR-069 3.7.1.4).
    pub(super) fn empty() -> Reply {
        Reply { status: 204, body: Vec::new() }
    }

    /// One that fails the session: the device comes again by its schedule.
    pub(super) fn failed(status: u16, why: &str) -> Reply {
        Reply { status, body: format!("{why}\n").into_bytes() }
    }
}
