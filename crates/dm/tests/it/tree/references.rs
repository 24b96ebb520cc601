//! References as Set and Add take them: kinds and tables that a definition allows, forms, and targets.

use dm::Operation;
use dm::operation::{Add, Delete, Set};
use dm::tree::Tree;
use requirement::requirement;

use super::{fill, model_of, place, settings, show, write};

const LINKS: &str = "\
Device. object usp=2.0
Device.Info. object usp=2.0
Device.Info.Name param usp=2.0 access=readWrite type=string
Device.Link.{i}. object usp=2.0 access=readWrite entries=0:
Device.Link.{i}.Any param usp=2.0 access=readWrite type=string ref=strong:any:
Device.Link.{i}.Below param usp=2.0 access=readWrite type=string ref=strong:row:Device.
Device.Link.{i}.Param param usp=2.0 access=readWrite type=string ref=strong:parameter:
Device.Link.{i}.Pins param usp=2.0 access=readWrite type=string list=0: ref=strong:row:
Device.Link.{i}.Port param usp=2.0 access=readWrite type=string ref=strong:row:Device.Port.{i}.
Device.Link.{i}.PortName param usp=2.0 access=readWrite type=string ref=strong:parameter:Device.Port.{i}.
Device.Link.{i}.Ports param usp=2.0 access=readWrite type=string list=0: ref=strong:row:Device.Port.{i}.,Device.Vlan.{i}.
Device.Link.{i}.Secret param usp=2.0 access=readWrite secured type=string ref=strong:row:Device.Port.{i}.
Device.Link.{i}.Single param usp=2.0 access=readWrite type=string ref=strong:single:
Device.Link.{i}.Weak param usp=2.0 access=readWrite type=string ref=weak:row:Device.Port.{i}.
Device.Pin.{i}. object usp=2.0 access=readWrite entries=0: key=Port
Device.Pin.{i}.Port param usp=2.0 access=writeOnceReadOnly type=string ref=strong:row:Device.Port.{i}.
Device.Port.{i}. object usp=2.0 access=readWrite entries=0: key=Name
Device.Port.{i}.Name param usp=2.0 access=writeOnceReadOnly type=string
Device.Port.{i}.Queue.{i}. object usp=2.0 access=readWrite entries=0:
Device.Vlan.{i}. object usp=2.0 access=readWrite entries=0:
";

fn links() -> Tree {
    let mut tree = Tree::new(model_of(LINKS));
    fill(&mut tree, "Device.Info.", &[]);
    fill(&mut tree, "Device.Port.1.", &[("Name", "lan")]);
    fill(&mut tree, "Device.Port.1.Queue.1.", &[]);
    fill(&mut tree, "Device.Vlan.1.", &[]);
    fill(&mut tree, "Device.Link.1.", &[]);
    tree
}

/// What a setting of the link's parameter becomes, in Set and in Add alike, or its code.
fn check(param: &str, value: &str, expected: Result<&str, u32>) {
    let objects = |path: &str| vec![settings(path, &[(param, value)])];
    for (write_to, operation) in [
        ("Device.Link.1.", Operation::Set(Set { allow_partial: false, objects: objects("Device.Link.1.") })),
        ("Device.Link.2.", Operation::Add(Add { allow_partial: false, objects: objects("Device.Link.") })),
    ] {
        let mut tree = links();
        let shown = show(&write(&mut tree, &operation));
        let (stored, fault) = match expected {
            Ok(stored) => (stored, String::new()),
            Err(code) => ("", format!("{param}!{code}")),
        };
        assert_eq!(tree.text_of(&place(&tree, write_to), param), stored, "{param} = {value}: {shown}");
        assert!(shown.ends_with(&fault), "{param} = {value}: {shown}");
    }
}

#[test]
#[requirement("R-ARC.11", "R-ARC.12")]
fn a_strong_reference_leads_to_what_its_definition_allows() {
    for (param, value, expected) in [
        ("Port", "", Ok("")),
        ("Port", "Device.Port.1", Ok("Device.Port.1")),
        ("Port", "Device.Port.1.", Ok("Device.Port.1")),
        ("Port", "Device.Port.[Name==\"lan\"]", Ok("Device.Port.1")),
        ("Port", "Device.Port.[Name==\"wan\"]", Err(7012)),
        ("Port", "Device.Port.2", Err(7012)),
        ("Port", "Device.Port", Err(7012)),
        ("Port", "Device.Port.*", Err(7012)),
        ("Port", "Device.Vlan.1", Err(7012)),
        ("Port", "Device.Port.1.Queue.1", Err(7012)),
        ("Port", "Device.Port.1.Name", Err(7012)),
        ("Port", "Device.Info", Err(7012)),
        ("Port", "not a path", Err(7012)),
        ("Port", "Device.Port.1,Device.Port.1", Err(7012)),
        ("Ports", "Device.Port.1,Device.Vlan.1", Ok("Device.Port.1,Device.Vlan.1")),
        ("Ports", "Device.Vlan.1, Device.Port.[Name==\"lan\"].", Ok("Device.Vlan.1,Device.Port.1")),
        ("Ports", "Device.Port.1,Device.Link.1", Err(7012)),
        ("Ports", "Device.Port.1,Device.Vlan.9", Err(7012)),
        ("Below", "Device.Port.1.Queue.1", Ok("Device.Port.1.Queue.1")),
        ("Below", "Device.Info", Err(7012)),
        ("Single", "Device.Info", Ok("Device.Info")),
        ("Single", "Device.Port.1", Err(7012)),
        ("Single", "Device.Nothing", Err(7012)),
        ("Param", "Device.Info.Name", Ok("Device.Info.Name")),
        ("Param", "Device.Port.[Name==\"lan\"].Name", Ok("Device.Port.1.Name")),
        ("Param", "Device.Info.Nothing", Err(7012)),
        ("Param", "Device.Port.2.Name", Err(7012)),
        ("PortName", "Device.Port.1.Name", Ok("Device.Port.1.Name")),
        ("PortName", "Device.Info.Name", Err(7012)),
        ("Any", "Device.Info", Ok("Device.Info")),
        ("Any", "Device.Info.Name", Ok("Device.Info.Name")),
        ("Any", "Device.Info.Other", Err(7012)),
        // A weak one is a path, and no more is asked of it.
        ("Weak", "Device.Port.7", Ok("Device.Port.7")),
        ("Weak", "Device.Elsewhere.1.Thing", Ok("Device.Elsewhere.1.Thing")),
        ("Weak", "not a path", Err(7012)),
        ("Weak", "Device.Port.*", Err(7012)),
    ] {
        check(param, value, expected);
    }
}

#[test]
#[requirement("R-ARC.12")]
fn a_reference_may_lead_to_a_row_that_the_same_message_makes() {
    let mut tree = links();
    let objects = vec![
        settings("Device.Link.", &[("!Port", "Device.Port.2")]),
        settings("Device.Port.", &[("Name", "wan")]),
    ];
    let outcome = write(&mut tree, &Operation::Add(Add { allow_partial: false, objects }));
    assert_eq!(show(&outcome), "Device.Link.2. \nDevice.Port.2. Name=wan");
    // If that row fails, so does what leads to it, in whatever order they come.
    let objects = vec![
        settings("Device.Link.", &[("!Port", "Device.Port.3")]),
        settings("Device.Port.", &[("Name", "wan")]),
    ];
    let outcome = write(&mut tree, &Operation::Add(Add { allow_partial: true, objects }));
    assert_eq!(show(&outcome), "failed 7021\nfailed 7021");
}

#[test]
#[requirement("R-ARC.12")]
fn a_deleted_target_empties_references_of_every_kind() {
    let mut tree = links();
    let one = &[
        ("Port", "Device.Port.1"),
        ("Ports", "Device.Vlan.1,Device.Port.1"),
        ("PortName", "Device.Port.1.Name"),
        ("Secret", "Device.Port.1"),
        ("Weak", "Device.Port.1"),
    ];
    let set = Set { allow_partial: false, objects: vec![settings("Device.Link.1.", one)] };
    write(&mut tree, &Operation::Set(set));
    let link = place(&tree, "Device.Link.1.");
    assert_eq!(tree.text_of(&link, "Secret"), "Device.Port.1");
    write(
        &mut tree,
        &Operation::Delete(Delete { allow_partial: false, paths: vec!["Device.Port.1.".to_owned()] }),
    );
    for (param, expected) in [
        ("Port", ""),
        ("Ports", "Device.Vlan.1"),
        ("PortName", ""),
        ("Secret", ""),
        ("Weak", "Device.Port.1"),
    ] {
        assert_eq!(tree.text_of(&link, param), expected, "{param}");
    }
    let secret = tree.value_of(&link, "Secret").expect("a value");
    assert!(secret.is_secret(), "a secret stays one");
}

#[test]
#[requirement("R-ARC.12")]
fn a_row_that_its_target_identifies_goes_with_it_and_out_of_every_list() {
    let mut tree = links();
    fill(&mut tree, "Device.Pin.4.", &[("Port", "Device.Port.1")]);
    let pins = "Device.Port.1,Device.Vlan.1,Device.Pin.4,Device.Port.1.Queue.1";
    fill(&mut tree, "Device.Link.1.", &[("Pins", pins)]);
    let delete = Delete { allow_partial: false, paths: vec!["Device.Port.1.".to_owned()] };
    let outcome = write(&mut tree, &Operation::Delete(delete));
    assert_eq!(show(&outcome), "Device.Pin.4. Device.Port.1.Queue.1. Device.Port.1.");
    assert_eq!(tree.text_of(&place(&tree, "Device.Link.1."), "Pins"), "Device.Vlan.1");
}

#[test]
fn what_a_secret_reference_says_is_in_no_fault() {
    for value in ["Device.Port.77", "Device.Vlan.77", "no path 77", "Device.Port.[Name==\"77\"]"] {
        let objects = vec![settings("Device.Link.1.", &[("!Secret", value)])];
        let outcome = write(&mut links(), &Operation::Set(Set { allow_partial: true, objects }));
        assert!(!format!("{outcome:?}").contains("77"), "{outcome:?}");
        assert_eq!(show(&outcome), "failed 7021 [Device.Link.1. Secret!7012]", "{value}");
    }
}
