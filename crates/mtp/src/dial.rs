//! Opening a socket to a host, with or without TLS: what every transport that dials has in common.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustls_pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use usp_proto::link::PeerAuth;

use crate::error::Error;
use crate::limits::{ADDRESS_HEAD_START, MAX_ADDRESSES};
use crate::stream::Stream;

#[cfg(test)]
mod tests;

/// Where to, and how.
pub(crate) struct Target<'a> {
    /// Host name or address; an IPv6 address without brackets.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// With TLS.
    pub(crate) secure: bool,
    pub(crate) tls: Option<&'a pki::ClientTls>,
    /// The local address to connect from.
    pub(crate) bind: Option<IpAddr>,
}

impl Target<'_> {
    /// Connects, and says who is there and what their certificate proves.
    pub(crate) async fn open(&self) -> Result<(Stream, SocketAddr, PeerAuth), Error> {
        let (socket, peer_addr) = self.connect_tcp().await?;
        // Without it small Records wait for acknowledgements of earlier ones.
        let _ = socket.set_nodelay(true);
        if !self.secure {
            return Ok((Stream::Plain(socket), peer_addr, PeerAuth::Unproven));
        }
        let (stream, peer) = self.shake(socket).await?;
        Ok((stream, peer_addr, peer))
    }

    /// Speaks TLS with who is there, whose certificate must be for our host; it may say so by a wildcard (R-WS.24,
    /// R-MQTT.49, R-STOMP.37).
    async fn shake(&self, socket: TcpStream) -> Result<(Stream, PeerAuth), Error> {
        let tls = self.tls.ok_or(Error::NoTls)?;
        let host = ServerName::try_from(self.host.to_owned()).map_err(|_| Error::Url("not a host name"))?;
        let stream =
            TlsConnector::from(tls.config().clone()).connect(host, socket).await.map_err(Error::Tls)?;
        let peer = tls.peer(stream.get_ref().1.peer_certificates());
        Ok((Stream::Dialled(Box::new(stream)), peer))
    }

    async fn connect_tcp(&self) -> Result<(TcpStream, SocketAddr), Error> {
        let unknown = || Error::Resolve(self.host.to_owned());
        let found = lookup_host((self.host, self.port)).await.map_err(|_| unknown())?;
        let usable = |addr: &SocketAddr| self.bind.is_none_or(|bind| bind.is_ipv4() == addr.is_ipv4());
        let addresses = found.filter(usable).take(MAX_ADDRESSES);
        first_of(addresses, self.bind).await.ok_or_else(unknown)?.map_err(Error::Io)
    }
}

/// Tries addresses in their order, and takes the first that answers. Each has a head start before the next;
/// one that does not answer at all costs no more than that. None when there are none.
async fn first_of(
    addresses: impl Iterator<Item = SocketAddr>,
    bind: Option<IpAddr>,
) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    let mut attempts = JoinSet::new();
    let mut last = None;
    for addr in addresses {
        attempts.spawn(connect(addr, bind));
        match timeout(ADDRESS_HEAD_START, attempts.join_next()).await {
            Ok(Some(Ok(Err(error)))) => last = Some(Err(error)),
            Ok(Some(Ok(connected))) => return Some(connected),
            // Nobody cancels an attempt, and none panics.
            Ok(Some(Err(_)) | None) | Err(_) => {}
        }
    }
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Err(error)) => last = Some(Err(error)),
            Ok(connected) => return Some(connected),
            Err(_) => {}
        }
    }
    last
}

async fn connect(addr: SocketAddr, bind: Option<IpAddr>) -> io::Result<(TcpStream, SocketAddr)> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(bind) = bind {
        socket.bind(SocketAddr::new(bind, 0))?;
    }
    Ok((socket.connect(addr).await?, addr))
}
