//! The domain: devices, jobs, lanes, enrolment, events, the twin, access, audit; and the storage port.
//!
//! It is pure: no IO, no clock, no chance. Times come in as [`dm::UtcTime`], chance as [`ids::Stamp`].
//! What it stores goes through [`port::Store`], an enum of intents and a handful of queries, which
//! another crate puts into a database. It knows no management protocol, no SQL and no HTTP.

pub mod access;
pub mod audit;
pub mod certificate;
pub mod check;
pub mod datamodel;
pub mod device;
pub mod dto;
pub mod enrolment;
pub mod error;
pub mod event;
pub mod filter;
pub mod ids;
pub mod job;
pub mod lane;
pub mod limits;
pub mod login;
pub mod model;
pub mod onboarding;
pub mod port;
pub mod secret;
pub mod service;
pub mod tenant;
pub mod twin;

pub use error::Error;
pub use ids::{DeviceId, EnrolmentId, Epoch, JobId, ModelHash, Seq, Stamp, TenantId, TokenId, UserId};
pub use tenant::Reach;
