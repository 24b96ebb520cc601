//! What records of DNS-SD say about endpoints, and what still has to be asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{Name, PacketFlag, ResourceRecord, TYPE};
use usp_proto::EndpointId;
use usp_proto::discovery::service::{self, Attributes, Party, Service};

use super::limits::MAX_RECORDS;
use super::packet::{self, Asked};

/// A service of an endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Whose it is. Nobody has proved that.
    pub endpoint: EndpointId,
    /// Which.
    pub service: Service,
    /// The host, as names are written: dots within a label are escaped.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Addresses of the host, those of IPv4 first. There may be none among the records.
    pub addresses: Vec<IpAddr>,
    /// Path, name, encryption.
    pub attributes: Attributes,
}

/// Whom we look for.
#[derive(Clone, Debug)]
pub struct Wanted {
    party: Party,
    /// Where instances are listed.
    domain: Name<'static>,
    /// The host that they have to be on, if that matters.
    host: Option<Name<'static>>,
    endpoint: Option<EndpointId>,
}

impl Wanted {
    /// Endpoints of one side in a domain (`local`, or the name of a controller); a certain one, if its id is
    /// known. `None` if `domain` is no name.
    ///
    /// All of `.local` has one list, so that a name in it is that of the host; in it endpoint ids are names of
    /// hosts too.
    pub fn new(party: Party, domain: &str, endpoint: Option<EndpointId>) -> Option<Wanted> {
        let domain = Name::new(domain).ok().filter(|name| !name.get_labels().is_empty())?.into_owned();
        if !domain.is_link_local() || domain.get_labels().len() == 1 {
            return Some(Wanted { party, domain, host: None, endpoint });
        }
        let named = domain.as_bytes().next().and_then(|label| service::endpoint(label).ok());
        let local = packet::name(&[b"local"])?;
        Some(Wanted { party, domain: local, host: Some(domain), endpoint: endpoint.or(named) })
    }

    /// Whether mDNS has the answers, and DNS has none (R-DIS.5, R-DIS.6).
    pub fn is_local(&self) -> bool {
        self.domain.is_link_local()
    }

    /// Whether one endpoint is looked for, and no others.
    pub(super) fn only_one(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The questions to begin with: which instances there are; those of a known endpoint are asked for by
    /// name too, because a controller on a LAN need not be listed.
    // R-DIS.7
    pub(super) fn questions(&self) -> Vec<Asked> {
        let mut asked = Vec::new();
        for service in Service::of(self.party) {
            let labels = service.labels().map(str::as_bytes);
            let Some(listed) = packet::below(&labels, &self.domain) else { continue };
            asked.push((listed, TYPE::PTR));
        }
        if self.is_local()
            && let Some(own) = self.endpoint.as_ref().and_then(|id| service::label(id).ok())
        {
            let labels = Service { party: self.party, mtp: service::Mtp::WebSocket }.labels();
            let labels = [own.as_bytes(), labels[0].as_bytes(), labels[1].as_bytes()];
            if let Some(instance) = packet::name(&[&labels[..], &[b"local"]].concat()) {
                asked.extend([(instance.clone(), TYPE::SRV), (instance, TYPE::TXT)]);
            }
        }
        asked
    }
}

/// The records that were heard so far. Those beyond [`MAX_RECORDS`] are not.
#[derive(Debug, Default)]
pub struct Records(Vec<ResourceRecord<'static>>);

impl Records {
    /// Takes the records of a response; whether there was any that is new.
    pub fn take(&mut self, bytes: &[u8]) -> bool {
        let Some(readable) = packet::readable(bytes) else { return false };
        let Some(packet) = packet::parse(&readable).filter(|packet| packet.has_flags(PacketFlag::RESPONSE))
        else {
            return false;
        };
        let before = self.0.len();
        for record in packet.answers.into_iter().chain(packet.additional_records) {
            let known =
                || self.0.iter().any(|known| known.name == record.name && known.rdata == record.rdata);
            if self.0.len() < MAX_RECORDS && record.ttl > 0 && !known() {
                self.0.push(record.into_owned());
            }
        }
        self.0.len() > before
    }

    /// What is missing for `wanted`: places and attributes of instances, and addresses of their hosts.
    pub(super) fn missing(&self, wanted: &Wanted) -> Vec<Asked> {
        let has = |name: &Name<'_>, kind: TYPE| {
            self.0.iter().any(|record| record.name == *name && record.rdata.type_code() == kind)
        };
        let mut missing = Vec::new();
        for (instance, ..) in self.instances(wanted) {
            for kind in [TYPE::SRV, TYPE::TXT] {
                if !has(instance, kind) {
                    missing.push((instance.clone(), kind));
                }
            }
            if let Some((_, _, host)) = self.place(instance)
                && !has(host, TYPE::A)
                && !has(host, TYPE::AAAA)
            {
                missing.extend([(host.clone(), TYPE::A), (host.clone(), TYPE::AAAA)]);
            }
        }
        missing
    }

    /// The endpoints that are wanted and whose place is known: the services that should be tried first come
    /// first, and of equal ones those of the smaller id.
    pub fn found(&self, wanted: &Wanted) -> Vec<Found> {
        let mut found: Vec<((u16, u16), Found)> = Vec::new();
        for (instance, endpoint, service) in self.instances(wanted) {
            let Some((rank, port, host)) = self.place(instance) else { continue };
            if wanted.host.as_ref().is_some_and(|wanted| wanted != host) {
                continue;
            }
            let place = Found {
                endpoint,
                service,
                host: host.to_string(),
                port,
                addresses: self.addresses(host),
                attributes: self.attributes(instance),
            };
            found.push((rank, place));
        }
        found.sort_by(|(rank, one), (other_rank, other)| {
            (rank, &one.endpoint, one.service).cmp(&(other_rank, &other.endpoint, other.service))
        });
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// Addresses of a host, those of IPv4 first.
    pub fn addresses(&self, host: &Name<'_>) -> Vec<IpAddr> {
        let records = self.0.iter().filter(|record| record.name == *host);
        let mut addresses: Vec<IpAddr> = records
            .filter_map(|record| match &record.rdata {
                RData::A(a) => Some(IpAddr::V4(Ipv4Addr::from(a.address))),
                RData::AAAA(aaaa) => Some(IpAddr::V6(Ipv6Addr::from(aaaa.address))),
                _ => None,
            })
            .collect();
        addresses.sort_unstable();
        addresses
    }

    /// Names of instances with what they say: from lists, and from their own records.
    fn instances(&self, wanted: &Wanted) -> Vec<(&Name<'static>, EndpointId, Service)> {
        let mut instances: Vec<(&Name<'static>, EndpointId, Service)> = Vec::new();
        for record in &self.0 {
            let name = match &record.rdata {
                RData::PTR(pointer) => &pointer.0,
                RData::SRV(_) => &record.name,
                _ => continue,
            };
            let labels: Vec<&[u8]> = name.as_bytes().collect();
            let [own, service, protocol, ..] = labels[..] else { continue };
            let Some(service) = Service::from_labels([service, protocol]) else { continue };
            let Ok(endpoint) = service::endpoint(own) else { continue };
            let fits =
                service.party == wanted.party && wanted.endpoint.as_ref().is_none_or(|id| *id == endpoint);
            if fits && instances.iter().all(|(known, ..)| *known != name) {
                instances.push((name, endpoint, service));
            }
        }
        instances
    }

    /// Priority (what is tried first is smaller) and weight (negated, so that it is too), port and host.
    fn place(&self, instance: &Name<'_>) -> Option<((u16, u16), u16, &Name<'static>)> {
        let places = self.0.iter().filter(|record| record.name == *instance);
        let places = places.filter_map(|record| match &record.rdata {
            // Port 0 and the root say that the service is not there.
            RData::SRV(srv) if srv.port > 0 && !srv.target.get_labels().is_empty() => {
                Some(((srv.priority, u16::MAX - srv.weight), srv.port, &srv.target))
            }
            _ => None,
        });
        places.min_by_key(|(rank, ..)| *rank)
    }

    fn attributes(&self, instance: &Name<'_>) -> Attributes {
        let text = self.0.iter().find_map(|record| match &record.rdata {
            RData::TXT(text) if record.name == *instance => Some(text),
            _ => None,
        });
        let strings: Vec<Vec<u8>> = text
            .map(|text| {
                let parts = text.iter_raw();
                parts
                    .map(|(key, value)| {
                        [key, &value.map(|v| [b"=", v].concat()).unwrap_or_default()].concat()
                    })
                    .collect()
            })
            .unwrap_or_default();
        Attributes::read(strings.iter().map(Vec::as_slice))
    }
}
