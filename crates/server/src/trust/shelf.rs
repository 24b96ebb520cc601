//! The list of revoked certificates as it is handed out to anybody who asks: signed when it is asked for, and
//! kept for a while, so that strangers can't have the server sign without end.

use std::sync::Arc;

use dm::Mono;
use fleet::port::Store;
use tokio::sync::Mutex;

use super::Authority;
use crate::clock::Clock;
use crate::limits::CRL_FRESH;

/// The list that was signed last.
pub(crate) struct Shelf<S> {
    store: S,
    authority: Arc<Authority>,
    clock: Clock,
    kept: Mutex<Option<(Mono, Arc<[u8]>)>>,
}

impl<S: Store> Shelf<S> {
    /// Of this CA's certificates, as the store knows them.
    pub(crate) fn new(store: S, authority: Arc<Authority>, clock: Clock) -> Shelf<S> {
        Shelf { store, authority, clock, kept: Mutex::default() }
    }

    /// The list, DER; at most [`CRL_FRESH`] old.
    ///
    /// # Errors
    /// In words, when it can't be made.
    pub(crate) async fn list(&self) -> Result<Arc<[u8]>, String> {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now().mono;
        if let Some((made, list)) = &*kept
            && now.since(*made) < CRL_FRESH
        {
            return Ok(Arc::clone(list));
        }
        let at = self.clock.utc();
        let revoked = self.store.revoked_certificates(at).await;
        let revoked = revoked.map_err(|error| error.to_string())?;
        let list = self.authority.crl(&revoked, at).map_err(|error| error.to_string())?;
        let list: Arc<[u8]> = Arc::from(list.as_ref());
        *kept = Some((now, Arc::clone(&list)));
        Ok(list)
    }

    /// Another certificate is revoked: who asks from here on is told.
    pub(crate) async fn clear(&self) {
        *self.kept.lock().await = None;
    }
}
