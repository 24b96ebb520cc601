//! A fleet that loses power and comes back, over each of its transports.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use mtp::{PeerAuth, PeerCertificate};
use pki::{Ca, DeviceVerifier, ServerNames, ServerTls, Validity};
use sim::usp::{Comeback, Notice as Told, Options, PowerCut, Report, run};
use usp_endpoint::controller::io::{Notice, OnboardingPlan, Subscription};

use crate::controller::{CONTROLLER, Controller, Event};
use crate::fleet::quiet;

const AGENTS: usize = 12;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Subscribes to Boot!.
fn plan() -> OnboardingPlan {
    let subscription = Subscription {
        id: "boot".to_owned(),
        notif_type: "Event".to_owned(),
        reference_list: "Device.Boot!".to_owned(),
        persistent: true,
        retry: true,
    };
    OnboardingPlan { subscriptions: vec![subscription], complete: true, ..OnboardingPlan::default() }
}

fn storm(url: &str) -> Options {
    let power_cut = PowerCut { after: Duration::ZERO, comeback: Comeback::AtOnce };
    Options {
        power_cut: Some(power_cut),
        controller: Some(CONTROLLER.to_owned()),
        duration: Some(Duration::from_secs(60)),
        ..quiet(AGENTS, url)
    }
}

fn check(report: &Report) {
    let cut = report.power_cut.expect("there was a cut");
    assert_eq!((cut.agents, cut.back, cut.acknowledged), (AGENTS, AGENTS, AGENTS), "{report:?}");
    assert_eq!((cut.failed_attempts, cut.over_window), (0, 0), "{report:?}");
    assert_eq!((cut.connect_latency.count, cut.boot_latency.count), (12, 12), "{report:?}");
    assert!(cut.agents_per_s > 0.0 && cut.longest_away_s >= cut.back_s, "{report:?}");
    assert_eq!((report.connects, report.disconnects, report.onboarded), (24, 12, 12), "{report:?}");
}

/// How many Boot!s the controller heard, and how many of its links had a peer with a certificate of its own.
fn heard(controller: &mut Controller) -> (usize, usize) {
    let (mut boots, mut proven) = (0, 0);
    while let Ok(event) = controller.events.try_recv() {
        match event {
            Event::Noticed(Notice::Event { path, name, .. }) => {
                boots += usize::from(path == "Device." && name == "Boot!");
            }
            Event::Up(session) => {
                let own = |certificate: &PeerCertificate| {
                    certificate.trusted && certificate.endpoint_ids == [session.agent.clone()]
                };
                let is_own = matches!(&session.peer, PeerAuth::Certificate(certificate) if own(certificate));
                proven += usize::from(is_own);
            }
            _ => {}
        }
    }
    (boots, proven)
}

#[tokio::test]
async fn all_boot_again_over_websocket() {
    let mut controller = Controller::start(plan()).await;
    let told: Arc<Mutex<Vec<Told>>> = Arc::default();
    let to_tell = told.clone();
    let tell: sim::usp::Tell = Arc::new(move |notice| to_tell.lock().unwrap().push(notice.clone()));
    let report = run(Options { tell: Some(tell), ..storm(&controller.url()) }, std::future::pending()).await;
    check(&report.unwrap());
    // Their subscriptions are made after they have booted for the first time.
    assert_eq!(heard(&mut controller), (AGENTS, 0));
    assert!(told.lock().unwrap().contains(&Told::PowerCut { agents: AGENTS }));
}

#[tokio::test]
async fn all_boot_again_behind_a_broker() {
    let mut controller = Controller::behind_broker(plan()).await;
    let url = format!("mqtt://{}", controller.addr);
    check(&run(storm(&url), std::future::pending()).await.unwrap());
    assert_eq!(heard(&mut controller), (AGENTS, 0));
}

#[tokio::test]
async fn each_agent_shows_a_certificate_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let validity = Validity::lasting(SystemTime::now(), DAY);
    let ca = Ca::create("Test", validity).unwrap();
    let names = ServerNames { ips: vec!["127.0.0.1".parse().unwrap()], ..ServerNames::default() };
    let identity = ca.issue_server(&names, validity).unwrap();
    // The server is told of the fleet's CA before the fleet begins.
    let certificates = folder.path().to_owned();
    let seal = pki::SealKey::load_or_create(&certificates.join("seal.key")).unwrap();
    let fleet = Ca::load_or_create(&certificates, &seal, "Fleet", validity).unwrap();
    let verifier =
        DeviceVerifier::new(std::slice::from_ref(fleet.certificate()), true, pki::provider()).unwrap();
    let tls = ServerTls::new(&identity, verifier).unwrap();
    let mut controller = Controller::secure(plan(), tls).await;
    let url = format!("wss://{}/usp", controller.addr);
    let options = Options {
        ca_pem: Some(ca.certificate_pem().into_bytes()),
        certificates: Some(certificates),
        ..storm(&url)
    };
    check(&run(options, std::future::pending()).await.unwrap());
    // Twice: before the cut and after it.
    assert_eq!(heard(&mut controller), (AGENTS, 2 * AGENTS));
}
