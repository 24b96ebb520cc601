//! Text, rows and blob say the same.

use dm::schema::{Catalogue, Protocol, SchemaError, encode, text, tr_181};

const TEXT: &str = include_str!("../../../schema/tr-181.txt");
const BLOB: &[u8] = include_bytes!("../../../schema/tr-181.bin");

#[test]
fn committed_blob_is_that_of_the_committed_text() {
    let rows = text::parse(TEXT).expect("the committed text");
    assert!(encode(&rows).expect("an encoding") == BLOB, "run `cargo run -p xtask -- codegen`");
    assert!(tr_181().rows() == rows, "the blob reads back as other rows");
}

#[test]
fn committed_text_is_canonical() {
    let rows = text::parse(TEXT).expect("the committed text");
    let body: String =
        TEXT.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    assert!(text::print(&rows) == body, "run `cargo run -p xtask -- codegen`");
}

#[test]
fn a_changed_fact_changes_the_blob() {
    for (was, is) in [
        (
            "access=readOnly notify=canDeny type=unsignedInt units=seconds",
            "access=readWrite notify=canDeny type=unsignedInt units=seconds",
        ),
        ("range=1000:65535 default=object:2000", "range=1000:65536 default=object:2000"),
        ("enum=Half,Full,Auto", "enum=Half,Full"),
        ("command usp=2.12 async", "command usp=2.12"),
    ] {
        let changed = TEXT.replacen(was, is, 1);
        assert!(changed != TEXT, "{was} does not occur");
        let blob = encode(&text::parse(&changed).expect("still a table")).expect("an encoding");
        assert!(blob != BLOB, "{was}");
    }
}

#[test]
fn everything_that_a_row_can_say_survives() {
    let table = r#"model usp="urn:x" cwmp="urn:y"
Device. object usp=2.0 cwmp=1.0 access=readWrite entries=0:5 count=N enable=Enable by=Type mount fixed key=A,B functional=C
Device.A param usp=2.0 status=deprecated access=writeOnceReadOnly notify=forceDefaultEnabled forcedInform secured hidden command type=int named=Level list=1:8 listsize=0:64,100:200 inner=2:2 innersize=1:9 size=1:2,4: range=-5:5/5,:9,10: pattern="a b","\"\\\\" enum=One:r,Two:od,"x,y":x,3:b units="0.1 dB" ref=strong:row:Device.B.{i}.,Device.C.{i}. enumref=Device.X enumnull="" default=factory:"" description="two\nlines"
Device.B param cwmp=1.4 access=writeOnly type=hexBinary ref=weak:any:
Device.Do() command usp=2.1 async
Device.Do() in Row.{i}.Name usp=2.1 mandatory type=string default=parameter:x
Device.Do() out Result usp=2.1 type=dateTime
Device.Happen! event usp=2.1
Device.Happen! arg When usp=2.1 type=dateTime
"#;
    let rows = text::parse(table).expect("a table");
    assert_eq!(text::print(&rows), table);
    let blob = encode(&rows).expect("an encoding");
    let back = Catalogue::open(&blob).expect("a catalogue").rows();
    assert_eq!(text::print(&back), table.replace(" description=\"two\\nlines\"", ""));
}

#[test]
fn wrong_lines_are_named() {
    let object = "Device. object usp=2.0\n";
    for (table, line) in [
        ("Device. object usp=2.0 colour=red\n".to_owned(), 1),
        ("Device.A param usp=2.0 access=readOnly\n".to_owned(), 1),
        (format!("{object}Device.A param access=never type=int\n"), 2),
        (format!("{object}Device.A param access=readOnly type=integer\n"), 2),
        (format!("{object}Device.A thing\n"), 2),
        (format!("{object}Device.A param type=int pattern=\"open\n"), 2),
        (format!("{object}Device.A param type=int range=1\n"), 2),
        (format!("{object}Device.B param type=int\nDevice.A param type=int\n"), 3),
        (format!("{object}Device.B. object\nDevice.A. object\n"), 3),
        (format!("{object}{object}"), 2),
        (format!("{object}Device.A() in X type=int\n"), 2),
        ("Device..B. object\n".to_owned(), 1),
        ("no-dot param type=int\n".to_owned(), 1),
        ("Device.\n".to_owned(), 1),
    ] {
        match text::parse(&table) {
            Err(SchemaError::Text { line: found, .. }) => assert_eq!(found, line, "{table}"),
            other => panic!("{table}: {other:?}"),
        }
    }
}

#[test]
fn a_cut_or_foreign_blob_is_refused() {
    for len in (0..BLOB.len()).step_by(997) {
        assert!(Catalogue::open(&BLOB[..len]).is_err(), "{len} bytes");
    }
    let mut longer = BLOB.to_vec();
    longer.push(0);
    assert!(Catalogue::open(&longer).is_err());
    assert!(Catalogue::open(&BLOB[1..]).is_err());
}

#[test]
fn a_damaged_blob_gives_wrong_facts_but_no_panic() {
    let table = "model usp=\"urn:x\"\nDevice. object usp=2.0 key=A\nDevice.A param usp=2.0 access=readOnly type=int size=1:2 enum=A,B\nDevice.Do() command usp=2.1\nDevice.Do() in X usp=2.1 type=int\n";
    let blob = encode(&text::parse(table).expect("a table")).expect("an encoding");
    for at in 0..blob.len() {
        for value in [0x00, 0x7f, 0xff] {
            let mut damaged = blob.clone();
            damaged[at] = value;
            if let Ok(catalogue) = Catalogue::open(&damaged) {
                let _ = catalogue.rows();
                let _ = catalogue.item("Device.A", Protocol::Usp).map(|item| item.to_row());
            }
        }
    }
}

#[test]
fn selecting_a_protocol_leaves_no_trace_of_the_other() {
    let rows = text::parse(TEXT).expect("the committed text");
    let usp = rows.select(Protocol::Usp, |path, _| path.as_str() == "Device.BulkData.Profile.{i}.");
    assert_eq!(usp.cwmp, None);
    assert_eq!(usp.objects.len(), 1);
    let printed = text::print(&usp);
    assert!(!printed.contains("cwmp"));
    assert!(!printed.contains("StreamingHost"), "deleted rows go");
}
