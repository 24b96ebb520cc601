//! Those at the device: who keeps its audit log, and who consents to what one controller alone may not do.

use std::sync::Arc;

use dm::Now;
use usp_endpoint::agent::audit::Audit;
use usp_endpoint::agent::io::Input;

use super::Instance;

/// Who keeps the audit log of an instance.
pub trait Auditor: Send + Sync {
    /// Takes an entry. Called with the instance's lock held: it must neither block nor call the instance.
    fn note(&self, now: Now, entry: Audit);
}

impl Instance {
    /// Has what is worth it written down from now on.
    pub fn audit(&self, auditor: Arc<dyn Auditor>) {
        if let Some(mut inner) = self.enter() {
            inner.auditor = Some(auditor);
        }
    }

    /// Somebody at the device consents to the requests whose names stand in a text; with none in it, to the only one
    /// that waits for that.
    pub fn consent(&self, names: &str) {
        self.feed(Input::Consent(names.to_owned()));
    }

    /// Certificates are to be judged again: CAs have taken some back.
    pub fn trust_changed(&self) {
        self.feed(Input::TrustChanged);
    }
}
