//! The lane of one device: what waits for it, and what may be sent now.
//!
//! Writes go one at a time and reads up to a limit; the more urgent first, then the older. A read may
//! overtake a write that has to wait for another write. The lane holds references: the job itself is in
//! the store, and stays there if the lane is lost.

use std::collections::{BTreeMap, BTreeSet};

use dm::UtcTime;

use crate::Error;
use crate::ids::JobId;
use crate::job::{JobState, OpKind, Priority};
use crate::limits;

/// A job as a lane knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobRef {
    /// Which job.
    pub id: JobId,
    /// How urgent.
    pub priority: Priority,
    /// Reads and writes are limited differently.
    pub kind: OpKind,
    /// The older goes first.
    pub created: UtcTime,
    /// After this it is not sent any more.
    pub deadline: Option<UtcTime>,
}

impl JobRef {
    fn rank(&self) -> Rank {
        (self.priority, self.created, self.id)
    }

    fn is_overdue(&self, now: UtcTime) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

type Rank = (Priority, UtcTime, JobId);

/// The lane of one device.
#[derive(Clone, Debug)]
pub struct Lane {
    reads: BTreeMap<Rank, JobRef>,
    writes: BTreeMap<Rank, JobRef>,
    running: BTreeMap<JobId, JobRef>,
    known: BTreeSet<JobId>,
    reads_at_once: usize,
}

impl Default for Lane {
    fn default() -> Self {
        Lane::new(limits::LANE_READS)
    }
}

impl Lane {
    /// An empty lane that keeps at most `reads_at_once` reads under way (1 to [`limits::LANE_READS`]).
    pub fn new(reads_at_once: usize) -> Self {
        Lane {
            reads: BTreeMap::new(),
            writes: BTreeMap::new(),
            running: BTreeMap::new(),
            known: BTreeSet::new(),
            reads_at_once: reads_at_once.clamp(1, limits::LANE_READS),
        }
    }

    /// Adds a job. One that the lane has already is left as it is, so that being told twice is harmless.
    ///
    /// # Errors
    /// [`Error::Full`] at [`limits::LANE_QUEUE`]; the job stays in the store, and is pulled later.
    pub fn push(&mut self, job: JobRef) -> Result<(), Error> {
        if self.known.contains(&job.id) {
            return Ok(());
        }
        if self.waiting() >= limits::LANE_QUEUE {
            return Err(Error::Full { what: "the lane of this device", limit: limits::LANE_QUEUE });
        }
        self.known.insert(job.id);
        self.queue(job);
        Ok(())
    }

    /// The job to send now, if one may be sent. It counts as under way until [`Self::finished`] or
    /// [`Self::requeue`].
    pub fn next(&mut self, now: UtcTime) -> Option<JobRef> {
        let write_free = !self.running.values().any(|job| job.kind.is_write());
        let reads = self.running.values().filter(|job| !job.kind.is_write()).count();
        let due = |jobs: &BTreeMap<Rank, JobRef>, free: bool| {
            jobs.iter().filter(|(_, job)| free && !job.is_overdue(now)).map(|(rank, _)| *rank).next()
        };
        let write = due(&self.writes, write_free);
        let read = due(&self.reads, reads < self.reads_at_once);
        let job = match (write, read) {
            (Some(write), Some(read)) if read < write => self.reads.remove(&read),
            (Some(write), _) => self.writes.remove(&write),
            (None, Some(read)) => self.reads.remove(&read),
            (None, None) => None,
        }?;
        self.running.insert(job.id, job);
        Some(job)
    }

    /// A job is over, or was withdrawn: it leaves the lane. Whether the lane knew it.
    pub fn finished(&mut self, job: JobId) -> bool {
        self.running.remove(&job);
        self.reads.retain(|_, one| one.id != job);
        self.writes.retain(|_, one| one.id != job);
        self.known.remove(&job)
    }

    /// A job that was under way waits again, in its old place.
    pub fn requeue(&mut self, job: JobId) {
        if let Some(job) = self.running.remove(&job) {
            self.queue(job);
        }
    }

    /// Takes out what waits past its deadline.
    pub fn expire(&mut self, now: UtcTime) -> Vec<JobId> {
        let overdue: Vec<JobId> = self
            .reads
            .values()
            .chain(self.writes.values())
            .filter(|job| job.is_overdue(now))
            .map(|job| job.id)
            .collect();
        for job in &overdue {
            self.finished(*job);
        }
        overdue
    }

    /// The jobs that are under way.
    pub fn running(&self) -> impl Iterator<Item = &JobRef> {
        self.running.values()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.reads.len() + self.writes.len()
    }

    /// Whether nothing waits and nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.known.is_empty()
    }

    fn queue(&mut self, job: JobRef) {
        let queue = if job.kind.is_write() { &mut self.writes } else { &mut self.reads };
        queue.insert(job.rank(), job);
    }
}

/// What a job found in the store at start becomes, when the process that had it is gone: jobs that were
/// sent wait again if doing them twice is the same as doing them once, and are in doubt otherwise.
pub fn recover(state: &JobState, kind: OpKind) -> JobState {
    match state {
        JobState::Sent if kind.is_idempotent() => JobState::Queued,
        JobState::Sent => JobState::InDoubt,
        other => other.clone(),
    }
}
