//! What the API asks of a running server. The server implements it; tests have a small one of their own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use dm::UtcTime;
use fleet::check::SchemaCheck;
use fleet::device::Device;
use fleet::ids::Fingerprint;
use fleet::port::{Lanes, StoreError};
use fleet::{DeviceId, Seq, TenantId};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::imported::Imported;

/// An answer that takes a while.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is known about the parameters of one device.
pub type Schema = Arc<dyn SchemaCheck + Send + Sync>;

/// The running server, beside its store. Calls that don't return a [`Later`] neither block nor wait.
///
/// [`Lanes::wait`] is asked only after the job was told, and must resolve at once for a job that is
/// finished by then.
pub trait Gateway: Lanes {
    /// The position of the last event of the log. Event streams read the log whenever it grows, and end
    /// when the sender is gone.
    fn events(&self) -> watch::Receiver<Seq>;

    /// What writes to this device are checked against: its own model, then the catalogue. An error when the
    /// model can't be read.
    fn schema(&self, tenant: TenantId, device: &Device) -> Later<'_, Result<Schema, StoreError>>;

    /// The imported data models are others now: what they say holds for checks and masks from here on.
    fn data_models_changed(&self, models: Imported);

    /// A person let a device in; if it is connected, its onboarding begins now.
    fn approved(&self, tenant: TenantId, device: DeviceId, endpoint: &str);

    /// A person turned a pending device away; its connection ends.
    fn rejected(&self, endpoint: &str) {
        let _ = endpoint;
    }

    /// Whether a device of this endpoint id could be dialled at this URL.
    ///
    /// # Errors
    /// [`fleet::Error::Invalid`], which says what is wrong with `endpoint` or `connect`.
    fn can_dial(&self, endpoint: &str, url: &str) -> Result<(), fleet::Error>;

    /// Whom the server dials has changed in the store; it dials accordingly from now on.
    fn dials_changed(&self, tenant: TenantId);

    /// A device was removed; its sessions end, and it is not dialled any more.
    fn forgotten(&self, tenant: TenantId, device: DeviceId);

    /// A device went to another tenant: its session ends, and nothing that was kept of it beside the store is
    /// shown to the new one.
    fn moved(&self, device: DeviceId);

    /// A certificate of a device was revoked: what stands on it ends, and the list of revoked ones names it.
    fn revoked(&self, tenant: TenantId, device: DeviceId, fingerprint: Fingerprint) -> Later<'_, ()> {
        let _ = (tenant, device, fingerprint);
        Box::pin(std::future::ready(()))
    }

    /// Whether this endpoint id can be a user name at the server's own broker.
    ///
    /// # Errors
    /// [`fleet::Error::Invalid`].
    fn can_log_in(&self, endpoint: &str) -> Result<(), fleet::Error> {
        let _ = endpoint;
        Ok(())
    }

    /// A device was given a login: what stands on its name alone, or on a login that it had, ends.
    fn given_login(&self, tenant: TenantId, device: DeviceId, endpoint: &str) {
        let _ = (tenant, device, endpoint);
    }

    /// The list of the internal CA's revoked certificates, DER.
    ///
    /// # Errors
    /// Why there is none, in words.
    fn crl(&self) -> Later<'_, Result<Vec<u8>, String>> {
        Box::pin(std::future::ready(Err("this server has no CA".to_owned())))
    }

    /// The last decoded messages of a device, oldest first, secrets masked.
    fn trace(&self, tenant: TenantId, device: DeviceId) -> Trace;

    /// Switches tracing of a device. Off forgets what was traced. False when too many devices are traced already.
    #[must_use]
    fn set_trace(&self, tenant: TenantId, device: DeviceId, enabled: bool) -> bool;

    /// What a device needs to connect here.
    fn connect(&self) -> ConnectInfo;

    /// The server's metrics in the OpenMetrics text format.
    fn metrics(&self) -> String;

    /// Whether the server can do its work.
    ///
    /// # Errors
    /// Why not, in one sentence without secrets.
    fn ready(&self) -> Result<(), String>;
}

/// Decoded messages of a device.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Trace {
    /// Whether messages are being recorded.
    pub enabled: bool,
    /// What was recorded, oldest first.
    pub items: Vec<Traced>,
}

/// One decoded message.
#[derive(Clone, PartialEq, Debug)]
pub struct Traced {
    /// When.
    pub at: UtcTime,
    /// From the device (`true`) or to it.
    pub inbound: bool,
    /// Message type (`Get`, `NotifyResp`) or record type.
    pub kind: String,
    /// The message's id, if it has one.
    pub msg_id: Option<String>,
    /// One line.
    pub summary: String,
    /// All of it, secrets masked.
    pub body: serde_json::Value,
    /// The line of a recording of it, in JSON without a line end: `dir`, `t`, `hex`, `note`, `masked`.
    pub line: String,
}

/// What a device needs to connect here.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct ConnectInfo {
    /// The controller's endpoint id.
    pub endpoint_id: String,
    /// Where agents dial in.
    pub websocket_url: String,
    /// Whether that is TLS.
    pub tls: bool,
    /// The CA that signed the server's certificate.
    pub ca_pem: Option<String>,
    /// Agents are served without TLS on an address that others can reach.
    pub plaintext_warning: bool,
    /// Configuration of `cusp-agent`, ready to paste.
    pub agent_toml: String,
    /// Factory reset parameters of OB-USP-AGENT, ready to paste.
    pub obuspa: String,
    /// MQTT brokers and STOMP servers through which devices are reached as well.
    pub brokers: Vec<BrokerInfo>,
}

/// What a device needs to be reached through an MQTT broker or a STOMP server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct BrokerInfo {
    /// `MQTT` or `STOMP`.
    pub protocol: String,
    /// `mqtt://HOST[:PORT]` or `stomp://HOST[:PORT]`; with TLS `mqtts` or `stomps`.
    pub url: String,
    /// Whether that is TLS.
    pub tls: bool,
    /// The version that the controller speaks with it: of MQTT `5.0` or `3.1.1`, of STOMP `1.2`.
    pub version: String,
    /// The controller's topic or destination, which agents send to.
    pub topic: String,
    /// Configuration of `cusp-agent`, ready to paste.
    pub agent_toml: String,
    /// Factory reset parameters of OB-USP-AGENT; `ENDPOINT_HERE` stands for the device's endpoint id.
    pub obuspa: String,
}
