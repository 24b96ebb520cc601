//! What is between a socket and the machine of CoAP: nothing, in a program without DTLS.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use usp_proto::link::PeerAuth;

use super::machine::{Arrived, Failure, Machine, Standing};
use super::socket::Gate;

/// Nothing.
#[derive(Default)]
pub(super) struct Below;

/// A Record, and what is proven of its sender.
pub(super) struct Proven {
    pub(super) peer: PeerAuth,
    pub(super) uri: Arc<str>,
    pub(super) record: Bytes,
}

/// Who sent a Record that is not believed, and why not.
type Unproven = (SocketAddr, &'static str);

#[expect(clippy::unused_self, reason = "the same as of a program with DTLS")]
impl Below {
    pub(super) fn is_secure(&self) -> bool {
        false
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        None
    }

    pub(super) fn expired(&mut self, _: Duration) {}

    pub(super) fn receive(&mut self, _: Duration, _: SocketAddr, _: &[u8]) -> bool {
        false
    }

    pub(super) fn send(&mut self, _: Duration, _: SocketAddr, datagram: Bytes) -> Option<Bytes> {
        Some(datagram)
    }

    pub(super) fn is_meant(&self, _: &str) -> bool {
        true
    }

    pub(super) fn failed(&mut self, _: Duration, _: &str, _: Failure) {}

    pub(super) fn standing(&self, _: Duration, _: SocketAddr, _: &[u8]) -> Option<Standing> {
        None
    }

    pub(super) fn has_record(&self) -> bool {
        false
    }

    pub(super) fn poll_record(&mut self, machine: &mut Machine) -> Option<Result<Proven, Unproven>> {
        let Arrived { reply_to: uri, record, .. } = machine.poll_record()?;
        Some(Ok(Proven { peer: PeerAuth::Unproven, uri, record }))
    }

    pub(super) fn poll(
        &mut self,
        _: Duration,
        _: &mut Machine,
        _: &impl Gate,
    ) -> Option<(SocketAddr, Bytes)> {
        None
    }

    pub(super) async fn asked(&mut self) -> Infallible {
        pending().await
    }

    pub(super) fn grant(&mut self, _: Duration, _: Infallible) {}

    pub(super) fn close(&mut self, _: Duration) {}
}
