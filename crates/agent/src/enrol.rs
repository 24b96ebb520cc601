//! Trust: whose certificates count for a controller, and how this device is given its own against a
//! one-time token, and each next one on the proof of the present one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::SystemTime;

use anyhow::{Context, Result};
use dm::path::ObjectPath;
use dm::tree::Tree;
use engine::Instance;
use engine::trust::{Trusted, trusted};
use mtp::EndpointId;
use mtp::ws::{Dialer, WsUrl};
use pki::{
    ClientTls, ControllerVerifier, DeviceVerifier, Identity as Credential, PendingIdentity, ServerTls, Trust,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::config::{Config, ControllerConfig};
use crate::providers::time::credible;
use crate::revoked::Revoked;
use crate::state::{Origin, StateDir};
use crate::system::SystemRoot;
use crate::trust::Certificates;

/// Where distributions keep the certificates of public CAs.
const SYSTEM_ROOTS: [&str; 2] = ["etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem"];

/// What links need to prove who they are, and to believe who answers.
#[derive(Debug)]
pub struct Credentials {
    state: StateDir,
    root: SystemRoot,
    endpoint: EndpointId,
    controllers: Vec<ControllerConfig>,
    /// Whose tables say who is trusted.
    instance: OnceLock<Weak<Instance>>,
    /// What CAs have taken back.
    revoked: Arc<Revoked>,
    /// What sessions trust, by controller.
    in_sessions: Mutex<BTreeMap<EndpointId, Trust>>,
    own: Mutex<(Credential, Origin)>,
    /// Those that show it.
    listeners: Mutex<Vec<ServerTls>>,
}

impl Credentials {
    /// Reads or makes the device's credential.
    ///
    /// # Errors
    /// When there is one that can't be read.
    pub fn load(
        state: StateDir,
        root: SystemRoot,
        config: &Config,
        endpoint: EndpointId,
    ) -> Result<Arc<Credentials>> {
        let own = Mutex::new(state.credential(config, &endpoint).context("the device's certificate")?);
        let controllers = config.controllers.clone();
        let revoked = Revoked::open(&config.policy.revoked)?;
        let (instance, in_sessions, listeners) = (OnceLock::new(), Mutex::default(), Mutex::default());
        Ok(Arc::new(Credentials {
            state,
            root,
            endpoint,
            controllers,
            instance,
            revoked,
            in_sessions,
            own,
            listeners,
        }))
    }

    /// From now on the tables of this instance say who is trusted; they are read for each connection anew. Before
    /// that, the system's CAs are.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn attach(self: &Arc<Self>, instance: &Arc<Instance>) {
        let _ = self.instance.set(Arc::downgrade(instance));
        let tables = ObjectPath::parse("Device.LocalAgent.").expect("a literal");
        let Some(mut changes) = instance.follow(&tables) else { return };
        instance.with_tree(|tree| self.read_for_sessions(tree));
        self.retrust();
        let (me, instance) = (self.clone(), Arc::downgrade(instance));
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(instance) = instance.upgrade() else { return };
                instance.with_tree(|tree| me.read_for_sessions(tree));
                me.retrust();
            }
        });
    }

    /// What CAs have taken back.
    pub fn revoked(&self) -> Arc<Revoked> {
        self.revoked.clone()
    }

    /// The device's own.
    pub fn own(&self) -> Credential {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// TLS towards a controller.
    ///
    /// # Errors
    /// When a CA can't serve as one, or our own certificate can't be used.
    pub fn tls(&self, controller: &EndpointId) -> Result<ClientTls> {
        self.tls_at(SystemTime::now(), controller)
    }

    /// The same at a time that the system tells, or makes up because its clock was never set.
    ///
    /// # Errors
    /// As [`Credentials::tls`].
    pub fn tls_at(&self, now: SystemTime, controller: &EndpointId) -> Result<ClientTls> {
        let trust = self.trust(Some(controller));
        // R-MTP.2: dates count once there is a time to compare them with.
        let check_dates = credible(now).is_some();
        let verifier =
            ControllerVerifier::new(&trust, Some(controller.clone()), check_dates, pki::provider())?;
        Ok(ClientTls::new(Some(&self.own()), verifier)?)
    }

    /// TLS towards the broker of these controllers, which must be who its address says: what vouches for one of
    /// them vouches for it.
    ///
    /// # Errors
    /// When a CA can't serve as one, or our own certificate can't be used.
    pub fn broker_tls(&self, controllers: &[EndpointId]) -> Result<ClientTls> {
        self.broker_tls_at(SystemTime::now(), controllers)
    }

    /// The same at a time that the system tells, or makes up because its clock was never set.
    ///
    /// # Errors
    /// As [`Credentials::broker_tls`].
    pub fn broker_tls_at(&self, now: SystemTime, controllers: &[EndpointId]) -> Result<ClientTls> {
        let mut trust = Trust { crls: self.revoked.lists(), ..Trust::default() };
        for controller in controllers {
            let one = self.trust(Some(controller));
            trust.roots.extend(one.roots);
            trust.pinned.extend(one.pinned);
        }
        if controllers.is_empty() {
            trust.roots = self.roots();
        }
        let check_dates = credible(now).is_some();
        let verifier = ControllerVerifier::new(&trust, None, check_dates, pki::provider())?;
        Ok(ClientTls::new(Some(&self.own()), verifier)?)
    }

    /// TLS towards file servers: any that a controller's CA or the system vouches for. Our own certificate
    /// is for controllers only.
    ///
    /// # Errors
    /// When a CA can't serve as one.
    pub fn upload_tls(&self) -> Result<ClientTls> {
        let mut trust = Trust { roots: self.roots(), crls: self.revoked.lists(), ..Trust::default() };
        trust.roots.extend(self.system_roots());
        let check_dates = credible(SystemTime::now()).is_some();
        let verifier = ControllerVerifier::new(&trust, None, check_dates, pki::provider())?;
        Ok(ClientTls::new(None, verifier)?)
    }

    fn system_roots(&self) -> Vec<CertificateDer<'static>> {
        let system = SYSTEM_ROOTS.iter().find_map(|path| self.root.bytes(path));
        system.and_then(|pem| pki::pem::certificates(&pem).ok()).unwrap_or_default()
    }

    /// What the tables name for a controller; where they name nothing, the system's CAs.
    fn trust(&self, controller: Option<&EndpointId>) -> Trust {
        let read = |tree: &Tree| trusted(tree, &Certificates::default(), controller);
        let instance = self.instance.get().and_then(Weak::upgrade);
        let mut trust = trust_of(instance.and_then(|instance| instance.with_tree(read)).unwrap_or_default());
        if trust.roots.is_empty() && trust.pinned.is_empty() && controller.is_some() {
            trust.roots = self.system_roots();
        }
        trust.crls = self.revoked.lists();
        trust
    }

    /// Whose certificates count in end-to-end sessions with a controller: what the tables name for it, less what
    /// may not say who is a controller, and nothing of the system's. Sessions ask under the lock of the
    /// instance: the answer is the one that the last change of the tables has left here.
    pub fn session_trust(&self, controller: &EndpointId) -> Trust {
        let trusted = self.in_sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let trust = trusted.get(controller).cloned().unwrap_or_default();
        Trust { crls: self.revoked.lists(), ..trust }
    }

    /// Reads the tables for sessions.
    fn read_for_sessions(&self, tree: &Tree) {
        let controllers = engine::trust::controllers(tree).into_iter().map(|controller| {
            let mut named = trusted(tree, &Certificates::default(), Some(&controller));
            named.first_use = false;
            named.certificates.retain(|(_, names_controllers)| *names_controllers);
            (controller, trust_of(named))
        });
        let controllers = controllers.collect();
        *self.in_sessions.lock().unwrap_or_else(PoisonError::into_inner) = controllers;
    }

    /// The CAs of all controllers, for those that dial in.
    pub fn roots(&self) -> Vec<CertificateDer<'static>> {
        self.trust(None).roots
    }

    /// The token with which this device may still ask a controller for a certificate.
    pub fn token(&self, controller: &EndpointId) -> Option<String> {
        let enrolled = self.own.lock().unwrap_or_else(PoisonError::into_inner).1 == Origin::Enrolled;
        let config = self.controllers.iter().find(|config| config.endpoint == controller.as_str())?;
        config.token.clone().filter(|_| !enrolled)
    }

    /// Asks for a certificate, and keeps it.
    ///
    /// # Errors
    /// When the controller can't be reached or does not issue one.
    pub async fn enrol(&self, dialer: &Dialer, token: &str) -> Result<()> {
        let pending = PendingIdentity::generate(&self.endpoint)?;
        let chain = dialer.enrol(token, pending.request_pem()).await?;
        self.keep(&pending.complete(&chain)?)?;
        if let Some(controller) = dialer.expected.as_ref().filter(|_| dialer.url.secure) {
            self.state.keep_renewal(controller, &dialer.url)?;
        }
        Ok(())
    }

    /// Where the next certificate may be asked for, beside the ways that the tables know: as the configuration says, and
    /// where the first one came from.
    pub fn renewals(&self) -> Vec<(EndpointId, WsUrl)> {
        let said = self.controllers.iter().filter_map(|controller| {
            let url = controller.renewal().ok().flatten()?;
            Some((EndpointId::receive(&controller.endpoint).ok()?, url))
        });
        said.chain(self.state.renewal()).collect()
    }

    /// Whether it is time for the next certificate: two thirds of the life of the one that a controller issued
    /// are over. False while the time is not known.
    pub fn due(&self, now: SystemTime) -> bool {
        let (own, origin) = &*self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(leaf) = own.chain().first().filter(|_| *origin == Origin::Enrolled) else { return false };
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let late = |at| UnixTime::since_unix_epoch(since) > at;
        credible(now).is_some() && pki::cert::renew_at(leaf).is_ok_and(late)
    }

    /// Whether a CA that vouches for this controller issued the device's certificate.
    pub fn issued_by(&self, controller: &EndpointId) -> bool {
        let (own, roots) = (self.own(), self.trust(Some(controller)).roots);
        let leaf = own.chain().first();
        leaf.is_some_and(|leaf| roots.iter().any(|root| pki::cert::signed_by(leaf, root)))
    }

    /// Asks for the next certificate with the present one, which `dialer` shows, and keeps it.
    ///
    /// # Errors
    /// When the controller can't be reached or does not issue one; the present one stays.
    pub async fn renew(&self, dialer: &Dialer) -> Result<()> {
        let pending = PendingIdentity::generate(&self.endpoint)?;
        let chain = dialer.renew(pending.request_pem()).await?;
        self.keep(&pending.complete(&chain)?)
    }

    /// Has a listener show each certificate that the device is given from here on, and believe whom the tables name.
    pub fn follow(&self, listener: &ServerTls) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener.clone());
        self.retrust();
    }

    /// Has listeners believe whom the tables name now, in handshakes from here on.
    pub fn retrust(&self) {
        let roots = self.roots();
        for listener in &*self.listeners.lock().unwrap_or_else(PoisonError::into_inner) {
            match DeviceVerifier::with_crls(&roots, &self.revoked.lists(), true, pki::provider()) {
                Ok(verifier) => listener.retrust(verifier),
                Err(error) => tracing::error!(%error, "a listener goes on with the CAs that it had"),
            }
        }
    }

    /// Keeps and shows a certificate. Once it is kept it is the device's own, whatever listeners make of it.
    fn keep(&self, credential: &Credential) -> Result<()> {
        self.state.keep_enrolled(credential)?;
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = (credential.clone(), Origin::Enrolled);
        for listener in &*self.listeners.lock().unwrap_or_else(PoisonError::into_inner) {
            if let Err(error) = listener.replace(credential) {
                tracing::error!(%error, "a listener goes on with the certificate that it had");
            }
        }
        Ok(())
    }
}

/// Certificates that sign, and those that count by themselves.
fn trust_of(named: Trusted) -> Trust {
    let mut trust = Trust { pinned: named.pins, first_use: named.first_use, ..Trust::default() };
    for (certificate, _) in named.certificates {
        match certificate.is_ca {
            true => trust.roots.push(certificate.der.into()),
            false => trust.pinned.push(pki::fingerprint(&certificate.der)),
        }
    }
    trust
}
