//! A host with several addresses, of which some are dead.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::first_of;

/// Far less than the system takes to give an address up.
const PATIENCE: Duration = Duration::from_secs(20);

/// An address where nobody answers, not even with a refusal: the queue of its listener is full.
async fn silent() -> (SocketAddr, TcpListener, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    // Linux queues one more than it was told.
    let waiting = TcpStream::connect(addr).await.unwrap();
    (addr, listener, waiting)
}

#[tokio::test]
async fn a_dead_address_does_not_eat_the_time_of_the_others() {
    let (dead, _listener, _waiting) = silent().await;
    // Free a moment ago, so that it refuses.
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let alive = listener.local_addr().unwrap();
    for addresses in [vec![alive, dead], vec![refusing, alive], vec![dead, refusing, dead, alive]] {
        let connecting = timeout(PATIENCE, first_of(addresses.iter().copied(), None));
        let (_, found) = connecting.await.expect("in time").expect("some").expect("connected");
        assert_eq!(found, alive, "{addresses:?}");
    }
    // Without another one it is waited for, and a refusal is told.
    assert!(timeout(Duration::from_secs(1), first_of([dead].into_iter(), None)).await.is_err());
    let refused = first_of([refusing].into_iter(), None).await.expect("one was tried");
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(first_of(std::iter::empty(), None).await.is_none());
}
