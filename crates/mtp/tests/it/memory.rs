//! What many idle links cost: the bound that keeps a careless buffer out.

use std::fs;
use std::net::IpAddr;

use bytes::Bytes;

use crate::support::{Recorder, Server};

const LINKS: usize = 2_000;
/// For both ends of a link together: two tasks, two sockets' registrations, and what the test itself
/// holds; no buffers. 4.3 KiB when measured without optimisation; keeping the buffers of the large
/// messages would take 80 more.
const BOUND_PER_LINK: u64 = 8 * 1024;

/// Proportional set size of this process, bytes.
pub(crate) fn memory() -> u64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("Linux tells");
    let line = rollup.lines().find(|line| line.starts_with("Pss:")).expect("a Pss line");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kib * 1024
}

/// Each link takes two descriptors here.
pub(crate) fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit");
}

#[tokio::test]
async fn two_thousand_idle_links_stay_small() {
    raise_descriptor_limit();
    let mut server = Server::start(None).await;
    let before = memory();
    let (handler, mut events) = Recorder::new();
    let mut ends = Vec::with_capacity(LINKS);
    for n in 0..LINKS {
        let mut dialer = server.dialer(false);
        dialer.bind = Some(IpAddr::from([127, 0, 1, u8::try_from(n % 200).unwrap() + 1]));
        let link = dialer.connect().await.expect("another link");
        let handler = handler.clone();
        tokio::spawn(async move { link.run(&*handler).await });
        let (up, dialled) = (server.events.up().await, events.up().await);
        // A life before the idleness: one large message each way, which must not leave its buffers behind.
        dialled.sender.send(Bytes::from(vec![0; 20_000])).unwrap();
        assert_eq!(server.events.record().await.len(), 20_000);
        up.sender.send(Bytes::from(vec![0; 20_000])).unwrap();
        assert_eq!(events.record().await.len(), 20_000);
        ends.push((up.sender, dialled.sender));
    }
    let per_link = (memory().saturating_sub(before)) / LINKS as u64;
    assert!(per_link <= BOUND_PER_LINK, "{per_link} bytes per link");

    // They all still work.
    let (first, last) = (&ends[0], &ends[LINKS - 1]);
    for (up, dialled) in [first, last] {
        dialled.send(Bytes::from_static(b"up")).unwrap();
        assert_eq!(server.events.record().await, b"up");
        up.send(Bytes::from_static(b"down")).unwrap();
        assert_eq!(events.record().await, b"down");
    }
}
