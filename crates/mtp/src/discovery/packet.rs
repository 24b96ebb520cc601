//! Packets of DNS: reading those of strangers, writing questions.

use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, TYPE, header_buffer};

use super::limits::{MAX_PACKET, MAX_QUESTIONS};

/// Kinds of records that are read. What is in others is left alone: python-zeroconf, for one, writes NSEC records that
/// are none, and the packet is good for all that.
const READ: [TYPE; 5] = [TYPE::A, TYPE::AAAA, TYPE::PTR, TYPE::SRV, TYPE::TXT];
/// A kind of record for private use, whose data nobody takes apart.
const OPAQUE: [u8; 2] = 0xff00_u16.to_be_bytes();

/// A packet that can be [read](parse): its counts are those of what is in it, and only the records that matter have
/// data that is taken apart. `None` for what is no packet.
pub(super) fn readable(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() > MAX_PACKET {
        return None;
    }
    let questions = header_buffer::questions(bytes).ok()?;
    let records = [
        header_buffer::answers(bytes).ok()?,
        header_buffer::name_servers(bytes).ok()?,
        header_buffer::additional_records(bytes).ok()?,
    ];
    let mut readable = bytes.to_vec();
    let mut at = 12;
    for _ in 0..questions {
        at = name_end(bytes, at)? + 4;
    }
    for _ in 0..records.into_iter().map(u32::from).sum() {
        at = name_end(bytes, at)?;
        let head = bytes.get(at..at + 10)?;
        let [kind, length] = [[head[0], head[1]], [head[8], head[9]]].map(u16::from_be_bytes);
        if !READ.iter().any(|known| u16::from(*known) == kind) {
            readable[at..at + 2].copy_from_slice(&OPAQUE);
        }
        at += 10 + usize::from(length);
    }
    (at <= bytes.len()).then_some(readable)
}

/// Where the name that begins here ends.
fn name_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

/// Reads a packet that is [readable].
pub(super) fn parse(readable: &[u8]) -> Option<Packet<'_>> {
    Packet::parse(readable).ok()
}

/// What is asked: a name and a kind of record.
pub(super) type Asked = (Name<'static>, TYPE);

/// A query for records of the Internet. Recursion is for name servers.
pub(super) fn query(id: u16, asked: &[Asked], recursive: bool) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    if recursive {
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
    }
    packet.questions = asked
        .iter()
        .take(MAX_QUESTIONS)
        .map(|(name, kind)| Question::new(name.clone(), QTYPE::TYPE(*kind), QCLASS::CLASS(CLASS::IN), false))
        .collect();
    packet.build_bytes_vec_compressed().ok()
}

/// Whether a packet answers a query: it is a response to the same question.
pub(super) fn answers(query: &[u8], answer: &[u8]) -> bool {
    let (Some(query), Some(answer)) = (readable(query), readable(answer)) else { return false };
    let (Some(query), Some(answer)) = (parse(&query), parse(&answer)) else { return false };
    let same =
        |(one, other): (&Question<'_>, &Question<'_>)| one.qname == other.qname && one.qtype == other.qtype;
    answer.has_flags(PacketFlag::RESPONSE)
        && query.questions.len() == answer.questions.len()
        && query.questions.iter().zip(&answer.questions).all(same)
}

/// A name of these labels, if it is short enough.
pub(super) fn name(labels: &[&[u8]]) -> Option<Name<'static>> {
    use simple_dns::Label;
    let labels: Result<Vec<Label<'static>>, _> =
        labels.iter().map(|label| Label::new(label.to_vec())).collect();
    let name = Name::new_with_labels(&labels.ok()?);
    // Read back, it is checked against the limit of whole names.
    Name::new(&name.to_string()).ok()?;
    Some(name)
}

/// A name followed by another.
pub(super) fn below(labels: &[&[u8]], parent: &Name<'_>) -> Option<Name<'static>> {
    let mut all = labels.to_vec();
    all.extend(parent.as_bytes());
    name(&all)
}
