//! Leases as the hook leaves them for the agent: one file per interface and version of IP, in the folder `dhcp` of the
//! agent's own. The option is kept as it came; what it says is decided when it is read.

use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use mtp::discovery::dhcp::{self, Answer, Family};
use pki::file::{PUBLIC, write_atomic};
use serde::Deserialize;

use crate::limits::{MAX_LEASE_BYTES, MAX_LEASES};

/// The folder below the agent's.
const FOLDER: &str = "dhcp";

/// A lease that says something to us.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The interface.
    pub interface: String,
    /// 4 or 6.
    pub version: u8,
    /// The option of vendors' information, hexadecimal, without code and length.
    pub option: String,
    /// Addresses of who answered, and of the routers that it named.
    #[serde(default)]
    pub gateways: Vec<IpAddr>,
}

impl Lease {
    /// What the option says.
    ///
    /// # Errors
    /// When it is no such option.
    pub fn answer(&self) -> Result<Answer> {
        Ok(dhcp::answer(self.family()?, &bytes(&self.option)?)?)
    }

    fn family(&self) -> Result<Family> {
        match self.version {
            4 => Ok(Family::V4),
            6 => Ok(Family::V6),
            other => bail!("version {other} of IP"),
        }
    }

    /// Leaves it for the agent whose folder this is.
    ///
    /// # Errors
    /// When it can't be written, or the interface has no name that could be one of a file.
    pub fn keep(&self, data: &Path) -> Result<()> {
        let path = file(data, &self.interface, self.version)?;
        make_folder(data).with_context(|| format!("{}", data.display()))?;
        // No secret, in a folder that is its owner's alone: the hook may run as somebody else.
        Ok(write_atomic(&path, self.to_toml().as_bytes(), PUBLIC)?)
    }

    /// By hand: a writer of TOML would be a good part of the program. The name is one of a file by now, and nothing
    /// else needs a quotation mark.
    fn to_toml(&self) -> String {
        let Lease { interface, version, option, gateways } = self;
        let gateways: Vec<String> = gateways.iter().map(|ip| format!("\"{ip}\"")).collect();
        let gateways = gateways.join(", ");
        format!(
            "interface = \"{interface}\"\nversion = {version}\noption = \"{option}\"\ngateways = [{gateways}]\n"
        )
    }
}

/// Takes a lease away again.
///
/// # Errors
/// When it is there and can't be removed.
pub fn forget(data: &Path, interface: &str, version: u8) -> Result<()> {
    let path = file(data, interface, version)?;
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}", path.display()))
        }
        _ => Ok(()),
    }
}

/// The leases that there are, by interface. One that can't be read is logged and left out.
pub fn all(data: &Path) -> Vec<Lease> {
    let Ok(entries) = std::fs::read_dir(folder(data)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .take(MAX_LEASES)
        .collect();
    paths.sort();
    let read = |path: &PathBuf| match read(path) {
        Ok(lease) => Some(lease),
        Err(error) => {
            tracing::warn!(path = %path.display(), error = format!("{error:#}"), "a lease is not understood");
            None
        }
    };
    paths.iter().filter_map(read).collect()
}

fn read(path: &Path) -> Result<Lease> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_LEASE_BYTES).read_to_string(&mut text)?;
    let lease: Lease = toml::from_str(&text)?;
    lease.answer()?;
    Ok(lease)
}

/// Where leases are.
pub fn folder(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

/// Makes the folder, for the owner of the one that it is in.
///
/// # Errors
/// When it can't be made.
pub fn make_folder(data: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
    let mut make = std::fs::DirBuilder::new();
    make.recursive(true).mode(0o700).create(data)?;
    match std::fs::DirBuilder::new().mode(0o700).create(folder(data)) {
        Ok(()) => {
            let owner = std::fs::metadata(data)?;
            chown(folder(data), Some(owner.uid()), Some(owner.gid()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn file(data: &Path, interface: &str, version: u8) -> Result<PathBuf> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
    if interface.is_empty()
        || interface.len() > 15
        || interface.starts_with('.')
        || !interface.bytes().all(fits)
    {
        bail!("{interface:?} is no name of an interface");
    }
    Ok(folder(data).join(format!("{interface}.v{version}.toml")))
}

/// Hexadecimal bytes, with colons between them or not; then each has two digits.
///
/// # Errors
/// For anything else.
pub fn bytes(text: &str) -> Result<Vec<u8>> {
    let parse = |digits: &str| -> Result<u8> {
        let fits = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !fits { bail!("no hexadecimal bytes") } else { Ok(u8::from_str_radix(digits, 16)?) }
    };
    let text = text.trim();
    if text.contains(':') {
        return text.split(':').map(parse).collect();
    }
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        bail!("no hexadecimal bytes");
    }
    (0..text.len() / 2).map(|at| parse(&text[2 * at..2 * at + 2])).collect()
}

/// The same bytes as text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
