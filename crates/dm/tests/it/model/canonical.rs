//! The canonical text of a model.

use dm::model::{Divergent, Model, ModelBuilder, Params};
use dm::schema::{Protocol, tr_181};

use super::{builder, model};

const ROWS: &str = "\
model usp=\"urn:example:model\"
Device. object
Device.Reset() command async
Device.Reset() in Count mandatory type=unsignedInt default=parameter:4
Device.Boot! event
Device.Boot! arg Cause type=string enum=Power,Remote
Device.If.{i}. object access=readWrite entries=0: count=IfNumberOfEntries enable=Enable functional=Name
Device.If.{i}.Enable param access=readWrite type=boolean default=object:false
Device.If.{i}.Name param access=readOnly notify=canDeny secured type=string size=0:64
Device.Sub.{i}. object entries=0:
";

#[test]
fn is_stable_and_reads_back() {
    assert_eq!(model(ROWS).canonical_text(), ROWS);
    assert_eq!(Model::from_canonical_text(ROWS).expect("a model"), model(ROWS));
}

#[test]
fn carries_diverging_rows() {
    let own = model("Device. object\nDevice.Sub.{i}. object entries=0:\nDevice.Sub.{i}.Lamp. object\n");
    let mut builder = builder(ROWS);
    builder
        .divergent("Device.Sub.{i}.", Divergent { path: "Device.Sub.7.".to_owned(), model: own })
        .expect("a table");
    let model = builder.build();
    let text = model.canonical_text();
    assert!(text.contains("\nwithin Device.Sub.7.\n"));
    assert_eq!(Model::from_canonical_text(&text).expect("a model"), model);
}

#[test]
fn the_whole_of_tr_181_reads_back() {
    let mut builder = ModelBuilder::new("urn:x", Protocol::Usp);
    for object in tr_181().objects().filter(|object| object.facts(Protocol::Usp).is_some()) {
        builder.add_from(&tr_181(), object.path(), Params::All).expect("a row of the catalogue");
    }
    let model = builder.build();
    assert!(model.len() >= 822);
    assert_eq!(Model::from_canonical_text(&model.canonical_text()).expect("a model"), model);
}

#[test]
fn differs_where_the_model_differs() {
    let base = model(ROWS).canonical_text();
    for (was, is) in [
        ("async", ""),
        ("notify=canDeny ", ""),
        ("size=0:64", "size=0:65"),
        ("Enable param access=readWrite", "Enable param access=readOnly"),
    ] {
        let changed = ROWS.replacen(was, is, 1).replace(" \n", "\n");
        assert_ne!(model(&changed).canonical_text(), base, "{was}");
    }
}
