//! Instance trees, on a small model that has one of everything.

mod add;
mod carry;
mod delete;
mod effort;
mod get;
mod keys;
mod operate;
mod properties;
mod references;
mod secrets;
mod set;
mod snapshot;

use std::sync::Arc;

use dm::model::{Model, ModelBuilder, Params};
use dm::operation::{ObjectSettings, ParamSetting};
use dm::path::ObjectPath;
use dm::schema::{Catalogue, Protocol, encode, text};
use dm::tree::{Change, ChangeSet, Place, Requester, Tree};
use dm::{Operation, Outcome, Value};

const MODEL: &str = "\
model usp=urn:example:test
Device. object usp=2.0
Device.RootDataModelVersion param usp=2.0 access=readOnly type=string
Device.Ping() command usp=2.0 async
Device.Ping() in Count usp=2.0 type=unsignedInt range=1:10
Device.Ping() in Host usp=2.0 mandatory type=string
Device.Boot! event usp=2.0
Device.Info. object usp=2.0
Device.Info.Name param usp=2.0 access=readWrite type=string size=0:16
Device.Info.Password param usp=2.0 access=readWrite hidden type=string
Device.Info.UpTime param usp=2.0 access=readOnly notify=canDeny type=unsignedInt units=seconds
Device.Net. object usp=2.0
Device.Net.Interface.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable key=Alias functional=Name
Device.Net.Interface.{i}.Alias param usp=2.0 access=writeOnceReadOnly type=string size=0:64
Device.Net.Interface.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.Net.Interface.{i}.LowerLayers param usp=2.0 access=readWrite type=string list=0: ref=strong:row:
Device.Net.Interface.{i}.Mode param usp=2.0 access=readWrite type=string enum=Auto,Manual default=object:Auto
Device.Net.Interface.{i}.Mtu param usp=2.0 access=readWrite type=unsignedInt range=68:9000 default=object:1500
Device.Net.Interface.{i}.Name param usp=2.0 access=readWrite type=string
Device.Net.Interface.{i}.Peer param usp=2.0 access=readWrite type=string ref=weak:row:
Device.Net.Interface.{i}.Reset() command usp=2.0
Device.Net.Interface.{i}.Address.{i}. object usp=2.0 access=readWrite entries=0: key=Ip
Device.Net.Interface.{i}.Address.{i}.Ip param usp=2.0 access=readWrite type=string
Device.Net.Interface.{i}.Stats. object usp=2.0
Device.Net.Interface.{i}.Stats.Bytes param usp=2.0 access=readOnly notify=canDeny type=unsignedLong
Device.Net.Port.{i}. object usp=2.0 entries=0:
Device.Net.Port.{i}.Owner param usp=2.0 access=readWrite type=string ref=strong:row:
";

/// The model of [`MODEL`].
pub(crate) fn model() -> Arc<Model> {
    model_of(MODEL)
}

/// The model of a test's rows.
pub(crate) fn model_of(rows: &str) -> Arc<Model> {
    let rows = text::parse(rows).expect("the test's own model");
    let blob = encode(&rows).expect("a small model");
    let catalogue = Catalogue::open(&blob).expect("just encoded");
    let mut builder = ModelBuilder::new("urn:example:test", Protocol::Usp);
    for object in &rows.objects {
        let path = object.path.as_str();
        builder.add_from(&catalogue, path, Params::All).expect("all rows are in the catalogue");
        for row in &object.rows {
            let name = match row.facts {
                dm::schema::Facts::Command(_) => format!("{}()", row.name),
                dm::schema::Facts::Event(_) => format!("{}!", row.name),
                _ => continue,
            };
            builder.add_actions(&catalogue, path, &[&name]).expect("all rows are in the catalogue");
        }
    }
    builder.build()
}

/// A tree with two interfaces (1 and 3; 1 has two addresses) and one port.
pub(crate) fn tree() -> Tree {
    let mut tree = Tree::new(model());
    for path in ["Device.", "Device.Info.", "Device.Net."] {
        fill(&mut tree, path, &[]);
    }
    put(&mut tree, "Device.Info.", "Name", "cusp");
    put(&mut tree, "Device.Info.", "UpTime", "77");
    fill(&mut tree, "Device.Net.Interface.1.", &[("Alias", "cpe-1"), ("Name", "eth0"), ("Enable", "true")]);
    fill(&mut tree, "Device.Net.Interface.3.", &[("Alias", "wan"), ("Name", "eth1"), ("Mtu", "1400")]);
    fill(&mut tree, "Device.Net.Interface.1.Address.1.", &[("Ip", "192.0.2.1")]);
    fill(&mut tree, "Device.Net.Interface.1.Address.2.", &[("Ip", "192.0.2.2")]);
    fill(&mut tree, "Device.Net.Port.1.", &[("Owner", "Device.Net.Interface.3")]);
    tree
}

/// Makes an object with its defaults and these values.
pub(crate) fn fill(tree: &mut Tree, path: &str, values: &[(&str, &str)]) {
    let changes = tree.with_defaults(&place(tree, path));
    tree.apply(&changes);
    for (name, value) in values {
        put(tree, path, name, value);
    }
}

/// Sets a value without asking anybody.
pub(crate) fn put(tree: &mut Tree, path: &str, name: &str, text: &str) -> ChangeSet {
    let place = place(tree, path);
    let param = tree.model().param_index(place.object, name).expect("a parameter of the test's model");
    let ty = tree.model().object(place.object).params[usize::from(param)].ty;
    let value = Value::parse(ty, text).expect("a value of the test");
    tree.apply(&[Change::Set { place, param, value: Some(value) }])
}

/// A concrete path as a place, whether or not its rows exist.
pub(crate) fn place(tree: &Tree, path: &str) -> Place {
    let path = ObjectPath::parse(path).expect("a path of the test");
    Place::of(tree.model(), &path).expect("an object of the test's model")
}

/// Plans and commits a write as a host does, with every transaction succeeding.
pub(crate) fn write(tree: &mut Tree, operation: &Operation) -> Outcome {
    write_as(tree, operation, &Requester::full())
}

/// The same for a requester.
pub(crate) fn write_as(tree: &mut Tree, operation: &Operation, who: &Requester<'_>) -> Outcome {
    let plan = tree.plan(operation, who).expect("a write");
    for transaction in &plan.transactions {
        tree.apply(&transaction.changes);
    }
    let ends = vec![Ok(()); plan.transactions.len()];
    plan.finish(&ends)
}

/// `("Name", "x")`, not required; `("!Name", "x")`, required.
pub(crate) fn settings(path: &str, params: &[(&str, &str)]) -> ObjectSettings {
    let setting = |(name, value): &(&str, &str)| ParamSetting {
        param: name.trim_start_matches('!').to_owned(),
        value: (*value).to_owned(),
        required: name.starts_with('!'),
    };
    ObjectSettings { path: path.to_owned(), params: params.iter().map(setting).collect() }
}

/// An outcome in a few words, for tables.
pub(crate) fn show(outcome: &Outcome) -> String {
    let lines: Vec<String> = match outcome {
        Outcome::Get(results) => results.iter().map(|r| line(&r.result, |o| each(o, values))).collect(),
        Outcome::GetInstances(results) => results
            .iter()
            .map(|r| {
                line(&r.result, |rows| each(rows, |row| format!("{} {}", row.path, pairs(&row.unique_keys))))
            })
            .collect(),
        Outcome::Set(results) => results
            .iter()
            .map(|r| match &r.result {
                Ok(updated) => {
                    each(updated, |u| format!("{} {}{}", u.path, pairs(&u.params), errors(&u.errors)))
                }
                Err(failure) => {
                    let instances = each(&failure.instances, |i| format!("{}{}", i.path, errors(&i.errors)));
                    format!("failed {} [{instances}]", failure.fault.code)
                }
            })
            .collect(),
        Outcome::Add(results) => results
            .iter()
            .map(|r| {
                line(&r.result, |c| format!("{} {}{}", c.path, pairs(&c.unique_keys), errors(&c.errors)))
            })
            .collect(),
        Outcome::Delete(results) => results
            .iter()
            .map(|r| {
                line(&r.result, |d| {
                    let kept = each(&d.unaffected, |(path, fault)| format!(" kept {path} {}", fault.code));
                    format!("{}{kept}", d.affected.join(" "))
                })
            })
            .collect(),
        Outcome::Failed(failure) => {
            let params = each(&failure.params, |p| format!("{}={}", p.param, p.fault.code));
            vec![format!("Error {} {params}", failure.fault.code)]
        }
        other => vec![format!("{other:?}")],
    };
    lines.join("\n")
}

fn line<T>(result: &Result<T, dm::Fault>, show: impl Fn(&T) -> String) -> String {
    match result {
        Ok(ok) => show(ok),
        Err(fault) => format!("failed {}", fault.code),
    }
}

fn each<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join("; ")
}

fn values(object: &dm::operation::ObjectValues) -> String {
    format!("{} {}", object.path, pairs(&object.params))
}

fn pairs(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

fn errors(errors: &[dm::operation::ParamFault]) -> String {
    errors.iter().map(|e| format!(" {}!{}", e.param, e.fault.code)).collect()
}
