//! The socket's file, and how many may come.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use mtp::uds::{AdmitLocal, Listener};
use mtp::{DownReason, Error};
use requirement::requirement;

use super::support::{Host, config, dial};

#[tokio::test]
#[requirement("R-UDS.2")]
async fn the_file_has_its_rights_and_goes_with_the_listener() {
    let mut config = config();
    config.mode = 0o660;
    let mut host = Host::with(config, AdmitLocal);
    let mode = fs::metadata(host.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let folder = host.path().parent().unwrap().to_owned();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left there");
    let (mut events, _agent) = dial(&host.dialer()).await;
    host.events.up().await;
    host.stop().await;
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert!(matches!(events.down().await, DownReason::ClosedByPeer { .. }));
    assert!(matches!(host.events.down().await, DownReason::ClosedByUs { code: 1001, .. }));
}

#[tokio::test]
async fn what_lies_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usp");
    fs::write(&path, "a file").unwrap();
    let refused = Listener::bind(&path, config()).map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"a file");
    fs::remove_file(&path).unwrap();

    // The standard library leaves the file behind, as a process that dies does.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = Listener::bind(&path, config()).unwrap();
    assert_eq!(listener.path(), path);
    let refused = Listener::bind(&path, config()).map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrInUse);

    // What took its place meanwhile is not removed.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "another").unwrap();
    drop(listener);
    assert_eq!(fs::read(&path).unwrap(), b"another");
}

#[tokio::test]
async fn one_too_many_is_turned_away() {
    let mut config = config();
    config.max_connections = 1;
    let mut host = Host::with(config, AdmitLocal);
    let (mut events, agent) = dial(&host.dialer()).await;
    host.events.up().await;
    assert!(matches!(host.dialer().connect().await, Err(Error::Io(_))));
    agent.sender.close(1000, "");
    events.down().await;
    host.events.down().await;
    // The place is free once the link's task is gone, shortly after it was told.
    let mut again = host.dialer().connect().await;
    while again.is_err() {
        tokio::task::yield_now().await;
        again = host.dialer().connect().await;
    }
}
