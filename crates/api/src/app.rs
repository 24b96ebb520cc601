//! What every handler shares: store, gateway, settings, and the bounded tables of sign-in and models.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use dm::UtcTime;
use fleet::port::Store;
use fleet::{Stamp, TenantId};
use tokio::sync::Semaphore;

use crate::auth::{PasswordCost, Passwords, Throttle, random};
use crate::catalogue::Known;
use crate::gateway::Gateway;
use crate::imported::Library;
use crate::limits;
use crate::models::Models;
use crate::problem::Problem;
use crate::tenants::{KnownNames, Names};

/// Says what time it is.
pub type Clock = Arc<dyn Fn() -> UtcTime + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UtcTime(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    })
}

/// The address that a request came from. The listener puts it into the request's extensions; where it is
/// missing, all such requests count as one address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Peer(pub IpAddr);

/// Whether a caller on this connection has been recognised. A listener that wants to know puts one into the
/// extensions of each request.
#[derive(Clone, Default, Debug)]
pub struct Recognised(Arc<AtomicBool>);

impl Recognised {
    /// Whether a request of this connection came with a good credential.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the host decides.
#[derive(Clone)]
pub struct Settings {
    /// Whether the listener speaks TLS: cookies are then marked `Secure`.
    pub tls: bool,
    /// How expensive it is to guess passwords.
    pub password_cost: PasswordCost,
    /// The clock.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { tls: false, password_cost: PasswordCost::default(), clock: system_clock() }
    }
}

/// The state of the API. Clones share it.
pub struct App<S>(Arc<Inner<S>>);

struct Inner<S> {
    store: S,
    gateway: Arc<dyn Gateway>,
    settings: Settings,
    passwords: Passwords,
    throttle: Throttle,
    models: Models,
    library: Library,
    names: KnownNames,
    streams: Arc<Semaphore>,
}

impl<S> Clone for App<S> {
    fn clone(&self) -> Self {
        App(Arc::clone(&self.0))
    }
}

impl<S: Store> App<S> {
    /// The API over a store and a running server.
    pub fn new(store: S, gateway: Arc<dyn Gateway>, settings: Settings) -> Self {
        App(Arc::new(Inner {
            store,
            gateway,
            passwords: Passwords::new(settings.password_cost),
            settings,
            throttle: Throttle::default(),
            models: Models::default(),
            library: Library::default(),
            names: KnownNames::default(),
            streams: Arc::new(Semaphore::new(limits::STREAMS)),
        }))
    }

    pub(crate) fn store(&self) -> &S {
        &self.0.store
    }

    pub(crate) fn gateway(&self) -> &dyn Gateway {
        &*self.0.gateway
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) fn models(&self) -> &Models {
        &self.0.models
    }

    pub(crate) fn library(&self) -> &Library {
        &self.0.library
    }

    /// What is known of standard and imported parameters.
    pub(crate) fn known(&self) -> Known {
        Known(self.0.library.models())
    }

    /// Takes the imported data models that are stored into use; to be called once at the start.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn reload_data_models(&self) -> Result<(), Problem> {
        self.0.library.reload(&self.0.store, TenantId::PLATFORM).await?;
        self.0.models.forget();
        self.0.gateway.data_models_changed(self.0.library.models());
        Ok(())
    }

    /// Names of tenants, those of these among them.
    pub(crate) async fn names(&self, of: impl IntoIterator<Item = TenantId>) -> Result<Names, Problem> {
        self.0.names.with(&self.0.store, of).await
    }

    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.0.streams
    }

    pub(crate) fn now(&self) -> UtcTime {
        (self.0.settings.clock)()
    }

    /// The time, and chance for one id.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { at: self.now(), chance: random() }
    }
}
