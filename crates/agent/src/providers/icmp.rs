//! Echo requests and what comes back: replies, and errors of routers on the way.
//!
//! The socket is an unprivileged one where the system allows that to our group
//! (`net.ipv4.ping_group_range`), else a raw one where we have the capability.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use dm::{Code, Fault};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::kernel;

/// A socket that talks to one host.
#[derive(Debug)]
pub struct Icmp {
    socket: AsyncFd<Socket>,
    is_ipv6: bool,
    is_raw: bool,
    id: u16,
}

/// How echo requests leave.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Manner<'a> {
    /// Out of this interface.
    pub interface: Option<&'a str>,
    /// Marked with this code point (0-63).
    pub dscp: Option<u32>,
}

/// What came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// The host's answer to the request of this number.
    Reply {
        /// Sequence number.
        seq: u16,
    },
    /// A host on the way said why the request of this number did not arrive.
    Refused {
        /// Sequence number.
        seq: u16,
        /// Who said so.
        from: Option<IpAddr>,
        /// Its time to live ran out, which is what a trace wants.
        expired: bool,
        /// The code field of the ICMP message.
        code: u8,
    },
}

const ECHO_REQUEST_V4: u8 = 8;
const ECHO_REPLY_V4: u8 = 0;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;
const TIME_EXCEEDED_V4: u8 = 11;
const TIME_EXCEEDED_V6: u8 = 3;
const HEADER: usize = 8;

impl Icmp {
    /// A socket towards `target`. `id` tells our requests from those of others where the system does not.
    ///
    /// # Errors
    /// 7002 when the system does not let us; the reason says what would.
    pub fn open(target: IpAddr, manner: Manner<'_>, id: u16) -> Result<Icmp, Fault> {
        let is_ipv6 = target.is_ipv6();
        let (socket, is_raw) = socket(is_ipv6).map_err(|error| denied(&error))?;
        let failed = |error: io::Error| Fault::new(Code::COMMAND_FAILURE, error.to_string());
        if let Some(interface) = manner.interface {
            let bound = socket.bind_device(Some(interface.as_bytes()));
            bound.map_err(|error| {
                Fault::new(Code::REQUEST_DENIED, format!("interface {interface}: {error}"))
            })?;
        }
        if let Some(dscp) = manner.dscp {
            let class = dscp << 2;
            if is_ipv6 { socket.set_tclass_v6(class) } else { socket.set_tos_v4(class) }.map_err(failed)?;
        }
        kernel::receive_errors(&socket, is_ipv6).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        // A route that is missing shows with the first request, not here.
        let _ = socket.connect(&SockAddr::from(SocketAddr::new(target, 0)));
        let socket = kernel::watch(socket).map_err(failed)?;
        Ok(Icmp { socket, is_ipv6, is_raw, id })
    }

    /// How many routers the next requests may pass.
    ///
    /// # Errors
    /// When the system refuses the number.
    pub fn set_hops(&self, hops: u32) -> io::Result<()> {
        let socket = self.socket.get_ref();
        if self.is_ipv6 { socket.set_unicast_hops_v6(hops) } else { socket.set_ttl_v4(hops) }
    }

    /// Sends a request with `length` bytes of data.
    ///
    /// # Errors
    /// When there is no route, or the datagram is too long.
    pub fn send(&self, seq: u16, length: usize) -> io::Result<()> {
        let request = echo_request(self.is_ipv6, self.id, seq, length);
        // An error that an earlier request met may be reported by this call; then it is worth another.
        match self.socket.get_ref().send(&request) {
            Err(error) if is_about_the_past(&error) => self.socket.get_ref().send(&request).map(drop),
            sent => sent.map(drop),
        }
    }

    /// The next thing that comes. Never ends if nothing does.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn hear(&self) -> io::Result<Heard> {
        loop {
            let mut ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
            if let Some(heard) = self.error().or_else(|| self.reply()) {
                return Ok(heard);
            }
            ready.clear_ready();
        }
    }

    fn reply(&self) -> Option<Heard> {
        let mut bytes = [0; 2048];
        loop {
            let length = match self.socket.get_ref().read(&mut bytes) {
                Ok(length) => length,
                Err(error) if is_about_the_past(&error) => continue,
                Err(_) => return None,
            };
            let message = message(&bytes[..length], self.is_raw && !self.is_ipv6);
            if let Some((id, seq)) = message.and_then(|message| echo_reply(message, self.is_ipv6))
                && (!self.is_raw || id == self.id)
            {
                return Some(Heard::Reply { seq });
            }
        }
    }

    fn error(&self) -> Option<Heard> {
        let (mut data, mut control) = ([0; 128], [0; 512]);
        loop {
            let (length, control_length) =
                kernel::take_error(self.socket.get_ref(), &mut data, &mut control).ok()?;
            let told = refusal(&control[..control_length.min(control.len())]);
            let request = data.get(..length.min(data.len())).filter(|request| request.len() >= HEADER);
            if let (Some((from, kind, code)), Some(request)) = (told, request) {
                let id = u16::from_be_bytes([request[4], request[5]]);
                let seq = u16::from_be_bytes([request[6], request[7]]);
                let expired = kind == if self.is_ipv6 { TIME_EXCEEDED_V6 } else { TIME_EXCEEDED_V4 };
                if !self.is_raw || id == self.id {
                    return Some(Heard::Refused { seq, from, expired, code });
                }
            }
        }
    }
}

fn socket(is_ipv6: bool) -> io::Result<(Socket, bool)> {
    let (domain, protocol) =
        if is_ipv6 { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::ICMPV4) };
    match Socket::new(domain, Type::DGRAM, Some(protocol)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Socket::new(domain, Type::RAW, Some(protocol)).map(|socket| (socket, true))
        }
        opened => opened.map(|socket| (socket, false)),
    }
}

fn denied(error: &io::Error) -> Fault {
    let hint = "it takes net.ipv4.ping_group_range with the agent's group, or CAP_NET_RAW";
    Fault::new(Code::REQUEST_DENIED, format!("no ICMP socket: {error}; {hint}"))
}

/// Errors of the kernel's error queue show up in other calls, too.
fn is_about_the_past(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    let pending = matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable);
    pending || error.raw_os_error() == Some(libc::EPROTO)
}

/// An echo request; the kernel computes the checksum of IPv6 itself.
pub fn echo_request(is_ipv6: bool, id: u16, seq: u16, length: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + length);
    message.extend([if is_ipv6 { ECHO_REQUEST_V6 } else { ECHO_REQUEST_V4 }, 0, 0, 0]);
    message.extend(id.to_be_bytes());
    message.extend(seq.to_be_bytes());
    message.extend((0..=u8::MAX).cycle().take(length));
    if !is_ipv6 {
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    message
}

/// The Internet checksum (RFC 1071).
pub fn checksum(bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// The ICMP message of a packet; raw IPv4 sockets show the IP header, too.
fn message(packet: &[u8], with_header: bool) -> Option<&[u8]> {
    if !with_header {
        return Some(packet);
    }
    let words = usize::from(packet.first()? & 0x0f);
    packet.get(words * 4..)
}

/// Identifier and sequence number of an echo reply.
pub fn echo_reply(message: &[u8], is_ipv6: bool) -> Option<(u16, u16)> {
    let kind = if is_ipv6 { ECHO_REPLY_V6 } else { ECHO_REPLY_V4 };
    let header = message.get(..HEADER)?;
    let fits = header[0] == kind && header[1] == 0;
    fits.then(|| (u16::from_be_bytes([header[4], header[5]]), u16::from_be_bytes([header[6], header[7]])))
}

/// Who refused, with which type and code: `struct sock_extended_err` and the address behind it, in a
/// control message of ip(7).
pub fn refusal(control: &[u8]) -> Option<(Option<IpAddr>, u8, u8)> {
    const ALIGN: usize = size_of::<usize>();
    const HEAD: usize = ALIGN + 8;
    const FROM_LOCAL: u8 = 1;
    let mut rest = control;
    loop {
        let head = rest.get(..HEAD)?;
        let mut length = [0; ALIGN];
        length.copy_from_slice(&head[..ALIGN]);
        let length = usize::from_ne_bytes(length);
        let body = rest.get(HEAD..length)?;
        let number = |at: usize| Some(i32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let (level, kind) = (number(ALIGN)?, number(ALIGN + 4)?);
        let is_error = matches!(
            (level, kind),
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        );
        if is_error {
            let error = body.get(..16)?;
            // What this host itself found has no type of ICMP.
            let kind = if error[4] == FROM_LOCAL { u8::MAX } else { error[5] };
            return Some((offender(body.get(16..)?), kind, error[6]));
        }
        rest = rest.get(length.next_multiple_of(ALIGN)..)?;
    }
}

fn offender(address: &[u8]) -> Option<IpAddr> {
    let family = i32::from(u16::from_ne_bytes([*address.first()?, *address.get(1)?]));
    match family {
        libc::AF_INET => Some(Ipv4Addr::from(<[u8; 4]>::try_from(address.get(4..8)?).ok()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(address.get(8..24)?).ok()?).into()),
        _ => None,
    }
}
