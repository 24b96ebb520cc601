//! The twin: folding, reading, and its two encodings.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use dm::operation::{
    CreatedInstance, Delete, Deleted, Get, GetInstances, Instance, ObjectValues, Operation, Outcome,
    Requested,
};
use fleet::limits;
use fleet::twin::document::{PathId, decode, encode};
use fleet::twin::{Change, Delta, Source, Twin, TwinPath};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

use crate::at;

fn delta(seconds: i64, puts: &[(&str, &str)]) -> Delta {
    let mut delta = Delta::new(at(seconds), Source::Read);
    puts.iter().for_each(|(path, value)| delta.put(path, value));
    delta
}

fn twin(puts: &[(&str, &str)]) -> Twin {
    let mut twin = Twin::default();
    twin.apply(&delta(1, puts));
    twin
}

fn read<'a>(twin: &'a Twin, prefix: &'a str, depth: usize) -> Vec<&'a str> {
    twin.read(prefix, depth).map(|(path, _)| path.as_str()).collect()
}

#[test]
fn reading_goes_by_elements_and_rows_by_number() {
    let twin = twin(&[
        ("Device.IP.Interface.10.Name", "c"),
        ("Device.IP.Interface.2.Name", "b"),
        ("Device.IP.Interface.2.", ""),
        ("Device.IP.Interface.2.Stats.BytesSent", "1"),
        ("Device.IP.InterfaceNumberOfEntries", "2"),
        ("Device.IPx.A", "x"),
        ("Device.DeviceInfo.UpTime", "5"),
    ]);
    assert_eq!(
        read(&twin, "Device.IP.", 0),
        [
            "Device.IP.Interface.2.",
            "Device.IP.Interface.2.Name",
            "Device.IP.Interface.2.Stats.BytesSent",
            "Device.IP.Interface.10.Name",
            "Device.IP.InterfaceNumberOfEntries",
        ]
    );
    assert_eq!(read(&twin, "Device.IP.", 1), ["Device.IP.InterfaceNumberOfEntries"]);
    assert_eq!(
        read(&twin, "Device.IP.Interface.2.", 1),
        ["Device.IP.Interface.2.", "Device.IP.Interface.2.Name"]
    );
    assert_eq!(read(&twin, "Device.IP.Interface.1.", 0), Vec::<&str>::new());
    assert_eq!(read(&twin, "Device.DeviceInfo.UpTime", 0), ["Device.DeviceInfo.UpTime"]);
    assert_eq!(read(&twin, "Device.DeviceInfo.Up", 0), Vec::<&str>::new());
    assert_eq!(read(&twin, "", 0).len(), 7);
    let values: Vec<&str> =
        twin.read("Device.IP.Interface.10.Name", 0).map(|(_, entry)| &*entry.value).collect();
    assert_eq!(values, ["c"]);
}

#[test]
fn later_deltas_win_and_rows_go_with_all_below() {
    let mut twin = twin(&[
        ("Device.T.1.A", "1"),
        ("Device.T.1.S.B", "2"),
        ("Device.T.12.A", "3"),
        ("Device.T.2.A", "4"),
    ]);
    twin.apply(&delta(5, &[("Device.T.2.A", "5")]));
    let entry = twin.get("Device.T.2.A").expect("known");
    assert_eq!((&*entry.value, entry.at), ("5", at(5)));
    let mut gone = Delta::new(at(6), Source::Notified);
    gone.remove("Device.T.1.");
    twin.apply(&gone);
    assert_eq!(read(&twin, "", 0), ["Device.T.2.A", "Device.T.12.A"]);
}

#[test]
fn an_outcome_teaches_what_it_says() {
    let get = |path: &str, max_depth| Operation::Get(Get { paths: vec![path.into()], max_depth });
    let values = |path: &str, object: &str, params: &[(&str, &str)]| {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Outcome::Get(vec![Requested {
            path: path.into(),
            result: Ok(vec![ObjectValues { path: object.into(), params }]),
        }])
    };
    let known = [("Device.T.1.A", "1"), ("Device.T.1.B", "2"), ("Device.U.C", "3")];
    let check = |operation: Operation, outcome: Outcome, expected: &[&str]| {
        let mut twin = twin(&known);
        twin.apply(&Delta::of_outcome(&operation, &outcome, at(9)));
        assert_eq!(read(&twin, "", 0), expected, "{outcome:?}");
    };
    // A whole object replaces what was known; a part, a pattern or an error does not.
    let all = ["Device.T.1.A", "Device.T.1.B", "Device.U.C"];
    check(
        get("Device.T.1.", 0),
        values("Device.T.1.", "Device.T.1.", &[("A", "9")]),
        &["Device.T.1.A", "Device.U.C"],
    );
    check(get("Device.T.1.", 1), values("Device.T.1.", "Device.T.1.", &[("A", "9")]), &all);
    check(get("Device.T.*.", 0), values("Device.T.*.", "Device.T.1.", &[("A", "9")]), &all);
    check(get("Device.T.1.A", 0), values("Device.T.1.A", "Device.T.1.", &[("A", "9")]), &all);
    // A listed table has no other rows.
    let list =
        Operation::GetInstances(GetInstances { paths: vec!["Device.T.".into()], first_level_only: true });
    let row = Instance { path: "Device.T.2.".into(), unique_keys: vec![("Alias".into(), "x".into())] };
    let rows = Outcome::GetInstances(vec![Requested { path: "Device.T.".into(), result: Ok(vec![row]) }]);
    check(list, rows, &["Device.T.2.", "Device.T.2.Alias", "Device.U.C"]);
    let delete = Operation::Delete(Delete { allow_partial: false, paths: vec!["Device.T.*.".into()] });
    let deleted = Deleted { affected: vec!["Device.T.1.".into()], unaffected: Vec::new() };
    let deleted = Outcome::Delete(vec![Requested { path: "Device.T.*.".into(), result: Ok(deleted) }]);
    check(delete, deleted, &["Device.U.C"]);
    let created = CreatedInstance { path: "Device.T.3.".into(), ..CreatedInstance::default() };
    let created = Outcome::Add(vec![Requested { path: "Device.T.".into(), result: Ok(created) }]);
    let delta = Delta::of_outcome(&Operation::Add(dm::operation::Add::default()), &created, at(9));
    assert_eq!(delta.source, Source::Written);
    assert_eq!(delta.changes.len(), 1);
}

#[test]
fn what_a_device_says_is_bounded() {
    for path in
        ["", ".", ".A", "A..B", "A.{i}.B", "A B", "A\n", &"A.".repeat(40), &"x".repeat(limits::TWIN_PATH + 1)]
    {
        assert_eq!(TwinPath::parse(path), None, "{path:?}");
    }
    let mut delta = Delta::new(at(1), Source::Read);
    for number in 0..=limits::DELTA_CHANGES {
        delta.put(&format!("Device.T.{number}"), "");
    }
    let mut full = Twin::default();
    full.apply(&delta);
    full.apply(&self::delta(2, &[("Device.More", "1")]));
    assert_eq!((full.len(), full.is_truncated()), (limits::TWIN_ENTRIES, true));
    full.apply(&self::delta(3, &[("Device.T.1", "a known one may still change")]));
    assert_eq!(full.get("Device.T.1").map(|entry| entry.at), Some(at(3)));
}

/// What an answer teaches takes no more work than the answer is long.
#[test]
fn an_answer_that_repeats_itself_teaches_once() {
    let row = |number: u32| Instance { path: format!("Device.T.{number}."), unique_keys: Vec::new() };
    let table = |rows: Vec<Instance>| Requested { path: "Device.T.".to_owned(), result: Ok(rows) };
    let outcome = Outcome::GetInstances(vec![table(vec![row(2), row(1)]), table(vec![row(3)])]);
    let operation = Operation::GetInstances(GetInstances::default());
    let kept: Vec<Change> = Delta::of_outcome(&operation, &outcome, at(1)).changes;
    let kept: Vec<&[u32]> = kept
        .iter()
        .filter_map(|change| match change {
            Change::KeepRows { rows, .. } => Some(rows.as_slice()),
            _ => None,
        })
        .collect();
    assert_eq!(kept, [[1, 2]]);
    let mut delta = Delta::new(at(1), Source::Read);
    delta.put_object(&format!("Device.{}.", "x".repeat(limits::TWIN_PATH)), &[("A".into(), "1".into())]);
    assert!(delta.is_empty());
}

#[test]
fn a_value_that_is_not_kept_is_no_longer_what_it_was() {
    let longest = "x".repeat(limits::TWIN_VALUE);
    let mut known = twin(&[("Device.Big", "short"), ("Device.Small", "1")]);
    known.apply(&delta(2, &[("Device.Big", &format!("{longest}x"))]));
    assert_eq!(read(&known, "", 0), ["Device.Small"]);
    let mut more = Delta::new(at(3), Source::Notified);
    for number in 0..limits::TWIN_BYTES / limits::TWIN_VALUE - 1 {
        more.put(&format!("Device.T.{number}"), &longest);
    }
    known.apply(&more);
    assert!(!known.is_truncated());
    known.apply(&delta(4, &[("Device.Small", &longest)]));
    assert!(known.get("Device.Small").is_none() && known.is_truncated());
    // Of nothing, nothing is missing.
    let mut nothing = Delta::new(at(5), Source::Notified);
    nothing.remove("Device.");
    known.apply(&nothing);
    assert!(known.is_empty() && !known.is_truncated());
}

/// A dictionary in memory.
#[derive(Default)]
struct Dictionary(BTreeMap<String, PathId>);

impl Dictionary {
    fn encode(&mut self, twin: &Twin) -> Vec<u8> {
        let id_of = |path: &str| {
            let next = PathId(u32::try_from(self.0.len()).expect("small") + 1);
            Ok::<_, Infallible>(Some(*self.0.entry(path.to_owned()).or_insert(next)))
        };
        encode(twin, id_of).expect("it never fails")
    }

    fn decode(&self, document: &[u8]) -> Result<Twin, fleet::Error> {
        decode(document, |id| {
            self.0.iter().find(|(_, known)| **known == id).map(|(path, _)| Arc::from(path.as_str()))
        })
    }
}

#[test]
fn documents_name_paths_without_rows() {
    let mut dictionary = Dictionary::default();
    let twin =
        twin(&[("Device.T.1.A", "x"), ("Device.T.2.A", "y"), ("Device.T.007.A", "z"), ("Device.T.2.", "")]);
    let document = dictionary.encode(&twin);
    let paths: Vec<&str> = dictionary.0.keys().map(String::as_str).collect();
    assert_eq!(paths, ["Device.T.007.A", "Device.T.{i}.", "Device.T.{i}.A"]);
    assert_eq!(dictionary.decode(&document), Ok(twin));
    for cut in 0..document.len() {
        assert!(dictionary.decode(&document[..cut]).is_err(), "cut at {cut}");
    }
    assert!(dictionary.decode(&[document.as_slice(), b"x"].concat()).is_err());
    assert!(Dictionary::default().decode(&document).is_err(), "a dictionary that lacks the paths");
    let first = [1, 0, 2, 1, 1, 5, 0, 0, 1, b'v'];
    let known =
        decode(&first, |id| (id == PathId(1)).then(|| Arc::from("Device.T.{i}.A"))).expect("version 1");
    assert_eq!(read(&known, "", 0), ["Device.T.5.A"]);
}

#[test]
fn what_the_dictionary_has_no_room_for_is_left_out() {
    let twin = twin(&[("Device.A", "1"), ("Device.B", "2")]);
    let document = encode(&twin, |path| Ok::<_, Infallible>((path == "Device.A").then_some(PathId(1))))
        .expect("it never fails");
    let read = decode(&document, |_| Some(Arc::from("Device.A"))).expect("whole");
    assert_eq!((read.len(), read.is_truncated()), (1, true));
}

fn path() -> impl Strategy<Value = String> {
    let element = prop_oneof![Just("A"), Just("B"), Just("1"), Just("2"), Just("10"), Just("Status")];
    prop::collection::vec(element, 1..5).prop_map(|elements| format!("Device.{}", elements.join(".")))
}

fn deltas() -> impl Strategy<Value = Vec<Delta>> {
    let change = (path(), "[a-z]{0,3}", 0..10u8);
    let one = (prop::collection::vec(change, 0..12), 0..1000i64).prop_map(|(changes, seconds)| {
        let mut delta =
            Delta::new(at(seconds), if seconds % 2 == 0 { Source::Read } else { Source::Notified });
        for (path, value, what) in changes {
            match what {
                0 => delta.remove(&path),
                1 => delta.remove(&format!("{path}.")),
                2 => delta.put(&format!("{path}."), ""),
                _ => delta.put(&path, &value),
            }
        }
        delta
    });
    prop::collection::vec(one, 0..20)
}

proptest! {
    /// However often the pending deltas are folded into a document on the way, the twin is the same.
    #[test]
    fn folding_is_applying_in_order(deltas in deltas(), every in 1..7usize) {
        let mut direct = Twin::default();
        deltas.iter().for_each(|delta| direct.apply(delta));
        let mut dictionary = Dictionary::default();
        let mut document = dictionary.encode(&Twin::default());
        for pending in deltas.chunks(every) {
            let mut twin = dictionary.decode(&document).expect("it was written here");
            for delta in pending {
                twin.apply(&Delta::decode(&delta.encode()).expect("it was written here"));
            }
            document = dictionary.encode(&twin);
        }
        prop_assert_eq!(dictionary.decode(&document), Ok(direct));
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Delta::decode(&bytes);
        let _ = decode(&bytes, |id| Some(Arc::from(format!("Device.T.{{i}}.P{}", id.0))));
    }

    #[test]
    fn paths_are_in_one_order(mut paths in prop::collection::vec(path(), 0..20)) {
        paths.sort_by_key(|text| TwinPath::parse(text));
        let twin = twin(&paths.iter().map(|path| (path.as_str(), "")).collect::<Vec<_>>());
        paths.dedup();
        prop_assert_eq!(read(&twin, "", 0), paths);
    }
}
