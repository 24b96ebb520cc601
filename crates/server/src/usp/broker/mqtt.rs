//! An MQTT broker.

use std::path::PathBuf;

use mtp::Error;
use mtp::mqtt::{Client, Session};

/// How to connect to it.
pub(crate) struct Mqtt {
    /// All but the password.
    pub(crate) client: Client,
    /// Where the client id is kept that the broker gave us.
    pub(crate) client_id_file: PathBuf,
}

impl Mqtt {
    /// One attempt.
    pub(super) async fn connect(&mut self, password: Option<String>) -> Result<Session, Error> {
        self.client.settings.password = password;
        let session = self.client.connect().await?;
        if let Some(id) = session.assigned_client_id() {
            self.keep_client_id(id.to_owned());
        }
        Ok(session)
    }

    /// R-MQTT.9, R-MQTT.11: the id that the broker gave us is ours from now on, in later runs too.
    fn keep_client_id(&mut self, id: String) {
        if let Err(error) = pki::file::write_atomic(&self.client_id_file, id.as_bytes(), 0o600) {
            tracing::warn!(%error, "the client id of a broker was not kept");
        }
        self.client.settings.client_id = Some(id);
    }
}
