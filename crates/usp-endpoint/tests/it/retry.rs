//! The retry schedule, against the windows that the standard prints.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use requirement::requirement;
use usp_endpoint::retry::Schedule;

#[test]
#[requirement("R-NOT.1", "R-NOT.2")]
fn waits_lie_in_the_windows_of_the_standard_and_spread_over_them() {
    let windows = [
        (1, 5, 10),
        (2, 10, 20),
        (3, 20, 40),
        (4, 40, 80),
        (5, 80, 160),
        (6, 160, 320),
        (7, 320, 640),
        (8, 640, 1280),
        (9, 1280, 2560),
        (10, 2560, 5120),
        (11, 2560, 5120),
        (1000, 2560, 5120),
    ];
    let mut random = ChaCha12Rng::from_seed([7; 32]);
    for (n, low, high) in windows {
        let waits: Vec<f64> =
            (0..500).map(|_| Schedule::default().wait(n, &mut random).as_secs_f64()).collect();
        let (low, high) = (f64::from(low), f64::from(high));
        assert!(waits.iter().all(|wait| (low..=high).contains(wait)), "retry {n}: {waits:?}");
        let tenth = (high - low) / 10.0;
        assert!(waits.iter().any(|wait| *wait < low + tenth), "retry {n} never waits short");
        assert!(waits.iter().any(|wait| *wait > high - tenth), "retry {n} never waits long");
    }
}

#[test]
fn extreme_parameters_stay_finite() {
    let schedule = Schedule { minimum_wait_s: 65_535, multiplier: 65_535 };
    let mut random = ChaCha12Rng::from_seed([7; 32]);
    assert_eq!(schedule.wait(10, &mut random).as_secs(), 3_000_000_000);
}
