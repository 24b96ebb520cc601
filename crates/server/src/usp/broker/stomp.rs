//! A STOMP server.

use mtp::Error;
use mtp::stomp::{Client, Session};

/// How to connect to it.
pub(crate) struct Stomp {
    /// All but the login.
    pub(crate) client: Client,
    /// User name.
    pub(crate) username: Option<String>,
}

impl Stomp {
    /// One attempt.
    pub(super) async fn connect(&mut self, password: Option<String>) -> Result<Session, Error> {
        let username = self.username.clone();
        self.client.config.login = username.map(|username| (username, password.unwrap_or_default()));
        self.client.connect().await
    }
}
