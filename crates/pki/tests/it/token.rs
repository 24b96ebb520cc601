//! Enrolment tokens.

use pki::{EnrolToken, TokenHash};

#[test]
fn a_token_verifies_against_its_hash_alone() {
    let token = EnrolToken::generate().unwrap();
    let other = EnrolToken::generate().unwrap();
    let text = token.reveal();
    // 256 bits are 43 characters of unpadded base64.
    assert_eq!((&text[..4], text.len()), ("cet_", 4 + 43));
    assert_ne!(text, other.reveal());
    assert_eq!(TokenHash::of(text), Some(token.hash()));
    assert!(token.hash().verify(text));
    for wrong in [other.reveal(), &text[..46], "", "cet_", &format!("{text} "), &"cet_x".repeat(100)] {
        assert!(!token.hash().verify(wrong), "{wrong}");
    }
}

#[test]
fn the_hash_of_a_known_token() {
    let hash = TokenHash::of("cet_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    let hex: String = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "65cb76227b0d0dffed12e7e80e7c41805ceb824b660dd6b2c9d52cc48f931799");
    assert_eq!(TokenHash::of("no-prefix"), None);
}
