//! Segmentation and reassembly: a payload in several Records of a session.
//!
//! Two states stand in every Record. `payload_sar_state` says where it lies in the Message,
//! `payloadrec_sar_state` where it lies in one *payload record*: a TLS record, or the Message itself where
//! it is plain. Records come here in the order of their sequence ids.

use bytes::Bytes;

use crate::record::{PayloadSarState, SessionContext};
use crate::wire::length_key_len;

use PayloadSarState::{Begin, Complete, Inprocess, None as Whole};

/// Less than this is no room for a segment.
const LEAST_ROOM: usize = 16;

/// The payload of one Record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Place in the Message.
    pub payload_sar_state: PayloadSarState,
    /// Place in the payload record.
    pub payloadrec_sar_state: PayloadSarState,
    /// The payload records, or a part of one.
    pub payload: Vec<Bytes>,
}

/// Cuts the payload records of one Message (none of them empty) so that the payload fields of no Record
/// take more than `room` bytes (at least 16), their keys and lengths included; `None` cuts nothing.
///
/// As the standard has it, several payload records stand in one Record only where all of them fit.
pub fn segment(records: Vec<Bytes>, room: Option<usize>) -> Vec<Segment> {
    let room = room.map_or(usize::MAX, |room| room.max(LEAST_ROOM));
    let fits = |bytes: usize| bytes <= room;
    if fits(records.iter().map(|record| field_len(record.len())).sum()) {
        return vec![Segment { payload_sar_state: Whole, payloadrec_sar_state: Whole, payload: records }];
    }
    let mut segments: Vec<Segment> = Vec::new();
    for record in records {
        if fits(field_len(record.len())) {
            segments.push(Segment {
                payload_sar_state: Inprocess,
                payloadrec_sar_state: Whole,
                payload: vec![record],
            });
        } else {
            cut(&record, room, &mut segments);
        }
    }
    if let Some(first) = segments.first_mut() {
        first.payload_sar_state = Begin;
    }
    if let Some(last) = segments.last_mut() {
        last.payload_sar_state = Complete;
    }
    segments
}

/// One payload record that is longer than a Record.
fn cut(record: &Bytes, room: usize, segments: &mut Vec<Segment>) {
    // A part costs at most what its key and the length of a full one do.
    let part = room - (field_len(room) - room);
    let mut at = 0;
    while at < record.len() {
        let end = record.len().min(at + part);
        let state = match (at, end) {
            (0, _) => Begin,
            (_, end) if end == record.len() => Complete,
            _ => Inprocess,
        };
        segments.push(Segment {
            payload_sar_state: Inprocess,
            payloadrec_sar_state: state,
            payload: vec![record.slice(at..end)],
        });
        at = end;
    }
}

/// Bytes of a payload field of so many bytes.
fn field_len(bytes: usize) -> usize {
    length_key_len(bytes) + bytes
}

/// Why Records do not make a Message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SarFault {
    /// These two states can't stand in this place.
    #[error("segmentation states {payload:?} and {payloadrec:?} can't follow here")]
    States {
        /// `payload_sar_state`
        payload: PayloadSarState,
        /// `payloadrec_sar_state`
        payloadrec: PayloadSarState,
    },
    /// A Record claims to be a part of a Message, and carries nothing.
    #[error("a segment without payload")]
    Empty,
    /// The Message would be longer than the limit.
    #[error("a segmented Message of more than {0} bytes")]
    TooLong(usize),
}

/// Where a Message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Place {
    /// No Message is open.
    #[default]
    Outside,
    /// A Message is open, and no payload record.
    Between,
    /// A payload record is open.
    Within,
}

/// Joins the payloads of one session.
#[derive(Debug)]
pub struct Reassembler {
    place: Place,
    joined: Vec<u8>,
    limit: usize,
}

impl Reassembler {
    /// For Messages of up to `limit` bytes.
    pub fn new(limit: usize) -> Reassembler {
        Reassembler { place: Place::Outside, joined: Vec::new(), limit }
    }

    /// Whether a Message is begun and not complete.
    pub fn is_open(&self) -> bool {
        self.place != Place::Outside
    }

    /// Takes the next Record; the payload once it is complete. A Record without payload that claims no
    /// part in a Message passes through, even between the parts of one: it only carries numbers.
    ///
    /// # Errors
    /// When the Record can't follow the ones before. What was joined so far is lost then.
    pub fn push(&mut self, context: &SessionContext) -> Result<Option<Bytes>, SarFault> {
        let states = (context.payload_sar_state, context.payloadrec_sar_state);
        let bytes: usize = context.payload.iter().map(Bytes::len).sum();
        if bytes == 0 {
            return if states == (Whole, Whole) { Ok(None) } else { self.fail(SarFault::Empty) };
        }
        let Some(next) = self.place.next(states) else {
            return self.fail(SarFault::States { payload: states.0, payloadrec: states.1 });
        };
        if self.joined.len() + bytes > self.limit {
            return self.fail(SarFault::TooLong(self.limit));
        }
        if let (Place::Outside, Place::Outside, [single]) = (self.place, next, &*context.payload) {
            return Ok(Some(single.clone()));
        }
        self.place = next;
        context.payload.iter().for_each(|part| self.joined.extend_from_slice(part));
        Ok((next == Place::Outside).then(|| Bytes::from(std::mem::take(&mut self.joined))))
    }

    fn fail(&mut self, fault: SarFault) -> Result<Option<Bytes>, SarFault> {
        self.place = Place::Outside;
        self.joined = Vec::new();
        Err(fault)
    }
}

impl Place {
    /// The place after a Record with these states; `None` if it can't stand here.
    fn next(self, states: (PayloadSarState, PayloadSarState)) -> Option<Place> {
        Some(match (self, states) {
            (Place::Outside, (Whole, Whole)) => Place::Outside,
            (Place::Outside, (Begin, Whole)) => Place::Between,
            (Place::Outside, (Begin, Begin)) => Place::Within,
            (Place::Between, (Inprocess, Whole)) => Place::Between,
            (Place::Between, (Inprocess, Begin)) => Place::Within,
            (Place::Between, (Complete, Whole)) => Place::Outside,
            (Place::Within, (Inprocess, Inprocess)) => Place::Within,
            (Place::Within, (Inprocess, Complete)) => Place::Between,
            (Place::Within, (Complete, Complete)) => Place::Outside,
            _ => return None,
        })
    }
}
