//! The device of the world: LocalAgent, and something to read, write and run.

use dm::tree::Tree;

pub(super) use crate::device::{change, place};
use crate::device::{fill, model};

pub(super) const CONTROLLER: &str = "proto::controller";
pub(super) const AGENT: &str = "os::00256D-1";

const MODEL: &str = "\
model usp=urn:example:world
Device. object usp=2.0
Device.Boot! event usp=2.0
Device.DeviceInfo. object usp=2.0
Device.DeviceInfo.SerialNumber param usp=2.0 access=readOnly type=string
Device.LocalAgent. object usp=2.0
Device.LocalAgent.Controller.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable functional=EndpointID
Device.LocalAgent.Controller.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.EndpointID param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.OnBoardingComplete param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.BootParameter.{i}. object usp=2.0 access=readWrite entries=0:
Device.LocalAgent.Controller.{i}.BootParameter.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.BootParameter.{i}.ParameterName param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.E2ESession. object usp=2.0
Device.LocalAgent.Controller.{i}.E2ESession.MaxUSPRecordSize param usp=2.0 access=readWrite type=unsignedInt
Device.LocalAgent.Controller.{i}.E2ESession.PayloadSecurity param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.E2ESession.SessionMode param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.E2ESession.Status param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}. object usp=2.0 entries=0: key=Originator,Command,CommandKey
Device.LocalAgent.Request.{i}.Command param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.CommandKey param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.Originator param usp=2.0 access=readOnly type=string
Device.LocalAgent.Request.{i}.Status param usp=2.0 access=readOnly type=string
Device.LocalAgent.Subscription.{i}. object usp=2.0 access=readWrite entries=0: enable=Enable key=Recipient,ID
Device.LocalAgent.Subscription.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.ID param usp=2.0 access=readWrite type=string
Device.LocalAgent.Subscription.{i}.NotifRetry param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.NotifType param usp=2.0 access=readWrite type=string
Device.LocalAgent.Subscription.{i}.Persistent param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.Recipient param usp=2.0 access=readOnly type=string ref=strong:row:Device.LocalAgent.Controller.{i}.
Device.LocalAgent.Subscription.{i}.ReferenceList param usp=2.0 access=writeOnceReadOnly type=string list=0:
Device.LocalAgent.Subscription.{i}.TriggerAction param usp=2.0 access=readWrite type=string default=object:Notify
Device.LocalAgent.Subscription.{i}.TriggerConfigSettings param usp=2.0 access=readWrite type=string list=0:16
Device.Test. object usp=2.0
Device.Test.Armed param usp=2.0 access=readWrite type=boolean
Device.Test.Counter param usp=2.0 access=readOnly type=unsignedInt
Device.Test.Level param usp=2.0 access=readWrite type=unsignedInt
Device.Test.Ping() command usp=2.0 async
Device.Test.Row.{i}. object usp=2.0 access=readWrite entries=0:
Device.Test.Row.{i}.Name param usp=2.0 access=readWrite type=string
";

/// The device as it leaves the factory: it knows its controller, and that it is to arm itself whenever the
/// level changes.
pub(super) fn factory() -> Tree {
    let mut tree = Tree::new(model(MODEL));
    fill(&mut tree, "Device.DeviceInfo.", &[("SerialNumber", "1")]);
    fill(&mut tree, "Device.LocalAgent.Controller.1.", &[("Enable", "true"), ("EndpointID", CONTROLLER)]);
    fill(&mut tree, "Device.Test.", &[("Armed", "false"), ("Counter", "0"), ("Level", "0")]);
    let arm = [
        ("Enable", "true"),
        ("ID", "arm"),
        ("NotifType", "ValueChange"),
        ("Persistent", "true"),
        ("Recipient", "Device.LocalAgent.Controller.1"),
        ("ReferenceList", "Device.Test.Level"),
        ("TriggerAction", "Config"),
        ("TriggerConfigSettings", "Device.Test.Armed=true"),
    ];
    fill(&mut tree, "Device.LocalAgent.Subscription.1.", &arm);
    tree
}

/// The rows of a table, each with these values.
pub(super) fn rows<const N: usize>(tree: &Tree, table: &str, names: [&str; N]) -> Vec<[String; N]> {
    let table = place(tree, table);
    let rows = tree.rows(&table).into_iter();
    rows.map(|number| names.map(|name| tree.text_of(&table.row(number), name))).collect()
}
