//! What a Linux system has of TR-181, one provider per file.
//!
//! Each reads the system anew when it is asked, and leaves out what the system does not tell. None keeps
//! a copy of what the system knows better, and none knows instance numbers: rows are named by keys that
//! the system gives them.

pub mod device;
pub mod device_info;
pub mod diagnostics;
pub mod dns;
pub mod ethernet;
pub mod hooks;
pub mod hosts;
pub mod icmp;
pub mod interface_stack;
pub mod ip;
pub mod layers;
pub mod memory;
pub mod netlink;
pub mod processes;
pub mod routing;
pub mod rows;
pub mod support;
pub mod temperature;
pub mod time;
pub mod transaction;
pub mod upload;
pub mod vendor_log;

use std::sync::{Arc, OnceLock};

use engine::provider::Provider;

use crate::config::Policy;
use crate::identity::Identity;
use crate::system::SystemRoot;

/// The providers of this system. Without netlink there is no network in the model.
pub fn all(
    root: &SystemRoot,
    policy: &Arc<Policy>,
    identity: &Arc<Identity>,
    restart: &Arc<OnceLock<Arc<dyn device::Restart>>>,
    upload_tls: vendor_log::UploadTls,
) -> Vec<Arc<dyn Provider>> {
    let mut all: Vec<Arc<dyn Provider>> = vec![
        Arc::new(device::Device::new(policy.clone(), restart.clone())),
        Arc::new(device_info::DeviceInfo::new(root.clone(), policy.clone(), identity.clone())),
        Arc::new(memory::Memory::new(root.clone())),
        Arc::new(processes::Processes::new(root.clone())),
        Arc::new(temperature::Temperature::new(root.clone())),
        Arc::new(time::Time::new(root.clone(), policy.clone())),
        Arc::new(dns::Dns::new(root.clone(), policy.clone())),
        Arc::new(diagnostics::Diagnostics::new(root.clone())),
        Arc::new(vendor_log::VendorLog::new(root.clone(), policy.clone(), upload_tls)),
    ];
    match netlink::Netlink::open() {
        Ok(netlink) => {
            let network = layers::Network { netlink, root: root.clone(), policy: policy.clone() };
            all.push(Arc::new(ethernet::Ethernet::new(network.clone())));
            all.push(Arc::new(ip::Ip::new(network.clone())));
            all.push(Arc::new(interface_stack::InterfaceStack::new(network.clone())));
            all.push(Arc::new(routing::Routing::new(network.clone())));
            all.push(Arc::new(hosts::Hosts::new(network)));
        }
        Err(error) => tracing::warn!(%error, "no netlink: nothing of the network is shown"),
    }
    all
}
