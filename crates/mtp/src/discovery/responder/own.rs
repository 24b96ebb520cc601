//! The records of an endpoint's services, and which of them answer a question.

use std::collections::BTreeSet;
use std::net::IpAddr;

use simple_dns::rdata::{A, AAAA, NSEC, NsecTypeBitMap, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, CharacterString, Name, Packet, QCLASS, QTYPE, Question, ResourceRecord, TYPE};
use usp_proto::EndpointId;
use usp_proto::discovery::service::{self, Attributes, Service};

use crate::discovery::packet;

/// Seconds that names of hosts and what leads to them are remembered, and all else (RFC 6762 section 10).
const HOST_TTL: u32 = 120;
const OTHER_TTL: u32 = 4500;

/// A service that is advertised. Somebody has to listen there (R-DIS.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advert {
    /// Which.
    pub service: Service,
    /// Where it listens.
    pub port: u16,
    /// Path, name, encryption.
    pub attributes: Attributes,
    /// Under which kinds of device it is found too: `iot-device`, `gateway`.
    pub subtypes: Vec<String>,
    /// Listed for everybody who looks for such services. A controller need not be.
    pub listed: bool,
}

/// Who else may have records of that name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Nobody.
    Unique,
    /// Everybody: lists.
    Shared,
    /// Says that there is no record of other kinds.
    Absence,
}

#[derive(Debug)]
pub(super) struct OwnRecord {
    pub(super) record: ResourceRecord<'static>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) struct Own {
    pub(super) records: Vec<OwnRecord>,
}

impl Own {
    // R-DIS.8, R-DIS.9, R-DIS.11
    pub(super) fn new(endpoint: &EndpointId, adverts: &[Advert], addresses: &[IpAddr]) -> Option<Own> {
        let own = service::label(endpoint).ok()?.as_bytes();
        let host = packet::name(&[own, b"local"])?;
        let mut records = Vec::new();
        let mut add = |name: &Name<'static>, ttl, kind, rdata| {
            let record = ResourceRecord::new(name.clone(), CLASS::IN, ttl, rdata);
            records.push(OwnRecord { record: record.with_cache_flush(kind != Kind::Shared), kind });
        };
        for advert in adverts {
            let [name, protocol] = advert.service.labels().map(str::as_bytes);
            let instance = packet::name(&[own, name, protocol, b"local"])?;
            let listed = packet::name(&[name, protocol, b"local"])?;
            let srv = SRV { priority: 0, weight: 0, port: advert.port, target: host.clone() };
            add(&instance, HOST_TTL, Kind::Unique, RData::SRV(srv));
            add(&instance, OTHER_TTL, Kind::Unique, RData::TXT(text(&advert.attributes)?));
            add(&instance, HOST_TTL, Kind::Absence, absence(&instance, &[TYPE::TXT, TYPE::SRV]));
            if !advert.listed {
                continue;
            }
            let all = packet::name(&[b"_services", b"_dns-sd", b"_udp", b"local"])?;
            add(&all, OTHER_TTL, Kind::Shared, RData::PTR(PTR(listed.clone())));
            add(&listed, OTHER_TTL, Kind::Shared, RData::PTR(PTR(instance.clone())));
            for subtype in &advert.subtypes {
                let label = format!("_{subtype}");
                let listed = packet::name(&[label.as_bytes(), b"_sub", name, protocol, b"local"])?;
                add(&listed, OTHER_TTL, Kind::Shared, RData::PTR(PTR(instance.clone())));
            }
        }
        let mut kinds = BTreeSet::new();
        for address in addresses {
            let rdata = match address {
                IpAddr::V4(ip) => RData::A(A { address: u32::from(*ip) }),
                IpAddr::V6(ip) => RData::AAAA(AAAA { address: u128::from(*ip) }),
            };
            kinds.insert(u16::from(rdata.type_code()));
            add(&host, HOST_TTL, Kind::Unique, rdata);
        }
        let kinds: Vec<TYPE> = kinds.into_iter().map(TYPE::from).collect();
        add(&host, HOST_TTL, Kind::Absence, absence(&host, &kinds));
        Some(Own { records })
    }

    /// What is told unasked: all but that nothing is there, and the list of kinds of services.
    pub(super) fn announced(&self) -> BTreeSet<usize> {
        let told = |own: &OwnRecord| {
            own.kind != Kind::Absence && !own.record.name.to_string().starts_with("_services.")
        };
        (0..self.records.len()).filter(|at| told(&self.records[*at])).collect()
    }

    /// The names that are ours alone, each once.
    pub(super) fn unique_names(&self) -> Vec<Name<'static>> {
        let mut names: Vec<Name<'static>> = Vec::new();
        for own in self.records.iter().filter(|own| own.kind == Kind::Unique) {
            if !names.contains(&own.record.name) {
                names.push(own.record.name.clone());
            }
        }
        names
    }

    /// The records that answer a question; of a name that is ours, that it has none of that kind.
    pub(super) fn answers(&self, question: &Question<'_>) -> Vec<usize> {
        if !matches!(question.qclass, QCLASS::ANY | QCLASS::CLASS(CLASS::IN)) {
            return Vec::new();
        }
        let named = |at: &usize| self.records[*at].record.name == question.qname;
        let fits = |at: &usize| {
            let own = &self.records[*at];
            own.kind != Kind::Absence && own.record.match_qtype(question.qtype)
                || question.qtype == QTYPE::TYPE(TYPE::NSEC)
        };
        let answers: Vec<usize> = (0..self.records.len()).filter(named).filter(fits).collect();
        if !answers.is_empty() {
            return answers;
        }
        let absence = |at: &usize| self.records[*at].kind == Kind::Absence;
        (0..self.records.len()).filter(named).filter(absence).collect()
    }

    /// Whether who asks knows an answer already, and for long enough (section 7.1).
    pub(super) fn is_known(&self, at: usize, known: &[ResourceRecord<'_>]) -> bool {
        let own = &self.records[at].record;
        known.iter().any(|known| {
            known.name == own.name && known.rdata == own.rdata && known.ttl >= own.ttl.div_ceil(2)
        })
    }

    /// What whoever reads these answers asks for next (RFC 6763 section 12).
    pub(super) fn additional(&self, answers: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut wanted: Vec<&Name<'_>> = Vec::new();
        for at in answers {
            match &self.records[*at].record.rdata {
                RData::PTR(pointer) => wanted.push(&pointer.0),
                RData::SRV(srv) => wanted.push(&srv.target),
                _ => {}
            }
        }
        let mut additional = BTreeSet::new();
        // From lists to instances, and from those to their host.
        for _ in 0..2 {
            for (at, own) in self.records.iter().enumerate() {
                if own.kind == Kind::Unique && wanted.contains(&&own.record.name) {
                    additional.insert(at);
                    if let RData::SRV(srv) = &own.record.rdata {
                        wanted.push(&srv.target);
                    }
                }
            }
        }
        additional.retain(|at| !answers.contains(at));
        additional
    }

    /// Whether a record of somebody else has a name of ours, and another value than ours.
    pub(super) fn conflicts(&self, theirs: &ResourceRecord<'_>) -> bool {
        let mut same_kind = self.records.iter().filter(|own| {
            own.kind == Kind::Unique
                && own.record.name == theirs.name
                && own.record.rdata.type_code() == theirs.rdata.type_code()
        });
        let ours = same_kind.next();
        let equal = |own: &OwnRecord| own.record.rdata == theirs.rdata;
        theirs.ttl > 0 && ours.is_some_and(|first| !equal(first) && !same_kind.any(equal))
    }

    /// Whether somebody asks for a name of ours at the same time, and has the better right: the records that are
    /// later in the order of class, kind and bytes (section 8.2).
    pub(super) fn loses(&self, theirs: &[ResourceRecord<'_>]) -> bool {
        self.unique_names().iter().any(|name| {
            let of = |records: &mut dyn Iterator<Item = &ResourceRecord<'_>>| {
                let mut keys: Vec<Vec<u8>> =
                    records.filter(|record| record.name == *name).filter_map(key).collect();
                keys.sort_unstable();
                keys
            };
            let ours =
                of(&mut self.records.iter().filter(|own| own.kind == Kind::Unique).map(|own| &own.record));
            let theirs = of(&mut theirs.iter());
            !theirs.is_empty() && ours < theirs
        })
    }
}

/// Class, kind and value of a record, as bytes that sort.
fn key(record: &ResourceRecord<'_>) -> Option<Vec<u8>> {
    let mut packet = Packet::new_reply(0);
    packet.answers = vec![record.clone().with_cache_flush(false)];
    let bytes = packet.build_bytes_vec().ok()?;
    // After the head and the name: kind, class, time to live, length, value.
    let at = 12 + record.name.as_bytes().map(|label| label.len() + 1).sum::<usize>() + 1;
    let [kind, class, value] =
        [at..at + 2, at + 2..at + 4, at + 10..bytes.len()].map(|range| bytes.get(range));
    Some([class?, kind?, value?].concat())
}

fn text(attributes: &Attributes) -> Option<TXT<'static>> {
    let mut text = TXT::new();
    for string in attributes.strings().ok()? {
        text.add_char_string(CharacterString::new(string.as_bytes()).ok()?.into_owned());
    }
    Some(text)
}

/// That a name has records of these kinds only.
fn absence(name: &Name<'static>, kinds: &[TYPE]) -> RData<'static> {
    let mut bitmap = vec![0_u8; 32];
    for kind in kinds {
        let number = u16::from(*kind);
        if let Some(byte) = bitmap.get_mut(usize::from(number / 8)) {
            *byte |= 0x80 >> (number % 8);
        }
    }
    let length = bitmap.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bitmap.truncate(length);
    let maps = if length == 0 {
        Vec::new()
    } else {
        vec![NsecTypeBitMap { window_block: 0, bitmap: bitmap.into() }]
    };
    RData::NSEC(NSEC { next_name: name.clone(), type_bit_maps: maps })
}
