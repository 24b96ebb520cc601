//! The table of quirks: each of the 35 has a test here, or says whose it is. Exchanges lie in `tests/data`, one
//! file for each quirk, made by hand after what public sources tell; its first lines say of which device.

mod devices;
mod parameters;
mod reading;
mod writing;

use cwmp_proto::quirk::{Quirk, Side, TABLE};
use cwmp_proto::{Decoded, FromCpe, Notice};

/// The messages of a file.
#[expect(clippy::disallowed_methods, reason = "the crate does no IO; its tests read their exchanges")]
fn exchange(name: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/tests/data/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file = file.strip_suffix(b"\n").unwrap_or(&file);
    let head = file.windows(2).position(|window| window == b"\n\n").expect("a blank line after the head");
    let mut messages = Vec::new();
    let mut rest = &file[head + 2..];
    while let Some(at) = rest.windows(4).position(|window| window == b"\n%%\n") {
        messages.push(rest[..at].to_vec());
        rest = &rest[at + 4..];
    }
    messages.push(rest.to_vec());
    messages
}

fn texts(name: &str) -> Vec<String> {
    exchange(name).into_iter().map(|message| String::from_utf8(message).expect("text")).collect()
}

/// The messages of a file, read.
fn read(name: &str) -> Vec<Decoded<FromCpe>> {
    let read =
        |message: &Vec<u8>| FromCpe::decode(message, None, 65_536).unwrap_or_else(|e| panic!("{name}: {e}"));
    exchange(name).iter().map(read).collect()
}

/// Everything that was noted belongs to this quirk.
fn only(quirk: Quirk, decoded: &Decoded<FromCpe>) -> Vec<Notice> {
    for notice in &decoded.noticed {
        assert_eq!(notice.quirk(), Some(quirk), "{notice:?}");
    }
    decoded.noticed.clone()
}

/// What is in an envelope, if it is of this kind.
macro_rules! inside {
    ($decoded:expr, $kind:ident, $method:ident) => {
        match &$decoded.envelope.body {
            Body::$kind($method(it)) => it,
            other => panic!("{other:?}"),
        }
    };
}
use inside;

/// What proves a row.
enum Proof {
    /// A test of this crate, and its exchange.
    Here(&'static str, fn()),
    /// The session machine's, when it is there.
    Session,
    /// The HTTP listener's, when it is there.
    Http,
}

const PROOFS: &[(u8, Proof)] = &[
    (1, Proof::Here("01-header-or-id-missing", reading::header_or_id_missing)),
    (2, Proof::Here("02-namespaces", reading::namespaces)),
    (3, Proof::Here("03-array-type", reading::array_type)),
    (4, Proof::Here("04-events", reading::events)),
    (5, Proof::Here("05-value-types", parameters::value_types)),
    (6, Proof::Here("06-value-forms", parameters::value_forms)),
    (7, Proof::Here("07-charset", parameters::charset)),
    (8, Proof::Here("08-escapes", parameters::escapes)),
    (9, Proof::Here("09-identity", reading::identity)),
    (10, Proof::Here("10-elements-missing", parameters::elements_missing)),
    (11, Proof::Here("11-faults", reading::faults)),
    (12, Proof::Http),
    (13, Proof::Http),
    (14, Proof::Here("14-http-bodies", reading::http_bodies)),
    (15, Proof::Http),
    (16, Proof::Http),
    (17, Proof::Session),
    (18, Proof::Http),
    (19, Proof::Here("19-answer-form", writing::answer_form)),
    (20, Proof::Here("20-digest-form", writing::digest_form)),
    (21, Proof::Session),
    (22, Proof::Session),
    (23, Proof::Session),
    (24, Proof::Session),
    (25, Proof::Here("25-read-after-write", reading::read_after_write)),
    (26, Proof::Here("26-transfer-reports", reading::transfer_reports)),
    (27, Proof::Session),
    (28, Proof::Session),
    (29, Proof::Here("29-inform-times", reading::inform_times)),
    (30, Proof::Session),
    (31, Proof::Http),
    (32, Proof::Here("32-session-timeout-header", reading::session_timeout_header)),
    (33, Proof::Here("33-attribute-lists", writing::attribute_lists)),
    (34, Proof::Here("34-parameter-keys", parameters::parameter_keys)),
    (35, Proof::Here("35-vendor-prefixes", parameters::vendor_prefixes)),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "the crate does no IO; its tests read their exchanges")]
fn every_quirk_is_proved_or_somebodys() {
    let numbers: Vec<u8> = TABLE.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=35).collect::<Vec<u8>>());
    let proved: Vec<u8> = PROOFS.iter().map(|row| row.0).collect();
    assert_eq!(proved, numbers);
    for (row, (_, proof)) in TABLE.iter().zip(PROOFS) {
        assert_eq!((row.quirk.row().number, Quirk::from_number(row.number)), (row.number, Some(row.quirk)));
        assert_eq!(Quirk::from_name(row.name), Some(row.quirk));
        assert!(!row.tolerance.is_empty() && !row.source.is_empty(), "{}", row.name);
        let codecs = row.sides.iter().any(|side| matches!(side, Side::Reader | Side::Writer));
        match proof {
            Proof::Here(file, test) => {
                assert!(codecs, "{}", row.name);
                assert_eq!(*file, format!("{:02}-{}", row.number, row.name));
                test();
            }
            Proof::Session => assert!(!codecs && row.sides.contains(&Side::Session), "{}", row.name),
            Proof::Http => assert!(!codecs && row.sides.contains(&Side::Http), "{}", row.name),
        }
    }
    let folder = std::fs::read_dir(format!("{}/tests/data", env!("CARGO_MANIFEST_DIR"))).expect("a folder");
    let used = PROOFS.iter().filter(|row| matches!(row.1, Proof::Here(..))).count();
    assert_eq!(folder.count(), used);
}
