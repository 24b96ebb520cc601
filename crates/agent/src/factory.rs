//! The factory default as it is kept: `agent.toml` of the first start, with what the files held that it names. A
//! file may be another one later, or gone, and the factory default is the same. Of passphrases it has the hash.

use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::trust::TrustCrypto as _;
use toml::{Table, Value};

use crate::state::random;
use crate::trust::Certificates;

/// The text of a configuration that names no files of certificates any more, and tells no passphrase.
///
/// # Errors
/// When such a file can't be read, or the system has no randomness.
pub fn self_contained(text: &str) -> Result<String> {
    let mut table: Table = text.parse().map_err(|_| anyhow::anyhow!("the configuration is not TOML"))?;
    for (section, what) in [("controller", "endpoint"), ("credential", "ca")] {
        for entry in entries(&mut table, section) {
            let name = entry.get(what).and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(Value::String(ca)) = entry.get_mut("ca")
                && !ca.contains("-----BEGIN")
            {
                let read = pki::file::read(Path::new(ca.as_str())).map_err(anyhow::Error::from);
                let pem = read.and_then(|bytes| Ok(String::from_utf8(bytes.to_vec())?));
                *ca = pem.with_context(|| format!("{section} {name}: ca"))?;
            }
        }
    }
    for challenge in entries(&mut table, "challenge") {
        if let Some(Value::String(passphrase)) = challenge.remove("passphrase") {
            let hash = Certificates::default().conceal(random()?, &STANDARD.encode(passphrase));
            challenge.insert("passphrase_hash".to_owned(), Value::String(hash));
        }
    }
    Ok(table.to_string())
}

/// The tables of an array of them.
fn entries<'a>(table: &'a mut Table, section: &str) -> impl Iterator<Item = &'a mut Table> {
    let array = table.get_mut(section).and_then(Value::as_array_mut);
    array.into_iter().flatten().filter_map(Value::as_table_mut)
}
