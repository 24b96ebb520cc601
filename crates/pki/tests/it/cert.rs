//! What is read of a certificate that another tool made.

use pki::cert::{CertificateName, digest, is_ca, issued, name};
use pki::{Identity, ServerNames};

use crate::support::{ca, id, validity};

const ROOT: &str = "\
-----BEGIN CERTIFICATE-----
MIIBvjCCAWOgAwIBAgIGAJo/ALHCMAoGCCqGSM49BAMCMDoxCzAJBgNVBAYTAlNF
MRMwEQYDVQQKDApFeGFtcGxlIEFCMRYwFAYDVQQDDA1EZXZpY2UgUm9vdCA3MCAX
DTI2MTEyMTEzMDE0MVoYDzIxMjYxMDI4MTMwMTQxWjA6MQswCQYDVQQGEwJTRTET
MBEGA1UECgwKRXhhbXBsZSBBQjEWMBQGA1UEAwwNRGV2aWNlIFJvb3QgNzBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABFdn2TGEsTecMpRKiblsNMMfGNx8dSNWm5Gc
q2uGbL8dJjkJBxfC+0fg/7Z4uBbz4rxD5gNH2oA7oNk57yE9KsmjUzBRMB0GA1Ud
DgQWBBSNdH+fJBMSY3Wb9FedCFph4TSirzAfBgNVHSMEGDAWgBSNdH+fJBMSY3Wb
9FedCFph4TSirzAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDY
/kPcRDhABKC5tsPGfNiqQ/TSIz3zftdme++WBD4UNQIhALGLpUcFyRRSTMfp2xLo
yFt5zKS/m0/DpA2FZAatFb26
-----END CERTIFICATE-----
";

#[test]
fn serial_number_and_issuer_are_as_issued() {
    let der = &pki::pem::certificates(ROOT.as_bytes()).expect("a certificate")[0];
    // As `openssl x509 -serial -issuer` has them.
    let expected = CertificateName {
        serial_number: "9A:3F:00:B1:C2".to_owned(),
        issuer: "C=SE, O=Example AB, CN=Device Root 7".to_owned(),
    };
    assert_eq!(name(der).expect("it can be read"), expected);
    assert!(name(&der[..40]).is_err());
}

/// What a CA signed, and nothing else; a certificate that is no CA's signs nothing.
#[test]
fn who_issued_what() {
    let ca = ca();
    let server = ca.issue_server(
        &ServerNames { dns: vec!["acs.example".to_owned()], ..Default::default() },
        validity(90),
    );
    let server = server.unwrap();
    let own = Identity::self_signed(&id("self::me"), validity(90)).unwrap();
    let (root, leaf, own) = (ca.certificate(), &server.chain()[0], &own.chain()[0]);
    let other = pki::Ca::create("test", validity(90)).unwrap();
    let cases = [
        (root, leaf, true),
        (root, root, true),
        (leaf, leaf, false),
        (own, own, false),
        (other.certificate(), leaf, false),
        (root, own, false),
    ];
    for (issuer, certificate, expected) in cases {
        assert_eq!(issued(issuer, certificate), expected);
    }
    assert_eq!([is_ca(root), is_ca(leaf), is_ca(own), is_ca(b"no")], [true, false, false, false]);
    // A name is not a signature.
    let mut forged = leaf.to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert!(!issued(root, &forged));
}

/// FIPS 180-4's examples of "abc".
#[test]
fn hashes_of_a_known_text() {
    for (algorithm, expected) in [
        ("SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("SHA-224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ("SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "SHA-384",
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            "SHA-512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ] {
        let hash: String =
            digest(algorithm, b"abc").unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, expected, "{algorithm}");
    }
    assert_eq!(digest("MD5", b"abc"), None);
}
