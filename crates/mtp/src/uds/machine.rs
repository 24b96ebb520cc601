//! One connection over a UNIX domain socket, sans IO: bytes in, events and bytes out. It knows the
//! handshake, what is ignored, and what ends the connection; it reads no Record.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use usp_proto::EndpointId;

use super::frame::{FrameDecoder, FrameError, Tlv, kind, put_error, put_handshake, put_record};
use crate::limits::{MAX_ERROR_TEXT, MAX_FRAME_OVERHEAD, MAX_MESSAGE_UNPROVEN, UDS_HANDSHAKE_TIMEOUT};
use crate::link::Side;

/// What happened.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// The peer has said who it is. On the listening side the host now calls [`Machine::accept`] or
    /// [`Machine::refuse`]; on the dialling side the handshake is complete, and may still be refused.
    Peer {
        /// Its id, which nothing proves.
        endpoint: EndpointId,
        /// The password beside it (USP 1.5); a secret.
        password: Option<Bytes>,
    },
    /// A Record.
    Record(Bytes),
    /// The connection is over: what [`Machine::take_out`] still gives is sent, then it is closed.
    End(End),
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Event::Peer { endpoint, .. } => {
                f.debug_struct("Peer").field("endpoint", endpoint).finish_non_exhaustive()
            }
            Event::Record(record) => write!(f, "Record({} bytes)", record.len()),
            Event::End(end) => f.debug_tuple("End").field(end).finish(),
        }
    }
}

/// Why a connection is over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum End {
    /// R-UDS.25: the peer sent an Error.
    #[error("the peer reports an error: {0}")]
    PeerError(String),
    /// R-UDS.24: what arrived is no frame.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// R-UDS.21: the Handshake can't be used.
    #[error("{0}")]
    Handshake(&'static str),
    /// R-UDS.18: no Handshake came in time.
    #[error("no handshake in time")]
    TimedOut,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No Handshake has come yet.
    Waiting,
    /// The listening side knows the peer, and has not answered.
    Asked,
    /// The handshake is complete.
    Up,
    /// Over.
    Ended,
}

/// The rules of one connection.
#[derive(Debug)]
pub struct Machine {
    side: Side,
    own_id: EndpointId,
    state: State,
    decoder: FrameDecoder,
    events: VecDeque<Event>,
    out: BytesMut,
}

impl Machine {
    /// The dialling side: its Handshake is the first thing that leaves (R-UDS.16).
    pub fn dialled(own_id: EndpointId, password: Option<&[u8]>) -> Machine {
        let mut machine = Machine::new(Side::Dialled, own_id);
        put_handshake(&mut machine.out, &machine.own_id, password);
        machine
    }

    /// The listening side: it says nothing before the peer did.
    pub fn accepted(own_id: EndpointId) -> Machine {
        Machine::new(Side::Accepted, own_id)
    }

    fn new(side: Side, own_id: EndpointId) -> Machine {
        let decoder = FrameDecoder::new(MAX_MESSAGE_UNPROVEN + MAX_FRAME_OVERHEAD);
        let (events, out) = (VecDeque::new(), BytesMut::new());
        Machine { side, own_id, state: State::Waiting, decoder, events, out }
    }

    /// How long after the connection the peer's Handshake must be there; `None` once it is.
    pub fn timeout(&self) -> Option<Duration> {
        (self.state == State::Waiting).then_some(UDS_HANDSHAKE_TIMEOUT)
    }

    /// The time of [`Machine::timeout`] is over.
    pub fn timed_out(&mut self) {
        if self.state == State::Waiting {
            self.end(End::TimedOut);
        }
    }

    /// The longest Record that is taken from now on, bytes.
    pub fn set_limit(&mut self, record_bytes: usize) {
        self.decoder.set_limit(record_bytes + MAX_FRAME_OVERHEAD);
    }

    /// Bytes arrived.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.state != State::Ended {
            self.decoder.push(bytes);
        }
    }

    /// The next event, if what arrived holds one.
    pub fn poll(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if !self.advance() {
                return self.events.pop_front();
            }
        }
    }

    /// R-UDS.17: answers the peer's Handshake with our own. What came before counts as nothing (R-UDS.20).
    /// False when the peer has broken the rules meanwhile, or left: the next event says so.
    pub fn accept(&mut self) -> bool {
        while self.state == State::Asked && self.advance() {}
        if self.state == State::Asked {
            put_handshake(&mut self.out, &self.own_id, None);
            self.state = State::Up;
        }
        self.state == State::Up
    }

    /// Tells the peer that it is not wanted (R-UDS.21), or that it sent what can't be used (R-UDS.23).
    /// There is no event after this.
    pub fn refuse(&mut self, text: &str) {
        if self.state != State::Ended {
            put_error(&mut self.out, bounded(text));
            self.state = State::Ended;
            self.events.clear();
        }
    }

    /// A Record to send, R-UDS.22. Nothing leaves before the handshake is complete, or after the end.
    pub fn send(&mut self, record: &[u8]) {
        if self.state == State::Up {
            put_record(&mut self.out, record);
        }
    }

    /// Bytes to write.
    pub fn take_out(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// Looks at one more frame; false when there is none, or nothing more is to be looked at.
    fn advance(&mut self) -> bool {
        if self.state == State::Ended {
            return false;
        }
        match self.decoder.next_frame() {
            Ok(Some(tlvs)) => self.frame(tlvs),
            Ok(None) => return false,
            Err(error) => self.end(End::Frame(error)),
        }
        true
    }

    fn frame(&mut self, tlvs: Vec<Tlv>) {
        // R-UDS.25.
        if let Some(error) = tlvs.iter().find(|tlv| tlv.kind == kind::ERROR) {
            self.end(End::PeerError(bounded(&String::from_utf8_lossy(&error.value)).to_owned()));
            return;
        }
        if self.state == State::Waiting {
            match peer(&tlvs) {
                Ok(Some(peer)) => {
                    self.state = if self.side == Side::Dialled { State::Up } else { State::Asked };
                    self.events.push_back(peer);
                }
                Ok(None) => {}
                Err(why) => self.end(End::Handshake(why)),
            }
        }
        // R-UDS.15, R-UDS.19, R-UDS.20: everything else is ignored.
        if self.state == State::Up {
            let records = tlvs.into_iter().filter(|tlv| tlv.kind == kind::RECORD);
            self.events.extend(records.map(|tlv| Event::Record(tlv.value)));
        }
    }

    /// R-UDS.21, R-UDS.24: whoever made the mistake is told, unless it was the peer who told us.
    fn end(&mut self, end: End) {
        if !matches!(end, End::PeerError(_)) {
            put_error(&mut self.out, &end.to_string());
        }
        self.state = State::Ended;
        self.events.push_back(Event::End(end));
    }
}

/// Who the peer says it is, if this frame says so.
fn peer(tlvs: &[Tlv]) -> Result<Option<Event>, &'static str> {
    let mut handshakes = tlvs.iter().filter(|tlv| tlv.kind == kind::HANDSHAKE);
    let mut passwords = tlvs.iter().filter(|tlv| tlv.kind == kind::PASSWORD);
    let Some(handshake) = handshakes.next() else { return Ok(None) };
    let password = passwords.next().map(|tlv| tlv.value.clone());
    if handshakes.next().is_some() || passwords.next().is_some() {
        return Err("more than one handshake or password in a frame");
    }
    let id = std::str::from_utf8(&handshake.value).map_err(|_| "the endpoint id is not UTF-8")?;
    let endpoint = EndpointId::receive(id).map_err(|_| "not an endpoint id")?;
    Ok(Some(Event::Peer { endpoint, password }))
}

/// A text that is not longer than an Error may be.
fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_ERROR_TEXT)]
}
