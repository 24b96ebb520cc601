//! The reconnect schedule of STOMP.

use mtp::stomp::retry::{Retry, Schedule};

/// The longest wait of each attempt, among many devices; the shortest is near nothing.
fn check(schedule: Schedule, longest_s: &[f64]) {
    let mut retries: Vec<Retry> = (0..250_u8).map(|device| Retry::new(schedule, [device; 32])).collect();
    for (attempt, longest) in longest_s.iter().enumerate() {
        let waits: Vec<f64> = retries.iter_mut().map(|retry| retry.next_wait().as_secs_f64()).collect();
        let (low, high) =
            waits.iter().fold((f64::MAX, 0.0_f64), |(low, high), wait| (low.min(*wait), high.max(*wait)));
        let fits = high <= *longest && high > longest * 0.9 && low < longest * 0.1;
        assert!(fits, "attempt {}: {low} to {high}, not {longest}", attempt + 1);
    }
}

#[test]
fn the_range_doubles_from_a_minute_ten_times() {
    let longest = [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0, 7680.0, 15_360.0, 30_720.0, 30_720.0];
    check(Schedule::default(), &longest);
}

#[test]
fn other_parameters() {
    check(Schedule { initial_s: 1, multiplier: 1000, maximum_s: 10 }, &[1.0; 12]);
    check(Schedule { initial_s: 60, multiplier: 1500, maximum_s: 100 }, &[60.0, 90.0, 100.0, 100.0]);
}

#[test]
fn a_connection_resets_the_count() {
    for device in 0..50_u8 {
        let mut retry = Retry::new(Schedule::default(), [device; 32]);
        for _ in 0..5 {
            retry.next_wait();
        }
        retry.reset();
        assert!(retry.next_wait().as_secs_f64() <= 60.0);
    }
}
