//! Two hosts on one link: network namespaces that the test makes, a cable between them, and real sockets.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;

use mtp::EndpointId;
use mtp::discovery::ask::Asker;
use mtp::discovery::found::{Found, Wanted};
use mtp::discovery::service::Mtp;
use mtp::discovery::{Advert, Advertiser, Attributes, Party, Service};
use requirement::requirement;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

use super::packets::{A, PTR, SRV, TXT, name, record, srv, txt};

/// Runs in a network namespace of its own, and tells the id of the thread that has it. Where the system forbids
/// namespaces to this user, the test says so and does not run.
fn namespace<T: Send + 'static, F: Future<Output = T>>(
    run: impl FnOnce() -> F + Send + 'static,
) -> Option<(i32, JoinHandle<T>)> {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        #[expect(unsafe_code, reason = "a network namespace for this thread alone; no memory is involved")]
        let result = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) };
        let _ = tell.send(result.map(|()| rustix::thread::gettid().as_raw_nonzero().get()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run())
    });
    match told.recv().expect("the thread runs") {
        Ok(id) => Some((id, thread)),
        Err(error) => {
            use std::io::Write;
            assert!(!may_make_namespaces(), "no network namespace: {error}");
            let _ = writeln!(std::io::stderr(), "not run, no network namespace: {error}");
            None
        }
    }
}

/// Whether this user may: CAP_SYS_ADMIN, the 22nd bit.
fn may_make_namespaces() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("capabilities");
    u64::from_str_radix(line.trim(), 16).expect("hexadecimal") >> 21 & 1 == 1
}

/// `ip` in the namespace of this thread.
fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).status().expect("iproute2 is installed");
    assert!(done.success(), "ip {words}");
}

/// No test asks so often unless something is broken.
const ROUNDS: u32 = 20;

fn id() -> EndpointId {
    EndpointId::receive("proto:a.b:c").expect("an id")
}

fn advertiser(party: Party, listed: bool) -> Advertiser {
    let advert = Advert {
        service: Service { party, mtp: Mtp::WebSocket },
        port: 8184,
        attributes: Attributes { path: Some("/usp".to_owned()), name: None, encrypt: true },
        subtypes: Vec::new(),
        listed,
    };
    Advertiser { endpoint: id(), adverts: vec![advert], interfaces: Vec::new() }
}

/// Asks until somebody answers: names are free only after a second.
async fn browse(asker: &Asker, wanted: &Wanted) -> Found {
    for _ in 0..ROUNDS {
        if let Some(found) = asker.browse(wanted).await.into_iter().next() {
            return found;
        }
    }
    panic!("nobody answers {wanted:?}");
}

/// What the other end of the cable is asked, and by whom.
fn on_a_link<T: Send + 'static, F: Future<Output = T>>(
    advertiser: Advertiser,
    ask: impl FnOnce() -> F + Send + 'static,
) -> Option<T> {
    let (cable, cabled) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let (far, advertising) = namespace(move || async move {
        cabled.await.expect("there is a cable");
        ip("address add 192.0.2.100/24 dev far");
        ip("link set far up");
        advertiser.run(async { drop(stopped.await) }).await;
    })?;
    let (_, asking) = namespace(move || async move {
        ip(&format!("link add near type veth peer name far netns {far}"));
        ip("address add 192.0.2.7/24 dev near");
        ip("link set near up");
        cable.send(()).expect("the other end waits");
        ask().await
    })?;
    let answer = asking.join().expect("no panic");
    drop(stop);
    advertising.join().expect("no panic");
    Some(answer)
}

#[requirement("R-DIS.3", "R-DIS.8")]
#[test]
fn an_agent_is_found() {
    let wanted = Wanted::new(Party::Agent, "local", None).expect("a domain");
    let found =
        on_a_link(
            advertiser(Party::Agent, true),
            move || async move { browse(&Asker::default(), &wanted).await },
        );
    let Some(found) = found else { return };
    assert_eq!((found.endpoint, found.host.as_str(), found.port), (id(), r"proto:a\.b:c.local", 8184));
    assert!(found.addresses.contains(&IpAddr::from([192, 0, 2, 100])), "{:?}", found.addresses);
    assert_eq!(found.attributes.path.as_deref(), Some("/usp"));
    assert!(found.attributes.encrypt);
}

#[requirement("R-DIS.5")]
#[test]
fn a_controller_that_is_not_listed_is_found_by_its_id_and_its_host_by_name() {
    let found = on_a_link(advertiser(Party::Controller, false), || async {
        let asker = Asker::default();
        let wanted = Wanted::new(Party::Controller, "local", Some(id())).expect("a domain");
        let found = browse(&asker, &wanted).await;
        let anybody = Wanted::new(Party::Controller, "local", None).expect("a domain");
        assert_eq!(asker.browse(&anybody).await, []);
        assert_eq!(asker.addresses("other.local").await, [] as [IpAddr; 0]);
        (found.port, asker.addresses(&found.host).await)
    });
    let Some(found) = found else { return };
    assert_eq!(found, (8184, vec![IpAddr::from([192, 0, 2, 100])]));
}

/// A name server that knows these records, each of which answers a question of its own, and counts what it is asked.
async fn name_server(
    records: Vec<(Vec<u8>, u16, Vec<u8>)>,
) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<u16>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let address = socket.local_addr().expect("an address");
    let (heard, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            let question = &bytes[12..length];
            let (labels, kind) = question.split_at(length - 12 - 4);
            let kind = u16::from_be_bytes([kind[0], kind[1]]);
            let _ = heard.send(kind);
            let answers = records.iter().filter(|(name, own, _)| name == labels && *own == kind);
            let answers: Vec<&[u8]> = answers.map(|(.., record)| record.as_slice()).collect();
            let mut answer = bytes[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::try_from(answers.len()).expect("few"), 0, 0, 0, 0]);
            answer.extend(question);
            answer.extend(answers.concat());
            // First one with another number, and one to another question, which nobody asked for; and an echo.
            let (mut number, mut name) = (answer.clone(), answer.clone());
            number[0] ^= 1;
            name[13] ^= 1;
            name[7] = 0;
            name.truncate(length);
            for forged in [&number[..], &name, &bytes[..length]] {
                let _ = socket.send_to(forged, from).await;
            }
            let _ = socket.send_to(&answer, from).await;
        }
    });
    (address, asked)
}

#[requirement("R-DIS.6", "R-DIS.7")]
#[tokio::test]
async fn a_controller_of_a_domain_is_asked_of_name_servers() {
    let list: &[&str] = &["_usp-ctr-ws", "_tcp", "host", "example", "com"];
    let instance: &[&str] = &["proto:a.b:c", "_usp-ctr-ws", "_tcp", "example", "com"];
    let host: &[&str] = &["host", "example", "com"];
    let records = [
        (list, PTR, name(instance)),
        (instance, SRV, srv(0, 1, 5684, host)),
        (instance, TXT, txt(&["path=/usp", "encrypt"])),
        (host, A, vec![192, 0, 2, 200]),
    ];
    let records = records.map(|(labels, kind, data)| (name(labels), kind, record(labels, kind, 300, &data)));
    let (server, mut asked) = name_server(records.to_vec()).await;
    let nobody = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let dead = nobody.local_addr().expect("an address");
    drop(nobody);
    let asker = Asker { interfaces: Vec::new(), servers: vec![dead, server] };
    let wanted = Wanted::new(Party::Controller, "host.example.com", None).expect("a domain");
    let found = asker.browse(&wanted).await;
    let expected = Found {
        endpoint: id(),
        service: Service { party: Party::Controller, mtp: Mtp::WebSocket },
        host: "host.example.com".to_owned(),
        port: 5684,
        addresses: vec![IpAddr::from([192, 0, 2, 200])],
        attributes: Attributes { path: Some("/usp".to_owned()), name: None, encrypt: true },
    };
    assert_eq!(found, [expected]);
    let mut kinds = Vec::new();
    while let Ok(kind) = asked.try_recv() {
        kinds.push(kind);
    }
    // Lists of four services; the one that there is; its host.
    kinds.sort_unstable();
    assert_eq!(kinds, [A, PTR, PTR, PTR, PTR, TXT, super::packets::AAAA, SRV]);
}
