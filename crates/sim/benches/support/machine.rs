//! What the figures were measured on: the processor, and a calibration line that makes two machines
//! comparable.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::hint::black_box;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

/// Bytes that are hashed for the calibration.
const BYTES: usize = 64 << 20;

/// Prints the processor and how fast one core of it hashes.
pub(crate) fn tell() {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("CPU: {}, {cores} cores", model.map_or("unknown", |(_, name)| name));
    let block = vec![0x5a; 1 << 20];
    let began = Instant::now();
    let mut hash = Sha256::new();
    for _ in 0..BYTES / block.len() {
        hash.update(black_box(&block));
    }
    black_box(hash.finalize());
    println!("SHA-256 on one core: {:.0} MB/s", BYTES as f64 / 1e6 / began.elapsed().as_secs_f64());
}
