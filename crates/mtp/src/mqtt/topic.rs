//! Topic names and topic filters of MQTT (3.1.1 and 5.0, section 4.7), parsed once.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Bytes of a topic or filter: MQTT counts them in 16 bits.
const MAX_BYTES: usize = 65_535;

/// Why a text is no topic, or no filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TopicError {
    /// There is nothing in it.
    #[error("a topic can't be empty")]
    Empty,
    /// It has more than 65,535 bytes.
    #[error("the topic is longer than 65,535 bytes")]
    TooLong,
    /// It has a NUL, which MQTT forbids.
    #[error("a topic can't contain NUL")]
    Nul,
    /// A topic that is published to has `+` or `#` in it.
    #[error("wildcards are for filters only")]
    Wildcard,
    /// A `+` that is not a whole level, or a `#` that is not the last level.
    #[error("a wildcard must be a whole level, and # the last one")]
    Misplaced,
}

/// The name of one topic, without wildcards: something that can be published to.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Topic, TopicError> {
        check(text)?;
        if text.contains(['+', '#']) {
            return Err(TopicError::Wildcard);
        }
        Ok(Topic(text.into()))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A topic filter: what one subscribes to. Every [`Topic`] is one too.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Filter(Arc<str>);

impl Filter {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The filter that matches `topic` and everything below it.
    pub fn below(topic: &Topic) -> Filter {
        Filter(format!("{topic}/#").into())
    }

    /// Whether a message published to `topic` is delivered to subscribers of this filter. Wildcards do not
    /// match topics whose first level starts with `$`.
    pub fn matches(&self, topic: &str) -> bool {
        if topic.starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut levels = topic.split('/');
        for wanted in self.0.split('/') {
            match (wanted, levels.next()) {
                // `a/#` matches `a` as well.
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (wanted, Some(level)) if wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    /// The one topic that this filter stands for: itself when it has no wildcard.
    pub fn exact(&self) -> Option<Topic> {
        self.0.parse().ok()
    }

    /// `a/b` for the filter `a/b/#`, when nothing else in it is a wildcard.
    pub fn base(&self) -> Option<Topic> {
        self.0.strip_suffix("/#")?.parse().ok()
    }
}

impl FromStr for Filter {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Filter, TopicError> {
        check(text)?;
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let whole = match level {
                "+" => true,
                "#" => levels.peek().is_none(),
                other => !other.contains(['+', '#']),
            };
            if !whole {
                return Err(TopicError::Misplaced);
            }
        }
        Ok(Filter(text.into()))
    }
}

impl From<&Topic> for Filter {
    fn from(topic: &Topic) -> Filter {
        Filter(topic.0.clone())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), TopicError> {
    match text {
        "" => Err(TopicError::Empty),
        _ if text.len() > MAX_BYTES => Err(TopicError::TooLong),
        _ if text.contains('\0') => Err(TopicError::Nul),
        _ => Ok(()),
    }
}
