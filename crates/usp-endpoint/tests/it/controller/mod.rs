//! The controller machine: scripted agents, and small ones that answer from a tree.

mod bench;
mod confirm;
mod hostile;
mod notify;
mod onboarding;
mod peer;
mod records;
mod replay;
mod requests;
mod sessions;
