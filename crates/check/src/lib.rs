//! Conformance checks of USP agents, ours or foreign, behind `cusp check`.
//!
//! A [`Check`] sets something up in the agent under test, sends a stimulus, and compares what comes back with
//! what TR-369 says. Its id begins with the requirement that it proves. The controller machine is not used
//! here: a check must be able to send wrong things, and must not share that machine's mistakes.
//!
//! What the checks need of an agent is what TR-369 itself makes normative, `LocalAgent.Subscription.` above all,
//! so no vendor's table has to be written to. A check whose means an agent lacks is skipped, and says why.

pub mod bench;
pub mod checks;
mod hub;
mod keys;
pub mod limits;
pub mod link;
pub mod mqtt;
pub mod outside;
pub mod profile;
pub mod report;
mod run;
pub mod stomp;
pub mod target;
pub mod uds;
mod verdict;
pub mod websocket;

pub use bench::{Bench, BenchConfig};
pub use checks::{ALL, Check, Run};
pub use keys::Keys;
pub use link::{Arrival, Link, Unsent, Way, Wire};
pub use profile::Profile;
pub use run::{Ran, Summary, run, run_until, select};
pub use target::{Need, Target};
pub use usp_proto::EndpointId;
pub use verdict::{Finding, Level, Stop, Verdict};
