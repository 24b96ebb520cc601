//! The last message of each topic that somebody wanted kept, for those who subscribe later. In memory, and bounded.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::limits::{MAX_RETAINED, MAX_RETAINED_BYTES};
use super::queue::Held;
use crate::mqtt::{Filter, Topic};

/// By topic.
#[derive(Default)]
pub(super) struct Retained {
    messages: BTreeMap<Topic, Arc<Held>>,
    bytes: usize,
}

impl Retained {
    /// Keeps a message; an empty one ends what was kept. False when there is no room; then the earlier one stays.
    pub(super) fn keep(&mut self, held: &Arc<Held>) -> bool {
        let topic = &held.message.topic;
        let earlier = self.messages.get(topic).map_or(0, |held| held.size());
        if held.message.payload.is_empty() {
            self.messages.remove(topic);
            self.bytes -= earlier;
            return true;
        }
        let bytes = self.bytes - earlier + held.size();
        let room = earlier > 0 || self.messages.len() < MAX_RETAINED;
        if !room || bytes > MAX_RETAINED_BYTES {
            return false;
        }
        self.bytes = bytes;
        self.messages.insert(topic.clone(), held.clone());
        true
    }

    /// Those that a new subscriber gets.
    pub(super) fn of<'r>(&'r self, filter: &'r Filter) -> impl Iterator<Item = &'r Arc<Held>> {
        // What matches begins with the levels before the first wildcard, and so stands together.
        let text = filter.as_str();
        let wild =
            text.split('/').take_while(|level| !matches!(*level, "+" | "#")).map(|level| level.len() + 1);
        let prefix = &text[..wild.sum::<usize>().saturating_sub(1)];
        let first = prefix.parse::<Topic>().map_or(Bound::Unbounded, Bound::Included);
        self.messages
            .range::<Topic, _>((first, Bound::Unbounded))
            .map(|(_, held)| held)
            .take_while(move |held| held.message.topic.as_str().starts_with(prefix))
            .filter(|held| filter.matches(held.message.topic.as_str()))
    }
}
