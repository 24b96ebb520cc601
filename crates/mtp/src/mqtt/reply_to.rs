//! Where the answer to a Record goes. MQTT 5.0 has a property for it; for 3.1.1 TR-369 writes it at the end
//! of the topic name: `PEER/reply-to=MINE`, with every `/` of MINE as `%2F` (R-MQTT.24, R-MQTT.25).

use super::topic::{Topic, TopicError};

const MARK: &str = "/reply-to=";
const SLASH: &str = "%2F";

/// Whether a topic survives the way through a 3.1.1 topic name. One that contains `%2F` itself would come
/// out with a `/` in its place.
pub fn is_expressible(reply_to: &Topic) -> bool {
    !reply_to.as_str().contains(SLASH)
}

/// R-MQTT.24: the 3.1.1 topic name that leads to `peer` and says that answers go to `reply_to`.
///
/// # Errors
/// When the two together are too long for a topic.
pub fn join(peer: &Topic, reply_to: &Topic) -> Result<Topic, TopicError> {
    format!("{peer}{MARK}{}", reply_to.as_str().replace('/', SLASH)).parse()
}

/// R-MQTT.25: what follows the last `/reply-to=` of a received 3.1.1 topic name, with `%2F` as `/` again.
/// Nothing else is decoded. None when there is no reply-to, or nothing that could be published to.
pub fn split(name: &str) -> Option<Topic> {
    let (_, reply_to) = name.rsplit_once(MARK)?;
    reply_to.replace(SLASH, "/").parse().ok()
}

/// A received 3.1.1 topic name without where to answer.
#[cfg(feature = "broker")]
pub(super) fn base(name: &str) -> &str {
    name.rsplit_once(MARK).map_or(name, |(base, _)| base)
}
