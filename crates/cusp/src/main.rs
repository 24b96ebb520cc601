//! The `cusp` command line and `cusp serve`.
fn main() {}
