//! What is read of a certificate that another tool made.

use pki::cert::{CertificateName, name};

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
