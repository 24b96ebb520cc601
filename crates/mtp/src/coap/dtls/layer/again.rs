//! Certificates that are judged again: while associations stand, other certificates may come to count.
//!
//! That takes a signature or two for each, so that it is done little by little; nothing is heard from an address, and
//! nothing said to it, before it was its turn.

use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use usp_proto::link::PeerAuth;

use super::super::super::limits::JUDGED_AT_ONCE;
use super::super::association::Association;
use super::super::hello;
use super::{Act, BAD_CERTIFICATE, Layer, Slot};

impl Layer {
    /// Other certificates count now, or others do not count any more: whoever would not be let in again is there no more.
    /// What stands of all others goes on as it is.
    pub fn reconsider(&mut self) {
        self.doubted = self.places.keys().copied().collect();
    }

    /// The turn of some.
    pub(super) fn judge_some(&mut self, now: Duration) {
        for _ in 0..JUDGED_AT_ONCE {
            let Some(at) = self.doubted.first().copied() else { return };
            self.judge_again(now, at);
        }
    }

    /// The turn of one, if it is still to come.
    pub(super) fn judge_again(&mut self, now: Duration, at: SocketAddr) {
        if !self.doubted.remove(&at) {
            return;
        }
        for slot in [Slot::Coming, Slot::Standing] {
            let own = self.places.get(&at).and_then(|place| match slot {
                Slot::Coming => place.coming.as_ref(),
                Slot::Standing => place.standing.as_ref(),
            });
            let Some(Err(why)) = own.map(|own| self.trust_in(own)) else { continue };
            match slot {
                Slot::Coming => self.transmit(at, hello::alert(BAD_CERTIFICATE).into()),
                Slot::Standing => self.work(now, at, slot, Act::Close),
            }
            self.end(at, slot, Some(why));
        }
        self.settle(at);
    }

    /// Whether what an association has proven counts still; one that has not proven anything will be judged.
    fn trust_in(&self, own: &Association) -> Result<(), String> {
        let (Some(proof), Some((at, by_us))) = (&own.proof, own.judged) else { return Ok(()) };
        let PeerAuth::Certificate(shown) = &proof.auth else { return Err("no certificate".to_owned()) };
        let leaf = shown.chain.first().ok_or("no certificate")?;
        self.trust.judge(at, by_us, &CertificateDer::from_slice(leaf)).map(drop)
    }
}
