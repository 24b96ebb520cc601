//! The journal on a disk that forgets (invariant: what was acknowledged is on stable storage).

use engine::journal::{Entry, Folder, Journal, JournalError, Lexical, Live};
use proptest::prelude::*;

use crate::disk::{Disk, Leftover};

fn set(path: &str, param: &str, text: &str) -> Entry {
    let value = Some(Lexical { text: text.into(), secret: false });
    Entry::SetParam { path: path.to_owned(), param: param.to_owned(), value }
}

fn create(path: &str) -> Entry {
    Entry::CreateRow { path: path.to_owned() }
}

fn remove(path: &str) -> Entry {
    Entry::RemoveRow { path: path.to_owned() }
}

fn key(table: &str, key: &str, number: u32) -> Entry {
    Entry::RowKey { table: table.to_owned(), key: key.to_owned(), number }
}

fn meta(key: &str, value: Option<&str>) -> Entry {
    Entry::Meta { key: key.to_owned(), value: value.map(str::to_owned) }
}

/// Every kind of entry, texts that make the file worth a compaction, and a reset.
enum Step {
    Append(Vec<Entry>),
    Reset(Vec<Entry>),
}

fn workload() -> Vec<Step> {
    let long = "x".repeat(100_000);
    vec![
        Step::Append(vec![create("Device.T.1."), set("Device.T.1.", "A", "1"), meta("boot", Some("x"))]),
        Step::Append(vec![key("Device.P.", "eth0", 3), create("Device.T.2.")]),
        Step::Append(vec![set("Device.T.1.", "A", &long)]),
        Step::Append(vec![set("Device.T.1.", "A", &long), remove("Device.T.2.")]),
        Step::Append(vec![set("Device.T.1.", "A", "2"), meta("boot", None)]),
        Step::Append(vec![set("Device.T.1.", "B", &long)]),
        Step::Append(vec![set("Device.T.1.", "B", "3")]),
        Step::Reset(vec![meta("boot", Some("reset"))]),
        Step::Append(vec![create("Device.T.1."), set("Device.T.1.", "A", "4")]),
    ]
}

/// States after each acknowledged step, starting with nothing.
fn run(disk: &Disk) -> Vec<Live> {
    let mut states = vec![Live::default()];
    let Ok(journal) = Journal::open(disk.clone()) else { return states };
    for step in workload() {
        let appended = match &step {
            Step::Append(entries) => journal.append(entries),
            Step::Reset(entries) => journal.reset(entries),
        };
        if appended.is_err() || journal.flush().is_err() {
            break;
        }
        states.push(journal.live());
    }
    states
}

#[test]
fn a_power_cut_anywhere_keeps_what_was_acknowledged() {
    let whole = Disk::default();
    let states = run(&whole);
    assert_eq!(states.len(), 10, "nothing fails without a power cut");
    assert_eq!(states[4].last["Device.T."], 2, "the number of a removed row stays given");
    for cut in 0..whole.operations() {
        for (tail, names) in [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true)] {
            let disk = Disk::default();
            disk.cut_after(cut);
            let acknowledged = run(&disk).len() - 1;
            disk.restart(Leftover { tail, names });
            let found = Journal::open(disk).expect("a power cut damages nothing").live();
            let next = (acknowledged + 1).min(states.len() - 1);
            let fits = found == states[acknowledged] || found == states[next];
            assert!(fits, "cut at {cut}, tail {tail}, names {names}: step {acknowledged} was acknowledged");
        }
    }
}

#[test]
fn a_journal_is_compacted_and_still_whole() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    for round in 0..40 {
        journal.append(&[set("Device.", "A", &"y".repeat(20_000 + round))]).unwrap();
        journal.flush().unwrap();
    }
    let stats = journal.stats();
    assert!((1..10).contains(&stats.compactions), "{stats:?}");
    assert!(disk.journal().len() < 300_000);
    let live = journal.live();
    drop(journal);
    assert_eq!(Journal::open(disk).unwrap().live(), live);
}

#[test]
fn many_appends_share_a_sync() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    let held = disk.hold();
    for round in 0..100 {
        journal.append(&[set("Device.", "A", &round.to_string())]).unwrap();
    }
    drop(held);
    journal.flush().unwrap();
    let stats = journal.stats();
    assert_eq!(stats.appends, 100);
    assert!(stats.syncs <= 3, "{stats:?}");
}

#[test]
fn damage_in_the_middle_is_reported() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    for round in 0..3 {
        journal.append(&[set("Device.", "A", &round.to_string())]).unwrap();
        journal.flush().unwrap();
    }
    drop(journal);
    disk.flip(20);
    assert!(matches!(Journal::open(disk.clone()), Err(JournalError::Damaged { at: 8 })));
    disk.flip(20);
    disk.flip(0);
    assert!(matches!(Journal::open(disk), Err(JournalError::Format)));
}

#[test]
fn what_waits_for_the_disk_is_bounded() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    let held = disk.hold();
    journal.append(&[set("Device.", "A", "0")]).unwrap();
    held.until_reached();
    let big = set("Device.", "A", &"z".repeat(1 << 20));
    let taken = (0..20).take_while(|_| journal.append(std::slice::from_ref(&big)).is_ok()).count();
    assert_eq!(taken, 7, "eight of them, with what is around them, are more than 8 MiB");
    assert!(matches!(journal.append(std::slice::from_ref(&big)), Err(JournalError::Full)));
    let own = (0..20).take_while(|_| journal.append_own(std::slice::from_ref(&big)).is_ok()).count();
    assert_eq!(own, 8, "fifteen in 16 MiB, of which seven are there");
    assert!(matches!(journal.append_own(&[big]), Err(JournalError::Full)));
    drop(held);
    journal.flush().unwrap();
    journal.append(&[set("Device.", "A", "1")]).unwrap();
}

#[test]
fn after_a_failed_write_nothing_is_taken_or_told() {
    let disk = Disk::default();
    let journal = Journal::open(disk.clone()).unwrap();
    disk.cut_after(1);
    let position = journal.append(&[set("Device.", "A", "1")]).unwrap();
    assert!(journal.flush().is_err());
    assert!(!journal.is_synced(position));
    assert!(matches!(journal.append(&[set("Device.", "A", "2")]), Err(JournalError::Failed(_))));
}

#[test]
fn a_folder_holds_a_journal_and_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let journal = Journal::open(Folder::open(&path).unwrap()).unwrap();
    journal.append(&[create("Device.T.1."), set("Device.T.1.", "A", "1")]).unwrap();
    assert!(Folder::open(&path).is_err(), "it is locked");
    let live = journal.live();
    drop(journal);
    let again = Journal::open(Folder::open(&path).unwrap()).unwrap();
    assert_eq!(again.live(), live);
    again.append(&[set("Device.T.1.", "A", "2")]).unwrap();
    drop(again);
    let third = Journal::open(Folder::open(&path).unwrap()).unwrap();
    assert_eq!(&*third.live().objects["Device.T.1."].params["A"].text, "2");
}

#[test]
fn a_secret_is_not_printed() {
    let entry = Entry::SetParam {
        path: "Device.".to_owned(),
        param: "Password".to_owned(),
        value: Some(Lexical { text: "hunter2".into(), secret: true }),
    };
    assert!(!format!("{entry:?}").contains("hunter2"));
}

fn entry() -> impl Strategy<Value = Entry> {
    let path = prop::sample::select(vec!["Device.", "Device.T.1.", "Device.T.2.", "Device.T.1.U.7."]);
    let row = prop::sample::select(vec!["Device.T.1.", "Device.T.2.", "Device.T.1.U.7."]);
    let table = prop::sample::select(vec!["Device.T.", "Device.T.1.U."]);
    let short = "[a-c]{0,2}";
    prop_oneof![
        (path, "[AB]", prop::option::of(short), any::<bool>()).prop_map(|(path, param, text, secret)| {
            let value = text.map(|text| Lexical { text: text.into(), secret });
            Entry::SetParam { path: path.to_owned(), param, value }
        }),
        row.clone().prop_map(create),
        row.prop_map(remove),
        (table.clone(), 0..9_u32)
            .prop_map(|(table, last)| Entry::LastNumber { table: table.to_owned(), last }),
        (table, "[ab]", 0..9_u32).prop_map(|(table, name, number)| key(table, &name, number)),
        ("[ab]", prop::option::of("[xy]")).prop_map(|(key, value)| Entry::Meta { key, value }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(batches in prop::collection::vec(prop::collection::vec(entry(), 1..5), 0..12)) {
        let disk = Disk::default();
        let journal = Journal::open(disk.clone()).unwrap();
        for batch in &batches {
            journal.append(batch).unwrap();
        }
        journal.flush().unwrap();
        let live = journal.live();
        drop(journal);
        prop_assert_eq!(Journal::open(disk).unwrap().live(), live);
    }

    #[test]
    fn a_rewrite_means_the_same(entries in prop::collection::vec(entry(), 0..40)) {
        let mut live = Live::default();
        entries.iter().for_each(|entry| live.take(entry));
        let mut again = Live::default();
        live.entries().iter().for_each(|entry| again.take(entry));
        prop_assert_eq!(again, live);
    }
}

#[test]
fn a_way_back_is_not_printed() {
    let entry = meta("undo.0000000001", Some("68756e74657232"));
    let mut live = Live::default();
    live.take(&entry);
    for told in [format!("{entry:?}"), format!("{live:?}")] {
        assert!(told.contains("undo.0000000001") && !told.contains("68756e74657232"), "{told}");
    }
    assert!(format!("{:?}", meta("boot", Some("x"))).contains("Some(\"x\")"));
}
