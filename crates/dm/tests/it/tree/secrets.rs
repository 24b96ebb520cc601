//! What a requester may not read, it cannot learn by searching or following either.

use dm::operation::{Add, Delete, Get, GetInstances, Operate, Set};
use dm::tree::{Authority, Bit, Change, NoInitial, Place, Requester, Tree};
use dm::{Operation, Value};
use requirement::requirement;

use super::{fill, model_of, place, put, settings, show};

const SAFE: &str = "\
Device. object usp=2.0
Device.Safe.{i}. object usp=2.0 access=readWrite entries=0: key=Name
Device.Safe.{i}.Hidden param usp=2.0 access=readWrite hidden type=string
Device.Safe.{i}.HiddenList param usp=2.0 access=readWrite hidden type=string list=0:
Device.Safe.{i}.HiddenRef param usp=2.0 access=readWrite hidden type=string ref=weak:row:
Device.Safe.{i}.Name param usp=2.0 access=writeOnceReadOnly type=string
Device.Safe.{i}.Pin param usp=2.0 access=writeOnly type=unsignedInt
Device.Safe.{i}.Private param usp=2.0 access=readWrite type=string
Device.Safe.{i}.PrivateRef param usp=2.0 access=readWrite type=string ref=weak:row:
Device.Safe.{i}.Secured param usp=2.0 access=readWrite secured type=string
Device.Safe.{i}.SecuredRef param usp=2.0 access=readWrite secured type=string ref=strong:row:
Device.Safe.{i}.Open() command usp=2.0
Device.Safe.{i}.Inner. object usp=2.0
Device.Safe.{i}.Inner.Key param usp=2.0 access=readWrite hidden type=string
Device.Safe.{i}.Inner.Open param usp=2.0 access=readWrite type=string
";

/// Two safes; what is secret in the first is `secret`, and its references lead to the second or nowhere.
fn safes(secret: &str, number: &str, target: &str) -> Tree {
    let mut tree = Tree::new(model_of(SAFE));
    fill(&mut tree, "Device.Safe.1.", &[("Name", "one"), ("Private", secret), ("PrivateRef", target)]);
    fill(&mut tree, "Device.Safe.2.", &[("Name", "two")]);
    put(&mut tree, "Device.Safe.1.", "Pin", number);
    put(&mut tree, "Device.Safe.1.Inner.", "Open", "x");
    for (path, name, value) in [
        ("Device.Safe.1.", "Hidden", secret),
        ("Device.Safe.1.", "HiddenList", secret),
        ("Device.Safe.1.", "HiddenRef", target),
        ("Device.Safe.1.", "Secured", secret),
        ("Device.Safe.1.", "SecuredRef", target),
        ("Device.Safe.1.Inner.", "Key", secret),
    ] {
        let place = place(&tree, path);
        let param = tree.model().param_index(place.object, name).expect("a parameter");
        tree.apply(&[Change::Set { place, param, value: Some(Value::secret(value)) }]);
    }
    tree
}

/// May do everything but read the private parameters, and has no secured role.
struct Guest;

impl Authority for Guest {
    fn allows(&self, _: &Tree, bit: Bit, _: &Place, leaf: &str) -> bool {
        !(bit == Bit::ParamRead && leaf.starts_with("Private"))
    }
    fn allows_in_model(&self, _: &Tree, _: Bit, _: dm::model::ObjectId, _: &str) -> bool {
        true
    }
    fn sees_secured(&self) -> bool {
        false
    }
}

const GUEST: Requester<'static> = Requester { authority: &Guest, defaults: &NoInitial };

const SECRET_SEARCHES: &[&str] = &[
    "Hidden==\"x\"",
    "Hidden!=\"x\"",
    "Hidden==\"\"",
    "HiddenList~=\"x\"",
    "HiddenList==\"x\"",
    "HiddenRef+.Name==\"two\"",
    "Inner.Key==\"x\"",
    "Inner.Key!=\"x\"",
    "Pin==7",
    "Pin!=7",
    "Pin>6",
    "Pin<=7",
    "Private==\"x\"",
    "Private!=\"x\"",
    "PrivateRef+.Name==\"two\"",
    "PrivateRef#1+.Name!=\"two\"",
    "Secured==\"x\"",
    "Secured!=\"x\"",
    "SecuredRef+.Name==\"two\"",
    "Name==\"one\"&&Hidden==\"x\"",
    "Hidden==\"x\"&&Name==\"one\"",
];

#[test]
#[requirement("R-GIN.0")]
fn a_search_by_what_is_not_shown_matches_nothing() {
    let tree = safes("x", "7", "Device.Safe.2");
    for search in SECRET_SEARCHES {
        let get = Get { paths: vec![format!("Device.Safe.[{search}].Name")], max_depth: 0 };
        assert_eq!(show(&tree.get(&get, &GUEST)), "", "{search}");
    }
    // What is hidden or write-only reads as empty to everybody; what is secured does not.
    for (search, expected) in [
        ("Hidden==\"x\"", ""),
        ("Inner.Key==\"x\"", ""),
        ("Pin==7", ""),
        ("HiddenRef+.Name==\"two\"", ""),
        ("Secured==\"x\"", "Device.Safe.1. Name=one"),
        ("SecuredRef+.Name==\"two\"", "Device.Safe.1. Name=one"),
        ("Private==\"x\"", "Device.Safe.1. Name=one"),
        ("PrivateRef+.Name==\"two\"", "Device.Safe.1. Name=one"),
        ("Inner.Open==\"x\"", "Device.Safe.1. Name=one"),
    ] {
        let get = Get { paths: vec![format!("Device.Safe.[{search}].Name")], max_depth: 0 };
        assert_eq!(show(&tree.get(&get, &Requester::full())), expected, "{search}");
    }
}

/// Every way in which a path can be asked.
fn everything(tree: &Tree, path: &str, who: &Requester<'_>) -> Vec<String> {
    let paths = || vec![path.to_owned()];
    let object = || vec![settings(path, &[("Private", "new"), ("Inner.Open", "new")])];
    let reads = [
        show(&tree.get(&Get { paths: paths(), max_depth: 0 }, who)),
        show(&tree.get(&Get { paths: vec![format!("{path}Name")], max_depth: 0 }, who)),
        show(&tree.instances(&GetInstances { paths: paths(), first_level_only: true }, who)),
    ];
    let operate = Operate { command: format!("{path}Open()"), ..Operate::default() };
    let writes = [
        Operation::Set(Set { allow_partial: false, objects: object() }),
        Operation::Add(Add { allow_partial: false, objects: object() }),
        Operation::Delete(Delete { allow_partial: true, paths: paths() }),
        Operation::Delete(Delete { allow_partial: false, paths: paths() }),
    ];
    let planned = writes.iter().map(|write| show(tree.plan(write, who).expect("a write").outcome()));
    reads.into_iter().chain(planned).chain([format!("{:?}", tree.commands(&operate, who))]).collect()
}

#[test]
#[requirement("R-GIN.0")]
fn no_answer_depends_on_what_is_not_shown() {
    let trees = [safes("x", "7", "Device.Safe.2"), safes("y", "8", "Device.Safe.9"), safes("", "0", "")];
    let searches = SECRET_SEARCHES.iter().map(|search| format!("Device.Safe.[{search}]."));
    let follows =
        ["HiddenRef+.", "HiddenRef#*+.", "PrivateRef+.", "PrivateRef#1+.", "PrivateRef#*+.", "SecuredRef+."];
    let follows = follows.iter().flat_map(|follow| {
        [
            format!("Device.Safe.1.{follow}"),
            format!("Device.Safe.*.{follow}"),
            format!("Device.Safe.1.{follow}Inner."),
        ]
    });
    for path in searches.chain(follows) {
        let [one, two, three] = trees.each_ref().map(|tree| everything(tree, &path, &GUEST));
        assert_eq!(one, two, "{path}");
        assert_eq!(one, three, "{path}");
    }
    // The same questions do depend on it for one who may read.
    let full = Requester::full();
    for path in ["Device.Safe.[Secured==\"x\"].", "Device.Safe.1.PrivateRef+.", "Device.Safe.1.SecuredRef+."]
    {
        assert_ne!(everything(&trees[0], path, &full), everything(&trees[1], path, &full), "{path}");
    }
}

#[test]
fn a_reference_that_is_not_shown_is_not_in_the_model() {
    let tree = safes("x", "7", "Device.Safe.2");
    for (path, expected) in [
        ("Device.Safe.1.PrivateRef+.Name", "failed 7026"),
        ("Device.Safe.1.HiddenRef+.Name", "failed 7026"),
        ("Device.Safe.1.SecuredRef+.Name", "failed 7026"),
        ("Device.Safe.*.PrivateRef+.Name", ""),
        ("Device.Safe.1.PrivateRef#*+.Name", ""),
    ] {
        let get = Get { paths: vec![path.to_owned()], max_depth: 0 };
        assert_eq!(show(&tree.get(&get, &GUEST)), expected, "{path}");
    }
    let set = |path: &str| {
        let objects = vec![settings(path, &[("Private", "new")])];
        let plan =
            tree.plan(&Operation::Set(Set { allow_partial: false, objects }), &GUEST).expect("a write");
        show(plan.outcome())
    };
    assert_eq!(set("Device.Safe.1.PrivateRef+."), "Error 7026 Device.Safe.1.PrivateRef+.=7026");
}
