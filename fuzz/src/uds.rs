//! Any bytes as what comes over a UNIX domain socket.

use mtp::uds::frame::{FrameDecoder, kind};
use mtp::uds::machine::{Event, Machine};
use usp_proto::EndpointId;

/// Both sides come to the same end however the bytes were cut; they name their peer at most once, and
/// before any Record; nothing happens after the end; what they write is frames.
pub fn uds_frame(data: &[u8]) {
    let own_id = EndpointId::receive("proto::us").expect("an id");
    for machine in [
        |id: &EndpointId| Machine::dialled(id.clone(), Some(b"pw")),
        |id: &EndpointId| Machine::accepted(id.clone()),
    ] {
        let whole = run(machine(&own_id), data, data.len().max(1));
        let pieces = run(machine(&own_id), data, 3);
        // A Record that came with the Handshake counts or not, as it was read before the answer or behind it.
        let ends =
            |events: &[Event]| events.iter().filter(|event| !matches!(event, Event::Record(_))).count();
        assert_eq!(ends(&whole), ends(&pieces));
    }
}

fn run(mut machine: Machine, data: &[u8], piece: usize) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut out = Vec::new();
    for bytes in data.chunks(piece) {
        machine.receive(bytes);
        while let Some(event) = machine.poll() {
            let named = events.iter().any(|event| matches!(event, Event::Peer { .. }));
            assert!(!events.iter().any(|event| matches!(event, Event::End(_))), "something after the end");
            match &event {
                Event::Peer { .. } => {
                    assert!(!named, "the peer was named twice");
                    machine.accept();
                    machine.send(b"answer");
                }
                Event::Record(_) => assert!(named, "a Record of nobody"),
                Event::End(_) => {}
            }
            events.push(event);
        }
        out.extend_from_slice(&machine.take_out());
    }
    frames(&out);
    events
}

/// What was written can be read, and holds at most one Error: the last value.
fn frames(out: &[u8]) {
    let mut decoder = FrameDecoder::new(4096);
    decoder.push(out);
    let mut ended = false;
    while let Some(tlvs) = decoder.next_frame().expect("what we write is frames") {
        assert!(!ended, "something was written behind an Error");
        ended = tlvs.iter().any(|tlv| tlv.kind == kind::ERROR);
    }
}
