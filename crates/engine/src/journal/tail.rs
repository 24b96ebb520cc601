//! Telling a torn tail from damage: whether any whole frame stands somewhere behind a broken one.
//!
//! A broken frame's length says nothing, so a frame may begin at every byte, and may claim any length.
//! Checksumming each claim by itself would be quadratic. A CRC is linear: from the registers at two places
//! follows the checksum of what is between them, so one pass over the tail serves every claim.

use super::frame::{FRAME_HEAD, claimed_len};

/// The polynomial of CRC-32 (IEEE 802.3), reflected.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// The register that a checksum begins with, and that is laid over it at its end.
const ONES: u32 = u32::MAX;

/// x^0 in the reflected form.
const ONE: u32 = 1 << 31;

/// Whether a whole frame begins behind the first byte of `tail`, and how many steps it took to tell: bytes
/// that went through the checksum, and products of polynomials.
pub(super) fn holds_frame(tail: &[u8]) -> (bool, usize) {
    let registers = registers(tail);
    let shifts = Shifts::new();
    let mut steps = tail.len();
    for at in 1..tail.len().saturating_sub(FRAME_HEAD) {
        let Some(len) = claimed_len(&tail[at..]) else { continue };
        let begin = at + FRAME_HEAD;
        let Some(after) = registers.get(begin + len) else { continue };
        let stored = u32::from_le_bytes([tail[at + 4], tail[at + 5], tail[at + 6], tail[at + 7]]);
        steps += Shifts::PRODUCTS;
        if shifts.shift(registers[begin] ^ ONES, len) == after ^ stored ^ ONES {
            return (true, steps);
        }
    }
    (false, steps)
}

/// The register, begun with zero, before each byte and after the last.
fn registers(bytes: &[u8]) -> Vec<u32> {
    let mut registers = Vec::with_capacity(bytes.len() + 1);
    let mut register = 0u32;
    registers.push(register);
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            register = times_x(register);
        }
        registers.push(register);
    }
    registers
}

/// What a number of bytes does to a register that stands before them: x^(8·number), put together from the
/// number's own bytes.
struct Shifts([[u32; 256]; Self::PRODUCTS]);

impl Shifts {
    /// Bytes of a length; each is one product.
    const PRODUCTS: usize = 4;

    fn new() -> Shifts {
        let mut tables = [[ONE; 256]; Self::PRODUCTS];
        let mut unit = (0..8).fold(ONE, |register, _| times_x(register));
        for table in &mut tables {
            for index in 1..table.len() {
                table[index] = product(table[index - 1], unit);
            }
            unit = product(table[255], unit);
        }
        Shifts(tables)
    }

    fn shift(&self, register: u32, len: usize) -> u32 {
        let bytes = self.0.iter().zip(len.to_le_bytes());
        bytes.fold(register, |register, (table, byte)| product(register, table[usize::from(byte)]))
    }
}

fn times_x(register: u32) -> u32 {
    (register >> 1) ^ if register & 1 == 1 { POLYNOMIAL } else { 0 }
}

fn product(left: u32, mut right: u32) -> u32 {
    let mut sum = 0;
    for bit in (0..32).rev() {
        if left >> bit & 1 == 1 {
            sum ^= right;
        }
        right = times_x(right);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_found_wherever_it_begins() {
        // 0xCBF43926 is the published check value of CRC-32 for these nine digits.
        let frame = b"\x09\x00\x00\x00\x26\x39\xf4\xcb123456789";
        for before in [1, 2, 7, 300] {
            let mut tail = vec![0xa5; before];
            tail.extend_from_slice(frame);
            assert!(holds_frame(&tail).0, "{before} bytes before");
            tail.extend_from_slice(b"torn");
            assert!(holds_frame(&tail).0, "{before} bytes before, more behind");
            tail[before + 12] ^= 1;
            assert!(!holds_frame(&tail).0, "{before} bytes before, one bit off");
        }
        assert!(!holds_frame(frame).0, "a frame at the front is not behind anything");
    }

    #[test]
    fn a_tail_in_which_every_byte_claims_a_long_frame_takes_a_step_per_byte() {
        // Read at any offset these are lengths of 64 Ki to 128 Ki.
        let tail: Vec<u8> = [1, 0, 1, 0].repeat(64 << 10);
        let (found, steps) = holds_frame(&tail);
        assert!(!found);
        assert!(steps <= 5 * tail.len(), "{steps} steps for {} bytes", tail.len());
    }
}
