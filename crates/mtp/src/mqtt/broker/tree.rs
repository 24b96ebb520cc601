//! Who has subscribed to what, so that a message finds its subscribers by the levels of its topic and not by
//! looking at all of them.

use std::collections::BTreeMap;

use super::wire::Qos;
use crate::mqtt::Filter;

/// Somebody who subscribes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Who {
    /// A session of a client.
    Session(u64),
    /// Somebody in this process.
    Attached(u64),
}

/// One subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Subscription {
    pub(super) who: Who,
    pub(super) qos: Qos,
    pub(super) no_local: bool,
    pub(super) retain_as_published: bool,
}

/// All subscriptions, by level. Its depth is bounded by
/// [`MAX_TOPIC_LEVELS`](super::limits::MAX_TOPIC_LEVELS).
#[derive(Default)]
pub(super) struct Tree {
    /// To exactly this topic.
    here: Vec<Subscription>,
    /// To this topic and everything below it.
    below: Vec<Subscription>,
    any: Option<Box<Tree>>,
    named: BTreeMap<Box<str>, Tree>,
}

impl Tree {
    /// Adds or replaces one; true when it is new.
    pub(super) fn insert(&mut self, filter: &Filter, subscription: Subscription) -> bool {
        let mut node = self;
        for level in filter.as_str().split('/') {
            node = match level {
                "#" => return put(&mut node.below, subscription),
                "+" => node.any.get_or_insert_default(),
                name => node.named.entry(name.into()).or_default(),
            };
        }
        put(&mut node.here, subscription)
    }

    /// True when there was one.
    pub(super) fn remove(&mut self, filter: &Filter, who: Who) -> bool {
        self.take(&mut filter.as_str().split('/'), who)
    }

    fn take<'f>(&mut self, levels: &mut impl Iterator<Item = &'f str>, who: Who) -> bool {
        match levels.next() {
            None => drop_of(&mut self.here, who),
            Some("#") => drop_of(&mut self.below, who),
            Some("+") => {
                let Some(any) = &mut self.any else { return false };
                let found = any.take(levels, who);
                if any.is_empty() {
                    self.any = None;
                }
                found
            }
            Some(name) => {
                let Some(node) = self.named.get_mut(name) else { return false };
                let found = node.take(levels, who);
                if node.is_empty() {
                    self.named.remove(name);
                }
                found
            }
        }
    }

    /// Tells of every subscription whose filter matches, one by one, several of the same subscriber included.
    pub(super) fn matches(&self, topic: &str, tell: &mut impl FnMut(&Subscription)) {
        let levels: Vec<&str> = topic.split('/').collect();
        self.walk(&levels, !topic.starts_with('$'), tell);
    }

    fn walk(&self, levels: &[&str], wild: bool, tell: &mut impl FnMut(&Subscription)) {
        if wild {
            self.below.iter().for_each(&mut *tell);
        }
        let Some((level, rest)) = levels.split_first() else {
            return self.here.iter().for_each(tell);
        };
        if let Some(any) = &self.any
            && wild
        {
            any.walk(rest, true, tell);
        }
        if let Some(node) = self.named.get(*level) {
            node.walk(rest, true, tell);
        }
    }

    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.below.is_empty() && self.any.is_none() && self.named.is_empty()
    }
}

fn put(list: &mut Vec<Subscription>, subscription: Subscription) -> bool {
    match list.iter_mut().find(|known| known.who == subscription.who) {
        Some(known) => {
            *known = subscription;
            false
        }
        None => {
            list.reserve_exact(1);
            list.push(subscription);
            true
        }
    }
}

fn drop_of(list: &mut Vec<Subscription>, who: Who) -> bool {
    let before = list.len();
    list.retain(|known| known.who != who);
    if list.is_empty() {
        *list = Vec::new();
    }
    list.len() < before
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Qos, Subscription, Tree, Who};
    use crate::mqtt::Filter;

    fn subscription(number: u64) -> Subscription {
        let who = Who::Session(number);
        Subscription { who, qos: Qos::AtMostOnce, no_local: false, retain_as_published: false }
    }

    fn found(tree: &Tree, topic: &str) -> Vec<u64> {
        let mut found = Vec::new();
        tree.matches(topic, &mut |subscription| {
            let Who::Session(number) = subscription.who else { panic!("a session") };
            found.push(number);
        });
        found.sort_unstable();
        found
    }

    fn level() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["a", "b", "", "$s", "+", "#"])
    }

    proptest! {
        /// The tree finds what asking each filter finds, also when every other is gone again.
        #[test]
        fn agrees_with_the_filters(
            filters in prop::collection::vec(prop::collection::vec(level(), 1..5), 1..12),
            topics in prop::collection::vec(prop::collection::vec(level(), 1..5), 1..8),
        ) {
            let filters: Vec<Filter> = filters.iter().filter_map(|levels| levels.join("/").parse().ok()).collect();
            let mut tree = Tree::default();
            for (number, filter) in filters.iter().enumerate() {
                prop_assert!(tree.insert(filter, subscription(number as u64)));
                prop_assert!(!tree.insert(filter, subscription(number as u64)));
            }
            for step in 1..=2 {
                for topic in topics.iter().map(|levels| levels.join("/")) {
                    let expected: Vec<u64> = (0_u64..)
                        .zip(&filters)
                        .filter(|(number, filter)| number % step == 0 && filter.matches(&topic))
                        .map(|(number, _)| number)
                        .collect();
                    prop_assert_eq!(found(&tree, &topic), expected, "{}", topic);
                }
                for (number, filter) in (0_u64..).zip(&filters).filter(|(number, _)| number % 2 == 1) {
                    prop_assert_eq!(tree.remove(filter, Who::Session(number)), step == 1);
                }
            }
            for (number, filter) in (0_u64..).zip(&filters).step_by(2) {
                prop_assert!(tree.remove(filter, Who::Session(number)));
            }
            prop_assert!(tree.is_empty());
        }
    }
}
