//! The rules of a connection to a STOMP server, one frame after another.

use std::time::Duration;

use bytes::Bytes;
use mtp::stomp::Config;
use mtp::stomp::frame::FrameError;
use mtp::stomp::machine::{End, Event, Machine};
use requirement::requirement;

use crate::support::id;

pub(super) const NOW: Duration = Duration::ZERO;
const CONNECTED: &str = "CONNECTED\nversion:1.2\n\n\0";
const SUBSCRIBE: &str = "SUBSCRIBE\nid:0\ndestination:/queue/own\nack:auto\nreceipt:subscribed\n\n\0";
const MESSAGE: &str = "MESSAGE\ncontent-type:application/vnd.bbf.usp.msg\nreply-to-dest:/queue/c\n\nabc\0";
const SUBSCRIBED: &str = "RECEIPT\nreceipt-id:subscribed\n\n\0";

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn config() -> Config {
    Config { destination: Some("/queue/own".to_owned()), ..Config::new(id("os::00256D-0001")) }
}

pub(super) fn events(machine: &mut Machine, now: Duration, text: &str) -> Vec<Event> {
    machine.receive(now, text.as_bytes());
    std::iter::from_fn(|| machine.poll(now)).collect()
}

pub(super) fn out(machine: &mut Machine) -> String {
    String::from_utf8(machine.take_out().to_vec()).unwrap()
}

pub(super) fn up(destination: &str) -> Event {
    Event::Up(destination.into())
}

/// A machine that was answered so, and what it said then.
fn connected(config: Config, answer: &str) -> (Machine, Vec<Event>, String) {
    let mut machine = Machine::new(config);
    out(&mut machine);
    let events = events(&mut machine, NOW, answer);
    let said = out(&mut machine);
    (machine, events, said)
}

/// The same with a subscription that is confirmed.
pub(super) fn subscribed(config: Config, answer: &str) -> (Machine, Vec<Event>, String) {
    let (mut machine, found, said) = connected(config, answer);
    assert_eq!(found, [], "nothing is known before the receipt");
    let found = events(&mut machine, NOW, SUBSCRIBED);
    assert_eq!(out(&mut machine), "");
    (machine, found, said)
}

pub(super) fn stands() -> Machine {
    let (machine, events, said) = subscribed(config(), CONNECTED);
    assert_eq!((&events[..], said.as_str()), (&[up("/queue/own")][..], SUBSCRIBE));
    machine
}

#[track_caller]
pub(super) fn send(machine: &mut Machine, now: Duration, destination: &str, record: &[u8]) {
    assert!(machine.send(now, destination, record));
}

#[test]
#[requirement("R-STOMP.2", "R-STOMP.3", "R-STOMP.4", "R-STOMP.5", "R-STOMP.9")]
fn the_first_frame() {
    let opening = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        assert!(config.is_sound());
        out(&mut Machine::new(config))
    };
    let plain = "STOMP\naccept-version:1.2\nhost:/\nendpoint-id:os\\c\\c00256D-0001\n\n\0";
    assert_eq!(opening(|_| {}), plain);
    let with_login = "STOMP\naccept-version:1.2\nhost:usp\nlogin:me\npasscode:a:b\\c\nendpoint-id:os\\c\\c00256D-0001\n\n\0";
    let login = |config: &mut Config| {
        config.host = Some("usp".to_owned());
        config.login = Some(("me".to_owned(), "a:b\\c".to_owned()));
    };
    assert_eq!(opening(login), with_login);
    let beating =
        "STOMP\naccept-version:1.2\nhost:/\nendpoint-id:os\\c\\c00256D-0001\nheart-beat:10000,30000\n\n\0";
    assert_eq!(opening(|config| config.heart_beat = Some((10_000, 30_000))), beating);
}

#[test]
fn texts_that_would_break_the_first_frame_are_not_sound() {
    for text in ["a\nb", "a\rb", "a\0b"] {
        let text = || text.to_owned();
        assert!(!Config { host: Some(text()), ..config() }.is_sound());
        assert!(!Config { login: Some((text(), String::new())), ..config() }.is_sound());
        assert!(!Config { login: Some((String::new(), text())), ..config() }.is_sound());
    }
    for (destination, sound) in
        [("a\0b", false), (&"x".repeat(1025), false), (&"x".repeat(1024), true), ("", true)]
    {
        let config = Config { destination: Some(destination.to_owned()), ..config() };
        assert_eq!(config.is_sound(), sound, "{destination}");
    }
    let secret = Config { login: Some(("me".to_owned(), "secret".to_owned())), ..config() };
    assert!(!format!("{secret:?}").contains("secret"));
}

#[test]
#[requirement("R-STOMP.6", "R-STOMP.12", "R-STOMP.13", "R-STOMP.14", "R-STOMP.17")]
fn what_it_subscribes_to() {
    let assigned = "CONNECTED\nversion:1.2\nsubscribe-dest:/queue/os::1\n\n\0";
    let theirs = "SUBSCRIBE\nid:0\ndestination:/queue/os\\c\\c1\nack:auto\nreceipt:subscribed\n\n\0";
    for config in [config(), Config { destination: None, ..config() }] {
        let (machine, events, said) = subscribed(config, assigned);
        assert_eq!((&events[..], said.as_str()), (&[up("/queue/os::1")][..], theirs));
        assert_eq!(machine.assigned().map(|own| &**own), Some("/queue/os::1"));
    }
    for answer in [CONNECTED, "CONNECTED\nversion:1.2\nsubscribe-dest:\n\n\0"] {
        let (machine, events, said) = subscribed(config(), answer);
        assert_eq!((&events[..], said.as_str()), (&[up("/queue/own")][..], SUBSCRIBE));
        assert_eq!(machine.assigned(), None);
    }
}

#[test]
fn without_a_destination_it_leaves() {
    for destination in [None, Some(String::new())] {
        let (mut machine, events, said) = connected(Config { destination, ..config() }, CONNECTED);
        assert_eq!((&events[..], said.as_str()), (&[Event::End(End::NoDestination)][..], "DISCONNECT\n\n\0"));
        assert!(!machine.send(NOW, "/queue/c", b"abc"));
        assert_eq!(out(&mut machine), "");
    }
}

#[test]
#[requirement("R-STOMP.18", "R-STOMP.19", "R-STOMP.20", "R-STOMP.21")]
fn records_leave_in_send_frames() {
    let mut machine = stands();
    send(&mut machine, NOW, "/queue/self::c", b"a\0b");
    let sent = "SEND\ndestination:/queue/self\\c\\cc\ncontent-length:3\ncontent-type:application/vnd.bbf.usp.msg\n\
                reply-to-dest:/queue/own\n\na\0b\0";
    assert_eq!(out(&mut machine), sent);
}

#[test]
fn nothing_leaves_before_the_subscription() {
    let mut machine = Machine::new(config());
    out(&mut machine);
    assert!(!machine.send(NOW, "/queue/c", b"abc"));
    assert_eq!(out(&mut machine), "");
    let (mut machine, ..) = connected(config(), CONNECTED);
    assert!(!machine.is_ready() && !machine.send(NOW, "/queue/c", b"abc"));
    assert_eq!(events(&mut machine, NOW, "RECEIPT\nreceipt-id:another\n\n\0"), []);
    assert_eq!(events(&mut machine, NOW, SUBSCRIBED), [up("/queue/own")]);
    assert!(machine.is_ready() && machine.send(NOW, "/queue/c", b"abc"));
}

#[test]
fn what_is_no_destination_is_not_sent_to() {
    let mut machine = stands();
    for destination in ["", "/queue/a\0b", &"x".repeat(1025)] {
        assert!(!machine.send(NOW, destination, b"abc"));
    }
    assert_eq!(out(&mut machine), "");
}

#[test]
fn no_more_is_taken_than_leaves() {
    let mut machine = stands();
    send(&mut machine, NOW, "/queue/c", &[0; 16_000]);
    assert!(machine.is_ready());
    send(&mut machine, NOW, "/queue/c", &[0; 1000]);
    assert!(!machine.is_ready());
    assert!(machine.take_out().len() > 17_000);
    assert!(machine.is_ready());
}

#[test]
fn long_records_are_taken_from_a_server_that_let_us_in() {
    let body = "x".repeat(8 * 1024 * 1024);
    let message = MESSAGE.replace("abc", &body);
    let record = Event::Record { reply_to: "/queue/c".into(), record: body.into() };
    assert!(events(&mut stands(), NOW, &message) == [record]);
    let long = format!("ERROR\n\n{}\0", "x".repeat(64 * 1024 + 1));
    let end = Event::End(End::Frame(FrameError::TooLong { limit: 65_536 }));
    assert_eq!(events(&mut Machine::new(config()), NOW, &long), [end]);
}

/// Servers may deliver what waited before they confirm.
#[test]
fn a_message_proves_the_subscription() {
    let (mut machine, ..) = connected(config(), CONNECTED);
    let record = Event::Record { reply_to: "/queue/c".into(), record: Bytes::from_static(b"abc") };
    assert_eq!(events(&mut machine, NOW, MESSAGE), [up("/queue/own"), record]);
    assert_eq!(events(&mut machine, NOW, SUBSCRIBED), []);
    send(&mut machine, NOW, "/queue/c", b"");
}

#[test]
#[requirement("R-STOMP.23")]
fn records_arrive_with_the_way_back() {
    let mut machine = stands();
    let message = "MESSAGE\nsubscription:0\nmessage-id:7\ndestination:/queue/own\ncontent-type:application/vnd.bbf.usp.msg\n\
                   reply-to-dest:/queue/self\\c\\cc\ncontent-length:3\n\na\0b\0";
    let record = Event::Record { reply_to: "/queue/self::c".into(), record: Bytes::from_static(b"a\0b") };
    assert_eq!(events(&mut machine, NOW, message), [record]);
    assert_eq!(out(&mut machine), "", "nothing is acknowledged");
}

/// What a server said, as it was on the wire: to two heart-beats of 10 and 30 seconds, for a Record, and to a
/// frame that it does not know.
struct Recorded {
    connected: &'static str,
    message: &'static str,
    error: &'static str,
    says: &'static str,
}

const RABBITMQ_3_10_8: Recorded = Recorded {
    connected: "CONNECTED\nserver:RabbitMQ/3.10.8\nsession:session-F25DcU-V0X4-nQD3DOm93Q\n\
        heart-beat:30000,10000\nversion:1.2\n\n\0\n",
    message: "MESSAGE\nsubscription:0\ndestination:/queue/self\\c\\cc\n\
        message-id:T_0@@session-F25DcU-V0X4-nQD3DOm93Q@@1\nredelivered:false\nreply-to-dest:/queue/os\\c\\c1\n\
        content-type:application/vnd.bbf.usp.msg\ncontent-length:3\n\na\0b\0\n",
    error: "ERROR\nmessage:Bad command\ncontent-type:text/plain\nversion:1.0,1.1,1.2\ncontent-length:39\n\n\
        Could not interpret command \"NONSENSE\"\n\0\n",
    says: "Bad command: Could not interpret command \"NONSENSE\"",
};

const ACTIVEMQ_5_17_2: Recorded = Recorded {
    connected: "CONNECTED\nserver:ActiveMQ/5.17.2\nheart-beat:30000,10000\n\
        session:ID:broker-46313-1795271067748-3:2\nversion:1.2\n\n\0\n",
    message: "MESSAGE\ncontent-length:3\nexpires:0\ndestination:/queue/self\\c\\cc\nsubscription:0\npriority:4\n\
        message-id:ID\\cbroker-46313-1795271067748-3\\c2\\c-1\\c1\\c1\ncontent-type:application/vnd.bbf.usp.msg\n\
        reply-to-dest:/queue/os\\c\\c1\ntimestamp:1795271070555\n\na\0b\0\n",
    error: "ERROR\ncontent-type:text/plain\nmessage:Unknown STOMP action\\c NONSENSE\n\n\
        org.apache.activemq.transport.stomp.ProtocolException: Unknown STOMP action: NONSENSE\n\0\n",
    says: "Unknown STOMP action: NONSENSE",
};

#[test]
#[requirement("R-STOMP.23")]
fn what_real_servers_say() {
    for server in [RABBITMQ_3_10_8, ACTIVEMQ_5_17_2] {
        let config = Config { heart_beat: Some((10_000, 30_000)), ..config() };
        let (mut machine, found, said) = subscribed(config, server.connected);
        assert_eq!((&found[..], said.as_str()), (&[up("/queue/own")][..], SUBSCRIBE));
        assert_eq!(machine.timeout(), Some(ms(7500)));
        let record = Event::Record { reply_to: "/queue/os::1".into(), record: Bytes::from_static(b"a\0b") };
        assert_eq!(events(&mut machine, NOW, server.message), [record]);
        let end = Event::End(End::ServerError(server.says.to_owned()));
        assert_eq!(events(&mut machine, NOW, server.error), [end]);
    }
}

/// To RabbitMQ, whose queues are made by whoever names them first: only where that is not wanted.
#[test]
fn queues_that_are_not_to_be_made_are_called_otherwise() {
    let queue = "/queue/them.a%2Fb";
    for (server, makes_queues, asked, said) in [
        (RABBITMQ_3_10_8, true, queue, queue),
        (RABBITMQ_3_10_8, false, queue, "/amq/queue/them.a%2Fb"),
        (RABBITMQ_3_10_8, false, "/topic/them", "/topic/them"),
        (RABBITMQ_3_10_8, false, "/queue/a/b", "/queue/a/b"),
        (ACTIVEMQ_5_17_2, false, queue, queue),
    ] {
        let (mut machine, ..) = subscribed(Config { makes_queues, ..config() }, server.connected);
        assert!(machine.send(NOW, asked, b"x"));
        let sent = out(&mut machine);
        assert!(sent.starts_with(&format!("SEND\ndestination:{said}\n")), "{sent}");
    }
}

#[test]
fn messages_of_no_use_are_ignored() {
    let cases = [
        ("", "not of the content type of USP"),
        ("content-type:text/plain\nreply-to-dest:/queue/c\n", "not of the content type of USP"),
        (
            "content-type:application/vnd.bbf.usp.error\nreply-to-dest:/queue/c\n",
            "a deprecated error message",
        ),
        ("content-type:application/vnd.bbf.usp.msg\n", "without reply-to-dest"),
        ("content-type:application/vnd.bbf.usp.msg\nreply-to-dest:\n", "without reply-to-dest"),
    ];
    let mut machine = stands();
    for (headers, why) in cases {
        let message = format!("MESSAGE\n{headers}\nabc\0");
        assert_eq!(events(&mut machine, NOW, &message), [Event::Ignored(why)]);
    }
    assert_eq!(out(&mut machine), "");
}

#[test]
fn an_error_frame_ends_it() {
    let told = "ERROR\nmessage:not allowed\ncontent-length:5\n\nwords\0";
    let words = "not allowed: words".to_owned();
    for (mut machine, end) in
        [(Machine::new(config()), End::Refused(words.clone())), (stands(), End::ServerError(words))]
    {
        out(&mut machine);
        let end = Event::End(end);
        assert_eq!(events(&mut machine, NOW, told), [end]);
        assert_eq!((out(&mut machine), machine.timeout()), (String::new(), None));
        assert_eq!(events(&mut machine, NOW, CONNECTED), []);
    }
    // Without a message the first line of the body; never more than 256 bytes, never a control character.
    let mut machine = stands();
    let said = format!("ERROR\n\n\x1b{}\nsecond line\0", "x".repeat(300));
    let end = Event::End(End::ServerError(format!(" {}", "x".repeat(255))));
    assert_eq!(events(&mut machine, NOW, &said), [end]);
}

/// What is shown of an ERROR frame.
fn check_words(frame: &str, words: &str) {
    let config = Config { login: Some(("me".to_owned(), "open sesame".to_owned())), ..config() };
    let mut machine = Machine::new(config);
    let end = Event::End(End::Refused(words.to_owned()));
    assert_eq!(events(&mut machine, NOW, frame), [end]);
}

#[test]
fn the_words_of_an_error_are_clear_and_hold_no_secret() {
    check_words("ERROR\n\n\0", "");
    check_words("ERROR\nmessage:Bad CONNECT\n\n\0", "Bad CONNECT");
    check_words("ERROR\nmessage:Bad CONNECT\n\nAccess refused\n\0", "Bad CONNECT: Access refused");
    check_words("ERROR\nmessage:refused\n\njava.lang.Exception: refused\n\tat a.b\0", "refused");
    check_words("ERROR\n\n\r\nfirst\r\nsecond\0", "first");
    check_words("ERROR\nmessage:bad header\n\npasscode:open sesame\0", "bad header: passcode:***");
    check_words("ERROR\nmessage:not open sesame\n\n\0", "not ***");
}

#[test]
fn servers_that_do_not_fit() {
    let cases = [
        ("CONNECTED\nversion:1.1\n\n\0", End::Version),
        ("CONNECTED\n\n\0", End::Version),
        ("MESSAGE\n\n\0", End::Unexpected),
        ("RECEIPT\nreceipt-id:last\n\n\0", End::Unexpected),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", End::Frame(FrameError::Command)),
    ];
    for (answer, end) in cases {
        let (_, events, said) = connected(config(), answer);
        assert_eq!((&events[..], said.as_str()), (&[Event::End(end)][..], ""), "{answer}");
    }
    assert_eq!(events(&mut stands(), NOW, CONNECTED), [Event::End(End::Unexpected)]);
    let mut silent = Machine::new(config());
    assert_eq!(silent.timeout(), Some(ms(10_000)));
    silent.expired(ms(9_999));
    assert_eq!(silent.poll(ms(9_999)), None);
    silent.expired(ms(10_000));
    assert_eq!(silent.poll(ms(10_000)), Some(Event::End(End::TimedOut)));
    let (mut half, ..) = connected(config(), CONNECTED);
    assert_eq!(half.timeout(), Some(ms(10_000)));
    half.expired(ms(9_999));
    assert_eq!(half.poll(ms(9_999)), None);
    half.expired(ms(10_000));
    assert_eq!(half.poll(ms(10_000)), Some(Event::End(End::NotSubscribed)));
}

#[test]
#[requirement("R-STOMP.30")]
fn receipts_that_nobody_asked_for_are_ignored() {
    let mut machine = stands();
    assert_eq!(events(&mut machine, NOW, "RECEIPT\nreceipt-id:1\n\n\0RECEIPT\nreceipt-id:last\n\n\0"), []);
    send(&mut machine, NOW, "/queue/c", b"");
    assert!(out(&mut machine).starts_with("SEND\n"));
}

#[test]
#[requirement("R-STOMP.28")]
fn it_leaves_with_a_disconnect() {
    let mut machine = stands();
    machine.close(ms(1000));
    assert_eq!(out(&mut machine), "DISCONNECT\nreceipt:last\n\n\0");
    machine.close(ms(1000));
    assert!(!machine.send(ms(1000), "/queue/c", b"abc"));
    assert_eq!(out(&mut machine), "");
    assert_eq!(events(&mut machine, ms(1000), "MESSAGE\n\nlate\0RECEIPT\nreceipt-id:9\n\n\0"), []);
    let confirmed = "RECEIPT\nreceipt-id:last\n\n\0";
    assert_eq!(events(&mut machine, ms(1000), confirmed), [Event::End(End::Closed)]);

    let mut unheard = stands();
    unheard.close(ms(1000));
    assert_eq!(unheard.timeout(), Some(ms(6000)));
    unheard.expired(ms(6000));
    assert_eq!(unheard.poll(ms(6000)), Some(Event::End(End::Closed)));
}

/// Somebody behind the server sends what can't be used; the others must not suffer.
#[test]
fn a_bad_message_ends_nothing() {
    let long = format!("MESSAGE\nx:{}\n\nabc\0", "x".repeat(9000));
    let far = format!(
        "MESSAGE\ncontent-type:application/vnd.bbf.usp.msg\nreply-to-dest:{}\n\n\0",
        "x".repeat(1025)
    );
    let cases = [
        ("MESSAGE\nno colon\n\nabc\0", "its headers can't be read"),
        (&long, "its headers can't be read"),
        ("MESSAGE\ncontent-length:8388609\n\n", "too long"),
        (&far, "with a reply-to-dest that can't be used"),
    ];
    for (message, why) in cases {
        let mut machine = stands();
        let mut found = events(&mut machine, NOW, message);
        if why == "too long" {
            assert_eq!(found, [], "it is skipped as it comes");
            let part = "x".repeat(16 * 1024);
            for _ in 0..512 {
                assert_eq!(events(&mut machine, NOW, &part), []);
            }
            found = events(&mut machine, NOW, "x\0");
        }
        assert_eq!(found, [Event::Ignored(why)]);
        let record = Event::Record { reply_to: "/queue/c".into(), record: Bytes::from_static(b"abc") };
        assert_eq!(events(&mut machine, NOW, MESSAGE), [record]);
    }
}
