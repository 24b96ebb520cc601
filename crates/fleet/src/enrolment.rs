//! Who is let in: the decision about one link that says it is a device.
//!
//! It reads nothing. For a peer that has not authenticated, the host reads one row by key
//! ([`Admission`]), and one by its certificate ([`crate::device::Credential`]), and asks [`decide`].

use std::fmt;
use std::str::FromStr;

use dm::UtcTime;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::device::Credential;
use crate::ids::{DeviceId, Fingerprint};
use crate::limits;

/// What happens to devices that nobody knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Policy {
    /// They wait on the list of pending devices; nothing is sent to them.
    #[default]
    Approve,
    /// They are let in: for labs.
    Open,
    /// They are refused.
    Closed,
}

/// What the transport proved about a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// Nothing.
    Unproven,
    /// It holds the key of this certificate.
    Certificate {
        /// Of the leaf.
        fingerprint: Fingerprint,
        /// The endpoint ids that it is for; empty if it names none.
        names: Vec<String>,
        /// Whether a CA that we trust signed it.
        trusted: bool,
    },
    /// It knows the password of this user name.
    Login {
        /// The user name: an endpoint id.
        name: String,
        /// What is stored in the place of the two ([`crate::login::proof`]).
        fingerprint: Fingerprint,
    },
    /// A broker that is trusted to know its clients says that it is this endpoint (R-SEC.9): as good as a
    /// certificate of a CA that we trust.
    Vouched {
        /// Stands for that word where certificates are kept ([`broker_word`]): from then on the device is one that
        /// proves itself.
        fingerprint: Fingerprint,
    },
}

impl Proof {
    /// The certificate's fingerprint, or what stands for one.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Proof::Unproven => None,
            Proof::Certificate { fingerprint, .. }
            | Proof::Login { fingerprint, .. }
            | Proof::Vouched { fingerprint } => Some(*fingerprint),
        }
    }

    /// Whether it is about this very endpoint, and not about whoever shows it.
    fn names(&self, endpoint: &str) -> bool {
        match self {
            Proof::Unproven => false,
            Proof::Certificate { names, .. } => names.iter().any(|name| name == endpoint),
            Proof::Login { name, .. } => name == endpoint,
            Proof::Vouched { .. } => true,
        }
    }
}

/// What stands for a trusted broker's word where fingerprints are kept. The same for each of them, because a device
/// may come by any; and never that of a certificate, which is one of DER.
pub fn broker_word(endpoint: &str) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(b"a trusted broker vouches for ");
    hash.update(endpoint);
    Fingerprint(hash.finalize().into())
}

/// A link that says it is `endpoint`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Who it says it is.
    pub endpoint: String,
    /// What it proved.
    pub proof: Proof,
    /// Whether it showed a valid enrolment token.
    pub token: bool,
    /// Whether it is on the list of expected devices. It counts only with a trusted certificate for this very
    /// endpoint: a name is no proof.
    pub expected: bool,
    /// The link that this endpoint has already.
    pub live: Live,
}

/// The other link of the same endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Live {
    /// There is none.
    #[default]
    None,
    /// There is one; it was not asked yet whether it is still alive.
    Unasked,
    /// It did not answer a ping.
    Silent,
    /// It answered a ping.
    Answers,
}

/// The one row that is read for an unproven peer: what is known under its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// A device of this id goes by that name.
    Device {
        /// Which.
        device: DeviceId,
        /// Certificates and logins that prove it; none if it was only ever seen on plain links, or all are revoked.
        pinned: Vec<Fingerprint>,
        /// It has proven itself by something that is revoked.
        retired: bool,
        /// A person turned away who came under its name with a certificate that nothing is known of. It counts while
        /// nothing proves the device.
        rejected: bool,
    },
    /// A person turned it away.
    Rejected,
}

/// What to do with the link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It is that device.
    Accept(Accept),
    /// It is a device that nobody knew, and is let in: create it.
    Create {
        /// Whether it is proven.
        proven: bool,
    },
    /// It waits for a person; nothing is sent to it.
    Pending,
    /// Ping the other link first, then ask again.
    AskLive,
    /// It is turned away.
    Refuse(Refusal),
}

/// A link that is let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accept {
    /// As which device.
    pub device: DeviceId,
    /// Whether a certificate, or a trusted broker's word, proved it.
    pub proven: bool,
    /// The name is not known for that device yet: record it.
    pub add_identity: bool,
    /// What proved it is not recorded for that device yet: record it.
    pub add_credential: bool,
    /// The link that the endpoint has already is to be closed.
    pub take_over: bool,
}

/// Why a link is turned away.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such user name, or its password is another one.
    #[error("its user name or its password is wrong")]
    WrongLogin,
    /// The user name is that of another endpoint.
    #[error("its user name is not this endpoint id")]
    NotItsLogin,
    /// The certificate is for other endpoints.
    #[error("its certificate is not for this endpoint id")]
    NotItsCertificate,
    /// The certificate was issued for another device.
    #[error("its certificate was issued for another device")]
    OtherDevicesCertificate,
    /// The certificate is revoked, or the login, or what a trusted broker says of it.
    #[error("its certificate or login is revoked")]
    Revoked,
    /// The device has proven itself before, and does not now.
    #[error("this device is known by its certificate or login, and showed none")]
    ProofMissing,
    /// The device has proven itself with another certificate.
    #[error("this device is known by another certificate")]
    CertificateChanged,
    /// Another plain link of the same name is alive.
    #[error("another connection under this endpoint id still answers")]
    AlreadyConnected,
    /// A person turned it away.
    #[error("it was rejected")]
    Rejected,
    /// Unknown devices are not let in.
    #[error("it is not known, and enrolment is closed")]
    Closed,
}

/// Decides about a link, given what is known under its name and about its certificate.
pub fn decide(
    attempt: &Attempt,
    admission: Option<&Admission>,
    credential: Option<&Credential>,
    policy: Policy,
) -> Decision {
    if let Proof::Certificate { names, .. } = &attempt.proof
        && !names.is_empty()
        && !names.contains(&attempt.endpoint)
    {
        return Decision::Refuse(Refusal::NotItsCertificate);
    }
    if let Proof::Login { name, .. } = &attempt.proof {
        match credential {
            None => return Decision::Refuse(Refusal::WrongLogin),
            // Who may know the password of another is told apart from who guesses.
            Some(_) if *name != attempt.endpoint => return Decision::Refuse(Refusal::NotItsLogin),
            Some(_) => {}
        }
    }
    match credential {
        Some(credential) if !matches!(attempt.proof, Proof::Vouched { .. }) => {
            return decide_by_credential(attempt, admission, credential);
        }
        // A broker's word is about this name, whichever device had it before.
        Some(credential) if credential.revoked => return Decision::Refuse(Refusal::Revoked),
        Some(_) | None => {}
    }
    match admission {
        Some(Admission::Device { device, pinned, retired, rejected }) => {
            decide_known(attempt, *device, pinned, *retired, *rejected)
        }
        Some(Admission::Rejected) if !attempt.token => Decision::Refuse(Refusal::Rejected),
        Some(Admission::Rejected) | None => decide_unknown(attempt, policy),
    }
}

/// The certificate is on record: it says which device this is, whatever name it comes under.
fn decide_by_credential(
    attempt: &Attempt,
    admission: Option<&Admission>,
    credential: &Credential,
) -> Decision {
    if credential.revoked {
        return Decision::Refuse(Refusal::Revoked);
    }
    let add_identity = match admission {
        Some(Admission::Device { device, .. }) if *device != credential.issued_for => {
            return Decision::Refuse(Refusal::OtherDevicesCertificate);
        }
        Some(Admission::Device { .. }) => false,
        // One that names nobody would take the name of a device that is still to come.
        Some(Admission::Rejected) | None if attempt.proof.names(&attempt.endpoint) => true,
        Some(Admission::Rejected) | None => return Decision::Refuse(Refusal::NotItsCertificate),
    };
    Decision::Accept(Accept {
        device: credential.issued_for,
        proven: true,
        add_identity,
        add_credential: false,
        take_over: attempt.live != Live::None,
    })
}

fn decide_known(
    attempt: &Attempt,
    device: DeviceId,
    pinned: &[Fingerprint],
    retired: bool,
    rejected: bool,
) -> Decision {
    let accept = |proven, add_credential| {
        let take_over = attempt.live != Live::None;
        Decision::Accept(Accept { device, proven, add_identity: false, add_credential, take_over })
    };
    match &attempt.proof {
        // A trusted CA says that it is this endpoint: its certificate was renewed, or is its first.
        Proof::Certificate { trusted: true, names, .. } if names.contains(&attempt.endpoint) => {
            accept(true, true)
        }
        Proof::Vouched { fingerprint } => accept(true, !pinned.contains(fingerprint)),
        Proof::Certificate { fingerprint, .. } if pinned.contains(fingerprint) => accept(true, false),
        Proof::Certificate { .. } if pinned.is_empty() && rejected => Decision::Refuse(Refusal::Rejected),
        // Anybody can make a certificate that names this endpoint: it never displaces a link that lives.
        Proof::Certificate { .. } if pinned.is_empty() => match attempt.live {
            Live::Unasked => Decision::AskLive,
            Live::Answers => Decision::Refuse(Refusal::AlreadyConnected),
            Live::None | Live::Silent => Decision::Pending,
        },
        Proof::Certificate { .. } => Decision::Refuse(Refusal::CertificateChanged),
        Proof::Login { .. } => Decision::Refuse(Refusal::WrongLogin),
        // Whoever had what is revoked now is not to get in with nothing instead.
        Proof::Unproven if retired || !pinned.is_empty() => Decision::Refuse(Refusal::ProofMissing),
        Proof::Unproven => match attempt.live {
            Live::Unasked => Decision::AskLive,
            Live::Answers => Decision::Refuse(Refusal::AlreadyConnected),
            Live::None | Live::Silent => accept(false, false),
        },
    }
}

fn decide_unknown(attempt: &Attempt, policy: Policy) -> Decision {
    let proven = attempt.proof != Proof::Unproven;
    // Two links of one unknown name: the first keeps it, as for a known one.
    match (policy, attempt.live) {
        (_, Live::Unasked) if !proven => return Decision::AskLive,
        (_, Live::Answers) if !proven => return Decision::Refuse(Refusal::AlreadyConnected),
        _ => {}
    }
    let vouched = matches!(&attempt.proof,
        Proof::Certificate { trusted: true, names, .. } if names.contains(&attempt.endpoint));
    match policy {
        _ if attempt.token => Decision::Create { proven },
        _ if attempt.expected && vouched => Decision::Create { proven },
        Policy::Open => Decision::Create { proven },
        Policy::Approve => Decision::Pending,
        Policy::Closed => Decision::Refuse(Refusal::Closed),
    }
}

/// A device that asks to be let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingDevice {
    /// Who it says it is.
    pub endpoint: String,
    /// How it came.
    pub transport: String,
    /// From where.
    pub peer: String,
    /// Whether it showed a certificate.
    pub proven: bool,
    /// Of that certificate; approval pins it.
    pub fingerprint: Option<Fingerprint>,
    /// Its first attempt.
    pub first_seen: UtcTime,
    /// Its last attempt.
    pub last_seen: UtcTime,
    /// How many there were.
    pub attempts: u64,
    /// It has shown another proof than at its first attempt: somebody else may be using its name.
    pub changed: bool,
}

/// What a person was shown of a pending device's proof, and lets in by approving. An approval never
/// covers a certificate that came onto the list behind the person's back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shown {
    /// It had no certificate.
    Plain,
    /// It had this one.
    Certificate(Fingerprint),
}

impl Shown {
    /// What a row of the list shows.
    pub fn of(fingerprint: Option<Fingerprint>) -> Self {
        fingerprint.map_or(Shown::Plain, Shown::Certificate)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Plain => f.write_str("plain"),
            Shown::Certificate(fingerprint) => fingerprint.fmt(f),
        }
    }
}

impl FromStr for Shown {
    type Err = Error;

    /// `plain`, or 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "plain" => Ok(Shown::Plain),
            other => other.parse().map(Shown::Certificate).map_err(|_| Error::Invalid {
                field: "fingerprint",
                why: "it is \"plain\", or a SHA-256 in 64 hexadecimal digits".to_owned(),
            }),
        }
    }
}

/// An attempt that was turned away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedAttempt {
    /// When.
    pub at: UtcTime,
    /// From where.
    pub peer: String,
    /// Who it said it was, if it got that far.
    pub endpoint: Option<String>,
    /// Why, in one sentence.
    pub reason: String,
}

/// By what a device is known before anybody has seen it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ExpectedKind {
    /// By its endpoint id.
    Endpoint,
    /// By its serial number.
    Serial,
}

impl ExpectedKind {
    /// The word in rows and DTOs.
    pub const fn as_str(self) -> &'static str {
        match self {
            ExpectedKind::Endpoint => "endpoint",
            ExpectedKind::Serial => "serial",
        }
    }

    /// What an endpoint may be known by: its id, and the serial number at the end of an `os:` or `ops:` id. The
    /// latter is looked up, never split at a guess, where it holds dashes.
    pub fn of_endpoint(endpoint: &str) -> Vec<(ExpectedKind, &str)> {
        let mut keys = vec![(ExpectedKind::Endpoint, endpoint)];
        let instance = endpoint.strip_prefix("os::").or_else(|| endpoint.strip_prefix("ops::"));
        let mut rest = instance.and_then(|instance| Some(instance.split_once('-')?.1));
        while let Some(serial) = rest.filter(|_| keys.len() <= limits::SERIAL_CANDIDATES) {
            keys.push((ExpectedKind::Serial, serial));
            // Only an ops: id has another part before its serial number.
            let more = endpoint.starts_with("ops::").then(|| serial.split_once('-')).flatten();
            rest = more.map(|(_, serial)| serial);
        }
        keys
    }
}

/// A device that is expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectedDevice {
    /// By what it is known.
    pub kind: ExpectedKind,
    /// That.
    pub value: String,
    /// What to call it.
    pub name: Option<String>,
    /// A tag that it gets.
    pub group: Option<String>,
    /// Since when.
    pub at: UtcTime,
}

/// A device that listens, and is dialled by the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DialTarget {
    /// Which device.
    pub device: DeviceId,
    /// Who should answer.
    pub endpoint: String,
    /// Where.
    pub url: String,
    /// Since when it is dialled there.
    pub since: UtcTime,
}
