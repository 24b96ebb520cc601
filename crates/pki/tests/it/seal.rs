//! Sealing: what opens, what does not, and who may read the key.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use pki::{Error, SealKey};

#[test]
fn a_sealed_secret_opens_for_its_purpose_only() {
    let key = SealKey::generate().unwrap();
    let other = SealKey::generate().unwrap();
    let sealed = key.seal("wifi/1", b"correct horse").unwrap();
    assert_eq!(key.open("wifi/1", &sealed).unwrap().as_slice(), b"correct horse");
    assert!(!sealed.windows(7).any(|w| w == b"correct"));
    assert_ne!(sealed, key.seal("wifi/1", b"correct horse").unwrap());

    let mut damaged = sealed.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut version = sealed.clone();
    version[2] = 2;
    let cases: [(&str, &[u8], &SealKey, &str); 6] = [
        ("wifi/2", &sealed, &key, "damaged, or sealed for another purpose"),
        ("wifi/1", &damaged, &key, "damaged, or sealed for another purpose"),
        ("wifi/1", &sealed, &other, "sealed with another key"),
        ("wifi/1", &version, &key, "not an envelope of a known version"),
        ("wifi/1", &sealed[..20], &key, "cut short"),
        ("wifi/1", b"", &key, "not an envelope of a known version"),
    ];
    for (purpose, sealed, key, why) in cases {
        match key.open(purpose, sealed) {
            Err(Error::Sealed(found)) => assert_eq!(found, why),
            other => panic!("{why}: {other:?}"),
        }
    }
}

#[test]
fn the_key_file_is_private_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seal.key");
    let sealed = SealKey::load_or_create(&path).unwrap().seal("x", b"secret").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(SealKey::load_or_create(&path).unwrap().open("x", &sealed).unwrap().as_slice(), b"secret");

    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(SealKey::load_or_create(&path), Err(Error::Permissions(_))));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, b"short").unwrap();
    assert!(matches!(SealKey::load(&path), Err(Error::Key(_))));
}

#[test]
fn secrets_do_not_show_in_debug() {
    assert_eq!(format!("{:?}", SealKey::generate().unwrap()), "SealKey { .. }");
}
