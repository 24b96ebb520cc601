//! Opening a socket to a host, with or without TLS: what every transport that dials has in common.

use std::net::{IpAddr, SocketAddr};

use rustls_pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use usp_proto::link::PeerAuth;

use crate::error::Error;
use crate::limits::MAX_ADDRESSES;
use crate::stream::Stream;

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
        let tls = self.tls.ok_or(Error::NoTls)?;
        let host = ServerName::try_from(self.host.to_owned()).map_err(|_| Error::Url("not a host name"))?;
        let stream =
            TlsConnector::from(tls.config().clone()).connect(host, socket).await.map_err(Error::Tls)?;
        let peer = tls.peer(stream.get_ref().1.peer_certificates());
        Ok((Stream::Dialled(Box::new(stream)), peer_addr, peer))
    }

    /// Tries the addresses of the host in their order; one after another, as the time-out allows.
    async fn connect_tcp(&self) -> Result<(TcpStream, SocketAddr), Error> {
        let host = || Error::Resolve(self.host.to_owned());
        let found = lookup_host((self.host, self.port)).await.map_err(|_| host())?;
        let usable = |addr: &SocketAddr| self.bind.is_none_or(|bind| bind.is_ipv4() == addr.is_ipv4());
        let mut last = host();
        for addr in found.filter(usable).take(MAX_ADDRESSES) {
            match self.connect_addr(addr).await {
                Ok(socket) => return Ok((socket, addr)),
                Err(e) => last = Error::Io(e),
            }
        }
        Err(last)
    }

    async fn connect_addr(&self, addr: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bind) = self.bind {
            socket.bind(SocketAddr::new(bind, 0))?;
        }
        socket.connect(addr).await
    }
}
