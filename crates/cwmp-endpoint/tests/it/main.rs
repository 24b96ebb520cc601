//! The session machine of the ACS, held against TR-069: what is answered to what, in every state.

mod session;
mod world;
