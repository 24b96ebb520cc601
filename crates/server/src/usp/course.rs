//! What a session does about onboarding: one thing at a time, each under a ticket of its own, so that an end is never
//! taken for that of another. And when the device's model is looked at again. It knows no plan and no store.

use std::time::Duration;

use dm::Mono;
use fleet::ids::{DeviceId, Seq};
use usp_endpoint::controller::io::Ticket;

use crate::buckets::Buckets;
use crate::clock::chance;
use crate::limits::{LOOK_AGAIN, LOOK_PATIENCE, LOOK_SETTLE, LOOK_TRIES, ONBOARDING_PROBLEMS};

/// What is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// Everything is read and asked, as of a device that is new; [`Stage::SetUp`] follows.
    Look,
    /// What is set up after that.
    SetUp,
    /// Both at once, for a device whose model is known.
    Whole,
    /// The model and the rows are asked for, because the model may be another one; [`Stage::Stand`] follows.
    Model,
    /// Whether our subscriptions stand as they should.
    Stand,
}

impl Stage {
    /// Whether it makes a device one that is onboarded.
    fn is_onboarding(self) -> bool {
        matches!(self, Stage::Look | Stage::SetUp | Stage::Whole)
    }
}

/// What follows from an end.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// This stage, under this ticket.
    Then(Stage, Ticket),
    /// Nothing: it is done.
    Over(Over),
}

/// What was done.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Over {
    /// The doubt about the model that it answers.
    pub(super) answers: Option<Seq>,
    /// What the device refused.
    pub(super) problems: Vec<(String, String)>,
}

/// The course of a session.
#[derive(Debug)]
pub(super) struct Course {
    last: u64,
    run: Option<Run>,
    due: Due,
    /// How many looks have come to nothing since one did not.
    failures: u32,
    /// By how much they are tried again later than they might be.
    chance: u64,
}

impl Default for Course {
    fn default() -> Self {
        let chance = u64::from_le_bytes(chance());
        Course { last: 0, run: None, due: Due::default(), failures: 0, chance }
    }
}

#[derive(Debug)]
struct Run {
    ticket: Ticket,
    /// The ticket of the first stage.
    first: Ticket,
    stage: Stage,
    answers: Option<Seq>,
    /// The model that the device told is stored.
    kept: bool,
    problems: Vec<(String, String)>,
}

/// When the model is looked at again.
#[derive(Default, Debug)]
struct Due {
    /// Since when it is wanted.
    since: Option<Mono>,
    at: Option<Mono>,
    /// When a look that came to nothing is tried again.
    again: Option<Mono>,
    /// It was due while something else was under way.
    waits: bool,
    /// It is owed since an earlier session, which may have been told anything: everything is looked at.
    owed: bool,
}

impl Course {
    /// Begins a stage, if that may be begun now. A look at everything takes the place of whatever is under way, and one
    /// that is under way is answer enough: it answers for this doubt too. Everything else waits its turn.
    pub(super) fn begin(&mut self, stage: Stage, answers: Option<Seq>) -> Option<Ticket> {
        match &mut self.run {
            Some(run) if run.stage == Stage::Look && stage == Stage::Look => {
                run.answers = run.answers.max(answers);
                return None;
            }
            Some(_) if stage != Stage::Look => {
                self.due.waits |= stage == Stage::Model;
                return None;
            }
            _ => {}
        }
        let ticket = self.ticket();
        self.run = Some(Run { ticket, first: ticket, stage, answers, kept: false, problems: Vec::new() });
        Some(ticket)
    }

    /// Whether this is what is under way.
    pub(super) fn is_current(&self, ticket: Ticket) -> bool {
        self.run.as_ref().is_some_and(|run| run.ticket == ticket)
    }

    /// What the stages under way began with: what is learnt now is learnt by them.
    pub(super) fn first(&self) -> Option<Ticket> {
        self.run.as_ref().map(|run| run.first)
    }

    /// The model that was learnt by these stages is stored.
    pub(super) fn kept(&mut self, first: Option<Ticket>) {
        if let Some(run) = self.run.as_mut().filter(|run| Some(run.first) == first) {
            run.kept = true;
        }
    }

    /// The device refuses something.
    pub(super) fn refused(&mut self, problem: (String, String)) {
        if let Some(run) = &mut self.run
            && run.problems.len() < ONBOARDING_PROBLEMS
        {
            run.problems.push(problem);
        }
    }

    /// A stage has ended; `None` if it is none of what is under way, or failed.
    pub(super) fn ended(&mut self, now: Mono, ticket: Ticket, well: bool) -> Option<Next> {
        let run = self.run.take_if(|run| run.ticket == ticket)?;
        let follows = match run.stage {
            Stage::Look => Some(Stage::SetUp),
            Stage::Model => Some(Stage::Stand),
            Stage::SetUp | Stage::Whole | Stage::Stand => None,
        };
        if let Some(stage) = follows.filter(|_| well) {
            let ticket = self.ticket();
            self.run = Some(Run { ticket, stage, ..run });
            return Some(Next::Then(stage, ticket));
        }
        if std::mem::take(&mut self.due.waits) {
            self.doubted(now, now);
        }
        // A device that does not tell its model when it is onboarded would not do so the next time.
        let answers = run.answers.filter(|_| run.kept || run.stage == Stage::SetUp);
        if well && answers == run.answers {
            self.failures = 0;
        } else if run.stage.is_onboarding() || run.answers.is_some() {
            self.failed(now, run.stage.is_onboarding());
        }
        well.then_some(Next::Over(Over { answers, problems: run.problems }))
    }

    /// A look came to nothing, or what came of it was not stored. It is tried again a few times, each time later;
    /// beyond that it is owed to the next session. `whole`: everything is looked at then.
    pub(super) fn failed(&mut self, now: Mono, whole: bool) {
        self.due.owed |= whole;
        if self.failures >= LOOK_TRIES {
            return;
        }
        let wait = LOOK_AGAIN * 4_u32.pow(self.failures);
        self.failures += 1;
        let spread_us = u64::try_from(wait.as_micros() / 2).unwrap_or(0);
        let later = self.chance.rotate_left(self.failures) % (spread_us + 1);
        self.due.again = Some(now + wait + Duration::from_micros(later));
    }

    /// The device's model may be another one. It is looked at again when nothing more is heard of it for a while, and
    /// not before `earliest`.
    pub(super) fn doubted(&mut self, now: Mono, earliest: Mono) {
        let since = *self.due.since.get_or_insert(now);
        let settled = (now + LOOK_SETTLE).min(since + LOOK_PATIENCE);
        self.due.at = self.due.at.max(Some(settled.max(earliest)));
    }

    /// The model has been in doubt since an earlier session.
    pub(super) fn owes(&mut self, now: Mono, earliest: Mono) {
        self.due.owed = true;
        self.doubted(now, earliest);
    }

    /// When a look is due.
    pub(super) fn due(&self) -> Option<Mono> {
        [self.due.at, self.due.again].into_iter().flatten().min()
    }

    /// The look at this device that is due now; once. One that is due while something else is under way is due after
    /// that, and one that comes too soon after others of this device, in whatever session, when it does not any more.
    pub(super) fn take_due(
        &mut self,
        now: Mono,
        device: DeviceId,
        looks: &Buckets<DeviceId>,
    ) -> Option<Stage> {
        let due = self.due.at.take_if(|at| *at <= now);
        due.or(self.due.again.take_if(|at| *at <= now))?;
        self.due.since = self.due.since.filter(|_| self.due.at.is_some());
        if self.run.is_some() {
            self.due.waits = true;
            return None;
        }
        if !looks.take(device, now) {
            self.due.at = self.due.at.max(Some(looks.when(&device, now)));
            return None;
        }
        self.due.again = None;
        let owed = std::mem::take(&mut self.due.owed);
        Some(if owed { Stage::Look } else { Stage::Model })
    }

    fn ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }
}

#[cfg(test)]
mod tests {
    use dm::Mono;
    use fleet::ids::{DeviceId, Seq};
    use usp_endpoint::controller::io::Ticket;

    use super::{Course, Next, Over, Stage};
    use crate::buckets::Buckets;
    use crate::limits::{LOOK_EVERY, LOOKED_AT, LOOKS};

    const DEVICE: DeviceId = DeviceId::from_bytes([7; 16]);

    fn seconds(seconds: u64) -> Mono {
        Mono(seconds * 1_000_000)
    }

    fn looks() -> Buckets<DeviceId> {
        Buckets::new(LOOKED_AT, LOOKS, LOOK_EVERY)
    }

    fn begin(course: &mut Course, stage: Stage, answers: Option<u64>) -> Ticket {
        course.begin(stage, answers.map(Seq)).expect("nothing stands in its way")
    }

    fn end(course: &mut Course, ticket: Ticket) -> Option<Next> {
        course.ended(seconds(0), ticket, true)
    }

    fn over(answers: Option<u64>) -> Option<Next> {
        Some(Next::Over(Over { answers: answers.map(Seq), problems: Vec::new() }))
    }

    #[test]
    fn an_end_is_that_of_what_is_under_way_or_of_nothing() {
        let mut course = Course::default();
        let whole = begin(&mut course, Stage::Whole, None);
        // The device asks to be onboarded, while the end of the first is on its way.
        let look = begin(&mut course, Stage::Look, Some(5));
        assert!(course.is_current(look) && !course.is_current(whole));
        assert_eq!(end(&mut course, whole), None);
        // It asks once more.
        assert_eq!(course.begin(Stage::Look, Some(Seq(6))), None);
        let Some(Next::Then(Stage::SetUp, set_up)) = end(&mut course, look) else { panic!("set up follows") };
        assert_eq!(end(&mut course, look), None);
        assert_eq!(course.begin(Stage::Model, Some(Seq(7))), None, "its turn is later");
        // And again: what was about to be set up is of the past.
        let again = begin(&mut course, Stage::Look, Some(8));
        assert!(!course.is_current(set_up));
        assert_eq!(end(&mut course, set_up), None);
        let Some(Next::Then(Stage::SetUp, set_up)) = end(&mut course, again) else {
            panic!("set up follows")
        };
        assert_eq!(end(&mut course, set_up), over(Some(8)));
        assert_eq!(course.first(), None);
    }

    #[test]
    fn a_doubt_is_answered_by_a_model_that_is_stored() {
        // (whether the model that was learnt is stored, which doubt is answered then)
        for (kept, answered) in [(true, Some(9)), (false, None)] {
            let mut course = Course::default();
            let model = begin(&mut course, Stage::Model, Some(9));
            let first = course.first();
            let Some(Next::Then(Stage::Stand, stand)) = end(&mut course, model) else {
                panic!("subscriptions follow")
            };
            // What another look learnt is not what this one did.
            course.kept(Some(Ticket(99)));
            if kept {
                course.kept(first);
            }
            assert_eq!(end(&mut course, stand), over(answered), "{kept}");
        }
        let mut course = Course::default();
        let model = begin(&mut course, Stage::Model, Some(9));
        course.kept(course.first());
        assert_eq!(course.ended(seconds(0), model, false), None, "what failed answers nothing");
    }

    #[test]
    fn a_look_that_came_to_nothing_is_tried_again_within_the_session() {
        // (what was under way, the doubt that it answers, whether it ended well, what is tried)
        for (stage, answers, well, again) in [
            (Stage::Model, Some(9), false, Some(Stage::Model)),
            (Stage::Look, None, false, Some(Stage::Look)),
            (Stage::Whole, None, false, Some(Stage::Look)),
            (Stage::Whole, None, true, None),
            // Nothing is owed.
            (Stage::Stand, None, false, None),
            (Stage::Stand, None, true, None),
        ] {
            let (mut course, looks) = (Course { chance: 0, ..Course::default() }, looks());
            let ticket = begin(&mut course, stage, answers);
            course.ended(seconds(100), ticket, well);
            assert_eq!(course.due(), again.map(|_| seconds(102)), "{stage:?} {well}");
            assert_eq!(course.take_due(seconds(101), DEVICE, &looks), None);
            assert_eq!(course.take_due(seconds(102), DEVICE, &looks), again, "{stage:?} {well}");
            assert_eq!(course.due(), None);
        }
    }

    #[test]
    fn it_is_tried_five_times_each_time_later_and_then_left_to_the_next_session() {
        let (mut course, looks) = (Course { chance: 0, ..Course::default() }, looks());
        let (mut now, mut tried) = (seconds(0), Vec::new());
        let mut ticket = begin(&mut course, Stage::Model, Some(9));
        loop {
            let Some(Next::Then(Stage::Stand, stand)) = end(&mut course, ticket) else {
                panic!("it goes on")
            };
            // All is well, but the model that the device told is not stored.
            assert_eq!(course.ended(now, stand, true), over(None));
            let Some(due) = course.due() else { break };
            tried.push((due - now).as_secs());
            now = due;
            assert_eq!(course.take_due(now, DEVICE, &looks), Some(Stage::Model));
            ticket = begin(&mut course, Stage::Model, Some(9));
        }
        assert_eq!(tried, [2, 8, 32, 128, 512]);
        // What is heard meanwhile is looked at in its own time; if that is well, all begins anew.
        course.doubted(seconds(1000), seconds(1000));
        assert_eq!(course.take_due(seconds(1001), DEVICE, &looks), Some(Stage::Model));
        let ticket = begin(&mut course, Stage::Model, Some(10));
        course.kept(course.first());
        let Some(Next::Then(Stage::Stand, stand)) = end(&mut course, ticket) else { panic!("it goes on") };
        assert_eq!(course.ended(seconds(1002), stand, true), over(Some(10)));
        course.failed(seconds(2000), false);
        assert_eq!(course.due(), Some(seconds(2002)));
        // Another doubt is not put off by it, and one look answers both.
        course.failed(seconds(2000), false);
        course.doubted(seconds(2000), seconds(2000));
        assert_eq!(course.take_due(seconds(2001), DEVICE, &looks), Some(Stage::Model));
        assert_eq!(course.due(), None);
    }

    #[test]
    fn devices_that_failed_together_are_not_asked_again_together() {
        let due = |chance| {
            let mut course = Course { chance, ..Course::default() };
            course.failed(seconds(0), false);
            course.due().expect("it is tried again")
        };
        // Two seconds, and up to half as long.
        assert_eq!([due(0), due(250_000), due(u64::MAX)].map(|at| at.0), [2_000_000, 2_500_000, 2_924_632]);
    }

    #[test]
    fn what_a_device_refuses_is_told_with_the_end() {
        let mut course = Course::default();
        let whole = begin(&mut course, Stage::Whole, None);
        for _ in 0..40 {
            course.refused(("cusp-values".to_owned(), "no".to_owned()));
        }
        let Some(Next::Over(over)) = end(&mut course, whole) else { panic!("it is over") };
        assert_eq!(over.problems.len(), 32);
    }

    #[test]
    fn a_look_is_due_when_it_is_quiet_or_has_not_been_for_long() {
        let (mut course, looks) = (Course::default(), looks());
        course.doubted(seconds(100), seconds(100));
        assert_eq!(course.due(), Some(seconds(101)));
        assert_eq!(course.take_due(seconds(100), DEVICE, &looks), None);
        assert_eq!(course.take_due(seconds(101), DEVICE, &looks), Some(Stage::Model));
        assert_eq!(course.due(), None);
        for at in 200..=215 {
            course.doubted(seconds(at), seconds(at));
        }
        // Ten seconds after the first; never before the last was heard.
        assert_eq!(course.take_due(seconds(215), DEVICE, &looks), Some(Stage::Model));
        // A boot of all devices at once is worked off later, whatever else is heard meanwhile.
        course.doubted(seconds(300), seconds(330));
        course.doubted(seconds(302), seconds(302));
        assert_eq!(course.due(), Some(seconds(330)));
        // What an earlier session left may be more than the model.
        course.owes(seconds(340), seconds(345));
        assert_eq!(course.take_due(seconds(345), DEVICE, &looks), Some(Stage::Look));
    }

    #[test]
    fn a_look_waits_for_the_end_of_what_is_under_way() {
        let (mut course, looks) = (Course::default(), looks());
        let whole = begin(&mut course, Stage::Whole, None);
        course.doubted(seconds(1), seconds(1));
        assert_eq!(course.take_due(seconds(2), DEVICE, &looks), None);
        assert_eq!(course.due(), None);
        assert_eq!(course.ended(seconds(50), whole, true), over(None));
        assert_eq!(course.due(), Some(seconds(51)));
        assert_eq!(course.take_due(seconds(51), DEVICE, &looks), Some(Stage::Model));
        // Something else has begun since it was due.
        let stand = begin(&mut course, Stage::Stand, None);
        assert_eq!(course.begin(Stage::Model, Some(Seq(3))), None);
        assert_eq!(course.ended(seconds(60), stand, true), over(None));
        assert_eq!(course.due(), Some(seconds(61)));
    }

    #[test]
    fn a_service_that_flaps_for_an_hour_costs_a_look_a_minute_also_over_many_sessions() {
        for sessions in [1, 60] {
            let (looks, mut count) = (looks(), 0);
            for session in 0..sessions {
                let mut course = Course::default();
                let length = 3600 / sessions;
                for at in session * length..(session + 1) * length {
                    course.doubted(seconds(at), seconds(at));
                    count += u32::from(course.take_due(seconds(at), DEVICE, &looks).is_some());
                }
            }
            assert!((50..=64).contains(&count), "{count} in {sessions} sessions");
        }
    }
}
