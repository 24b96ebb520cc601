//! The trust store by the messages of a controller, and what it means for the next connection.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use agent::audit::AuditLog;
use agent::config::Config;
use agent::enrol::Credentials;
use agent::identity::Identity;
use agent::links::Context;
use agent::state::StateDir;
use agent::system::SystemRoot;
use agent::trust::Certificates;
use agent::{host, links};
use dm::operation::{CommandResult, ObjectSettings, Operate, ParamSetting, Set};
use dm::{Operation, Outcome};
use engine::Instance;
use engine::trust::TrustCrypto;
use mtp::ws::{Dialer, ListenConfig, Listener};
use mtp::{AdmitAll, DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkUp, PeerAuth, Role, Verdict};
use pki::{Ca, DeviceVerifier, Edition, Reason, Revoked, ServerNames, ServerTls, Validity};
use requirement::requirement;
use tokio::sync::watch;

use crate::links::names;
use crate::peer::Controller;

const CERTIFICATE: &str = "Device.LocalAgent.Certificate.";

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}

/// Takes connections, and says nothing.
struct Silent;

impl LinkHandler for Silent {
    fn up(&self, link: LinkUp) {
        link.sender.authorise();
    }

    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

/// A controller behind TLS, with a certificate of this CA.
async fn secure(ca: &Ca, year: Validity) -> u16 {
    let names = ServerNames {
        ips: vec![[127, 0, 0, 1].into()],
        endpoint: Some(id("proto::secure")),
        ..Default::default()
    };
    secure_by(&ca.issue_server(&names, year).expect("a certificate")).await
}

/// The same with this certificate.
async fn secure_by(server: &pki::Identity) -> u16 {
    let devices = DeviceVerifier::new(&[], false, pki::provider()).expect("no CA");
    let tls = ServerTls::new(server, devices).expect("a certificate");
    let how = ListenConfig::new("/usp", id("proto::secure"), Role::Controller);
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Some(tls), how).await.expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(listener.run(Arc::new(Silent), Arc::new(AdmitAll), std::future::pending()));
    port
}

/// An agent over a folder, and its credentials.
async fn agent(
    config: &Config,
    folder: &std::path::Path,
) -> (Arc<Instance>, Arc<Credentials>, Arc<AuditLog>) {
    let state = StateDir::open(folder).expect("a folder");
    let endpoint = id("proto:lab:agent");
    let credentials = Credentials::load(state.clone(), SystemRoot::at(folder), config, endpoint.clone());
    let credentials = credentials.expect("a certificate");
    let identity = Identity::default();
    let instance = host::instance(config, &state, &identity, &endpoint, None, Vec::new());
    let instance = instance.await.expect("an instance");
    instance.start().await.expect("it starts");
    credentials.attach(&instance);
    let audit = AuditLog::open(&state.audit_log()).expect("a log");
    instance.audit(audit.clone());
    (instance, credentials, audit)
}

/// Whether the next connection with `proto::secure` would stand.
async fn connects(credentials: &Credentials, port: u16) -> bool {
    let url = format!("wss://127.0.0.1:{port}/usp").parse().expect("a URL");
    let mut dialer = Dialer::new(url, id("proto:lab:agent"), Role::Agent);
    dialer.expected = Some(id("proto::secure"));
    dialer.tls = Some(credentials.tls(&id("proto::secure")).expect("the tables can be used"));
    dialer.connect().await.is_ok()
}

async fn call(controller: &mut Controller, command: &str, args: &[(&str, &str)]) -> CommandResult {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let operate = Operate { command: command.to_owned(), command_key: String::new(), send_resp: true, args };
    match controller.ask(Operation::Operate(operate)).await {
        Outcome::Operate(mut results) => results.remove(0).result.expect("it succeeds"),
        other => panic!("{other:?}"),
    }
}

async fn set(controller: &mut Controller, path: &str, param: &str, value: &str) {
    let params = vec![ParamSetting { param: param.to_owned(), value: value.to_owned(), required: true }];
    let objects = vec![ObjectSettings { path: path.to_owned(), params }];
    let answer = controller.ask(Operation::Set(Set { allow_partial: false, objects })).await;
    assert!(matches!(&answer, Outcome::Set(results) if results[0].result.is_ok()), "{answer:?}");
}

#[tokio::test]
async fn what_the_tables_say_holds_for_the_next_connection() {
    let year = Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 60 * 60));
    let ca = Ca::create("test", year).expect("a CA");
    let port = secure(&ca, year).await;
    let mut controller = Controller::listen().await;
    let text = format!(
        "[[controller]]\nendpoint = \"proto::controller\"\nurl = \"ws://127.0.0.1:{}/usp\"\n\
         [[controller]]\nendpoint = \"proto::secure\"\n",
        controller.port
    );
    let config = Config::parse(&text).expect("well-formed");
    let folder = tempfile::tempdir().expect("a folder");
    let (instance, credentials, audit) = agent(&config, folder.path()).await;
    let (stop, stopped) = watch::channel(false);
    let dialling = links::keep(
        Context::new(
            instance.clone(),
            credentials.clone(),
            id("proto:lab:agent"),
            Vec::new(),
            names(),
            Arc::default(),
        ),
        stopped,
    );
    let dialling = tokio::spawn(dialling);
    controller.connected().await;
    assert!(!connects(&credentials, port).await, "nobody vouches for it");

    let pem = ca.certificate_pem();
    call(&mut controller, "Device.LocalAgent.AddCertificate()", &[("Certificate", &pem)]).await;
    assert!(!connects(&credentials, port).await, "nobody refers to it");
    let row = "Device.LocalAgent.Controller.2.";
    set(&mut controller, row, "Credential", &format!("{CERTIFICATE}1")).await;
    assert!(connects(&credentials, port).await);
    let in_sessions = || {
        let trust = credentials.session_trust(&id("proto::secure"));
        (trust.roots.len(), trust.pinned.len(), trust.first_use)
    };
    // Sessions hear of it a moment later.
    while in_sessions() != (1, 0, false) {
        tokio::task::yield_now().await;
    }
    let command = format!("{CERTIFICATE}1.GetFingerprint()");
    let shown = call(&mut controller, &command, &[("FingerprintAlgorithm", "SHA-256")]).await;
    let expected = pki::fingerprint_text(&pki::fingerprint(ca.certificate())).replace(':', "");
    assert_eq!(shown, CommandResult::Output(vec![("Fingerprint".to_owned(), expected)]));

    // Another process knows it, too.
    stop.send_replace(true);
    dialling.await.expect("it ends");
    instance.shut_down().await;
    drop(instance);
    audit.close();
    controller.gone().await;
    let (instance, credentials, audit) = agent(&config, folder.path()).await;
    assert!(connects(&credentials, port).await);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(links::keep(
        Context::new(
            instance,
            credentials.clone(),
            id("proto:lab:agent"),
            Vec::new(),
            names(),
            Arc::default(),
        ),
        stopped,
    ));
    controller.connected().await;

    call(&mut controller, &format!("{CERTIFICATE}1.Delete()"), &[]).await;
    assert!(!connects(&credentials, port).await);
    set(&mut controller, "Device.LocalAgent.ControllerTrust.", "TOFUAllowed", "true").await;
    assert!(connects(&credentials, port).await);
    set(&mut controller, row, "X_CUSP_Pin", &"00".repeat(32)).await;
    assert!(!connects(&credentials, port).await, "it had its first use");

    audit.close();
    let audit = std::fs::read_to_string(folder.path().join("audit.log"));
    let audit = audit.expect("an audit log");
    for expected in [
        " proto::controller run Device.LocalAgent.AddCertificate()\n",
        " proto::controller create Device.LocalAgent.Certificate.1. ",
        " proto::controller set Device.LocalAgent.Controller.2.Credential \"Device.LocalAgent.Certificate.1\"\n",
        " proto::controller delete Device.LocalAgent.Certificate.1.\n",
        " proto::controller set Device.LocalAgent.ControllerTrust.TOFUAllowed \"true\"\n",
    ] {
        assert!(audit.contains(expected), "{expected}: {audit}");
    }
}

/// R-MTP.4a, "Revoked?": the lists of the policy count for each handshake, and are read again when they change.
#[tokio::test]
#[requirement("R-MTP.4a", "R-SEC.24a")]
async fn a_revoked_certificate_is_not_connected_to() {
    let year = Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 60 * 60));
    let ca = Ca::create("test", year).expect("a CA");
    let names = ServerNames {
        ips: vec![[127, 0, 0, 1].into()],
        endpoint: Some(id("proto::secure")),
        ..Default::default()
    };
    let server = ca.issue_server(&names, year).expect("a certificate");
    let port = secure_by(&server).await;
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("ca.crl");
    let number = pki::cert::name(&server.chain()[0]).expect("a certificate").serial_number;
    let (this_update, next_update) =
        (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    let edition = |number| Edition { number, this_update, next_update };
    let entry = Revoked { serial_number: number, at: this_update, reason: Reason::KeyCompromise };
    std::fs::write(&list, ca.crl(&[], edition(1)).expect("a list")).expect("it is written");
    let text = format!(
        "[policy]\nrevoked = [{list:?}]\n[[controller]]\nendpoint = \"proto::secure\"\nca = \"\"\"\n{}\"\"\"\n",
        ca.certificate_pem()
    );
    let config = Config::parse(&text).expect("well-formed");
    let (_instance, credentials, _audit) = agent(&config, folder.path()).await;
    assert!(connects(&credentials, port).await);
    let judge = Certificates::with_lists(credentials.revoked());
    assert!(!judge.is_revoked(&server.chain()[0], ca.certificate()));

    std::fs::write(&list, ca.crl(&[entry], edition(2)).expect("a list")).expect("it is written");
    let later = SystemTime::now() + Duration::from_secs(10);
    std::fs::File::options()
        .write(true)
        .open(&list)
        .and_then(|file| file.set_modified(later))
        .expect("a date");
    assert!(credentials.revoked().read_again().expect("a list"));
    assert!(!connects(&credentials, port).await);
    assert!(judge.is_revoked(&server.chain()[0], ca.certificate()));

    // What can't be read takes nothing back.
    std::fs::write(&list, "nonsense").expect("it is written");
    std::fs::File::options()
        .write(true)
        .open(&list)
        .and_then(|file| file.set_modified(later + Duration::from_secs(10)))
        .expect("a date");
    assert!(credentials.revoked().read_again().is_err());
    assert!(judge.is_revoked(&server.chain()[0], ca.certificate()));
    assert!(!connects(&credentials, port).await);
}

/// A listener believes whom the tables name at the moment of the handshake.
#[tokio::test]
async fn listeners_follow_the_tables() {
    let year = Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 60 * 60));
    let ca = Ca::create("test", year).expect("a CA");
    let caller = ca.issue_device_with_key(&id("proto::secure"), year).expect("a certificate");
    let text = "[[controller]]\nendpoint = \"proto::secure\"\n";
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::parse(text).expect("well-formed");
    let (instance, credentials, _audit) = agent(&config, folder.path()).await;
    let nobody = DeviceVerifier::new(&[], true, pki::provider()).expect("no CA");
    let listener = ServerTls::new(&credentials.own(), nobody).expect("a certificate");
    credentials.follow(&listener);
    let is_trusted = || match listener.peer(Some(caller.chain())) {
        PeerAuth::Certificate(peer) => peer.trusted,
        other => panic!("{other:?}"),
    };
    assert!(!is_trusted());
    let certificate = Certificates::default().read_der(ca.certificate()).expect("a certificate");
    let named = instance.change(|tree| {
        let path = dm::ObjectPath::parse("Device.LocalAgent.Controller.1.").expect("a path");
        let row = tree.locate(&path).expect("a row");
        engine::trust::vouch(tree, &Certificates::default(), &row, &certificate).expect("room")
    });
    named.await.expect("it is kept");
    // Listeners hear of it a moment later.
    while !is_trusted() {
        tokio::task::yield_now().await;
    }
}

/// A device's certificate names the device; one that several devices share names them all, by a wildcard behind the same
/// scheme and authority.
#[test]
#[requirement("R-SEC.10", "R-SEC.11")]
fn the_devices_own_certificate_names_it() {
    let year = Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 60 * 60));
    let ca = Ca::create("test", year).expect("a CA");
    let devices = ["os::012345-A1", "os::012345-B2", "os::ABCDEF-A1", "ops::012345-Box-A1"];
    for (named, fits) in [
        ("os::012345-A1", [true, false, false, false]),
        ("os::012345-*", [true, true, false, false]),
        ("ops::012345-Box-*", [false, false, false, true]),
        ("proto::012345-A1", [false; 4]),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let identity = ca.issue_device_with_key(&id(named), year).expect("a certificate");
        identity.save(&cert, &key).expect("it is written");
        let config = format!("[tls]\ncert = {cert:?}\nkey = {key:?}\n");
        let config = Config::parse(&config).expect("well-formed");
        let state = StateDir::open(&folder.path().join("state")).expect("a folder");
        let usable = devices.map(|device| state.credential(&config, &id(device)).is_ok());
        assert_eq!(usable, fits, "{named}");
    }
}
