//! Packets of DNS: reading those of strangers, writing questions.

use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, TYPE, header_buffer};

use super::limits::{MAX_PACKET, MAX_QUESTIONS};

/// Reads a packet. The counts in its head decide how much memory the reader takes, so those that its bytes
/// can't hold are refused first: a question has 5 bytes at least, a record 11.
pub(super) fn parse(bytes: &[u8]) -> Option<Packet<'_>> {
    let questions = usize::from(header_buffer::questions(bytes).ok()?);
    let records = [
        header_buffer::answers(bytes).ok()?,
        header_buffer::name_servers(bytes).ok()?,
        header_buffer::additional_records(bytes).ok()?,
    ];
    let records: usize = records.into_iter().map(usize::from).sum();
    let fits = bytes.len() <= MAX_PACKET && 12 + 5 * questions + 11 * records <= bytes.len();
    if !fits { None } else { Packet::parse(bytes).ok() }
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
    let (Some(query), Some(answer)) = (parse(query), parse(answer)) else { return false };
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
