//! ICMP messages and the kernel's error queue, byte by byte; the figures of pings and traces.

use std::time::Duration;

use agent::providers::diagnostics::ping::Tally;
use agent::providers::diagnostics::trace::{self, Hop};
use agent::providers::icmp::{checksum, echo_reply, echo_request, refusal};

#[test]
fn requests_are_built_and_replies_read() {
    // RFC 1071 section 3.
    assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0x220d);
    assert_eq!(checksum(&[0xff]), 0x00ff);
    let request = echo_request(false, 0x1234, 2, 3);
    assert_eq!(request, [8, 0, 0xe3, 0xc8, 0x12, 0x34, 0, 2, 0, 1, 2]);
    assert_eq!(checksum(&request), 0);
    assert_eq!(echo_request(true, 0x1234, 2, 1), [128, 0, 0, 0, 0x12, 0x34, 0, 2, 0]);
    assert_eq!(echo_reply(&[0, 0, 9, 9, 0x12, 0x34, 0, 2], false), Some((0x1234, 2)));
    assert_eq!(echo_reply(&[129, 0, 9, 9, 0x12, 0x34, 0, 2], true), Some((0x1234, 2)));
    for other in [&[8, 0, 9, 9, 0x12, 0x34, 0, 2][..], &[0, 0, 9], &[]] {
        assert_eq!(echo_reply(other, false), None);
    }
}

/// A control message as ip(7) has it, for the word size of this machine.
fn control(level: i32, kind: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = (size_of::<usize>() + 8 + body.len()).to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0);
    bytes
}

#[test]
fn routers_that_refuse_are_named() {
    let expired = |origin: u8, kind: u8, code: u8| {
        let mut body = 113_u32.to_ne_bytes().to_vec();
        body.extend([origin, kind, code, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        body.extend(2_u16.to_ne_bytes());
        body.extend([0, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        body
    };
    let router = Some([192, 0, 2, 1].into());
    assert_eq!(refusal(&control(0, 11, &expired(2, 11, 0))), Some((router, 11, 0)));
    assert_eq!(refusal(&control(0, 11, &expired(2, 3, 1))), Some((router, 3, 1)));
    assert_eq!(refusal(&control(0, 11, &expired(1, 0, 0))), Some((router, 255, 0)));
    let mut behind_another = control(0, 8, &[1, 2, 3, 4]);
    behind_another.extend(control(0, 11, &expired(2, 11, 0)));
    assert_eq!(refusal(&behind_another), Some((router, 11, 0)));
    for bad in [&control(0, 8, &[1])[..], &control(0, 11, &[1, 2]), &[], &[255; 24]] {
        assert_eq!(refusal(bad), None);
    }
}

fn outputs(outputs: agent::providers::diagnostics::Outputs) -> Vec<String> {
    let values = outputs.done().expect("output arguments");
    values.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn figures_of_a_ping() {
    let times = vec![Duration::from_micros(1000), Duration::from_micros(2500), Duration::from_micros(400)];
    assert_eq!(
        outputs(Tally { times, failures: 2 }.outputs("Complete")),
        [
            "Status=Complete",
            "SuccessCount=3",
            "FailureCount=2",
            "AverageResponseTime=2",
            "AverageResponseTimeDetailed=1300",
            "MinimumResponseTime=1",
            "MinimumResponseTimeDetailed=400",
            "MaximumResponseTime=3",
            "MaximumResponseTimeDetailed=2500",
        ]
    );
    assert!(outputs(Tally::default().outputs("Error_Other")).contains(&"AverageResponseTime=0".to_owned()));
}

#[test]
fn hops_of_a_trace() {
    let millisecond = Some(Duration::from_millis(1));
    let hops = [
        Hop { from: Some([192, 0, 2, 1].into()), times: vec![millisecond, None], code: 0, last: false },
        Hop { from: None, times: vec![None, None], code: 0, last: false },
        Hop {
            from: Some([198, 51, 100, 7].into()),
            times: vec![millisecond, millisecond],
            code: 0,
            last: true,
        },
    ];
    assert_eq!(
        outputs(trace::outputs("Complete", [198, 51, 100, 7].into(), &hops)),
        [
            "Status=Complete",
            "IPAddressUsed=198.51.100.7",
            "ResponseTime=1",
            "RouteHops.1.Host=192.0.2.1",
            "RouteHops.1.HostAddress=192.0.2.1",
            "RouteHops.1.ErrorCode=0",
            "RouteHops.1.RTTimes=1,0",
            "RouteHops.2.Host=",
            "RouteHops.2.HostAddress=",
            "RouteHops.2.ErrorCode=0",
            "RouteHops.2.RTTimes=0,0",
            "RouteHops.3.Host=198.51.100.7",
            "RouteHops.3.HostAddress=198.51.100.7",
            "RouteHops.3.ErrorCode=0",
            "RouteHops.3.RTTimes=1,1",
        ]
    );
}
