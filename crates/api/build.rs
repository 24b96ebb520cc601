//! Tells cargo when the embedded page has to be looked at again: when its files change, and when it
//! appears or goes away. The page itself is built elsewhere; without it, a plain one is served.

use std::path::Path;

fn main() {
    let dist = Path::new("../../web/dist");
    let watched = if dist.is_dir() { dist } else { Path::new("../../web") };
    println!("cargo::rerun-if-changed={}", watched.display());
}
