//! Get and GetInstances: result shapes, depth, searches, reference following, errors.

use dm::operation::{Get, GetInstances};
use dm::tree::{Authority, Bit, NoInitial, Place, Requester, Tree};
use requirement::requirement;

use super::{show, tree};

fn get(path: &str, max_depth: u32) -> String {
    show(&tree().get(&Get { paths: vec![path.to_owned()], max_depth }, &Requester::full()))
}

fn check(cases: &[(&str, u32, &str)]) {
    for (path, depth, expected) in cases {
        assert_eq!(get(path, *depth), *expected, "Get {path} max_depth {depth}");
    }
}

#[test]
#[requirement("R-GET.2", "R-GET.3")]
fn a_parameter_path_gives_its_parent_and_only_that_parameter() {
    check(&[
        ("Device.Info.UpTime", 0, "Device.Info. UpTime=77"),
        ("Device.Net.Interface.3.Mtu", 0, "Device.Net.Interface.3. Mtu=1400"),
        (
            "Device.Net.Interface.*.Name",
            0,
            "Device.Net.Interface.1. Name=eth0; Device.Net.Interface.3. Name=eth1",
        ),
    ]);
}

#[test]
#[requirement("R-GET.5")]
fn depth_counts_a_table_and_its_rows_as_one_level() {
    let own =
        "Device.Net.Interface.1. Alias=cpe-1,Enable=true,LowerLayers=,Mode=Auto,Mtu=1500,Name=eth0,Peer=";
    let below = "Device.Net.Interface.1.Address.1. Ip=192.0.2.1; Device.Net.Interface.1.Address.2. Ip=192.0.2.2; \
                 Device.Net.Interface.1.Stats. Bytes=0";
    check(&[
        ("Device.Net.Interface.1.", 1, own),
        ("Device.Net.Interface.1.", 2, &format!("{own}; {below}")),
        ("Device.Net.Interface.1.", 0, &format!("{own}; {below}")),
        ("Device.Net.Interface.1.", 0x8000_0000, &format!("{own}; {below}")),
        ("Device.Info.", 1, "Device.Info. Name=cusp,Password=,UpTime=77"),
    ]);
    assert!(
        get("Device.", 2).ends_with("Device.Info. Name=cusp,Password=,UpTime=77"),
        "{}",
        get("Device.", 2)
    );
    assert!(
        get("Device.", 3).ends_with("Device.Net.Port.1. Owner=Device.Net.Interface.3"),
        "{}",
        get("Device.", 3)
    );
    assert!(!get("Device.", 3).contains("Address"), "rows of nested tables are the fourth level");
}

#[test]
#[requirement("R-GET.0", "R-GET.1a", "R-MSG.4a", "R-ARC.9", "R-ARC.10")]
fn searches_may_hit_nothing_but_concrete_paths_must_exist() {
    check(&[
        ("Device.Net.Interface.2.", 0, "failed 7026"),
        ("Device.Net.Interface.2.Mtu", 0, "failed 7026"),
        ("Device.Nothing.", 0, "failed 7026"),
        ("Device.Info.Nothing", 0, "failed 7026"),
        ("Device.Net.Interface.*.Nothing", 0, "failed 7026"),
        ("Device.Net.Interface.9.Address.*.Nothing", 0, "failed 7026"),
        ("Device.Net.Interface.Mtu", 0, "failed 7026"),
        ("Device.Ping()", 0, "failed 7026"),
        ("Device.Net.Interface", 0, "failed 7026"),
        ("Device..Info.", 0, "failed 7008"),
        ("Device.Net.Interface.[].", 0, "failed 7008"),
        ("Device.Net.Interface.[Mtu==9].Name", 0, ""),
        ("Device.Net.Interface.*.Address.[Ip==\"192.0.2.9\"].", 0, ""),
        ("Device.Net.Interface.3.Address.", 0, ""),
        ("Device.Net.Interface.[Mtu<1500].Name", 0, "Device.Net.Interface.3. Name=eth1"),
        ("Device.Net.Interface.[Enable==true&&Mode==\"Auto\"].Name", 0, "Device.Net.Interface.1. Name=eth0"),
        ("Device.Net.Interface.[Enable==1].Name", 0, "Device.Net.Interface.1. Name=eth0"),
        ("Device.Net.Interface.[Enable==\"true\"].Name", 0, "failed 7008"),
        (
            "Device.Net.Interface.[Stats.Bytes==0].Name",
            0,
            "Device.Net.Interface.1. Name=eth0; Device.Net.Interface.3. Name=eth1",
        ),
        ("Device.Net.Interface.[Bogus==0].Name", 0, "failed 7026"),
    ]);
}

#[test]
#[requirement("R-GET.1b")]
fn an_object_with_nothing_inside_is_an_empty_success() {
    check(&[("Device.Net.Interface.3.Address.", 0, ""), ("Device.Net.", 1, "")]);
}

#[test]
fn references_are_followed() {
    let mut tree = tree();
    super::put(
        &mut tree,
        "Device.Net.Interface.1.",
        "LowerLayers",
        "Device.Net.Port.1,Device.Net.Interface.3",
    );
    for (path, expected) in [
        ("Device.Net.Port.1.Owner+.Name", "Device.Net.Interface.3. Name=eth1"),
        ("Device.Net.Interface.1.LowerLayers#2+.Name", "Device.Net.Interface.3. Name=eth1"),
        ("Device.Net.Interface.1.LowerLayers#1+.Owner", "Device.Net.Port.1. Owner=Device.Net.Interface.3"),
        ("Device.Net.Interface.1.LowerLayers#3+.Name", "failed 7026"),
        ("Device.Net.Interface.3.LowerLayers#*+.Name", ""),
        ("Device.Net.Port.[Owner+.Name==\"eth1\"].Owner", "Device.Net.Port.1. Owner=Device.Net.Interface.3"),
        ("Device.Net.Port.[Owner+.Name==\"eth0\"].Owner", ""),
        ("Device.Info.Name+.Name", "failed 7026"),
    ] {
        let op = Get { paths: vec![path.to_owned()], max_depth: 0 };
        assert_eq!(show(&tree.get(&op, &Requester::full())), expected, "Get {path}");
    }
}

#[test]
fn each_path_is_answered_on_its_own() {
    let paths = ["Device.Info.UpTime", "Device.Nope", "Device.Info.UpTime"].map(str::to_owned).to_vec();
    let outcome = tree().get(&Get { paths, max_depth: 0 }, &Requester::full());
    assert_eq!(show(&outcome), "Device.Info. UpTime=77\nfailed 7026\nDevice.Info. UpTime=77");
}

#[test]
fn instances_carry_their_unique_keys() {
    let list = |path: &str, first: bool| {
        let op = GetInstances { paths: vec![path.to_owned()], first_level_only: first };
        show(&tree().instances(&op, &Requester::full()))
    };
    let one = "Device.Net.Interface.1. Alias=cpe-1,Name=eth0";
    let three = "Device.Net.Interface.3. Alias=wan,Name=eth1";
    let addresses =
        "Device.Net.Interface.1.Address.1. Ip=192.0.2.1; Device.Net.Interface.1.Address.2. Ip=192.0.2.2";
    assert_eq!(list("Device.Net.Interface.", true), format!("{one}; {three}"));
    assert_eq!(list("Device.Net.Interface.", false), format!("{one}; {addresses}; {three}"));
    assert_eq!(list("Device.Net.Interface.*.Address.", true), addresses);
    assert_eq!(list("Device.Net.Interface.[Name==\"nope\"].Address.", true), "");
    assert_eq!(list("Device.Net.Interface.2.Address.", true), "failed 7016");
    assert_eq!(list("Device.Info.", true), "failed 7018");
    assert_eq!(list("Device.Nope.", true), "failed 7026");
    assert_eq!(list("Device.Net.[", true), "failed 7008");
}

/// May do everything but read what is named.
struct Blind(&'static [&'static str]);

impl Authority for Blind {
    fn allows(&self, tree: &Tree, bit: Bit, place: &Place, leaf: &str) -> bool {
        let read = matches!(bit, Bit::ParamRead | Bit::ObjectRead | Bit::InstanceRead);
        !read || !self.0.contains(&place.leaf_text(tree.model(), leaf).as_str())
    }
    fn allows_in_model(&self, _: &Tree, _: Bit, _: dm::model::ObjectId, _: &str) -> bool {
        true
    }
    fn sees_secured(&self) -> bool {
        false
    }
}

#[test]
#[requirement("R-GET.1", "R-GET.4", "R-GIN.0", "R-GIN.1")]
fn what_may_not_be_read_is_not_there() {
    let hidden = Blind(&[
        "Device.Info.UpTime",
        "Device.Net.Interface.3.",
        "Device.Net.Interface.1.Name",
        "Device.Net.Port.1.Owner",
    ]);
    let who = Requester { authority: &hidden, defaults: &NoInitial };
    for (path, expected) in [
        ("Device.Info.UpTime", "failed 7026"),
        ("Device.Info.", "Device.Info. Name=cusp,Password="),
        ("Device.Net.Interface.3.Mtu", "failed 7026"),
        ("Device.Net.Interface.*.Mtu", "Device.Net.Interface.1. Mtu=1500"),
        ("Device.Net.Interface.[Name==\"eth0\"].Mtu", ""),
        // R-GET.4: an object all of whose parameters are unreadable is there, and empty.
        ("Device.Net.Port.1.", "Device.Net.Port.1. "),
    ] {
        let op = Get { paths: vec![path.to_owned()], max_depth: 1 };
        assert_eq!(show(&tree().get(&op, &who)), expected, "Get {path}");
    }
    for (path, expected) in [
        ("Device.Net.Interface.", "Device.Net.Interface.1. Alias=cpe-1"),
        ("Device.Net.Interface.3.", "failed 7016"),
        ("Device.Net.Interface.3.Address.", "failed 7016"),
    ] {
        let op = GetInstances { paths: vec![path.to_owned()], first_level_only: true };
        assert_eq!(show(&tree().instances(&op, &who)), expected, "GetInstances {path}");
    }
    let hidden = Blind(&["Device.Net.Interface.1."]);
    let who = Requester { authority: &hidden, defaults: &NoInitial };
    let op =
        GetInstances { paths: vec!["Device.Net.Interface.*.Address.".to_owned()], first_level_only: true };
    assert_eq!(show(&tree().instances(&op, &who)), "", "rows below a hidden row");
}

#[test]
fn what_is_hidden_does_not_hide_what_is_below() {
    let hidden =
        Blind(&["Device.Net.Interface.1.", "Device.Net.Interface.3.", "Device.Net.Interface.1.Stats."]);
    let who = Requester { authority: &hidden, defaults: &NoInitial };
    let op = Get { paths: vec!["Device.Net.Interface.".to_owned()], max_depth: 2 };
    let expected =
        "Device.Net.Interface.1.Address.1. Ip=192.0.2.1; Device.Net.Interface.1.Address.2. Ip=192.0.2.2";
    let shown = show(&tree().get(&op, &who));
    assert!(shown.starts_with(expected), "{shown}");
    assert!(!shown.contains("Mtu"), "{shown}");
}
