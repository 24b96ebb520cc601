//! Where in the incoming bytes frames begin and end. It checks nothing: `tungstenite` does.

/// Follows frame headers through the bytes, to know when the stream stands between two messages: the
/// protocol state keeps its buffers to itself, so nothing else tells when it can be replaced by a fresh one.
#[derive(Default, Debug)]
pub(super) struct FrameScan {
    header: [u8; 14],
    have: usize,
    payload_left: u64,
    in_fragments: bool,
}

impl FrameScan {
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let skip = usize::try_from(self.payload_left).unwrap_or(usize::MAX).min(bytes.len());
                self.payload_left -= skip as u64;
                bytes = &bytes[skip..];
                continue;
            }
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            if self.have >= 2 && self.have == self.header_len() {
                self.finish_header();
            }
        }
    }

    pub(super) fn between_messages(&self) -> bool {
        self.have == 0 && self.payload_left == 0 && !self.in_fragments
    }

    fn header_len(&self) -> usize {
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        let extended = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + extended + mask
    }

    fn finish_header(&mut self) {
        let h = &self.header;
        self.payload_left = match h[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes([h[2], h[3]])),
            127 => u64::from_be_bytes([h[2], h[3], h[4], h[5], h[6], h[7], h[8], h[9]]),
            short => u64::from(short),
        };
        let control = h[0] & 0x08 != 0;
        if !control {
            self.in_fragments = h[0] & 0x80 == 0;
        }
        self.have = 0;
    }
}
