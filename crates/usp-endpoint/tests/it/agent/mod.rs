//! The agent machine, driven by a host that answers at once.

mod commands;
mod events;
pub(crate) mod host;
mod hostile;
mod life;
mod notifications;
mod reads;
mod records;
mod registration;
mod roles;
mod schedule;
mod show;
mod subscriptions;
mod trigger;
mod writes;
