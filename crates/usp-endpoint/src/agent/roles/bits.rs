//! What one row of a Permission table grants: its four strings as bits (TR-181
//! `ControllerTrust.Role.{i}.Permission.{i}.`).

use dm::tree::Bit;

/// A set of [`Bit`]s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Bits(u16);

/// What the four letters of each string stand for; some grant nothing.
const PARAM: [Option<Bit>; 4] = [Some(Bit::ParamRead), Some(Bit::ParamWrite), None, Some(Bit::ParamNotify)];
const OBJ: [Option<Bit>; 4] = [Some(Bit::ObjectRead), Some(Bit::ObjectAdd), None, Some(Bit::ObjectNotify)];
const INSTANTIATED: [Option<Bit>; 4] =
    [Some(Bit::InstanceRead), Some(Bit::InstanceDelete), None, Some(Bit::InstanceNotify)];
const COMMAND_EVENT: [Option<Bit>; 4] =
    [Some(Bit::CommandRead), None, Some(Bit::CommandExecute), Some(Bit::CommandNotify)];

impl Bits {
    /// Everything that can be granted.
    pub(super) const ALL: Bits = Bits(0x0fff);

    /// The bits of the strings; one that is malformed grants nothing.
    pub(super) fn parse(param: &str, obj: &str, instantiated: &str, command_event: &str) -> Bits {
        let strings =
            [(param, PARAM), (obj, OBJ), (instantiated, INSTANTIATED), (command_event, COMMAND_EVENT)];
        let granted = strings.into_iter().flat_map(|(text, meanings)| {
            let letters = letters(text).unwrap_or_default();
            letters.into_iter().zip(meanings).filter_map(|(set, bit)| bit.filter(|_| set))
        });
        Bits(granted.fold(0, |bits, bit| bits | mask(bit)))
    }

    pub(super) fn has(self, bit: Bit) -> bool {
        self.0 & mask(bit) != 0
    }

    pub(super) fn union(self, other: Bits) -> Bits {
        Bits(self.0 | other.0)
    }
}

/// Which of `rwxn` are set; `None` if the text is not four of these letters in order, or dashes.
pub(super) fn letters(text: &str) -> Option<[bool; 4]> {
    let bytes: [u8; 4] = text.as_bytes().try_into().ok()?;
    let mut set = [false; 4];
    for ((byte, letter), set) in bytes.into_iter().zip(*b"rwxn").zip(&mut set) {
        *set = byte == letter;
        if byte != letter && byte != b'-' {
            return None;
        }
    }
    Some(set)
}

fn mask(bit: Bit) -> u16 {
    1 << (bit as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_their_places() {
        for (text, expected) in [
            ("rwxn", Some([true, true, true, true])),
            ("----", Some([false, false, false, false])),
            ("r--n", Some([true, false, false, true])),
            ("-w--", Some([false, true, false, false])),
            ("n--r", None),
            ("rw-", None),
            ("rwxnr", None),
            ("RW--", None),
            ("", None),
        ] {
            assert_eq!(letters(text), expected, "{text}");
        }
    }

    #[test]
    fn each_string_grants_its_own_bits() {
        let all = [
            Bit::ParamRead,
            Bit::ParamWrite,
            Bit::ParamNotify,
            Bit::ObjectRead,
            Bit::ObjectAdd,
            Bit::ObjectNotify,
            Bit::InstanceRead,
            Bit::InstanceDelete,
            Bit::InstanceNotify,
            Bit::CommandRead,
            Bit::CommandExecute,
            Bit::CommandNotify,
        ];
        let granted = |strings: [&str; 4]| -> Vec<Bit> {
            let bits = Bits::parse(strings[0], strings[1], strings[2], strings[3]);
            all.into_iter().filter(|bit| bits.has(*bit)).collect()
        };
        for (strings, expected) in [
            (["rwxn", "----", "----", "----"], &all[0..3]),
            (["----", "rwxn", "----", "----"], &all[3..6]),
            (["----", "----", "rwxn", "----"], &all[6..9]),
            (["----", "----", "----", "rwxn"], &all[9..12]),
            (["--x-", "--x-", "--x-", "-w--"], &[]),
            (["oops", "r---", "", "rw"], &all[3..4]),
            (["rwxn", "rwxn", "rwxn", "rwxn"], &all[..]),
        ] {
            assert_eq!(granted(strings), expected, "{strings:?}");
        }
        assert_eq!(Bits::parse("rw-n", "rw-n", "rw-n", "r-xn"), Bits::ALL);
    }
}
