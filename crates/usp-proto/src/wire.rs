//! The fields of one protobuf message, without a schema: a scan that allocates nothing.
//!
//! Not a decoder: prost does that. This finds what prost can't tell, such as how often a field occurs,
//! and reads what it can of a message that prost refuses.

use bytes::BufMut;

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire types 1 and 5; the number is never needed.
    Fixed,
    /// Wire type 2: bytes, a string or a message.
    Bytes(&'a [u8]),
}

/// One field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
}

/// The bytes are not a protobuf message. Groups, which proto3 does not have, count as that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Broken;

/// The fields in the order of the wire; ends after the first [`Broken`].
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// Scans one message.
pub(crate) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(Broken))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<Field<'a>> {
        let key = u32::try_from(self.varint()?).ok()?;
        let number = key >> 3;
        if number == 0 {
            return None;
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some(Field { number, value })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            // The tenth byte holds the one bit that is left.
            if shift == 63 && byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

/// Bytes that [`put_length_key`] writes for a content of this length.
pub(crate) fn length_key_len(content: usize) -> usize {
    1 + prost::length_delimiter_len(content)
}

/// Writes the key of a length-delimited field below 16, and the length of its content.
pub(crate) fn put_length_key(number: u8, content: usize, buf: &mut impl BufMut) {
    debug_assert!((1..16).contains(&number), "such keys have one byte");
    buf.put_u8(number << 3 | 2);
    put_varint(content as u64, buf);
}

/// Writes a varint.
pub(crate) fn put_varint(mut number: u64, buf: &mut impl BufMut) {
    while number >= 0x80 {
        buf.put_u8((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    buf.put_u8(number as u8);
}

#[cfg(test)]
mod tests {
    use super::{Broken, Field, Value, fields, put_varint};

    fn check(message: &[u8], expected: &[Result<(u32, Value<'_>), Broken>]) {
        let found: Vec<_> =
            fields(message).map(|f| f.map(|Field { number, value }| (number, value))).collect();
        assert_eq!(found, expected, "{message:02x?}");
    }

    #[test]
    fn fields_of_every_wire_type_are_found() {
        check(&[], &[]);
        check(&[0x08, 0x96, 0x01], &[Ok((1, Value::Varint(150)))]);
        check(&[0x15, 1, 2, 3, 4, 0x1a, 1, b'x'], &[Ok((2, Value::Fixed)), Ok((3, Value::Bytes(b"x")))]);
        check(&[0x09, 1, 2, 3, 4, 5, 6, 7, 8], &[Ok((1, Value::Fixed))]);
    }

    #[test]
    fn broken_bytes_end_the_scan() {
        for broken in [
            &[0x80][..],
            &[0x00, 0x00],
            &[0x0a, 5, b'x'],
            &[0x0b, 0x0c],
            &[0x0d, 1, 2, 3],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] {
            check(broken, &[Err(Broken)]);
        }
        check(&[0x08, 1, 0x0e], &[Ok((1, Value::Varint(1))), Err(Broken)]);
    }

    #[test]
    fn varints_are_written_in_groups_of_seven_bits() {
        for (number, expected) in
            [(0, &[0x00][..]), (127, &[0x7f]), (128, &[0x80, 0x01]), (300, &[0xac, 0x02])]
        {
            let mut buf = Vec::new();
            put_varint(number, &mut buf);
            assert_eq!(buf, expected);
        }
    }
}
