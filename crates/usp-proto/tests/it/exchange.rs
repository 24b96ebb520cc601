//! Recordings: the format, written out, and what is refused.

use bytes::Bytes;
use proptest::prelude::{ProptestConfig, any, proptest};
use usp_proto::exchange::{self, Direction, Entry};
use usp_proto::{EndpointId, Malformed, Record, Version};

use crate::samples;

fn entry(direction: Direction, at_micros: u64, record: &'static [u8], note: &str) -> Entry {
    Entry { direction, at_micros, record: Bytes::from_static(record), note: note.to_owned(), masked: false }
}

#[test]
fn a_recording_is_lines_of_json() {
    let entries = [
        entry(Direction::In, 0, b"\x0a\xff", ""),
        entry(Direction::Out, 1_500_000, b"", "a \"quoted\" \\ note\n"),
    ];
    let text = exchange::write(&entries);
    let expected = concat!(
        r#"{"dir":"in","t":0,"hex":"0aff"}"#,
        "\n",
        r#"{"dir":"out","t":1500000,"hex":"","note":"a \"quoted\" \\ note\u000a"}"#,
        "\n"
    );
    assert_eq!(text, expected);
    assert_eq!(exchange::parse(&text), Ok(entries.to_vec()));
}

#[test]
fn foreign_spellings_are_read() {
    let check = |line: &str, expected: Entry| assert_eq!(Entry::parse_line(line), Ok(expected), "{line}");
    check(r#" { "t" : 5 , "hex":"0A0b", "dir" : "out" } "#, entry(Direction::Out, 5, b"\x0a\x0b", ""));
    check(
        r#"{"note":"\u00fc\ud83d\ude00\/\b\f\n\r\t","dir":"in","t":1,"hex":""}"#,
        entry(Direction::In, 1, b"", "ü😀/\u{8}\u{c}\n\r\t"),
    );
    let text = "\n# OB-USP-AGENT 11.0.4, first contact\n\n{\"dir\":\"in\",\"t\":1,\"hex\":\"\"}\r\n";
    assert_eq!(exchange::parse(text), Ok(vec![entry(Direction::In, 1, b"", "")]));
}

#[test]
fn other_lines_are_refused() {
    let fault = |line: &str| Entry::parse_line(line).expect_err(line);
    for line in [
        "",
        "x",
        "[]",
        "{",
        r#"{"dir""#,
        r#"{"dir":"in","t":1,"hex":""},"#,
        r#"{"dir":"in","t":1,"hex":"",}"#,
        r#"{"dir":"up","t":1,"hex":""}"#,
        r#"{"dir":1,"t":1,"hex":""}"#,
        r#"{"dir":"in","t":"1","hex":""}"#,
        r#"{"dir":"in","t":-1,"hex":""}"#,
        r#"{"dir":"in","t":1.5,"hex":""}"#,
        r#"{"dir":"in","t":99999999999999999999,"hex":""}"#,
        r#"{"dir":"in","t":1,"hex":"0"}"#,
        r#"{"dir":"in","t":1,"hex":"0g"}"#,
        r#"{"dir":"in","t":1,"hex":"+1"}"#,
        r#"{"dir":"in","t":1,"hex":"ää"}"#,
        r#"{"dir":"in","t":1,"hex":"","more":1}"#,
        r#"{"dir":"in","t":1,"hex":"","masked":1}"#,
        r#"{"dir":"in","t":true,"hex":""}"#,
        r#"{"dir":"in","t":1,"t":1,"hex":""}"#,
        r#"{"dir":"in","t":1,"hex":"","note":"\x"}"#,
        r#"{"dir":"in","t":1,"hex":"","note":"\ud83d"}"#,
        r#"{"dir":"in","t":1,"hex":"","note":"\ud83d\u0041"}"#,
        r#"{"dir":"in","t":1,"hex":"","note":"\u+123"}"#,
        "{\"dir\":\"in\",\"t\":1,\"hex\":\"\",\"note\":\"\t\"}",
        r#"{"dir":"in","t":1,"hex":"","note":"open}"#,
    ] {
        assert!(matches!(fault(line), Malformed::Exchange(_)), "{line}");
    }
    assert_eq!(fault(r#"{"t":1,"hex":""}"#), Malformed::Missing("dir"));
    assert_eq!(fault(r#"{"dir":"in","hex":""}"#), Malformed::Missing("t"));
    assert_eq!(fault("{}"), Malformed::Missing("dir"));
    assert_eq!(fault(r#"{"dir":"in","t":1}"#), Malformed::Missing("hex"));
    let good = r#"{"dir":"in","t":1,"hex":""}"#;
    let text = format!("{good}\n\n{{}}\n");
    assert_eq!(exchange::parse(&text), Err((3, Malformed::Missing("dir"))));
}

#[test]
fn any_entry_survives_its_line() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(out in any::<bool>(), masked in any::<bool>(), at_micros in any::<u64>(), record in samples::bytes(), note in any::<String>())| {
        let direction = if out { Direction::Out } else { Direction::In };
        let entry = Entry { direction, at_micros, record, note, masked };
        let line = entry.to_line();
        assert!(!line.contains('\n'));
        assert_eq!(Entry::parse_line(&line), Ok(entry));
    });
}

#[test]
fn a_described_entry_explains_its_record() {
    let id = |text| EndpointId::receive(text).expect("an id");
    let record = Record::websocket_connect(&id("os::A-1"), &id("proto::c"), Version::CURRENT).encode();
    let entry = Entry::described(Direction::In, 7, record);
    assert_eq!(entry.note, "1.4 os::A-1 -> proto::c WebSocketConnect");
}
