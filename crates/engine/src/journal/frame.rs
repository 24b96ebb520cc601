//! Frames of a journal file: what one write and one sync made durable, with its checksum.
//!
//! A file is a header of eight bytes and then frames: length and CRC-32 of the payload, each four bytes
//! little-endian, and the payload. Each group of entries that was written between two syncs is *one*
//! frame, so a power cut can only leave the last frame broken: a whole frame behind a broken one means
//! that the file was damaged later.

use super::tail::holds_frame;
use crate::limits::MAX_FRAME_BYTES;

/// Name and version of the format.
pub(super) const HEADER: &[u8; 8] = b"cuspjrn\x01";

/// Bytes before a payload.
pub(super) const FRAME_HEAD: usize = 8;

/// A buffer for one frame; entries are appended to it, then [`seal`] makes it a frame.
pub(super) fn open_frame() -> Vec<u8> {
    vec![0; FRAME_HEAD]
}

/// Writes length and checksum of what was appended.
pub(super) fn seal(frame: &mut [u8]) {
    let (head, payload) = frame.split_at_mut(FRAME_HEAD);
    let len = u32::try_from(payload.len()).expect("the journal bounds its frames");
    head[..4].copy_from_slice(&len.to_le_bytes());
    head[4..].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
}

/// What a file's frames look like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan<'a> {
    /// Payloads of the whole frames, in order.
    pub(super) frames: Vec<&'a [u8]>,
    /// Bytes up to the end of the last whole frame.
    pub(super) len: usize,
    /// A whole frame stands behind a broken one at `len`.
    pub(super) damaged: bool,
}

/// Reads the frames behind the header.
pub(super) fn scan(file: &[u8]) -> Scan<'_> {
    let mut scan = Scan { frames: Vec::new(), len: HEADER.len(), damaged: false };
    while let Some(payload) = frame_at(file, scan.len) {
        scan.frames.push(payload);
        scan.len += FRAME_HEAD + payload.len();
    }
    scan.damaged = holds_frame(file.get(scan.len..).unwrap_or_default()).0;
    scan
}

fn frame_at(file: &[u8], at: usize) -> Option<&[u8]> {
    let rest = file.get(at..)?;
    let (head, rest) = rest.split_at_checked(FRAME_HEAD)?;
    let payload = rest.get(..claimed_len(head)?)?;
    (crc32fast::hash(payload).to_le_bytes() == head[4..]).then_some(payload)
}

/// The length of the payload that a frame's head claims; `None` if no frame has such a length.
pub(super) fn claimed_len(head: &[u8]) -> Option<usize> {
    let len = usize::try_from(u32::from_le_bytes(*head.first_chunk()?)).ok()?;
    // An empty payload is never written, and a run of zeros would look like one.
    (1..=MAX_FRAME_BYTES).contains(&len).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut file = HEADER.to_vec();
        for payload in payloads {
            let mut frame = open_frame();
            frame.extend_from_slice(payload);
            seal(&mut frame);
            file.extend_from_slice(&frame);
        }
        file
    }

    #[test]
    fn a_frame_is_length_checksum_payload() {
        let file = file(&[b"123456789"]);
        // 0xCBF43926 is the published check value of CRC-32 for these nine digits.
        assert_eq!(file[8..], *b"\x09\x00\x00\x00\x26\x39\xf4\xcb123456789");
    }

    #[test]
    fn a_tail_cut_anywhere_loses_only_the_last_frame() {
        let whole = file(&[b"first", b"second"]);
        let first = 8 + 8 + 5;
        for cut in first..whole.len() {
            let scan = scan(&whole[..cut]);
            assert_eq!((scan.frames, scan.len, scan.damaged), (vec![&b"first"[..]], first, false), "{cut}");
        }
    }

    #[test]
    fn a_broken_frame_before_a_whole_one_is_damage() {
        let mut bytes = file(&[b"first", b"second", b"third"]);
        bytes[8 + 8 + 5 + 8] ^= 1;
        assert_eq!(scan(&bytes), Scan { frames: vec![b"first"], len: 21, damaged: true });
    }

    #[test]
    fn zeros_behind_the_end_are_a_torn_tail() {
        let mut bytes = file(&[b"first"]);
        bytes.extend_from_slice(&[0; 64]);
        assert_eq!(scan(&bytes), Scan { frames: vec![b"first"], len: 21, damaged: false });
    }
}
