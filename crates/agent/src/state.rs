//! The agent's folder: what it must remember beside the engine's journal. The configuration of the first
//! start, the device's credential, and a UUID for a system that has no identity of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use mtp::EndpointId;
use mtp::ws::WsUrl;
use pki::Identity as Credential;
use pki::Validity;
use pki::file::{SECRET, write_atomic};

use crate::config::{Config, Policy};
use crate::{factory, identity};

/// How long a credential that the device gives itself is valid: longer than devices live, because
/// nobody renews it.
const SELF_SIGNED_LIFE: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The folder.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// Where the device's credential comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A controller's CA issued it.
    Enrolled,
    /// Files that the configuration names.
    Configured,
    /// The device itself.
    SelfSigned,
}

impl StateDir {
    /// Makes the folder and the journal's in it if need be. Both are readable by their owner only, whatever
    /// they were before.
    ///
    /// # Errors
    /// When one can't be made, or is another user's.
    pub fn open(path: &Path) -> Result<StateDir> {
        let state = StateDir { path: path.to_owned() };
        for folder in [path, &state.journal()] {
            private(folder).with_context(|| format!("{}", folder.display()))?;
        }
        Ok(state)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the journal is.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// Where the audit log is.
    pub fn audit_log(&self) -> PathBuf {
        self.path.join("audit.log")
    }

    /// Where it is remembered how often limited commands ran. It outlives a factory reset.
    pub fn limits(&self) -> PathBuf {
        self.path.join("limits")
    }

    /// The factory default in force: that of the first start. Keeps `text` if there is none yet, with the files
    /// that it names. Policy and discovery are always those of `now`.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn factory_default(&self, now: &Config, text: &str) -> Result<Config> {
        let path = self.path.join("factory.toml");
        let kept = match std::fs::read_to_string(&path) {
            Ok(kept) => Some(Config::parse(&kept).with_context(|| format!("{}", path.display()))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
        };
        let policy = Policy { audit_log: Some(self.audit_log()), ..now.policy.clone() };
        let (discovery, services, data_dir) =
            (now.discovery.clone(), now.services.clone(), now.data_dir.clone());
        match kept {
            Some(kept) => Ok(Config { policy, discovery, services, data_dir, ..kept }),
            None => {
                let whole = factory::self_contained(text)?;
                let config = Config::parse(&whole).context("the factory default")?;
                write_atomic(&path, whole.as_bytes(), SECRET)?;
                Ok(Config { policy, discovery, services, data_dir, is_new: true, ..config })
            }
        }
    }

    /// Forgets the configuration of the first start: the next start is one. The credential stays, because
    /// the token that it was given for is used up.
    ///
    /// # Errors
    /// When the file is there and can't be removed.
    pub fn forget_factory_default(&self) -> Result<()> {
        match std::fs::remove_file(self.path.join("factory.toml")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// A UUID made up once for this device.
    ///
    /// # Errors
    /// When it can't be read or written, or the system has no randomness.
    pub fn made_up_uuid(&self) -> Result<String> {
        let path = self.path.join("uuid");
        if let Ok(uuid) = std::fs::read_to_string(&path) {
            return Ok(uuid.trim().to_owned());
        }
        let uuid = identity::uuid(random()?);
        write_atomic(&path, uuid.as_bytes(), SECRET)?;
        Ok(uuid)
    }

    /// The credential: enrolled, else configured, else one that the device makes for itself and keeps.
    ///
    /// # Errors
    /// When one is there and can't be read, or none can be made.
    pub fn credential(&self, config: &Config, endpoint: &EndpointId) -> Result<(Credential, Origin)> {
        let (chain, key) = self.files("enrolled");
        if Credential::exists(&chain) {
            return Ok((Credential::load(&chain, &key)?, Origin::Enrolled));
        }
        if let (Some(chain), Some(key)) = (&config.tls.cert, &config.tls.key) {
            let configured = Credential::load(chain, key)?;
            // R-SEC.10, and R-SEC.11: one that several devices share names all of them by a wildcard.
            let named = configured.chain().first().map(|leaf| pki::cert::endpoint_ids(leaf)).transpose()?;
            if !named.unwrap_or_default().iter().any(|id| id.certifies(endpoint)) {
                bail!("tls.cert: it does not name this device: urn:bbf:usp:id:{endpoint} is expected");
            }
            return Ok((configured, Origin::Configured));
        }
        let (chain, key) = self.files("device");
        if Credential::exists(&chain) {
            return Ok((Credential::load(&chain, &key)?, Origin::SelfSigned));
        }
        let validity =
            Validity { not_before: SystemTime::UNIX_EPOCH, not_after: SystemTime::now() + SELF_SIGNED_LIFE };
        let credential = Credential::self_signed(endpoint, validity)?;
        credential.save(&chain, &key)?;
        Ok((credential, Origin::SelfSigned))
    }

    /// Keeps a credential that a controller's CA issued.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep_enrolled(&self, credential: &Credential) -> Result<()> {
        let (chain, key) = self.files("enrolled");
        Ok(credential.save(&chain, &key)?)
    }

    /// Keeps where the certificate came from: the endpoint of its controller, and the URL. It outlives a factory reset, as
    /// the certificate does.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep_renewal(&self, controller: &EndpointId, url: &WsUrl) -> Result<()> {
        let text = format!("{controller} {url}\n");
        Ok(write_atomic(&self.path.join("renewal"), text.as_bytes(), SECRET)?)
    }

    /// What [`StateDir::keep_renewal`] kept, if it can be read.
    pub fn renewal(&self) -> Option<(EndpointId, WsUrl)> {
        let text = std::fs::read_to_string(self.path.join("renewal")).ok()?;
        let (controller, url) = text.trim_end().split_once(' ')?;
        Some((EndpointId::receive(controller).ok()?, url.parse().ok()?))
    }

    fn files(&self, name: &str) -> (PathBuf, PathBuf) {
        (self.path.join(format!("{name}.pem")), self.path.join(format!("{name}.key")))
    }
}

fn private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if std::fs::metadata(folder)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

/// Randomness of the system.
///
/// # Errors
/// When it has none.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gave no randomness: {error}"))?;
    Ok(bytes)
}
