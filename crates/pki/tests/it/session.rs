//! The keys of end-to-end sessions: signatures, the TLS of payloads, and the MAC keys that come out of it.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pki::{Ca, Identity, SessionCrypto, Trust, Validity};
use requirement::requirement;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use rustls::crypto::ring::{cipher_suite, kx_group};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, RootCertStore, SupportedProtocolVersion,
};
use rustls_pki_types::ServerName;
use usp_proto::session::{Crypto, PayloadTls, TlsRole};

use crate::support::{CONTROLLER, DEVICE, id};

struct World {
    ca: Ca,
    device: Identity,
    controller: Identity,
}

fn validity() -> Validity {
    let year = |year: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(year * 365 * 86_400);
    Validity { not_before: year(1), not_after: year(200) }
}

fn world() -> World {
    let ca = Ca::create("Test CA", validity()).expect("a CA");
    let device = ca.issue_device_with_key(&id(DEVICE), validity()).expect("a certificate");
    let controller = ca.issue_device_with_key(&id(CONTROLLER), validity()).expect("a certificate");
    World { ca, device, controller }
}

fn crypto(ca: &Ca, identity: &Identity) -> SessionCrypto {
    let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    SessionCrypto::new(identity, trust, true).expect("a key on P-256")
}

/// Carries what both want to send, until neither does.
fn shake(one: &mut dyn PayloadTls, other: &mut dyn PayloadTls) -> Result<(), String> {
    loop {
        let (there, back) = (one.take_records(), other.take_records());
        if there.is_empty() && back.is_empty() {
            return Ok(());
        }
        for record in there {
            assert_eq!(other.read(&record).map_err(|error| error.0)?, b"");
        }
        for record in back {
            assert_eq!(one.read(&record).map_err(|error| error.0)?, b"");
        }
    }
}

#[requirement("R-E2E.31")]
#[test]
fn signatures() {
    let World { ca, device, controller } = world();
    let (signer, checker) = (crypto(&ca, &device), crypto(&ca, &controller));
    let (input, certificate) = (b"covered bytes", signer.certificate());
    let signature = signer.sign(input).expect("a signature");
    // DER of two integers.
    assert_eq!((signature[0], usize::from(signature[1])), (0x30, signature.len() - 2));
    let check = |from: &str, certificate: &[u8], input: &[u8], signature: &[u8]| {
        checker.verify(&id(from), certificate, input, signature).map_err(|error| error.0)
    };
    assert_eq!(check(DEVICE, &certificate, input, &signature), Ok(()));

    let other = Ca::create("Another CA", validity()).expect("a CA");
    let stranger =
        crypto(&other, &other.issue_device_with_key(&id(DEVICE), validity()).expect("a certificate"));
    let theirs = stranger.sign(input).expect("a signature");
    for (refused, from, certificate, input, signature, why) in [
        ("another input", DEVICE, &certificate, &b"other"[..], &signature, "not made with its key"),
        ("another certificate", DEVICE, &checker.certificate(), input, &signature, "not made with its key"),
        ("another sender", CONTROLLER, &certificate, input, &signature, "does not name"),
        ("another CA", DEVICE, &stranger.certificate(), input, &theirs, "UnknownIssuer"),
        ("no certificate", DEVICE, &"PEM".into(), input, &signature, "no CERTIFICATE block"),
        ("an endless one", DEVICE, &"-".repeat(64 * 1024 + 1).into(), input, &signature, "more than 65536"),
    ] {
        let told = check(from, certificate, input, signature).expect_err(refused);
        assert!(told.contains(why), "{refused}: {told}");
    }
}

/// What a transport may do for a first contact, a session does not: it would prove nothing.
#[test]
fn trust_on_first_use_is_none_here() {
    let World { ca, device, controller } = world();
    let other = Ca::create("Another CA", validity()).expect("a CA");
    let stranger =
        crypto(&other, &other.issue_device_with_key(&id(DEVICE), validity()).expect("a certificate"));
    let trust = Trust { roots: vec![ca.certificate().clone()], first_use: true, ..Trust::default() };
    let checker = SessionCrypto::new(&controller, trust, true).expect("a key on P-256");
    for (signer, trusted) in [(crypto(&ca, &device), true), (stranger, false)] {
        let signature = signer.sign(b"bytes").expect("a signature");
        let told = checker.verify(&id(DEVICE), &signer.certificate(), b"bytes", &signature);
        assert_eq!(told.is_ok(), trusted, "{told:?}");
    }
}

#[requirement("R-E2E.43")]
#[test]
fn both_sides_prove_themselves() {
    let World { ca, device, controller } = world();
    let other = Ca::create("Another CA", validity()).expect("a CA");
    let stranger = other.issue_device_with_key(&id(DEVICE), validity()).expect("a certificate");
    // Who starts, whom it expects, who answers, whom that one expects, and whether they agree.
    for (client, server_name, server, client_name, agree) in [
        (crypto(&ca, &device), CONTROLLER, crypto(&ca, &controller), DEVICE, true),
        (crypto(&ca, &controller), DEVICE, crypto(&ca, &device), CONTROLLER, true),
        (crypto(&ca, &device), "self::other", crypto(&ca, &controller), DEVICE, false),
        (crypto(&ca, &device), CONTROLLER, crypto(&ca, &controller), "os::other", false),
        (crypto(&ca, &stranger), CONTROLLER, crypto(&ca, &controller), DEVICE, false),
        (crypto(&ca, &controller), DEVICE, crypto(&ca, &stranger), CONTROLLER, false),
    ] {
        let mut client = client.tls(TlsRole::Client, &id(server_name)).expect("TLS");
        let mut server = server.tls(TlsRole::Server, &id(client_name)).expect("TLS");
        let done = shake(&mut *client, &mut *server);
        assert_eq!(done.is_ok(), agree, "{server_name} {client_name}: {done:?}");
        assert_eq!(!server.is_handshaking(), agree);
    }
}

#[requirement("R-E2E.33")]
#[test]
fn macs_are_of_their_side() {
    let World { ca, device, controller } = world();
    let mut client = crypto(&ca, &device).tls(TlsRole::Client, &id(CONTROLLER)).expect("TLS");
    let mut server = crypto(&ca, &controller).tls(TlsRole::Server, &id(DEVICE)).expect("TLS");
    assert_eq!(client.mac(b"early"), None);
    assert!(!client.verify_mac(b"early", &[]));
    shake(&mut *client, &mut *server).expect("a handshake");
    let (theirs, ours) = (client.mac(b"bytes").expect("keys"), server.mac(b"bytes").expect("keys"));
    assert_ne!(theirs, ours);
    assert!(server.verify_mac(b"bytes", &theirs) && client.verify_mac(b"bytes", &ours));
    assert!(!server.verify_mac(b"bytes", &ours) && !server.verify_mac(b"other", &theirs));
    assert!(!server.verify_mac(b"bytes", &theirs[..16]));
}

#[test]
fn a_long_message_is_several_tls_records() {
    let World { ca, device, controller } = world();
    let mut client = crypto(&ca, &device).tls(TlsRole::Client, &id(CONTROLLER)).expect("TLS");
    let mut server = crypto(&ca, &controller).tls(TlsRole::Server, &id(DEVICE)).expect("TLS");
    shake(&mut *client, &mut *server).expect("a handshake");
    let message = vec![7; 300_000];
    client.write(&message).expect("room");
    let records = client.take_records();
    assert_eq!(records.len(), 300_000usize.div_ceil(16 * 1024));
    assert!(records.iter().all(|record| record[0] == 23));
    assert_eq!(server.read(&records.concat()).expect("whole"), message);
    assert!(server.read(&records[0]).is_err(), "a record that was read before");
}

/// A TLS client that is not ours, with one protocol version and, if not `None`, one cipher suite and group.
fn foreign(world: &World, version: &'static SupportedProtocolVersion, narrow: bool) -> ClientConnection {
    let mut provider = rustls::crypto::ring::default_provider();
    if narrow {
        provider.cipher_suites = vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ];
        provider.kx_groups = vec![kx_group::SECP256R1];
    } else {
        provider.cipher_suites = vec![
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        ];
    }
    let mut roots = RootCertStore::empty();
    roots.add(world.ca.certificate().clone()).expect("a root");
    let verifier = pki::ControllerVerifier::new(
        &Trust { roots: vec![world.ca.certificate().clone()], ..Trust::default() },
        Some(id(CONTROLLER)),
        true,
        Arc::new(provider.clone()),
    );
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier.expect("rules")))
        .with_client_auth_cert(world.device.chain().to_vec(), world.device.key())
        .expect("a key");
    config.enable_secret_extraction = true;
    ClientConnection::new(Arc::new(config), ServerName::try_from("anything.example").expect("a name"))
        .expect("TLS")
}

/// Carries bytes between our side and a foreign one.
fn carry(client: &mut ClientConnection, server: &mut dyn PayloadTls) -> Result<Vec<u8>, String> {
    let mut plaintext = Vec::new();
    loop {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).expect("a Vec takes everything");
        }
        let answer = {
            if !bytes.is_empty() {
                plaintext.extend(server.read(&bytes).map_err(|error| error.0)?);
            }
            server.take_records().concat()
        };
        if bytes.is_empty() && answer.is_empty() {
            return Ok(plaintext);
        }
        let mut rest = &answer[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).expect("bytes");
            client.process_new_packets().map_err(|error| error.to_string())?;
        }
    }
}

#[requirement(
    "R-E2E.35",
    "R-E2E.36",
    "R-E2E.37",
    "R-E2E.38",
    "R-E2E.39",
    "R-E2E.40",
    "R-E2E.40a",
    "R-E2E.40b"
)]
#[test]
fn a_foreign_client_derives_the_same_keys() {
    let world = world();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut server = crypto(&world.ca, &world.controller).tls(TlsRole::Server, &id(DEVICE)).expect("TLS");
        let mut client = foreign(&world, version, true);
        assert_eq!(carry(&mut client, &mut *server), Ok(Vec::new()));
        assert_eq!(client.protocol_version(), Some(version.version));
        let octets = client.export_keying_material([0; 64], b"EXPORTER-BBF-USP-Record", Some(b""));
        let octets = octets.expect("keys");
        let mac = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"covered");
        assert!(server.verify_mac(b"covered", mac(&octets[..32]).as_ref()), "{version:?}");
        assert_eq!(&server.mac(b"covered").expect("keys")[..], mac(&octets[32..]).as_ref(), "{version:?}");
        server.write(b"to the client").expect("room");
        carry(&mut client, &mut *server).expect("sound");
        let mut got = [0; 13];
        client.reader().read_exact(&mut got).expect("plaintext");
        assert_eq!(&got, b"to the client");
    }
}

#[requirement("R-E2E.40")]
#[test]
fn no_other_cipher_suite() {
    let world = world();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut server = crypto(&world.ca, &world.controller).tls(TlsRole::Server, &id(DEVICE)).expect("TLS");
        let refused = carry(&mut foreign(&world, version, false), &mut *server);
        assert!(refused.expect_err("no suite in common").contains("NoCipherSuitesInCommon"));
        // The alert goes out.
        assert_eq!(server.take_records()[0][0], 21);
    }
}

#[requirement("R-E2E.40b")]
#[test]
fn no_other_curve() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![rcgen::SanType::URI(id(DEVICE).to_urn().try_into().expect("ASCII"))];
    let certificate = params.self_signed(&key).expect("a certificate");
    let identity =
        Identity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).expect("both");
    let refused = SessionCrypto::new(&identity, Trust::default(), true).expect_err("a key on P-384");
    assert!(refused.to_string().contains("P-256"), "{refused}");
}

/// One direction of TLS 1.2 with AES-128-GCM (RFC 5288), by hand: its key, the fixed part of its nonces, and the number
/// of the next record.
struct Sealed(LessSafeKey, [u8; 4], u64);

impl Sealed {
    fn of((number, secrets): (u64, ConnectionTrafficSecrets)) -> Sealed {
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else { panic!("another cipher suite") };
        let key = UnboundKey::new(&AES_128_GCM, key.as_ref()).expect("16 octets");
        Sealed(LessSafeKey::new(key), iv.as_ref()[..4].try_into().expect("four octets"), number)
    }

    fn nonce(&self, explicit: &[u8]) -> Nonce {
        Nonce::try_assume_unique_for_key(&[&self.1, explicit].concat()).expect("12 octets")
    }

    fn covered(&self, kind: u8, length: usize) -> Aad<Vec<u8>> {
        let length = u16::try_from(length).expect("short").to_be_bytes();
        Aad::from([&self.2.to_be_bytes()[..], &[kind, 3, 3], &length].concat())
    }

    fn seal(&self, kind: u8, plaintext: &[u8]) -> Vec<u8> {
        let explicit = [9; 8];
        let mut sealed = plaintext.to_vec();
        let covered = self.covered(kind, plaintext.len());
        self.0.seal_in_place_append_tag(self.nonce(&explicit), covered, &mut sealed).expect("sealed");
        let length = u16::try_from(8 + sealed.len()).expect("short").to_be_bytes();
        [&[kind, 3, 3][..], &length, &explicit, &sealed].concat()
    }

    fn open(&self, record: &[u8]) -> (u8, Vec<u8>) {
        let (kind, explicit, mut sealed) = (record[0], &record[5..13], record[13..].to_vec());
        let covered = self.covered(kind, sealed.len() - AES_128_GCM.tag_len());
        let plaintext = self.0.open_in_place(self.nonce(explicit), covered, &mut sealed).expect("genuine");
        (kind, plaintext.to_vec())
    }
}

/// A ClientHello in a session that stands is answered with the warning no_renegotiation (RFC 5246, section 7.2.2), and
/// the session goes on.
#[requirement("R-E2E.42")]
#[test]
fn nothing_is_renegotiated() {
    let world = world();
    let mut server = crypto(&world.ca, &world.controller).tls(TlsRole::Server, &id(DEVICE)).expect("TLS");
    let mut client = foreign(&world, &rustls::version::TLS12, true);
    assert_eq!(carry(&mut client, &mut *server), Ok(Vec::new()));
    let secrets = client.dangerous_extract_secrets().expect("secrets");
    let (mut there, back) = (Sealed::of(secrets.tx), Sealed::of(secrets.rx));
    let hello = [
        &[1, 0, 0, 51, 3, 3][..],
        &[7; 32],
        // No session; one cipher suite; no compression; one extension: the groups.
        &[0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 8, 0, 10, 0, 4, 0, 2, 0, 23],
    ];
    assert_eq!(server.read(&there.seal(22, &hello.concat())).expect("no error"), b"");
    let answer = server.take_records();
    assert_eq!(answer.len(), 1);
    assert_eq!(back.open(&answer[0]), (21, vec![1, 100]));
    there.2 += 1;
    assert_eq!(server.read(&there.seal(23, b"goes on")).expect("no error"), b"goes on");
}
