//! The other end, by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use dm::Mono;
use pki::{Ca, SessionCrypto, Trust, Validity};
use sha2::{Digest, Sha256};
use usp_endpoint::session::Session;
use usp_endpoint::session::io::{Input, Output, Policy, Ticket};
use usp_endpoint::{EndpointId, Record, Version};
use usp_proto::RecordType;
use usp_proto::record::{PayloadSarState, SessionContext};
use usp_proto::session::{Crypto, CryptoError, PayloadTls, TlsRole};

pub(super) fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}

/// A policy without TLS and signatures.
pub(super) fn plain() -> Policy {
    Policy { tls: false, ..Policy::default() }
}

/// The machine under test, its clock and its peer.
pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) now: Mono,
}

impl Bench {
    pub(super) fn new(policy: Policy) -> Bench {
        Bench::with(policy, None)
    }

    pub(super) fn with(policy: Policy, crypto: Option<Arc<dyn Crypto>>) -> Bench {
        let (me, peer) = (id("self::us"), id("os::peer"));
        Bench { session: Session::new(me, peer, policy, crypto, [7; 32]), now: Mono(1_000_000) }
    }

    pub(super) fn input(&mut self, input: Input) -> Vec<Output> {
        self.session.handle(self.now, input);
        std::iter::from_fn(|| self.session.poll_output())
            .filter(|output| !matches!(output, Output::Noticed(_)))
            .collect()
    }

    pub(super) fn send(&mut self, ticket: u64, message: &'static [u8]) -> Vec<Output> {
        self.input(Input::Send { ticket: Ticket(ticket), message: Bytes::from_static(message) })
    }

    /// A Record of the peer over a transport that protects it.
    pub(super) fn receive(&mut self, record: Record) -> Vec<Output> {
        self.input(Input::Record { record, protected: true })
    }

    pub(super) fn after(&mut self, wait: Duration) -> Vec<Output> {
        self.now = self.now + wait;
        self.input(Input::Timeout)
    }

    /// Waits for the machine's next timer.
    pub(super) fn wait(&mut self) -> (Duration, Vec<Output>) {
        let at = self.session.poll_timeout().expect("a timer");
        let wait = at.since(self.now);
        self.now = self.now.max(at);
        (wait, self.input(Input::Timeout))
    }
}

/// Numbers of a Record.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub(super) session_id: u64,
    pub(super) sequence_id: u64,
    pub(super) expected_id: u64,
    pub(super) retransmit_id: u64,
}

/// A Record of session 77.
pub(super) fn number(sequence_id: u64) -> Numbers {
    Numbers { session_id: 77, sequence_id, expected_id: 1, retransmit_id: 0 }
}

pub(super) fn record(numbers: Numbers, payload: &'static [u8]) -> Record {
    let whole = PayloadSarState::None;
    let payload = if payload.is_empty() { Vec::new() } else { vec![Bytes::from_static(payload)] };
    let context = SessionContext {
        session_id: numbers.session_id,
        sequence_id: numbers.sequence_id,
        expected_id: numbers.expected_id,
        retransmit_id: numbers.retransmit_id,
        payload_sar_state: whole,
        payloadrec_sar_state: whole,
        payload,
    };
    Record::new(&id("os::peer"), &id("self::us"), Version::CURRENT, RecordType::Session(context))
}

/// The sessions' parts of what was sent.
pub(super) fn sent(outputs: &[Output]) -> Vec<SessionContext> {
    let records = outputs.iter().filter_map(|output| match output {
        Output::Send(record) => Some(Record::decode(record.clone()).expect("a Record")),
        _ => None,
    });
    records
        .map(|record| match record.record_type {
            RecordType::Session(context) => context,
            other => panic!("not of a session: {other:?}"),
        })
        .collect()
}

pub(super) fn delivered(outputs: &[Output]) -> Vec<&[u8]> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Deliver(message) => Some(&message[..]),
            _ => None,
        })
        .collect()
}

/// Signs without keys: whoever knows a name can sign for it.
pub(crate) struct Named(pub(crate) &'static str);

fn signature(name: &[u8], input: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&Sha256::new().chain_update(name).chain_update(input).finalize())
}

impl Crypto for Named {
    fn certificate(&self) -> Bytes {
        Bytes::from_static(self.0.as_bytes())
    }

    fn sign(&self, input: &[u8]) -> Result<Bytes, CryptoError> {
        Ok(signature(self.0.as_bytes(), input))
    }

    fn verify(
        &self,
        from: &EndpointId,
        certificate: &[u8],
        input: &[u8],
        signed: &[u8],
    ) -> Result<(), CryptoError> {
        let right = from.as_str().as_bytes() == certificate && signature(certificate, input) == signed;
        if right { Ok(()) } else { Err(CryptoError("a wrong signature".to_owned())) }
    }

    fn tls(&self, _: TlsRole, _: &EndpointId) -> Result<Box<dyn PayloadTls>, CryptoError> {
        Err(CryptoError("no TLS here".to_owned()))
    }
}

/// The credential of an Endpoint, made once, under a CA that all of them trust.
pub(crate) fn credential(name: &str) -> Arc<dyn Crypto> {
    type Made = (Ca, Mutex<BTreeMap<String, Arc<SessionCrypto>>>);
    static MADE: OnceLock<Made> = OnceLock::new();
    let year = |year: u64| UNIX_EPOCH + Duration::from_secs(year * 365 * 86_400);
    let validity = Validity { not_before: year(1), not_after: year(200) };
    let (ca, made) = MADE.get_or_init(|| (Ca::create("Test CA", validity).expect("a CA"), Mutex::default()));
    let mut made = made.lock().expect("nobody panicked");
    let credential = made.entry(name.to_owned()).or_insert_with(|| {
        let identity = ca.issue_device_with_key(&id(name), validity).expect("a certificate");
        let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
        Arc::new(SessionCrypto::new(&identity, trust, true).expect("a key on P-256"))
    });
    credential.clone()
}
