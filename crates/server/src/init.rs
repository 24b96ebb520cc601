//! `cusp init`: a commented `cusp.toml` with TLS on all interfaces, the internal CA and certificates.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::bail;
use pki::{ServerNames, Validity};

use crate::data_dir::DataDir;
use crate::limits::SERVER_LIFETIME;

/// Writes `cusp.toml` into `folder`, and CA, certificate and key into the data folder, which `cusp.toml` then
/// names; `folder/cusp-data` unless another is given. Existing files are never overwritten.
///
/// # Errors
/// When `cusp.toml` exists, or the file system says so.
pub fn init(folder: &Path, data: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let config = folder.join("cusp.toml");
    if config.exists() {
        bail!("{} exists already", config.display());
    }
    // Absolute, so that it is the same one from wherever the server is started.
    let data = std::path::absolute(data.map_or_else(|| folder.join("cusp-data"), Path::to_owned))?;
    let opened = DataDir::open(&data)?;
    let ca = opened.ca()?;
    let endpoint = opened.endpoint(None)?;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost".to_owned() } else { host.trim().to_owned() };
    let names = ServerNames {
        dns: vec![host.clone(), "localhost".to_owned()],
        ips: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        endpoint: Some(endpoint),
    };
    let identity = ca.issue_server(&names, Validity::lasting(SystemTime::now(), SERVER_LIFETIME))?;
    let (cert, key) = (data.join("server.pem"), data.join("server.key"));
    identity.save(&cert, &key)?;
    let ca_file = data.join("ca.pem");
    pki::file::write_atomic(&ca_file, ca.certificate_pem().as_bytes(), 0o600)?;
    crate::data_dir::tighten(&data)?;
    let text = template(&host, &data, &cert, &key);
    pki::file::write_atomic(&config, text.as_bytes(), 0o644)?;
    Ok(vec![config, ca_file, cert, key])
}

fn template(host: &str, data: &Path, cert: &Path, key: &Path) -> String {
    let [data, cert, key] = [data, cert, key].map(toml_text);
    format!(
        r#"# Cusp server. Every key is optional; what is left out has the default shown by `cusp config show`.

# Where everything is kept: the store, the internal CA, keys.
data = {data}

[http]
# API, page, /metrics, /healthz, /readyz.
listen = "0.0.0.0:8080"
tls = {{ cert = {cert}, key = {key} }}
public_url = "https://{host}:8080"

[usp.websocket]
# Agents that dial in. Devices trust ca.pem beside the certificate.
listen = "0.0.0.0:8183"
path = "/usp"
tls = {{ cert = {cert}, key = {key} }}
public_url = "wss://{host}:8183/usp"

# An MQTT broker for agents, beside WebSocket.
# [usp.mqtt.broker]
# listen = "0.0.0.0:8883"
# tls = {{ cert = {cert}, key = {key} }}
# public_url = "mqtts://{host}:8883"

[enrolment]
# "approve": unknown devices wait for a person; "open": for labs; "closed": they are refused.
policy = "approve"

[discovery]
# Whether agents on the local network find the server by mDNS.
mdns = false
"#
    )
}

/// A path as a TOML string, whatever is in it.
fn toml_text(path: &Path) -> toml::Value {
    toml::Value::String(path.display().to_string())
}
