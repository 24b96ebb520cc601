//! Variable-length numbers and length-led texts, for the two binary formats of this module.

use dm::UtcTime;

use crate::Error;

/// Appends an unsigned number, seven bits a byte, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

/// Appends a signed number, small in either direction staying short.
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_number(out, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

/// Appends a text with its length.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Reads what the functions above wrote, and never beyond.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.0.split_first().ok_or_else(|| torn("it ends early"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Error> {
        let mut number = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(torn("a number is too long"))
    }

    pub(super) fn row(&mut self) -> Result<u32, Error> {
        u32::try_from(self.number()?).map_err(|_| torn("a row number is too big"))
    }

    /// A count of things that take at least a byte each, so that damage can't ask for memory.
    pub(super) fn count(&mut self) -> Result<usize, Error> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count > self.0.len() { Err(torn("a count is beyond the end")) } else { Ok(count) }
    }

    pub(super) fn signed(&mut self) -> Result<i64, Error> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(super) fn time(&mut self, base: UtcTime) -> Result<UtcTime, Error> {
        Ok(UtcTime(base.0.wrapping_add(self.signed()?)))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Error> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| torn("a text is not UTF-8"))
    }
}

pub(super) fn torn(why: &str) -> Error {
    Error::row("twin", why)
}
