//! Whatever arrives, the machine goes on.

use bytes::Bytes;
use dm::Operation;
use dm::operation::{Get, GetInstances, Operate};
use proptest::prelude::*;
use usp_endpoint::translate;
use usp_proto::{Msg, Record, Version};

use super::host::{AGENT, Host, ONE, id};
use super::writes::{add, delete, set};

/// Paths and values that are a little or altogether wrong.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "Device.",
        "Device.Net.Interface.",
        "Device.Net.Interface.*.",
        "Device.Net.Interface.1.",
        "Device.Net.Interface.[Mtu>1000&&Name!=\"x\"].",
        "Device.Net.Interface.1.Address.*.Ip",
        "Device.LocalAgent.Controller.1.",
        "Device.LocalAgent.Controller.*.EndpointID",
        "Device.LocalAgent.Subscription.",
        "Device.LocalAgent.Subscription.*.Recipient+.Alias",
        "Device.LocalAgent.Request.1.Cancel()",
        "Device.Info.Scan()",
        "Device.Info.Ping()",
        "Device.Boot!",
        "",
    ];
    prop_oneof![
        4 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "[A-Za-z0-9.*\\[\\]=+#!() \"]{0,24}",
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let setting = (word(), any::<bool>(), "(Enable|Mtu|Name|ID|NotifType|ReferenceList|x)=[a-z0-9]{0,6}");
    let writes = setting.prop_flat_map(|(path, partial, setting)| {
        let params = [setting.as_str()];
        let rows = [(path.as_str(), &params[..])];
        let all = vec![set(partial, &rows), add(partial, &rows), delete(partial, &[&path])];
        proptest::sample::select(all)
    });
    prop_oneof![
        (word(), any::<u32>())
            .prop_map(|(path, max_depth)| Operation::Get(Get { paths: vec![path], max_depth })),
        (word(), any::<bool>()).prop_map(|(path, first_level_only)| {
            Operation::GetInstances(GetInstances { paths: vec![path], first_level_only })
        }),
        writes,
        (word(), "[a-b]{0,1}", any::<bool>()).prop_map(|(command, command_key, send_resp)| {
            Operation::Operate(Operate { command, command_key, send_resp, args: Vec::new() })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Every request that wants an answer and needs no command to end gets exactly one, and the tables that
    /// steer the machine may be changed under it in any way.
    #[test]
    fn requests_are_answered_whatever_they_ask(operations in prop::collection::vec(operation(), 1..12)) {
        let mut host = Host::running();
        let mut owed = 0;
        for operation in operations {
            let waits = host.runs.len();
            let quiet = matches!(&operation, Operation::Operate(operate) if !operate.send_resp);
            let answer = host.ask(operation);
            owed += usize::from(answer == "-" && !quiet);
            prop_assert!(answer != "-" || quiet || host.runs.len() > waits, "no answer");
            if !host.closed.is_empty() {
                break;
            }
        }
        prop_assert!(owed <= host.runs.len());
    }

    /// Bytes that were a request once.
    #[test]
    fn damaged_records_do_no_harm(
        operation in operation(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        kept in any::<prop::sample::Index>(),
    ) {
        let mut host = Host::running();
        let msg = Msg::request("m", translate::request(operation));
        let mut record = Record::message(&id(ONE), &id(AGENT), Version::CURRENT, msg.encode()).encode().to_vec();
        for (at, byte) in &damage {
            let at = at.index(record.len());
            record[at] = *byte;
        }
        if damage.len() > 3 {
            record.truncate(kept.index(record.len()));
        }
        host.bytes(1, Bytes::from(record));
        prop_assert!(host.log.len() < 16, "{:?}", host.log);
    }
}
