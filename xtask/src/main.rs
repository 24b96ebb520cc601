//! Developer tasks: codegen, tidy, requirement coverage.
fn main() {}
