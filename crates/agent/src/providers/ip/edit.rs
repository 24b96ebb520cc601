//! What changes of `IP.` come down to. Linux knows no address that is there but disabled: such a row is
//! refused rather than held here.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use dm::path::{Name, ObjectPath};
use dm::{Code, Fault, Value};
use engine::provider::{Edit, RowKey};

use super::{IP, IPV4, IPV6, address_key};
use crate::providers::ethernet::{linked, mtu};
use crate::providers::layers::Layers;
use crate::providers::netlink::facts::Link;
use crate::providers::transaction::{Step, Transaction};
use crate::system::SystemRoot;

/// An address that takes the place of another.
struct Replaced {
    path: ObjectPath,
    index: u32,
    before: (IpAddr, u8),
    after: (IpAddr, u8),
}

/// The steps of a transaction.
pub(super) fn plan(layers: &Layers, root: &SystemRoot, changes: &[Edit]) -> Result<Transaction, Fault> {
    let mut transaction = Transaction::new();
    transaction.confirm();
    let mut replaced: BTreeMap<String, Replaced> = BTreeMap::new();
    for change in changes {
        match change {
            Edit::Set { object, keys, param, value, .. } if object.as_str() == IP => {
                transaction.push(interface(root, linked(layers, keys)?, param, value)?);
            }
            Edit::Set { path, object, keys, param, value } if is_address(object.as_str()) => {
                let link = linked(layers, keys)?;
                let id = path.to_string();
                if !replaced.contains_key(&id) {
                    let before = own_address(keys)?;
                    let path = path.clone();
                    replaced.insert(id.clone(), Replaced { path, index: link.index, before, after: before });
                }
                let row = replaced.get_mut(&id).expect("it was put there");
                set_address(&mut row.after, param.as_str(), value)?;
            }
            Edit::Add { path, object, parents, values } if is_address(object.as_str()) => {
                let link = linked(layers, parents)?;
                let (ip, prefix) = added(values)?;
                transaction.push(Step::AddAddress { index: link.index, ip, prefix });
                transaction.bind(path, RowKey(address_key(ip, prefix).into()));
            }
            Edit::Delete { object, keys, .. } if is_address(object.as_str()) => {
                let link = linked(layers, keys)?;
                let (ip, prefix) = own_address(keys)?;
                transaction.push(Step::DropAddress { index: link.index, ip, prefix });
            }
            _ => {
                return Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, "this system has no way to change it"));
            }
        }
    }
    for Replaced { path, index, before, after } in replaced.into_values() {
        if before != after {
            transaction.push(Step::DropAddress { index, ip: before.0, prefix: before.1 });
            transaction.push(Step::AddAddress { index, ip: after.0, prefix: after.1 });
            transaction.bind(&path, RowKey(address_key(after.0, after.1).into()));
        }
    }
    Ok(transaction)
}

fn is_address(object: &str) -> bool {
    object == IPV4 || object == IPV6
}

fn interface(root: &SystemRoot, link: &Link, param: &Name, value: &Value) -> Result<Step, Fault> {
    match (param.as_str(), value) {
        ("Enable", Value::Bool(up)) => Ok(Step::Up { index: link.index, up: *up }),
        ("MaxMTUSize", Value::Uint(bytes)) => mtu(link, *bytes),
        ("IPv6Enable", Value::Bool(on)) => {
            let path = root.path(&format!("proc/sys/net/ipv6/conf/{}/disable_ipv6", link.name));
            let setting = |disabled: bool| if disabled { "1" } else { "0" }.to_owned();
            Ok(Step::Setting { path, before: setting(*on), after: setting(!*on) })
        }
        _ => Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, "this system has no way to set it")),
    }
}

/// The address that a row's own key names.
fn own_address(keys: &[Option<RowKey>]) -> Result<(IpAddr, u8), Fault> {
    let key = keys.last().and_then(Option::as_ref);
    let address = key.and_then(|key| {
        let (ip, prefix) = key.0.split_once('/')?;
        Some((ip.parse().ok()?, prefix.parse().ok()?))
    });
    address.ok_or_else(|| Fault::new(Code::OBJECT_DOES_NOT_EXIST, "the address is gone"))
}

fn set_address(address: &mut (IpAddr, u8), param: &str, value: &Value) -> Result<(), Fault> {
    match (param, value) {
        ("Enable", Value::Bool(true)) => {}
        ("Enable", _) => return Err(disabled()),
        ("IPAddress", value) => {
            let ip = usable(&value.expose())?;
            if ip.is_ipv4() != address.0.is_ipv4() {
                return Err(Fault::new(Code::INVALID_VALUE, "an address of the other kind of IP"));
            }
            address.0 = ip;
        }
        ("SubnetMask", value) => address.1 = prefix(&value.expose())?,
        _ => return Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, "this system has no way to set it")),
    }
    Ok(())
}

fn added(values: &[(Name, Value)]) -> Result<(IpAddr, u8), Fault> {
    let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
    if value("Enable") != Some(&Value::Bool(true)) {
        return Err(disabled());
    }
    let text = value("IPAddress").map(|value| value.expose().into_owned()).unwrap_or_default();
    let ip = usable(&text)?;
    let bits = match value("SubnetMask").map(Value::expose) {
        Some(mask) if ip.is_ipv4() && !mask.is_empty() => prefix(&mask)?,
        // Without a mask nothing but the address itself is known to be on the link.
        _ if ip.is_ipv4() => 32,
        _ => 128,
    };
    Ok((ip, bits))
}

fn disabled() -> Fault {
    Fault::new(Code::INVALID_VALUE, "this system has no disabled addresses: Enable must be true")
}

/// An address that an interface can have.
fn usable(text: &str) -> Result<IpAddr, Fault> {
    let ip: Option<IpAddr> = text.parse().ok();
    let ip = ip.filter(|ip| !ip.is_multicast() && !ip.is_unspecified());
    ip.filter(|ip| *ip != IpAddr::V4(Ipv4Addr::BROADCAST))
        .ok_or_else(|| Fault::new(Code::INVALID_VALUE, "no address that an interface can have"))
}

/// The length of a mask; masks with gaps have none.
fn prefix(mask: &str) -> Result<u8, Fault> {
    let bits = mask.parse::<Ipv4Addr>().ok().map(u32::from);
    let length = bits.filter(|bits| bits.leading_ones() == bits.count_ones()).map(u32::leading_ones);
    length
        .and_then(|length| u8::try_from(length).ok())
        .ok_or_else(|| Fault::new(Code::INVALID_VALUE, "no subnet mask"))
}
