//! `cusp-agent`: the device agent for Linux.
fn main() {}
