//! MQTT: any bytes as a topic, and as what a broker sends.

use std::time::Duration;

use mtp::mqtt::machine::{Event, Machine, Unsent};
use mtp::mqtt::{Filter, Settings, Topic, Version, reply_to};
use usp_proto::EndpointId;

/// A topic that can be published to survives the way through a 3.1.1 topic name, after which only the
/// wildcard-free are taken for one; every topic is a filter that matches itself.
pub fn mqtt_reply_to(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = reply_to::split(text);
    let Ok(topic) = text.parse::<Topic>() else { return };
    assert!(Filter::from(&topic).matches(text), "a topic does not match itself");
    let peer: Topic = "usp/a/reply-to=x".parse().expect("a fixed topic");
    if let Ok(joined) = reply_to::join(&peer, &topic)
        && reply_to::is_expressible(&topic)
        && !text.contains("reply-to=")
    {
        assert_eq!(reply_to::split(joined.as_str()), Some(topic), "the topic changed on its way");
    }
    if let Some(read) = read {
        assert!(!read.as_str().contains(['+', '#', '\0']));
    }
}

/// Whatever a broker sends, in whatever pieces, the machine ends at most once, asks for no more than it
/// takes, and says nothing after its end. The first byte chooses the version and where the rest is cut.
pub fn mqtt_client(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let version = if choice & 1 == 0 { Version::V5 } else { Version::V3_1_1 };
    let eid = EndpointId::receive("os::00256D-0001").expect("a fixed id");
    let mut settings = Settings::new(version, eid);
    settings.response_topic = Some("t/1".parse().expect("a fixed topic"));
    let now = Duration::from_secs(1);
    let mut machine = Machine::new(now, settings);
    let mut ended = false;
    for piece in data.chunks(usize::from(choice / 2) + 1) {
        machine.handle_input(now, piece);
        while let Some(event) = machine.poll_event() {
            assert!(!ended, "{event:?} after the end");
            ended = matches!(event, Event::Ended(_));
        }
        assert!(!(ended && machine.is_ready()), "ready after the end");
        if machine.is_ready() {
            let sent = machine.publish(now, "c/1", piece);
            assert!(matches!(sent, Ok(()) | Err(Unsent::TooLong)), "{sent:?} from a machine that is ready");
        }
        while machine.poll_transmit().is_some() {}
    }
    if ended {
        assert_eq!(machine.poll_timeout(), None, "a timer after the end");
    }
}
