//! Random secrets: tokens, links, cookies.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::access::SecretHash;

/// Bytes from the system's randomness.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// A secret in the only moment when it is known: when it is made. It is masked wherever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// 256 random bits behind a prefix that says what they are for.
    pub(crate) fn mint(prefix: &str) -> Self {
        Secret(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random::<32>())))
    }

    /// What is stored in its place.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.0)
    }

    /// The secret itself, for whoever it was made for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn secrets_are_long_differ_and_are_not_printed() {
        let (one, other) = (Secret::mint("cusp_"), Secret::mint("cusp_"));
        assert_eq!(one.expose().len(), "cusp_".len() + 43);
        assert!(one.expose().starts_with("cusp_"));
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }
}
