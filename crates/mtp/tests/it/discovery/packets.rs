//! Packets of DNS as bytes, written without the code under test, and answers as lines of text.

use simple_dns::rdata::RData;
use simple_dns::{Packet, ResourceRecord};

pub(crate) const PTR: u16 = 12;
pub(crate) const TXT: u16 = 16;
pub(crate) const A: u16 = 1;
pub(crate) const AAAA: u16 = 28;
pub(crate) const SRV: u16 = 33;
pub(crate) const ANY: u16 = 255;

/// Labels on the wire, whatever is in them.
pub(crate) fn name(labels: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in labels {
        bytes.push(u8::try_from(label.len()).expect("a label"));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// A query: name, kind, whether one answer to the asker alone will do; and what is known already.
pub(crate) fn query(questions: &[(&[&str], u16, bool)], known: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = head(0, 0, questions.len(), known.len());
    for (labels, kind, unicast) in questions {
        bytes.extend(name(labels));
        bytes.extend(kind.to_be_bytes());
        bytes.extend(if *unicast { [0x80, 1] } else { [0, 1] });
    }
    bytes.extend(known.concat());
    bytes
}

/// A response with these answers.
pub(crate) fn response(answers: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = head(0, 0x8400, 0, answers.len());
    bytes.extend(answers.concat());
    bytes
}

fn head(id: u16, flags: u16, questions: usize, answers: usize) -> Vec<u8> {
    let count = |count: usize| u16::try_from(count).expect("few");
    [id, flags, count(questions), count(answers), 0, 0]
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

/// A record.
pub(crate) fn record(labels: &[&str], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = name(labels);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(ttl.to_be_bytes());
    bytes.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// The data of an SRV record.
pub(crate) fn srv(priority: u16, weight: u16, port: u16, target: &[&str]) -> Vec<u8> {
    let mut data: Vec<u8> = [priority, weight, port].iter().flat_map(|number| number.to_be_bytes()).collect();
    data.extend(name(target));
    data
}

/// The data of a TXT record.
pub(crate) fn txt(strings: &[&str]) -> Vec<u8> {
    let mut data = name(strings);
    data.pop();
    data
}

/// A packet as lines: questions, records of its three sections. `!` marks what replaces older records.
pub(crate) fn lines(bytes: &[u8]) -> Vec<String> {
    let packet = Packet::parse(bytes).expect("a packet");
    let mut lines = Vec::new();
    for question in &packet.questions {
        let unicast = if question.unicast_response { " to me" } else { "" };
        lines.push(format!("? {} {:?}{unicast}", question.qname, question.qtype));
    }
    let sections = [("=", &packet.answers), ("&", &packet.name_servers), ("+", &packet.additional_records)];
    for (mark, records) in sections {
        lines.extend(records.iter().map(|record| format!("{mark} {}", line(record))));
    }
    lines
}

fn line(record: &ResourceRecord<'_>) -> String {
    let data = match &record.rdata {
        RData::A(a) => format!("A {}", std::net::Ipv4Addr::from(a.address)),
        RData::AAAA(aaaa) => format!("AAAA {}", std::net::Ipv6Addr::from(aaaa.address)),
        RData::PTR(pointer) => format!("PTR {}", pointer.0),
        RData::SRV(srv) => format!("SRV {} {} {} {}", srv.priority, srv.weight, srv.port, srv.target),
        RData::TXT(text) => {
            let strings = text.iter_raw().map(|(key, value)| match value {
                Some(value) => format!("{}={}", String::from_utf8_lossy(key), String::from_utf8_lossy(value)),
                None => String::from_utf8_lossy(key).into_owned(),
            });
            format!("TXT {}", strings.collect::<Vec<_>>().join("|"))
        }
        RData::NSEC(none) => format!("NSEC {:?}", none.type_bit_maps.first().map(|map| map.bitmap.to_vec())),
        other => format!("{other:?}"),
    };
    let flush = if record.cache_flush { "!" } else { "" };
    format!("{}{flush} {} {data}", record.name, record.ttl)
}
