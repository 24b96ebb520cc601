//! Credentials of both ends in end-to-end sessions: the bench's is signed by a CA that the agent trusts, the agent's by
//! itself.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use check::Keys;
use pki::session::{Crypto, SessionCrypto};
use pki::{Ca, Identity, ServerNames, Trust, Validity};
use usp_proto::Record;
use usp_proto::session::mac_input;

use crate::agent::{AGENT, CONTROLLER, id};

/// What ids of the bench's sessions begin with, in the run `t`.
pub(crate) const RUN_OF_BENCH: u64 = 7 * 131 + 't' as u64;

struct Pair {
    bench: Arc<Keys>,
    bench_crypto: SessionCrypto,
    agent: Arc<SessionCrypto>,
    agent_leaf: Vec<u8>,
}

static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let lasting = Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
    let ca = Ca::create("check", lasting).unwrap();
    let names =
        ServerNames { dns: vec!["check".to_owned()], ips: Vec::new(), endpoint: Some(id(CONTROLLER)) };
    let bench = ca.issue_server(&names, lasting).unwrap();
    let agent = Identity::self_signed(&id(AGENT), lasting).unwrap();
    let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    Pair {
        bench_crypto: SessionCrypto::new(&bench, Trust::default(), false).unwrap(),
        agent: Arc::new(SessionCrypto::new(&agent, trust, false).unwrap()),
        agent_leaf: agent.chain()[0].to_vec(),
        bench: Arc::new(Keys::new(bench)),
    }
});

/// The bench's.
pub(crate) fn of_bench() -> Arc<Keys> {
    PAIR.bench.clone()
}

/// The agent's.
pub(crate) fn of_agent() -> Arc<dyn Crypto> {
    PAIR.agent.clone()
}

/// The agent's certificate, DER.
pub(crate) fn certificate_of_agent() -> Vec<u8> {
    PAIR.agent_leaf.clone()
}

/// The Record as the bench would sign it.
pub(crate) fn signed_by_bench(mut record: Record) -> Record {
    record.sender_cert = PAIR.bench_crypto.certificate();
    record.mac_signature = PAIR.bench_crypto.sign(&mac_input(&record)).unwrap();
    record
}
