//! Frames of RFC 6455, as they are and as they should not be. Pure: it knows bytes, not sockets.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Part of a message that began before.
pub const CONTINUATION: u8 = 0x0;
/// A message of text.
pub const TEXT: u8 = 0x1;
/// A message of bytes: a Record (R-WS.14).
pub const BINARY: u8 = 0x2;
/// The connection ends.
pub const CLOSE: u8 = 0x8;
/// Whether the peer is there.
pub const PING: u8 = 0x9;
/// It is.
pub const PONG: u8 = 0xa;

/// A frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The last one of its message.
    pub fin: bool,
    /// The reserved bits, in the places that they have in the first byte; 0 without an extension.
    pub reserved: u8,
    /// What it is, four bits.
    pub opcode: u8,
    /// The masking key of a client.
    pub mask: Option<[u8; 4]>,
    /// What it carries, without the mask.
    pub payload: Bytes,
}

/// A frame longer than the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

impl Frame {
    /// A whole message, or a control frame, without a mask.
    pub fn new(opcode: u8, payload: impl Into<Bytes>) -> Frame {
        Frame { fin: true, reserved: 0, opcode, mask: None, payload: payload.into() }
    }

    /// A close frame with this code.
    pub fn close(code: u16) -> Frame {
        Frame::new(CLOSE, code.to_be_bytes().to_vec())
    }

    /// The code of a close frame, if it has one.
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.get(..2).filter(|_| self.opcode == CLOSE)?;
        Some(u16::from_be_bytes([code[0], code[1]]))
    }

    /// Whether it is about the connection and not part of a message.
    pub fn is_control(&self) -> bool {
        self.opcode & 0x8 != 0
    }

    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.payload.len() + 14);
        bytes.put_u8(u8::from(self.fin) << 7 | self.reserved & 0x70 | self.opcode & 0x0f);
        let masked = u8::from(self.mask.is_some()) << 7;
        let length = self.payload.len();
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length @ 0..=125), _) => bytes.put_u8(masked | length),
            (_, Ok(length)) => {
                bytes.put_u8(masked | 126);
                bytes.put_u16(length);
            }
            _ => {
                bytes.put_u8(masked | 127);
                bytes.put_u64(length as u64);
            }
        }
        if let Some(mask) = self.mask {
            bytes.put_slice(&mask);
        }
        bytes.extend(with_mask(self.mask, &self.payload));
        bytes.freeze()
    }

    /// Takes a frame from the front of what was read, if it is whole.
    ///
    /// # Errors
    /// When it says that it is longer than `limit` bytes.
    pub fn decode(read: &mut BytesMut, limit: usize) -> Result<Option<Frame>, TooLong> {
        let mut rest = &read[..];
        if rest.len() < 2 {
            return Ok(None);
        }
        let (first, second) = (rest.get_u8(), rest.get_u8());
        let length = match second & 0x7f {
            126 if rest.len() >= 2 => u64::from(rest.get_u16()),
            127 if rest.len() >= 8 => rest.get_u64(),
            126 | 127 => return Ok(None),
            length => u64::from(length),
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= limit).ok_or(TooLong)?;
        let is_masked = second & 0x80 != 0;
        if rest.len() < length + if is_masked { 4 } else { 0 } {
            return Ok(None);
        }
        let mask = is_masked.then(|| rest.get_u32().to_be_bytes());
        let payload = with_mask(mask, &rest[..length]).collect();
        let used = read.len() - rest.len() + length;
        read.advance(used);
        Ok(Some(Frame {
            fin: first & 0x80 != 0,
            reserved: first & 0x70,
            opcode: first & 0x0f,
            mask,
            payload,
        }))
    }
}

fn with_mask(mask: Option<[u8; 4]>, payload: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let key = mask.unwrap_or_default();
    payload.iter().zip(key.into_iter().cycle()).map(|(byte, key)| byte ^ key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455, section 5.7.
    #[test]
    fn the_examples_of_the_standard() {
        let masked = Some([0x37, 0xfa, 0x21, 0x3d]);
        let hello = Frame::new(TEXT, "Hello");
        let first = Frame { fin: false, ..Frame::new(TEXT, "Hel") };
        for (frame, bytes) in [
            (hello.clone(), &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f][..]),
            (
                Frame { mask: masked, ..hello },
                &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            ),
            (first, &[0x01, 0x03, 0x48, 0x65, 0x6c]),
            (Frame::new(CONTINUATION, "lo"), &[0x80, 0x02, 0x6c, 0x6f]),
            (Frame::new(PING, "Hello"), &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]),
            (Frame::close(1003), &[0x88, 0x02, 0x03, 0xeb]),
        ] {
            assert_eq!(frame.encode(), bytes);
            let mut read = BytesMut::from(bytes);
            assert_eq!(Frame::decode(&mut read, 5), Ok(Some(frame)));
            assert!(read.is_empty());
            for part in 0..bytes.len() {
                assert_eq!(Frame::decode(&mut BytesMut::from(&bytes[..part]), 5), Ok(None));
            }
        }
    }

    #[test]
    fn lengths_take_the_room_that_they_need_and_no_more_than_the_limit() {
        for (length, head) in [
            (125, &[0x82, 125][..]),
            (126, &[0x82, 126, 0, 126]),
            (256, &[0x82, 126, 1, 0]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = Frame::new(BINARY, vec![7; length]);
            let bytes = frame.encode();
            assert_eq!(&bytes[..head.len()], head);
            assert_eq!(Frame::decode(&mut BytesMut::from(&bytes[..]), length), Ok(Some(frame)));
            assert_eq!(Frame::decode(&mut BytesMut::from(head), length - 1), Err(TooLong));
        }
    }
}
