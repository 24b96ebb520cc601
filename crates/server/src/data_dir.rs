//! The data folder: keys, CA, endpoint id, and the file that says where the server listens.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use fleet::port::Seal;
use pki::{Ca, SealKey, Validity};
use usp_endpoint::EndpointId;

use crate::clock::chance;

/// How long the root of the internal CA is valid.
const CA_LIFETIME: Duration = Duration::from_secs(20 * 365 * 24 * 3600);

/// Where a server listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listeners {
    /// API, page, metrics.
    pub http: SocketAddr,
    /// Agents that dial in.
    pub usp_websocket: SocketAddr,
    /// Agents that connect to our own broker.
    pub usp_mqtt_broker: Option<SocketAddr>,
    /// Those that speak MQTT over WebSocket.
    pub usp_mqtt_websocket: Option<SocketAddr>,
    /// Agents that speak CoAP, over UDP.
    pub usp_coap: Option<SocketAddr>,
    /// Those that speak it over DTLS.
    pub usp_coap_secure: Option<SocketAddr>,
}

/// An open data folder.
pub struct DataDir {
    folder: PathBuf,
    key: SealKey,
}

impl DataDir {
    /// Opens the folder, and makes it (for its owner alone) and its key as needed.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path) -> anyhow::Result<DataDir> {
        private(folder)?;
        tighten(folder)?;
        let key = SealKey::load_or_create(&folder.join("seal.key")).context("the key that seals secrets")?;
        Ok(DataDir { folder: folder.to_owned(), key })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The control socket.
    pub fn control_socket(&self) -> PathBuf {
        self.folder.join("control.sock")
    }

    /// The internal CA, made at first use.
    ///
    /// # Errors
    /// What the file system or the key says.
    pub fn ca(&self) -> anyhow::Result<Ca> {
        let validity = Validity::lasting(SystemTime::now(), CA_LIFETIME);
        let folder = self.folder.join("ca");
        private(&folder)?;
        let ca = Ca::load_or_create(&folder, &self.key, "Cusp CA", validity).context("the internal CA")?;
        tighten(&folder)?;
        Ok(ca)
    }

    /// The controller's Endpoint: as configured, else the one made at first start.
    ///
    /// # Errors
    /// What the file system says.
    pub fn endpoint(&self, configured: Option<&str>) -> anyhow::Result<EndpointId> {
        if let Some(text) = configured {
            return Ok(EndpointId::receive(text)?);
        }
        let file = self.folder.join("endpoint");
        if let Ok(text) = std::fs::read_to_string(&file) {
            return EndpointId::receive(text.trim()).with_context(|| format!("in {}", file.display()));
        }
        let [a, b, c, d, e, f] = chance::<6>();
        let made = EndpointId::strict(&format!("self::cusp-{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}"))?;
        pki::file::write_atomic(&file, made.as_str().as_bytes(), 0o600)?;
        Ok(made)
    }

    /// Writes `listeners.json`, once all are open.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_listeners(&self, listeners: &Listeners) -> anyhow::Result<()> {
        let mut text = serde_json::json!({
            "http": listeners.http.to_string(),
            "usp.websocket": listeners.usp_websocket.to_string(),
        });
        for (key, listen) in [
            ("usp.mqtt.broker", listeners.usp_mqtt_broker),
            ("usp.mqtt.broker.websocket", listeners.usp_mqtt_websocket),
            ("usp.coap", listeners.usp_coap),
            ("usp.coap.secure", listeners.usp_coap_secure),
        ] {
            if let Some(listen) = listen {
                text[key] = listen.to_string().into();
            }
        }
        let file = self.folder.join("listeners.json");
        pki::file::write_atomic(&file, text.to_string().as_bytes(), 0o600)?;
        Ok(())
    }

    /// Seals stored requests with the folder's key.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sealer(&self) -> anyhow::Result<RowSeal> {
        Ok(RowSeal(SealKey::load(&self.folder.join("seal.key"))?))
    }
}

/// Makes a folder that is its owner's alone, or takes others' rights to one that is there.
fn private(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot restrict {}", folder.display()))
}

/// Files of a folder are its owner's alone, whoever made them; what lies in folders below is their own
/// business.
pub(crate) fn tighten(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let cannot = || format!("cannot restrict what is in {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        // Not through a link, and not what is gone by now.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_file() {
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o600))
                .with_context(|| format!("cannot restrict {}", entry.path().display()))?;
        } else if kind.is_dir() {
            private(&entry.path())?;
        }
    }
    Ok(())
}

/// Seals rows of the store; the row's context is part of the purpose, so that rows can't be swapped.
pub struct RowSeal(SealKey);

impl std::fmt::Debug for RowSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowSeal")
    }
}

impl Seal for RowSeal {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        self.0.seal(&purpose(context), plain).expect("the system has a source of randomness")
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open(&purpose(context), sealed).ok().map(|plain| plain.to_vec())
    }
}

fn purpose(context: &[u8]) -> String {
    context.iter().fold(String::from("row "), |text, byte| text + &format!("{byte:02x}"))
}
