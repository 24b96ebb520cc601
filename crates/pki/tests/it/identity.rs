//! Credentials on disk and in PEM.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pki::cert::endpoint_ids;
use pki::{Error, Identity};
use requirement::requirement;

use crate::support::{DEVICE, ca, id, validity};

#[test]
fn a_credential_survives_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let (chain, key) = (dir.path().join("device.pem"), dir.path().join("device.key"));
    let made = ca().issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    made.save(&chain, &key).unwrap();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let loaded = Identity::load(&chain, &key).unwrap();
    assert_eq!(loaded.chain(), made.chain());
    assert_eq!(loaded.key(), made.key());
    // Nothing half written stays behind.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    assert_eq!(format!("{made:?}"), "Identity { certificates: 2, .. }");
}

/// Wherever the crash comes, there is a pair that fits.
#[test]
fn a_credential_that_is_replaced_fits_its_key_after_any_crash() {
    let ca = ca();
    let [old, new] = [(); 2].map(|()| ca.issue_device_with_key(&id(DEVICE), validity(90)).unwrap());
    // (which of the next pair stand beside, which are in their place already; what is found)
    for (beside, moved, expected) in [
        (&["key"][..], &[][..], &old),
        (&["key", "pem"], &[], &new),
        (&["pem"], &["key"], &new),
        (&[], &["key", "pem"], &new),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (chain, key) = (dir.path().join("device.pem"), dir.path().join("device.key"));
        old.save(&chain, &key).unwrap();
        let text = |end: &str| if end == "key" { new.key_pem().to_string() } else { new.chain_pem() };
        for end in beside {
            fs::write(dir.path().join(format!("device.{end}.next")), text(end)).unwrap();
        }
        for end in moved {
            fs::write(dir.path().join(format!("device.{end}")), text(end)).unwrap();
        }
        let found = Identity::load(&chain, &key).unwrap();
        assert_eq!(found.chain(), expected.chain(), "{beside:?} {moved:?}");
        assert_eq!(found.key(), expected.key(), "{beside:?} {moved:?}");
        new.save(&chain, &key).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "{beside:?} {moved:?}");
    }
}

#[test]
fn what_is_no_credential_is_refused() {
    let good = ca().issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    let (chain, key) = (good.chain_pem(), good.key_pem());
    assert!(matches!(Identity::from_pem(b"", key.as_bytes()), Err(Error::Certificate(_))));
    assert!(matches!(Identity::from_pem(key.as_bytes(), key.as_bytes()), Err(Error::Certificate(_))));
    assert!(matches!(Identity::from_pem(chain.as_bytes(), chain.as_bytes()), Err(Error::Key(_))));
    let missing = std::path::Path::new("/nowhere/device.pem");
    let error = Identity::load(missing, missing).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/device.pem: "), "{error}");
}

#[test]
#[requirement("R-SEC.5")]
fn a_self_signed_credential_names_its_endpoint_too() {
    let own = Identity::self_signed(&id(DEVICE), validity(90)).unwrap();
    assert_eq!(own.chain().len(), 1);
    assert_eq!(endpoint_ids(&own.chain()[0]).unwrap(), [id(DEVICE)]);
    assert!(pki::cert::self_signed(&own.chain()[0]));
    let issued = ca().issue_device_with_key(&id(DEVICE), validity(90)).unwrap();
    assert!(!pki::cert::self_signed(&issued.chain()[0]));
}
