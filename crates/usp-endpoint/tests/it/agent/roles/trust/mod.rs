//! What certificates prove by the tables, and which roles they earn. Cryptography is played: a certificate is a line
//! of text, and whoever has the issuer's name and may sign has signed it.

mod answers;
mod brokers;
mod commands;
mod credentials;
mod first_use;
mod protection;
mod revoked;

use std::sync::Arc;

use usp_endpoint::agent::trust::{Certificate, TrustCrypto};
use usp_proto::link::{PeerAuth, PeerCertificate};

use super::super::host::{Host, id};
use super::{Permission, TRUST_OBJECT, device_with, list};

const ADD_CERTIFICATE: &str = "\
Device.LocalAgent.AddCertificate() command usp=2.0
Device.LocalAgent.AddCertificate() in Alias usp=2.0 type=string size=0:64
Device.LocalAgent.AddCertificate() in Certificate usp=2.0 mandatory type=string size=0:65535
";

const CERTIFICATES: &str = "\
Device.LocalAgent.Certificate.{i}. object usp=2.0 entries=0: functional=SerialNumber,Issuer key=Alias
Device.LocalAgent.Certificate.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.Certificate.{i}.Enable param usp=2.0 access=readWrite type=boolean
Device.LocalAgent.Certificate.{i}.Issuer param usp=2.0 access=readOnly type=string
Device.LocalAgent.Certificate.{i}.SerialNumber param usp=2.0 access=readOnly type=string
Device.LocalAgent.Certificate.{i}.X_CUSP_Certificate param usp=2.0 access=readOnly type=string
Device.LocalAgent.Certificate.{i}.Delete() command usp=2.0
Device.LocalAgent.Certificate.{i}.GetFingerprint() command usp=2.0
Device.LocalAgent.Certificate.{i}.GetFingerprint() in FingerprintAlgorithm usp=2.0 mandatory type=string
Device.LocalAgent.Certificate.{i}.GetFingerprint() out Fingerprint usp=2.0 type=hexBinary
";

const OWN: &str = "\
Device.LocalAgent.Controller.{i}.Credential param usp=2.0 access=readWrite type=string list=0: ref=strong:row:Device.LocalAgent.Certificate.{i}.
";

const MINE: &str = "\
Device.LocalAgent.Controller.{i}.X_CUSP_Pin param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.AddMyCertificate() command usp=2.0
Device.LocalAgent.Controller.{i}.AddMyCertificate() in Alias usp=2.0 type=string size=0:64
Device.LocalAgent.Controller.{i}.AddMyCertificate() in Certificate usp=2.0 mandatory type=string size=0:65535
";

const POLICY: &str = "\
Device.LocalAgent.ControllerTrust.TOFUAllowed param usp=2.0 access=readWrite type=boolean
Device.LocalAgent.ControllerTrust.TOFUInactivityTimer param usp=2.0 access=readWrite type=unsignedInt
";

const MEMORY: &str = "\
Device.LocalAgent.ControllerTrust.Challenge.{i}.X_CUSP_Failures param usp=2.0 access=readOnly type=unsignedInt
Device.LocalAgent.ControllerTrust.Challenge.{i}.X_CUSP_Locked param usp=2.0 access=readOnly type=boolean
Device.LocalAgent.ControllerTrust.Challenge.{i}.X_CUSP_LockedUntil param usp=2.0 access=readOnly type=dateTime
";

const CREDENTIALS: &str = "\
Device.LocalAgent.ControllerTrust.Credential.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable functional=Credential key=Alias
Device.LocalAgent.ControllerTrust.Credential.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.LocalAgent.ControllerTrust.Credential.{i}.AllowedUses param usp=2.0 access=readWrite type=string
Device.LocalAgent.ControllerTrust.Credential.{i}.Credential param usp=2.0 access=readWrite type=string ref=strong:row:Device.LocalAgent.Certificate.{i}.
Device.LocalAgent.ControllerTrust.Credential.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.ControllerTrust.Credential.{i}.Role param usp=2.0 access=readWrite type=string list=0: ref=strong:row:Device.LocalAgent.ControllerTrust.Role.{i}.
";

const CERTIFICATE: &str = "Device.LocalAgent.Certificate.";
const CREDENTIAL: &str = "Device.LocalAgent.ControllerTrust.Credential.";
const ROW: &str = "Device.LocalAgent.Controller.1.";

/// Subject, issuer, endpoint ids, and `ca` for one that signs.
struct Played;

impl TrustCrypto for Played {
    fn read_pem(&self, pem: &str) -> Option<Certificate> {
        self.read_der(pem.strip_prefix("PEM ")?.as_bytes())
    }

    fn read_der(&self, der: &[u8]) -> Option<Certificate> {
        let text = std::str::from_utf8(der).ok()?;
        let [subject, issuer, ids, ca] = text.split('|').collect::<Vec<_>>().try_into().ok()?;
        Some(Certificate {
            der: der.to_vec(),
            pem: format!("PEM {text}"),
            serial_number: subject.to_owned(),
            issuer: issuer.to_owned(),
            endpoint_ids: ids.split(',').filter(|id| !id.is_empty()).map(id).collect(),
            is_ca: ca == "ca",
        })
    }

    fn issued(&self, issuer: &[u8], certificate: &[u8]) -> bool {
        let (Some(issuer), Some(certificate)) = (self.read_der(issuer), self.read_der(certificate)) else {
            return false;
        };
        issuer.is_ca && issuer.serial_number == certificate.issuer
    }

    /// An issuer takes back what has `revoked` in its subject.
    fn is_revoked(&self, certificate: &[u8], issuer: &[u8]) -> bool {
        let subject = self.read_der(certificate).map(|certificate| certificate.serial_number);
        self.issued(issuer, certificate) && subject.is_some_and(|subject| subject.contains("revoked"))
    }

    fn read_chain(&self, pem: &[u8]) -> Vec<Vec<u8>> {
        let text = std::str::from_utf8(pem).unwrap_or_default();
        let blocks = text.split("PEM ").filter(|block| !block.is_empty());
        blocks.map(|block| block.as_bytes().to_vec()).collect()
    }

    fn fingerprint(&self, algorithm: &str, der: &[u8]) -> Option<String> {
        (algorithm == "SHA-256").then(|| format!("{:02X}", der.len()))
    }

    /// Large letters for small ones, and a mark.
    fn conceal(&self, salt: [u8; 16], answer: &str) -> String {
        assert_ne!(salt, [0; 16]);
        format!("HIDD{}", answer.to_ascii_uppercase())
    }

    fn is_concealed(&self, value: &str) -> bool {
        value.starts_with("HIDD")
    }

    fn is_answer(&self, concealed: &str, answer: &str) -> bool {
        self.conceal([1; 16], answer) == concealed
    }
}

const ROOT: &str = "root|root||ca";
const OTHER: &str = "other|other||ca";
const MIDDLE: &str = "middle|root||ca";
/// Of [`super::super::host::ONE`], signed by [`ROOT`].
const LEAF: &str = "leaf|root|self::one|";
/// The same, signed by itself.
const SELF: &str = "self|self|self::one|";

/// A certificate as a transport shows it that dialled: the host's name was checked.
fn shown(chain: &[&str], trusted: bool) -> PeerAuth {
    let leaf = Played.read_der(chain[0].as_bytes()).expect("a certificate of the test");
    let mut fingerprint = [0; 32];
    for (to, from) in fingerprint.iter_mut().zip(chain[0].bytes()) {
        *to = from;
    }
    PeerAuth::Certificate(Arc::new(PeerCertificate {
        fingerprint,
        endpoint_ids: leaf.endpoint_ids,
        trusted,
        vouched: true,
        chain: chain.iter().map(|certificate| certificate.as_bytes().to_vec()).collect(),
    }))
}

/// A device before its start that judges by its tables. Role 9 is that of [`super::super::host::TWO`].
fn trusting(roles: &[&[Permission]], one: &[u32]) -> Host {
    trusting_more(&[], roles, one)
}

/// The same with more of the model: what stands before what.
fn trusting_more(more: &[(&str, &str)], roles: &[&[Permission]], one: &[u32]) -> Host {
    let usual = [
        ("Device.LocalAgent.Periodic! event", ADD_CERTIFICATE),
        ("Device.LocalAgent.Controller.{i}. object", CERTIFICATES),
        ("Device.LocalAgent.Controller.{i}.Enable param", OWN),
        ("Device.LocalAgent.Controller.{i}.SendOnBoardRequest() command", MINE),
        ("Device.LocalAgent.ControllerTrust.UntrustedRole param", POLICY),
        ("Device.LocalAgent.ControllerTrust.Role.{i}. object", MEMORY),
        ("Device.LocalAgent.ControllerTrust.Role.{i}. object", CREDENTIALS),
    ];
    let all: Vec<(&str, &str)> = usual.iter().chain(more).copied().collect();
    let mut host = device_with(&all, roles, one);
    host.machine = host.machine.with_trust(Arc::new(Played));
    host
}

/// A row of the Certificate table, behind the machine's back.
fn certificate(host: &mut Host, row: u32, text: &str) {
    let known = Played.read_der(text.as_bytes()).expect("a certificate of the test");
    let values = [
        ("Alias", text),
        ("Enable", "true"),
        ("SerialNumber", &known.serial_number),
        ("Issuer", &known.issuer),
        ("X_CUSP_Certificate", &known.pem),
    ];
    host.fill(&format!("{CERTIFICATE}{row}."), &values);
}

/// A row of the Credential table for the certificate of the same number.
fn credential(host: &mut Host, row: u32, uses: &str, roles: &[u32]) {
    let values = [
        ("Alias", row.to_string()),
        ("Enable", "true".to_owned()),
        ("AllowedUses", uses.to_owned()),
        ("Credential", format!("{CERTIFICATE}{row}")),
        ("Role", list(roles)),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    host.fill(&format!("{CREDENTIAL}{row}."), &values);
}

/// The role of those that nobody knows.
fn untrusted(host: &mut Host, role: u32) {
    host.fill_more(TRUST_OBJECT, "UntrustedRole", &list(&[role]));
}
