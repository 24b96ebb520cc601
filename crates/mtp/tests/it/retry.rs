//! The reconnect schedule.

use mtp::uds::Reconnect;
use mtp::{Retry, Schedule};
use requirement::requirement;

/// Every wait of many devices lies in the standard's range for its attempt.
fn check(schedule: Schedule, ranges_s: &[(f64, f64)]) {
    for device in 0..200_u8 {
        let mut retry = Retry::new(schedule, [device; 32]);
        for (attempt, (low, high)) in ranges_s.iter().enumerate() {
            let wait = retry.next_wait().as_secs_f64();
            assert!((*low..=*high).contains(&wait), "attempt {}: {wait}", attempt + 1);
        }
    }
}

#[test]
#[requirement("R-WS.19")]
fn the_default_schedule_doubles_from_five_seconds_ten_times() {
    let ranges = [
        (5.0, 10.0),
        (10.0, 20.0),
        (20.0, 40.0),
        (40.0, 80.0),
        (80.0, 160.0),
        (160.0, 320.0),
        (320.0, 640.0),
        (640.0, 1280.0),
        (1280.0, 2560.0),
        (2560.0, 5120.0),
        (2560.0, 5120.0),
        (2560.0, 5120.0),
    ];
    check(Schedule::default(), &ranges);
}

#[test]
#[requirement("R-WS.19")]
fn other_parameters() {
    check(Schedule { minimum_wait_s: 1, multiplier: 1000 }, &[(1.0, 1.0); 12]);
    check(Schedule { minimum_wait_s: 60, multiplier: 1500 }, &[(60.0, 90.0), (90.0, 135.0), (135.0, 202.5)]);
    // Absurd ones end at a week.
    let mut retry = Retry::new(Schedule { minimum_wait_s: 65_535, multiplier: 65_535 }, [1; 32]);
    let waits: Vec<u64> = (0..12).map(|_| retry.next_wait().as_secs()).collect();
    assert_eq!(waits[4..], [604_800; 8]);
}

#[test]
fn a_session_resets_the_count() {
    let mut retry = Retry::new(Schedule::default(), [3; 32]);
    for _ in 0..5 {
        retry.next_wait();
    }
    retry.reset();
    assert!(retry.next_wait().as_secs_f64() <= 10.0);
}

/// Clients of local sockets wait between 1 and 5 seconds, however often they fail, and not all the same.
#[test]
#[requirement("R-UDS.5")]
fn local_clients_come_back_within_seconds() {
    let mut all = Vec::new();
    for device in 0..50_u8 {
        let mut reconnect = Reconnect::new([device; 32]);
        all.extend((0..20).map(|_| reconnect.next_wait().as_secs_f64()));
    }
    assert!(all.iter().all(|wait| (1.0..=5.0).contains(wait)));
    for second in 1..5 {
        let within = all.iter().filter(|wait| (f64::from(second)..f64::from(second + 1)).contains(*wait));
        assert!(within.count() > 100, "they are spread over second {second}");
    }
}

#[test]
fn seeds_spread_devices_and_repeat_themselves() {
    let first = |seed: u8| Retry::new(Schedule::default(), [seed; 32]).next_wait();
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}
