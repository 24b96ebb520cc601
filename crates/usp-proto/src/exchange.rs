//! Recorded exchanges: the one format of what went over a wire, for replay tests, traces and bug reports.
//!
//! A recording is a text of lines, each a JSON object with these members, in any order:
//! `{"dir":"in","t":1500000,"hex":"0a03…","note":"…"}`. `dir` is `in` or `out` as the recorder saw it, `t`
//! is microseconds since some start of its own, `hex` is the encoded Record, and `note`, which may be
//! left out, is for people. `"masked":true` marks a Record in which secrets were replaced; an empty Record
//! is then one that could not be shown at all. Blank lines, and lines that start with `#`, are skipped.

mod json;

use bytes::Bytes;

use crate::Malformed;
use crate::limits::MAX_EXCHANGE_LINE_BYTES;
use json::Scalar;

/// Which way a Record went, as the recorder saw it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// It arrived.
    In,
    /// It was sent.
    Out,
}

/// One line of a recording.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which way it went.
    pub direction: Direction,
    /// Microseconds since the start of the recording.
    pub at_micros: u64,
    /// The Record, encoded. It may be broken on purpose.
    pub record: Bytes,
    /// For people; may be empty.
    pub note: String,
    /// Whether secrets in the Record were replaced by a mask: it is not what went over the wire.
    pub masked: bool,
}

impl Entry {
    /// An entry whose note is the description of its Record.
    pub fn described(direction: Direction, at_micros: u64, record: Bytes) -> Entry {
        let note = crate::describe_record(&record);
        Entry { direction, at_micros, record, note, masked: false }
    }

    /// The line, without its end.
    pub fn to_line(&self) -> String {
        let direction = match self.direction {
            Direction::In => "in",
            Direction::Out => "out",
        };
        let mut line = format!("{{\"dir\":\"{direction}\",\"t\":{},\"hex\":\"", self.at_micros);
        for byte in &self.record {
            line.push(char::from(DIGITS[usize::from(byte >> 4)]));
            line.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        line.push('"');
        if !self.note.is_empty() {
            line.push_str(",\"note\":");
            json::quote(&self.note, &mut line);
        }
        if self.masked {
            line.push_str(",\"masked\":true");
        }
        line.push('}');
        line
    }

    /// Reads one line.
    pub fn parse_line(line: &str) -> Result<Entry, Malformed> {
        if line.len() > MAX_EXCHANGE_LINE_BYTES {
            return Err(Malformed::TooLong { what: "line", limit: MAX_EXCHANGE_LINE_BYTES });
        }
        let (mut direction, mut at, mut record, mut note, mut masked) = (None, None, None, None, None);
        for (key, value) in json::object(line).map_err(Malformed::Exchange)? {
            let repeated = match (key.as_str(), value) {
                ("dir", Scalar::Text(text)) => direction.replace(parse_direction(&text)?).is_some(),
                ("t", Scalar::Number(micros)) => at.replace(micros).is_some(),
                ("hex", Scalar::Text(text)) => record.replace(parse_hex(&text)?).is_some(),
                ("note", Scalar::Text(text)) => note.replace(text).is_some(),
                ("masked", Scalar::Truth(is)) => masked.replace(is).is_some(),
                ("dir" | "t" | "hex" | "note" | "masked", _) => {
                    return Err(Malformed::Exchange("a value of another type"));
                }
                _ => return Err(Malformed::Exchange("an unknown member")),
            };
            if repeated {
                return Err(Malformed::Exchange("a member that occurs twice"));
            }
        }
        Ok(Entry {
            direction: direction.ok_or(Malformed::Missing("dir"))?,
            at_micros: at.ok_or(Malformed::Missing("t"))?,
            record: record.ok_or(Malformed::Missing("hex"))?,
            note: note.unwrap_or_default(),
            masked: masked.unwrap_or_default(),
        })
    }
}

/// Reads a recording; the error comes with the number of its line, from 1.
pub fn parse(text: &str) -> Result<Vec<Entry>, (usize, Malformed)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let filled = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    filled.map(|(at, line)| Entry::parse_line(line).map_err(|error| (at, error))).collect()
}

/// Writes a recording.
pub fn write(entries: &[Entry]) -> String {
    entries.iter().map(|entry| entry.to_line() + "\n").collect()
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn parse_direction(text: &str) -> Result<Direction, Malformed> {
    match text {
        "in" => Ok(Direction::In),
        "out" => Ok(Direction::Out),
        _ => Err(Malformed::Exchange("a direction is \"in\" or \"out\"")),
    }
}

/// Digits of either case, in pairs.
pub fn parse_hex(text: &str) -> Result<Bytes, Malformed> {
    let digit = |c: u8| char::from(c).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => digit(*high).zip(digit(*low)).and_then(|(h, l)| u8::try_from(h * 16 + l).ok()),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    bytes.map(Bytes::from).ok_or(Malformed::Exchange("not hexadecimal"))
}
