//! What the peer's bytes become must not depend on how they arrive, nor on when buffers are given back.

use std::collections::VecDeque;
use std::task::Waker;

use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

use super::*;

/// Delivers chunk by chunk, pending once before each; swallows what is written, in pieces.
struct Script {
    chunks: VecDeque<Vec<u8>>,
    ready: bool,
    written: usize,
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.ready = !self.ready;
        if !self.ready {
            return Poll::Pending;
        }
        if let Some(mut chunk) = self.chunks.pop_front() {
            let rest = chunk.split_off(chunk.len().min(buf.remaining()));
            buf.put_slice(&chunk);
            if !rest.is_empty() {
                self.chunks.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.ready = !self.ready;
        if self.ready {
            return Poll::Pending;
        }
        let taken = buf.len().min(1000);
        self.written += taken;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A message and the sizes of its fragments; a ping may precede each fragment.
type Fragments = Vec<(usize, bool)>;

fn frame(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    out.push(first);
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
}

fn encode(messages: &[Fragments]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for (number, fragments) in messages.iter().enumerate() {
        let fill = number as u8;
        for (at, (len, ping)) in fragments.iter().enumerate() {
            if *ping {
                frame(&mut bytes, 0x89, b"ping");
            }
            let last = if at + 1 == fragments.len() { 0x80 } else { 0 };
            let opcode = if at == 0 { 2 } else { 0 };
            frame(&mut bytes, last | opcode, &vec![fill; *len]);
        }
        expected.push(vec![fill; fragments.iter().map(|(len, _)| len).sum()]);
    }
    (bytes, expected)
}

fn cut(bytes: &[u8], sizes: &[usize]) -> VecDeque<Vec<u8>> {
    let (mut chunks, mut rest, mut sizes) = (VecDeque::new(), bytes, sizes.iter().cycle());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at((*sizes.next().unwrap_or(&1)).min(rest.len()));
        chunks.push_back(chunk.to_vec());
        rest = after;
    }
    chunks
}

fn receive(chunks: VecDeque<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut wire = Wire::new(Script { chunks, ready: false, written: 0 }, Role::Server, Vec::new());
    let mut cx = Context::from_waker(Waker::noop());
    let mut records = Vec::new();
    loop {
        match wire.poll_message(&mut cx) {
            Poll::Ready(Ok(Got::Record(record))) => records.push(record.to_vec()),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => return records,
            Poll::Pending => {
                let _ = wire.poll_flush(&mut cx);
                wire.release();
            }
        }
    }
}

fn messages() -> impl Strategy<Value = Vec<Fragments>> {
    let len = prop_oneof![Just(0), 1..10_usize, 100..200_usize, 1000..1100_usize, 20_000..21_000_usize];
    prop::collection::vec(prop::collection::vec((len, any::<bool>()), 1..4), 1..8)
}

proptest! {
    #[test]
    fn chunks_and_released_buffers_change_nothing(
        messages in messages(),
        sizes in prop::collection::vec(prop_oneof![1..20_usize, 500..5000_usize], 1..6),
    ) {
        let (bytes, expected) = encode(&messages);
        prop_assert_eq!(receive(cut(&bytes, &sizes)), expected);
    }
}
