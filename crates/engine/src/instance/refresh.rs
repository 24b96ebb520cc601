//! Asking providers for values: each at most once at a time, and not while what it said is fresh.

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use dm::model::{Model, ObjectId};
use dm::path::SchemaPath;
use dm::{Code, Fault, Mono};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use usp_endpoint::agent::io::{Input, ReadPart, Ticket};

use super::{Inner, Instance};
use crate::kind::Kind;
use crate::limits::{REFRESH_TIMEOUT, WATCH_PERIOD};
use crate::provider::{Provider, ProviderError, Report, Wanted};
use crate::report::{self, Scope};
use crate::shift::Shift;
use crate::wants::Wants;

/// What is asked, and who waits for it.
pub(super) struct Refreshes {
    providers: Vec<State>,
    /// How many providers each ticket still waits for.
    tickets: BTreeMap<Ticket, usize>,
}

#[derive(Default)]
struct State {
    /// When each object, with all below it, was last known.
    fresh: BTreeMap<ObjectId, Mono>,
    running: Option<Run>,
    /// What is asked next, all in one.
    next: Option<Run>,
    /// A commit or a push overtook the running refresh: its answer is out of date.
    spoiled: bool,
    /// A commit is under way.
    blocked: bool,
    pushes: bool,
}

#[derive(Default)]
struct Run {
    wants: Wants,
    started: Mono,
    waiters: Vec<Ticket>,
    /// It was spoiled once.
    again: bool,
}

impl Refreshes {
    pub(super) fn new(providers: usize) -> Refreshes {
        let providers = std::iter::repeat_with(State::default).take(providers).collect();
        Refreshes { providers, tickets: BTreeMap::new() }
    }

    /// Whether the provider tells of changes by itself.
    pub(super) fn pushes(&self, provider: u16) -> bool {
        self.providers[usize::from(provider)].pushes
    }

    pub(super) fn set_pushes(&mut self, provider: u16) {
        self.providers[usize::from(provider)].pushes = true;
    }

    /// A commit begins: nothing is asked before it has ended, and a running answer does not count.
    pub(super) fn block(&mut self, provider: u16) {
        let state = &mut self.providers[usize::from(provider)];
        state.blocked = true;
        state.spoiled = state.running.is_some();
    }

    pub(super) fn is_blocked(&self, provider: u16) -> bool {
        self.providers[usize::from(provider)].blocked
    }

    /// Something newer than the running refresh was heard. Only once, or a lively provider's readers
    /// would wait for ever.
    pub(super) fn overtake(&mut self, provider: u16) {
        let state = &mut self.providers[usize::from(provider)];
        state.spoiled |= state.running.as_ref().is_some_and(|run| !run.again);
    }

    /// What the provider said is out of date.
    pub(super) fn forget(&mut self, provider: u16) {
        self.providers[usize::from(provider)].fresh.clear();
    }

    /// Goes over to the next model. Nothing counts as fresh any more.
    pub(super) fn shift(&mut self, shift: &Shift<'_>) {
        for state in &mut self.providers {
            state.fresh.clear();
            for run in state.running.iter_mut().chain(&mut state.next) {
                run.wants.shift(shift);
            }
        }
    }

    fn done(&mut self, waiters: Vec<Ticket>, inputs: &mut VecDeque<Input>) {
        for ticket in waiters {
            let Some(left) = self.tickets.get_mut(&ticket) else { continue };
            *left -= 1;
            if *left == 0 {
                self.tickets.remove(&ticket);
                inputs.push_back(Input::Refreshed(ticket));
            }
        }
    }
}

impl State {
    fn is_fresh(&self, model: &Model, object: ObjectId, now: Mono, max_age: Duration) -> bool {
        let fresh = |id: ObjectId| self.fresh.get(&id).is_some_and(|at| Kind::is_fresh(*at, now, max_age));
        fresh(ObjectId(0)) || model.lineage(object).any(|step| fresh(step.object))
    }

    /// Waits for the running refresh, if it will do.
    fn join(
        &mut self,
        model: &Model,
        wants: &Wants,
        oldest: impl Fn(Mono) -> bool,
        ticket: Option<Ticket>,
    ) -> bool {
        let Some(run) = self.running.as_mut() else { return false };
        let covered = wants.touched().all(|object| run.wants.covers(model, object));
        let will_do = covered && !self.spoiled && !self.blocked && oldest(run.started);
        if will_do {
            run.waiters.extend(ticket);
        }
        will_do
    }
}

impl Run {
    fn merge(&mut self, wants: Wants, waiters: impl IntoIterator<Item = Ticket>) {
        self.wants.merge(wants);
        self.waiters.extend(waiters);
    }
}

impl Instance {
    /// The provider that a part is read from by itself, if it is.
    pub(super) fn reads_part(&self, inner: &Inner, part: &ReadPart) -> Option<u16> {
        let (kind, object) = (&inner.kind, part.place.object);
        let provider = kind.owner(object).filter(|at| self.providers[usize::from(*at)].reads_parts())?;
        let is_its_own = match part.param {
            Some(param) => !kind.is_own(object, param),
            None => kind.wants(&part.place) == [(provider, object)],
        };
        is_its_own.then_some(provider)
    }

    /// Asks for what is not fresh. False if everything is; otherwise the ticket comes back later.
    pub(super) fn want(
        &self,
        inner: &mut Inner,
        ticket: Option<Ticket>,
        wants: Vec<(u16, ObjectId)>,
        parts: Vec<(u16, ReadPart)>,
    ) -> bool {
        let now = self.host.now().mono;
        let kind = inner.kind.clone();
        let model = kind.model();
        let mut by_provider: BTreeMap<u16, Wants> = BTreeMap::new();
        for (provider, object) in wants {
            by_provider.entry(provider).or_default().objects.push(object);
        }
        for (provider, part) in parts {
            by_provider.entry(provider).or_default().parts.push(part);
        }
        let mut waits = 0;
        for (provider, mut wants) in by_provider {
            let max_age = self.providers[usize::from(provider)].max_age();
            let state = &mut inner.refresh.providers[usize::from(provider)];
            wants.retain(|object| !state.is_fresh(model, object, now, max_age));
            if wants.is_empty() {
                continue;
            }
            waits += 1;
            if !state.join(model, &wants, |started| Kind::is_fresh(started, now, max_age), ticket) {
                state.next.get_or_insert_default().merge(wants, ticket);
                self.ask(inner, provider);
            }
        }
        if let Some(ticket) = ticket.filter(|_| waits > 0) {
            inner.refresh.tickets.insert(ticket, waits);
        }
        waits > 0
    }

    /// Starts the next refresh of a provider, if there is one and it may.
    fn ask(&self, inner: &mut Inner, provider: u16) {
        let state = &mut inner.refresh.providers[usize::from(provider)];
        if state.running.is_some() || state.blocked {
            return;
        }
        let Some(mut run) = state.next.take() else { return };
        run.started = self.host.now().mono;
        let exactly = run.wants.exactly(&inner.kind, &inner.keys);
        let paths = paths(&inner.kind, &run.wants.objects);
        state.running = Some(run);
        let source = self.providers[usize::from(provider)].clone();
        let me = self.me.clone();
        self.host.runtime.spawn(async move {
            let answer = fetch(source.as_ref(), &paths, &exactly).await;
            if let Some(instance) = me.upgrade() {
                instance.answered(provider, answer);
            }
        });
    }

    fn answered(&self, provider: u16, answer: Result<Report, ProviderError>) {
        let Some(mut inner) = self.enter() else { return };
        let mut inputs = VecDeque::new();
        let state = &mut inner.refresh.providers[usize::from(provider)];
        let Some(run) = state.running.take() else { return };
        if std::mem::take(&mut state.spoiled) {
            let next = state.next.get_or_insert_default();
            next.again = true;
            next.merge(run.wants, run.waiters);
        } else {
            match answer {
                Ok(report) => self.take_report(&mut inner, provider, &run, &report, &mut inputs),
                // What was known stays: a provider that fails for a moment must not delete its rows. Of what is
                // kept elsewhere nobody is told what it was before.
                Err(error) => {
                    let name = self.providers[usize::from(provider)].name();
                    tracing::warn!(provider = name, %error, "no values");
                    if inner.kind.counts_rows(provider) {
                        unheard(&inner.kind, &run, &error, &mut inputs);
                    }
                }
            }
            inner.refresh.done(run.waiters, &mut inputs);
        }
        self.ask(&mut inner, provider);
        self.drive_all(&mut inner, inputs);
    }

    fn take_report(
        &self,
        inner: &mut Inner,
        provider: u16,
        run: &Run,
        report: &Report,
        inputs: &mut VecDeque<Input>,
    ) {
        let changes = self.take_in(inner, provider, &run.wants, report);
        if !changes.is_empty() {
            inputs.push_back(Input::Changed(changes));
        }
        let max_age = self.providers[usize::from(provider)].max_age();
        let now = self.host.now().mono;
        let fresh = &mut inner.refresh.providers[usize::from(provider)].fresh;
        fresh.retain(|_, at| Kind::is_fresh(*at, now, max_age));
        fresh.extend(run.wants.objects.iter().map(|object| (*object, run.started)));
    }

    /// Brings the tree in line with a report that is complete for what was wanted.
    pub(super) fn take_in(
        &self,
        inner: &mut Inner,
        provider: u16,
        wants: &Wants,
        report: &Report,
    ) -> dm::tree::ChangeSet {
        let kind = inner.kind.clone();
        let scope = Scope { kind: &kind, provider, wants };
        let taken = report::take(&scope, &mut inner.tree, &mut inner.keys, &inner.aliases, report);
        inner.observers.tell(kind.model(), &taken.changes);
        if inner.forgetful {
            return taken.changes;
        }
        // A number that a controller has seen must be the same after a restart.
        match self.journal.append_own(&taken.entries) {
            Ok(position) => inner.barrier = inner.barrier.max(position),
            Err(error) => self.cannot_remember(inner, &error),
        }
        taken.changes
    }

    /// After a commit: the provider is asked again.
    pub(super) fn unblock(&self, inner: &mut Inner, provider: u16) {
        inner.refresh.providers[usize::from(provider)].blocked = false;
        inner.refresh.forget(provider);
        self.ask(inner, provider);
    }

    /// Refreshes what is watched and not pushed.
    pub(super) fn poll_watched(&self, inner: &mut Inner, now: Mono) {
        if inner.next_poll.is_none_or(|at| at > now) {
            return;
        }
        let wants = self.polled(inner);
        inner.next_poll = (!wants.is_empty()).then(|| now + WATCH_PERIOD);
        self.want(inner, None, wants, Vec::new());
    }

    /// What is watched, and not told by its providers of themselves at the moment.
    fn polled(&self, inner: &Inner) -> Vec<(u16, ObjectId)> {
        let tells = |provider: u16| {
            inner.refresh.pushes(provider) && self.providers[usize::from(provider)].sees_changes()
        };
        inner.watched.iter().copied().filter(|(provider, _)| !tells(*provider)).collect()
    }

    /// What is watched, or who tells of it, may be something else: from now on it is polled, as far as it has to be.
    pub(super) fn begin_polling(&self, inner: &mut Inner) {
        let polls = !self.polled(inner).is_empty();
        inner.next_poll = polls.then(|| self.host.now().mono + WATCH_PERIOD);
    }

    /// Everything once, before the machine starts: nobody is told of changes.
    pub(super) async fn first_refresh(&self) {
        let Some(kind) = self.enter().map(|inner| inner.kind.clone()) else { return };
        let asked = (0..).zip(&self.providers).map(|(index, provider)| {
            let wants: Vec<ObjectId> = kind.tops(index).collect();
            let paths = paths(&kind, &wants);
            async move { (index, Wants::of(wants), fetch(provider.as_ref(), &paths, &[]).await) }
        });
        for (provider, wants, answer) in join_all(asked).await {
            let Some(mut inner) = self.enter() else { return };
            match answer {
                Ok(report) => {
                    self.take_in(&mut inner, provider, &wants, &report);
                }
                Err(error) => {
                    let name = self.providers[usize::from(provider)].name();
                    tracing::warn!(provider = name, %error, "no first values");
                }
            }
        }
    }
}

/// Tells all that wait for a refresh that it failed.
fn unheard(kind: &Kind, run: &Run, error: &ProviderError, inputs: &mut VecDeque<Input>) {
    let touched: Vec<ObjectId> = run.wants.touched().collect();
    let subtrees = paths(kind, &touched);
    let fault = Fault::new(Code::INTERNAL_ERROR, error.to_string());
    inputs.extend(run.waiters.iter().map(|ticket| Input::Unheard {
        ticket: *ticket,
        subtrees: subtrees.clone(),
        fault: fault.clone(),
    }));
}

fn paths(kind: &Kind, objects: &[ObjectId]) -> Vec<SchemaPath> {
    objects.iter().map(|id| kind.model().object(*id).path.clone()).collect()
}

async fn fetch(
    provider: &dyn Provider,
    paths: &[SchemaPath],
    exactly: &[Wanted],
) -> Result<Report, ProviderError> {
    let asked = async {
        let mut report = match paths.is_empty() && !exactly.is_empty() {
            true => Report::default(),
            false => provider.refresh(paths).await?,
        };
        if !exactly.is_empty() {
            report.rows.extend(provider.read(exactly).await?.rows);
        }
        Ok(report)
    };
    let asked = AssertUnwindSafe(asked).catch_unwind();
    match tokio::time::timeout(REFRESH_TIMEOUT, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(ProviderError("it panicked".to_owned())),
        Err(_) => Err(ProviderError("it did not answer in time".to_owned())),
    }
}
