//! Notifications on their way: one queue per controller, in order, held while there is no connection,
//! and sent again until answered where that is asked for.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use dm::operation::{ParamAccess, ValueChange as Policy};
use dm::tree::{Bit, ChangeSet, Happening, NoInitial, Place, Requester, Tree};
use dm::{Mono, Now};
use usp_proto::link::Outbound;
use usp_proto::notify::{Notification, Notify, ObjectCreation, ObjectDeletion, OnBoardRequest, ValueChange};
use usp_proto::record::encode_message;
use usp_proto::{EndpointId, Msg, Request, Version};

use super::access::NewRows;
use super::controllers::{Controller, Period};
use super::io::Output;
use super::matching::Trail;
use super::records::speaks_for;
use super::subscriptions::{Kind, Subscription};
use super::timers::Timer;
use super::{AgentMachine, sessions};
use crate::limits;

/// What waits for one controller.
#[derive(Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The period that its timer runs by.
    pub(super) period: Option<Period>,
    /// Its OnBoardRequest was answered, and it has not finished onboarding since.
    onboard_answered: bool,
}

/// One notification. Each attempt sends the same bytes, hence the same message id.
struct Entry {
    msg_id: String,
    record: Bytes,
    source: Source,
    retry: bool,
    expiration: Option<Duration>,
    first_sent: Option<Mono>,
    attempts: u32,
    /// To be sent as soon as there is a connection.
    due: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    OnBoard,
    /// By row number.
    Subscription(u32),
}

impl Entry {
    fn expires(&self) -> Option<Mono> {
        Some(self.first_sent? + self.expiration?)
    }
}

impl Queue {
    /// Bounded: what nobody insists on goes first, then what is oldest; an OnBoardRequest stays until it
    /// is answered (R-NOT.6a). Gives the message ids of what went.
    fn push(&mut self, entry: Entry) -> Vec<String> {
        self.bytes += entry.record.len();
        self.entries.push_back(entry);
        let mut gone = Vec::new();
        while self.entries.len() > limits::MAX_QUEUED_NOTIFICATIONS || self.bytes > limits::MAX_QUEUED_BYTES {
            let first = |may_go: fn(&Entry) -> bool| self.entries.iter().position(may_go);
            let at = first(|entry| !entry.retry).or_else(|| first(|entry| entry.source != Source::OnBoard));
            let Some(entry) = at.and_then(|at| self.remove(at)) else { break };
            gone.push(entry.msg_id);
        }
        gone
    }

    fn remove(&mut self, at: usize) -> Option<Entry> {
        let entry = self.entries.remove(at)?;
        self.bytes -= entry.record.len();
        self.free();
        Some(entry)
    }

    fn position(&self, msg_id: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.msg_id == msg_id)
    }

    /// Gives the message ids of what went.
    fn retain(&mut self, keep: impl Fn(&Entry) -> bool) -> Vec<String> {
        let mut gone = Vec::new();
        self.entries.retain(|entry| {
            let stays = keep(entry);
            if !stays {
                gone.push(entry.msg_id.clone());
            }
            stays
        });
        self.bytes = self.entries.iter().map(|entry| entry.record.len()).sum();
        self.free();
        gone
    }

    fn free(&mut self) {
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }
}

impl AgentMachine {
    /// Notifies subscribers of changes, their own among them.
    pub(super) fn notify_changes(&mut self, tree: &Tree, changes: &ChangeSet) {
        let mut news: Vec<(usize, Notification)> = Vec::new();
        for (at, happening) in changes.iter().enumerate() {
            let (kind, place, leaf, bit) = match happening {
                Happening::Changed { place, param, old: Some(_), new: Some(_) } => {
                    let param = &tree.model().object(place.object).params[usize::from(*param)];
                    if param.value_change == Policy::WillIgnore {
                        continue;
                    }
                    (Kind::ValueChange, place, param.name.as_str(), Bit::ParamNotify)
                }
                Happening::Changed { .. } => continue,
                Happening::Created(place) => (Kind::ObjectCreation, place, "", Bit::ObjectNotify),
                Happening::Deleted(place) => (Kind::ObjectDeletion, place, "", Bit::InstanceNotify),
            };
            let interested = self.interested(tree, kind, place, leaf, bit);
            if interested.is_empty() || superseded(&changes[at + 1..], happening) {
                continue;
            }
            for index in interested {
                let controller = self.controller(&self.subscriptions[index].recipient);
                let told = controller.and_then(|controller| tell(tree, controller, happening));
                news.extend(told.map(|notification| (index, notification)));
            }
        }
        for (index, notification) in news {
            let subscription = self.subscriptions[index].clone();
            self.enqueue(&subscription, notification);
        }
    }

    /// The subscriptions, by index, that are of a kind, speak of a place and may be told.
    pub(super) fn interested(
        &self,
        tree: &Tree,
        kind: Kind,
        place: &Place,
        leaf: &str,
        bit: Bit,
    ) -> Vec<usize> {
        if !self.subscriptions.iter().any(|subscription| subscription.kind == kind) {
            return Vec::new();
        }
        let model = tree.model().clone();
        let trail = Trail::of(&model, place);
        // Permissions tell commands and events of one name apart.
        let element = match kind {
            Kind::OperationComplete => Cow::Owned(format!("{leaf}()")),
            Kind::Event => Cow::Owned(format!("{leaf}!")),
            _ => Cow::Borrowed(leaf),
        };
        let concerned = |subscription: &Subscription| {
            subscription.kind == kind
                && self.controller(&subscription.recipient).is_some_and(|controller| {
                    let access = controller.access();
                    let who = Requester { authority: access.authority(), defaults: &NoInitial };
                    subscription.concerns(tree, &trail, place, leaf, &who)
                        && access.may(tree, bit, place, &element)
                })
        };
        let all = self.subscriptions.iter().enumerate();
        all.filter(|(_, subscription)| concerned(subscription)).map(|(index, _)| index).collect()
    }

    /// R-NOT.7: under the subscription's id. One that only sets something is not told.
    pub(super) fn enqueue(&mut self, subscription: &Subscription, notification: Notification) {
        self.trigger(subscription);
        if !subscription.notifies {
            return;
        }
        let notify = Notify::new(subscription.id.clone(), subscription.retry, notification);
        let source = Source::Subscription(subscription.row);
        self.push(&subscription.recipient, notify, source, subscription.expiration);
    }

    fn push(&mut self, to: &EndpointId, notify: Notify, source: Source, expiration: Option<Duration>) {
        let retry = notify.send_resp;
        let msg = Msg::request(self.msg_ids.next(), Request::Notify(notify));
        let record = encode_message(&self.config.endpoint, to, Version::CURRENT, &msg);
        let entry = Entry {
            msg_id: msg.msg_id,
            record,
            source,
            retry,
            expiration,
            first_sent: None,
            attempts: 0,
            due: true,
        };
        let gone = self.queues.entry(to.clone()).or_default().push(entry);
        self.cancel_retries(to, gone);
    }

    /// What is no longer queued has no next attempt.
    fn cancel_retries(&mut self, controller: &EndpointId, msg_ids: Vec<String>) {
        for msg_id in msg_ids {
            self.timers.cancel(&Timer::Retry(controller.clone(), msg_id));
        }
    }

    /// Sends what is due to every controller that can be reached.
    pub(super) fn send_notifications(&mut self, now: Now) {
        let now = now.mono;
        let mut ready = Vec::new();
        for (endpoint, queue) in &mut self.queues {
            let Some(controller) = self.controllers.iter().find(|c| c.endpoint == *endpoint) else {
                continue;
            };
            if !queue.entries.iter().any(|entry| entry.due) {
                continue;
            }
            // The latest connection is the one that stands most likely.
            // Nothing is told to somebody who only says that it is this controller.
            let link = self
                .links
                .values()
                .filter(|link| !link.mismatched)
                .rfind(|link| link.controller == *endpoint && speaks_for(&link.peer, endpoint));
            let Some(return_path) = link.map(|link| link.return_path.clone()) else { continue };
            for entry in queue.entries.iter_mut().filter(|entry| entry.due) {
                if entry.expires().is_some_and(|end| end <= now) {
                    continue;
                }
                ready.push((endpoint.clone(), return_path.clone(), entry.record.clone()));
                entry.due = false;
                if entry.retry {
                    entry.first_sent.get_or_insert(now);
                    entry.attempts = entry.attempts.saturating_add(1);
                    // R-NOT.1, R-NOT.2
                    let next = now + controller.retry.wait(entry.attempts, &mut self.random);
                    let at = entry.expires().map_or(next, |end| end.min(next));
                    self.timers.set(Timer::Retry(endpoint.clone(), entry.msg_id.clone()), at);
                }
            }
            let gone = queue
                .retain(|entry| (entry.retry || entry.due) && entry.expires().is_none_or(|end| end > now));
            for msg_id in gone {
                self.timers.cancel(&Timer::Retry(endpoint.clone(), msg_id));
            }
        }
        for (endpoint, return_path, record) in ready {
            let message = || sessions::payload(&record);
            if !self.has_session(&endpoint)
                || !message().is_some_and(|it| self.send_in_session(&endpoint, it))
            {
                self.outputs.push_back(Output::Send(Outbound { return_path, record }));
            }
        }
    }

    /// The time for another attempt, or for giving up, has come.
    pub(super) fn retry(&mut self, now: Now, controller: &EndpointId, msg_id: &str) {
        let Some(queue) = self.queues.get_mut(controller) else { return };
        let Some(at) = queue.position(msg_id) else { return };
        if queue.entries[at].expires().is_some_and(|end| end <= now.mono) {
            queue.remove(at);
        } else {
            queue.entries[at].due = true;
        }
    }

    /// R-NOT.3: it has arrived.
    pub(super) fn acknowledged(&mut self, now: Now, from: &EndpointId, msg_id: &str) {
        self.timers.cancel(&Timer::Retry(from.clone(), msg_id.to_owned()));
        let Some(queue) = self.queues.get_mut(from) else { return };
        let Some(entry) = queue.position(msg_id).and_then(|at| queue.remove(at)) else { return };
        if entry.source == Source::OnBoard {
            queue.onboard_answered = true;
            let restart = self.controller(from).and_then(|controller| controller.restart_after);
            if let Some(after) = restart {
                self.timers.set(Timer::OnBoard(from.clone()), now.mono + after);
            }
        }
    }

    /// R-NOT.5, R-NOT.6, R-NOT.6a: asks to be onboarded, until that is answered.
    pub(super) fn onboard(&mut self, controller: &EndpointId) {
        self.timers.cancel(&Timer::OnBoard(controller.clone()));
        let queue = self.queues.entry(controller.clone()).or_default();
        queue.onboard_answered = false;
        if queue.entries.iter().any(|entry| entry.source == Source::OnBoard) {
            return;
        }
        let request = OnBoardRequest {
            oui: self.config.oui.clone(),
            product_class: self.config.product_class.clone(),
            serial_number: self.config.serial_number.clone(),
            agent_supported_protocol_versions: Version::print_list(&self.config.versions),
        };
        let notify = Notify::new("", true, Notification::OnBoardReq(request));
        self.push(controller, notify, Source::OnBoard, None);
    }

    /// Whether an OnBoardRequest is due: none is on its way, and none was answered lately.
    pub(super) fn needs_onboarding(&self, controller: &EndpointId) -> bool {
        self.queues.get(controller).is_none_or(|queue| {
            !queue.onboard_answered && !queue.entries.iter().any(|entry| entry.source == Source::OnBoard)
        })
    }

    pub(super) fn end_onboarding(&mut self, controller: &EndpointId) {
        self.timers.cancel(&Timer::OnBoard(controller.clone()));
        if let Some(queue) = self.queues.get_mut(controller) {
            queue.onboard_answered = false;
            let gone = queue.retain(|entry| entry.source != Source::OnBoard);
            self.cancel_retries(controller, gone);
        }
    }

    /// Forgets what waits for controllers and subscriptions that are no more.
    pub(super) fn settle_queues(&mut self) {
        let (controllers, subscriptions) = (&self.controllers, &self.subscriptions);
        let gone: Vec<EndpointId> = self
            .queues
            .keys()
            .filter(|id| !controllers.iter().any(|c| c.endpoint == **id))
            .cloned()
            .collect();
        for endpoint in gone {
            let queue = self.queues.remove(&endpoint).unwrap_or_default();
            for entry in queue.entries {
                self.timers.cancel(&Timer::Retry(endpoint.clone(), entry.msg_id));
            }
            self.timers.cancel(&Timer::Periodic(endpoint.clone()));
            self.timers.cancel(&Timer::OnBoard(endpoint));
        }
        for (endpoint, queue) in &mut self.queues {
            let gone = queue.retain(|entry| match entry.source {
                Source::OnBoard => true,
                Source::Subscription(row) => subscriptions.iter().any(|subscription| subscription.row == row),
            });
            for msg_id in gone {
                self.timers.cancel(&Timer::Retry(endpoint.clone(), msg_id));
            }
        }
    }
}

/// Whether a later change of the same parameter makes this one old news.
fn superseded(later: &[Happening], happening: &Happening) -> bool {
    let Happening::Changed { place, param, .. } = happening else { return false };
    later.iter().any(
        |other| matches!(other, Happening::Changed { place: p, param: q, .. } if p == place && q == param),
    )
}

/// What one controller is told of a change.
fn tell(tree: &Tree, controller: &Controller, happening: &Happening) -> Option<Notification> {
    let model = tree.model();
    let access = controller.access();
    Some(match happening {
        Happening::Changed { place, param, new, .. } => {
            let param = &model.object(place.object).params[usize::from(*param)];
            let secured = param.secured
                && !(access.authority().sees_secured()
                    && access.may(tree, Bit::ParamRead, place, param.name.as_str()));
            let hidden = param.hidden || param.access == ParamAccess::WriteOnly || secured;
            let value = new.as_ref().filter(|_| !hidden).map(|value| value.expose().into_owned());
            Notification::ValueChange(ValueChange {
                param_path: place.leaf_text(model, param.name.as_str()),
                param_value: value.unwrap_or_default(),
            })
        }
        Happening::Created(place) => {
            let rows = NewRows::of(controller, Now { mono: Mono(0), utc: None });
            let keys = tree.unique_keys(place, &rows.requester(access));
            Notification::ObjCreation(ObjectCreation {
                obj_path: place.text(model),
                unique_keys: keys.into_iter().collect(),
            })
        }
        Happening::Deleted(place) => {
            Notification::ObjDeletion(ObjectDeletion { obj_path: place.text(model) })
        }
    })
}
