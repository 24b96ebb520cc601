//! The ACS half of a session.
//!
//! A session begins with an Inform. Then the device says what it has to say, one request at a time, each of which is
//! answered; its empty message gives us the word. From then on each of our answers over HTTP carries a call, and each
//! message of the device its answer, until we have nothing more and answer with nothing (TR-069 3.7). Devices keep to
//! that loosely: a request of theirs is taken at any time.
//!
//! One machine stands for one session. Messages are handed in one at a time: the next one when the last is answered.

mod answer;
mod io;
mod machine;

pub use io::{Failure, Input, Output, Reply, Ticket};
pub use machine::Session;
