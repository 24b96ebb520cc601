//! The agent's host: it owns the tree of an instance and lends it to the protocol machines, asks
//! providers for values, commits transactions over them, keeps the journal, and runs commands.
//!
//! Ten thousand instances live in one process: an idle instance has no task and no timer of its own.
//! The engine knows no transport: Records come in by [`Instance::record`] and leave by an [`Outlet`].

pub mod clock;
mod edits;
pub mod error;
mod instance;
pub mod journal;
mod keys;
pub mod kind;
pub mod limits;
pub mod machine;
mod pointers;
pub mod provider;
pub mod reference;
mod report;
mod shift;
mod stored;
mod wants;
pub mod wheel;

pub use clock::{Clock, SystemClock};
pub use error::EngineError;
pub use instance::{Auditor, Host, Instance, InstanceConfig, Outlet, OutletClosed};
pub use journal::Journal;
pub use kind::{Kind, KindConfig};
pub use machine::Machine;
pub use stored::FactoryDefault;
pub use usp_endpoint::agent::audit::{Audit, Deed};
pub use usp_endpoint::agent::io::{Boot, CloseReason};
pub use usp_endpoint::agent::registration;
pub use usp_endpoint::agent::schedule::support as support_timers;
pub use usp_endpoint::agent::{AgentConfig, AgentMachine, check_permission, is_target};
pub use usp_endpoint::agent::{consent, trust};
pub use usp_endpoint::broker;
pub use usp_endpoint::limits::{MAX_ROLE_TARGETS, MAX_SERVICES};
pub use usp_endpoint::{EndpointId, Version};
