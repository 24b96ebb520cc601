//! DHCP options, written out.

use requirement::requirement;
use usp_proto::Malformed;
use usp_proto::discovery::Location;
use usp_proto::discovery::dhcp::{Answer, Family, Identity, answer, request, vendor_class};
use usp_proto::exchange::parse_hex;

fn hex(text: &str) -> Vec<u8> {
    parse_hex(&text.replace(char::is_whitespace, "")).expect("hex").to_vec()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn who_asks_for_a_controller() {
    assert_eq!(vendor_class(Family::V4), hex("00000de9 04 03 757370"));
    assert_eq!(vendor_class(Family::V6), hex("00000de9 0003 757370"));
}

#[test]
fn a_device_says_who_it_is() {
    let whole = Identity { oui: "00256D".into(), serial: "S1".into(), product_class: "P".into() };
    let serial_only = Identity { serial: "S1".into(), ..Identity::default() };
    let too_long = Identity { oui: "00256D".into(), serial: "x".repeat(246), product_class: "P".into() };
    for (family, device, expected) in [
        (Family::V4, &whole, "00000de9 0f 01 06 303032353644 02 02 5331 03 01 50"),
        (Family::V6, &whole, "00000de9 000b 0006 303032353644 000c 0002 5331 000d 0001 50"),
        (Family::V4, &serial_only, "00000de9 04 02 02 5331"),
        (Family::V6, &serial_only, "00000de9 000c 0002 5331"),
        // DHCPv4 has no room for it.
        (Family::V4, &too_long, "00000de9 0b 01 06 303032353644 03 01 50"),
    ] {
        assert_eq!(request(family, device), hex(expected), "{family:?} {device:?}");
    }
}

/// "wss://a/u", "P-7", "9", "2500", "os::012345-A".
const V4: &str = "00000de9 27 19 09 7773733a2f2f612f75 1a 03 502d37 1b 01 39 1c 04 32353030 \
                  1d 0c 6f733a3a3031323334352d41";
const V6: &str = "00000de9 0019 0009 7773733a2f2f612f75 001a 0003 502d37 001b 0001 39 001c 0004 32353030 \
                  001d 000c 6f733a3a3031323334352d41";

#[requirement("R-DIS.1a")]
#[test]
fn a_server_names_a_controller() {
    let expected = Answer {
        controller: some("wss://a/u"),
        provisioning_code: some("P-7"),
        retry_minimum_wait: some("9"),
        retry_multiplier: some("2500"),
        endpoint: some("os::012345-A"),
        gateway: None,
    };
    assert_eq!(expected.location(), Some(Location::Url("wss://a/u".to_owned())));
    for (family, data) in [
        (Family::V4, V4.to_owned()),
        (Family::V6, V6.to_owned()),
        // Another enterprise before and after it, with numbers of its own.
        (Family::V4, format!("00000001 04 19 02 7878 {V4} 00000002 00")),
        // In two pieces, as RFC 3396 has it of long options; an unknown part between them.
        (
            Family::V4,
            "00000de9 10 19 09 7773733a2f2f612f75 1a 03 502d37 00000de9 19 c8 00 1b 01 39 \
             1c 04 32353030 1d 0c 6f733a3a3031323334352d41"
                .to_owned(),
        ),
        // There is one controller: the first.
        (Family::V6, format!("{V6} 0019 0001 78 001d 0001 78")),
    ] {
        assert_eq!(answer(family, &hex(&data)), Ok(expected.clone()), "{data}");
    }
    // All of another enterprise.
    assert_eq!(answer(Family::V6, &hex("00000001 0019 0001")), Ok(Answer::default()));
}

#[requirement("R-DIS.1c")]
#[test]
fn a_terminator_is_no_part_of_a_text() {
    for (data, expected) in [
        ("00000de9 06 1a 04 502d3700", some("P-7")),
        ("00000de9 08 1a 06 502d37000000", some("P-7")),
        ("00000de9 03 1a 01 00", None),
        ("00000de9 02 1a 00", None),
        // A zero that terminates nothing, a line break, and what is not UTF-8.
        ("00000de9 05 1a 03 500037", None),
        ("00000de9 05 1a 03 500a37", None),
        ("00000de9 04 1a 02 ff37", None),
    ] {
        let read = answer(Family::V4, &hex(data)).expect("well-formed");
        assert_eq!(read.provisioning_code, expected, "{data}");
    }
}

#[test]
fn a_text_has_512_bytes_at_most() {
    let of = |length: usize| {
        let mut data = hex("00000de9 001a");
        data.extend(u16::try_from(length).expect("few").to_be_bytes());
        data.resize(data.len() + length, b'x');
        answer(Family::V6, &data).expect("well-formed").provisioning_code.map(|text| text.len())
    };
    assert_eq!((of(512), of(513)), (Some(512), None));
}

#[test]
fn a_gateway_says_who_it_is() {
    let gateway = |oui: &str, serial: &str, product_class: &str| {
        Some(Identity { oui: oui.into(), serial: serial.into(), product_class: product_class.into() })
    };
    for (family, data, expected) in [
        (
            Family::V4,
            "00000de9 11 04 06 303032353644 05 04 47573031 06 01 52",
            gateway("00256D", "GW01", "R"),
        ),
        (
            Family::V6,
            "00000de9 000e 0006 303032353644 000f 0004 47573031 0010 0001 52",
            gateway("00256D", "GW01", "R"),
        ),
        (Family::V4, "00000de9 07 05 05 4757303100", gateway("", "GW01", "")),
        // The numbers of the other version, and those of devices.
        (Family::V4, "00000de9 03 0e 01 52", None),
        (Family::V6, "00000de9 0004 0001 52", None),
        (Family::V4, "00000de9 03 02 01 52", None),
        (Family::V4, "", None),
    ] {
        assert_eq!(answer(family, &hex(data)).expect("well-formed").gateway, expected, "{data}");
    }
}

#[test]
fn lengths_that_lead_beyond_the_end() {
    let cut = Err(Malformed::Discovery("a DHCP option is cut short"));
    for (family, data) in [
        (Family::V4, "00000d"),
        (Family::V4, "00000de9"),
        (Family::V4, "00000de9 ff"),
        (Family::V4, "00000de9 04 1a 03 502d37"),
        (Family::V4, "00000de9 05 1a ff 502d37"),
        (Family::V4, "00000de9 01 1a"),
        (Family::V4, "00000001 02 00"),
        (Family::V6, "00000d"),
        (Family::V6, "00000de9 00"),
        (Family::V6, "00000de9 001a 00"),
        (Family::V6, "00000de9 001a ffff 502d37"),
    ] {
        assert_eq!(answer(family, &hex(data)), cut, "{family:?} {data}");
    }
    // Every piece of a good one is read, or is cut short: none makes anything else of it.
    let whole = hex(V4);
    for end in 1..whole.len() {
        assert_eq!(answer(Family::V4, &whole[..end]), cut, "{end}");
    }
}
