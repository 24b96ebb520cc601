//! What kind of Message a Record carries, and under which id, at a glance: enough to time notifications,
//! without decoding every Record a second time. What is not understood is not timed.

/// Kinds that are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Notify,
    NotifyResp,
    /// A request that the agent has to answer.
    Request,
    Other,
}

/// What a glance finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Glance<'a> {
    pub(super) kind: Kind,
    pub(super) msg_id: &'a [u8],
}

/// Fields of `usp.Record`, `NoSessionContextRecord`, `usp.Msg` and its `Header`.
const NO_SESSION_CONTEXT: u64 = 7;
const PAYLOAD: u64 = 2;
const HEADER: u64 = 1;
const MSG_ID: u64 = 1;
const MSG_TYPE: u64 = 2;
/// Of `usp.Msg`, `Body`, `Request`, `Notify` and its `Event`, on the way to the name of an event.
const BODY: u64 = 2;
const REQUEST: u64 = 1;
const NOTIFY: u64 = 8;
const EVENT: u64 = 3;
const EVENT_NAME: u64 = 2;

/// Looks at a Record without session context.
pub(super) fn glance(record: &[u8]) -> Option<Glance<'_>> {
    let message = bytes(bytes(record, NO_SESSION_CONTEXT)?, PAYLOAD)?;
    let header = bytes(message, HEADER)?;
    let msg_id = bytes(header, MSG_ID)?;
    // A message type that is left out is 0, Error.
    let msg_type = Fields(header).find_map(|(number, value)| match value {
        Field::Varint(value) if number == MSG_TYPE => Some(value),
        _ => None,
    });
    let kind = match msg_type.unwrap_or(0) {
        3 => Kind::Notify,
        16 => Kind::NotifyResp,
        1 | 4 | 6 | 8 | 10 | 12 | 14 | 17 => Kind::Request,
        _ => Kind::Other,
    };
    Some(Glance { kind, msg_id })
}

/// Whether a Record carries a Notify of the event Boot!.
pub(super) fn is_boot(record: &[u8]) -> bool {
    let message = bytes(record, NO_SESSION_CONTEXT).and_then(|context| bytes(context, PAYLOAD));
    let body = [BODY, REQUEST, NOTIFY, EVENT, EVENT_NAME];
    body.into_iter().try_fold(message.unwrap_or_default(), bytes) == Some(b"Boot!")
}

/// The last length-delimited field of this number, as protobuf has it.
fn bytes(message: &[u8], wanted: u64) -> Option<&[u8]> {
    let found = Fields(message).filter_map(|(number, value)| match value {
        Field::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    });
    found.last()
}

enum Field<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a protobuf message; ends at the first that is damaged.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Field<'a>);

    fn next(&mut self) -> Option<(u64, Field<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => self.take(8).map(|_| Field::Fixed)?,
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Field::Fixed)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Record of version 1.4 from `b` to `a` around a header with these bytes.
    fn record(header: &[u8]) -> Vec<u8> {
        let prefix = |tag: u8, bytes: &[u8]| {
            let len = u8::try_from(bytes.len()).expect("short");
            [&[tag, len], bytes].concat()
        };
        let message = [prefix(0x0a, header), vec![0x12, 0x00]].concat();
        let context = prefix(0x3a, &prefix(0x12, &message));
        [b"\x0a\x031.4\x12\x01a\x1a\x01b".as_slice(), &context].concat()
    }

    #[test]
    fn kinds() {
        let cases: [(&[u8], Option<Glance<'_>>); 6] = [
            (b"\x0a\x02m1\x10\x03", Some(Glance { kind: Kind::Notify, msg_id: b"m1" })),
            (b"\x0a\x02m2\x10\x10", Some(Glance { kind: Kind::NotifyResp, msg_id: b"m2" })),
            (b"\x0a\x02m3\x10\x01", Some(Glance { kind: Kind::Request, msg_id: b"m3" })),
            (b"\x0a\x02m4\x10\x02", Some(Glance { kind: Kind::Other, msg_id: b"m4" })),
            (b"\x0a\x02m5", Some(Glance { kind: Kind::Other, msg_id: b"m5" })),
            (b"\x10\x03", None),
        ];
        for (header, expected) in cases {
            assert_eq!(glance(&record(header)), expected, "{header:?}");
        }
    }

    #[test]
    fn a_boot_is_told_from_other_events() {
        let prefix =
            |tag: u8, bytes: &[u8]| [&[tag, u8::try_from(bytes.len()).expect("short")], bytes].concat();
        for (name, expected) in [(b"Boot!".as_slice(), true), (b"Periodic!", false)] {
            let event = [prefix(0x0a, b"Device."), prefix(0x12, name)].concat();
            let body = prefix(0x12, &prefix(0x0a, &prefix(0x42, &prefix(0x1a, &event))));
            let message = [prefix(0x0a, b"\x0a\x02m1\x10\x03"), body].concat();
            let record = [b"\x0a\x031.4".to_vec(), prefix(0x3a, &prefix(0x12, &message))].concat();
            assert_eq!(is_boot(&record), expected);
            assert!(!is_boot(&record[..record.len() - 1]));
        }
    }

    #[test]
    fn damage_is_not_timed() {
        let whole = record(b"\x0a\x02m1\x10\x03");
        for len in 0..whole.len() {
            assert_eq!(glance(&whole[..len]), None, "{len}");
        }
        assert_eq!(glance(&[0xff; 40]), None);
        // A Connect record: field 9, empty.
        assert_eq!(glance(b"\x0a\x031.4\x4a\x00"), None);
    }
}
