//! Lanes.

use fleet::Error;
use fleet::ids::JobId;
use fleet::job::{OpKind, Priority};
use fleet::lane::{JobRef, Lane};
use fleet::limits;

use crate::at;

fn job(number: u8, priority: Priority, kind: OpKind, created: i64) -> JobRef {
    JobRef { id: JobId::from_bytes([number; 16]), priority, kind, created: at(created), deadline: None }
}

fn filled(jobs: &[JobRef], reads: usize) -> Lane {
    let mut lane = Lane::new(reads);
    jobs.iter().for_each(|job| lane.push(*job).expect("room"));
    lane
}

/// Takes all that may be sent now.
fn drain(lane: &mut Lane) -> Vec<u8> {
    std::iter::from_fn(|| lane.next(at(100))).map(|job| job.id.to_bytes()[0]).collect()
}

#[test]
fn the_urgent_go_first_then_the_old() {
    let mut lane = filled(
        &[
            job(1, Priority::Background, OpKind::Get, 1),
            job(2, Priority::Person, OpKind::Get, 9),
            job(3, Priority::Person, OpKind::Get, 5),
            job(4, Priority::Campaign, OpKind::Get, 2),
            job(5, Priority::Rule, OpKind::Get, 7),
        ],
        64,
    );
    assert_eq!(drain(&mut lane), [3, 2, 5, 4, 1]);
}

#[test]
fn writes_go_one_at_a_time_and_reads_up_to_a_limit() {
    let mut lane = filled(
        &[
            job(1, Priority::Person, OpKind::Set, 1),
            job(2, Priority::Person, OpKind::Add, 2),
            job(3, Priority::Person, OpKind::Get, 3),
            job(4, Priority::Person, OpKind::Get, 4),
            job(5, Priority::Person, OpKind::GetInstances, 5),
            job(6, Priority::Person, OpKind::Operate, 6),
        ],
        2,
    );
    assert_eq!(drain(&mut lane), [1, 3, 4]);
    assert!(lane.finished(JobId::from_bytes([3; 16])));
    assert_eq!(drain(&mut lane), [5]);
    assert!(lane.finished(JobId::from_bytes([1; 16])));
    assert_eq!(drain(&mut lane), [2]);
    lane.requeue(JobId::from_bytes([2; 16]));
    assert_eq!(drain(&mut lane), [2], "in its old place, before the younger write");
    for number in [2, 4, 5] {
        lane.finished(JobId::from_bytes([number; 16]));
    }
    assert_eq!(drain(&mut lane), [6]);
    assert!(!lane.finished(JobId::from_bytes([2; 16])), "it is over");
    lane.finished(JobId::from_bytes([6; 16]));
    assert!(lane.is_idle());
}

#[test]
fn being_told_twice_is_harmless() {
    let one = job(1, Priority::Person, OpKind::Set, 1);
    let mut lane = filled(&[one, one], 4);
    assert_eq!(drain(&mut lane), [1]);
    lane.push(one).expect("known");
    assert_eq!(drain(&mut lane), Vec::<u8>::new());
}

#[test]
fn what_is_overdue_is_not_sent() {
    let mut late = job(1, Priority::Person, OpKind::Set, 1);
    late.deadline = Some(at(100));
    let mut lane = filled(&[late, job(2, Priority::Person, OpKind::Set, 2)], 4);
    assert_eq!(drain(&mut lane), [2]);
    assert_eq!(lane.expire(at(99)), []);
    assert_eq!(lane.expire(at(100)), [late.id]);
    assert_eq!(lane.waiting(), 0);
}

#[test]
fn a_lane_is_bounded() {
    let mut lane = Lane::default();
    let make = |number: usize| JobRef {
        id: JobId::from_bytes((number as u128).to_be_bytes()),
        ..job(0, Priority::Person, OpKind::Get, 1)
    };
    for number in 0..limits::LANE_QUEUE {
        lane.push(make(number)).expect("room");
    }
    let full = Error::Full { what: "the lane of this device", limit: limits::LANE_QUEUE };
    assert_eq!(lane.push(make(limits::LANE_QUEUE)), Err(full));
    assert!(lane.finished(make(7).id), "one that waits can be withdrawn");
    assert_eq!(lane.push(make(limits::LANE_QUEUE)), Ok(()));
    assert_eq!(drain(&mut lane).len(), limits::LANE_READS);
}
