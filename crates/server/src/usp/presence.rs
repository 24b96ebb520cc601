//! Who is there behind a broker of others, which does not tell: devices that were there when the server stopped or lost
//! the broker are asked when it is back, and those that are silent for long are asked now and then. Any Record is an
//! answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::port::Store;
use mtp::{DownReason, LinkSender, Peers, Present, ReturnPath};
use usp_endpoint::EndpointId;
use usp_endpoint::controller::are_you_there;

use super::broker::Behind;
use crate::clock::chance;
use crate::limits::{BROKER_PEERS, PRESENCE_ASKS, PRESENCE_PER_SECOND};

/// When a device that is silent is asked, unless the configuration says otherwise.
pub(crate) const SILENCE: Duration = Duration::from_secs(900);
/// Between two questions at most.
const PAUSE: Duration = Duration::from_secs(60);
/// How often everybody is looked at, at least.
const LOOK: Duration = Duration::from_secs(10);

/// Devices behind one broker, and where each is answered.
type Known = BTreeMap<EndpointId, Arc<str>>;

/// What is remembered of a broker's devices, in a file of its own.
pub(crate) struct Presence {
    file: PathBuf,
    /// When somebody who is silent is asked; `None` for never.
    after: Option<Duration>,
    started: Instant,
    roll: Roll,
    written: Known,
}

impl Presence {
    /// With what the file remembers of the last run.
    pub(crate) fn open(file: PathBuf, after: Option<Duration>) -> Presence {
        let written = read(&file);
        let roll = Roll { known: written.clone(), ..Roll::default() };
        Presence { file, after, started: Instant::now(), roll, written }
    }

    /// How long somebody may be silent at most who is believed to be there.
    pub(super) fn silence(&self) -> Duration {
        self.after.unwrap_or(SILENCE)
    }

    /// Forgets those that could not be asked where they were: the configuration is another one.
    pub(super) fn forget(&mut self, is_answerable: impl Fn(&str) -> bool) {
        self.roll.known.retain(|_, address| is_answerable(address));
    }

    /// Asks, for as long as the connection to the broker stands. `path` leads to it.
    pub(super) async fn watch<S: Store>(
        &mut self,
        peers: &Peers<Behind<S>>,
        us: &EndpointId,
        sender: &LinkSender,
        path: &ReturnPath,
    ) {
        let Some(after) = self.after else { return std::future::pending().await };
        let rules = Rules { after, pause: PAUSE.min(after) };
        let look = LOOK.min(rules.pause / 2);
        self.roll.call(self.started.elapsed());
        let mut last = self.started.elapsed();
        loop {
            tokio::time::sleep(look).await;
            let now = self.started.elapsed();
            let most = PRESENCE_PER_SECOND * (now.saturating_sub(last).as_secs_f32().ceil() as usize);
            last = now;
            for act in self.roll.tick(now, &peers.present(), &rules, most) {
                match act {
                    Act::Ask(endpoint, address) => {
                        let question = are_you_there(us, &endpoint, &question_id());
                        // Where there is no room, others are answered meanwhile; it is asked again.
                        if let Err(error) = sender.send_to(&path.to(address), question) {
                            tracing::debug!(%error, %endpoint, "nobody could ask whether a device is there");
                            self.roll.not_asked(&endpoint);
                        }
                    }
                    Act::Gone(endpoint) => {
                        tracing::info!(%endpoint, "a device behind a broker does not answer any more");
                        peers.left(&endpoint, &DownReason::Dead);
                    }
                }
            }
            self.keep().await;
        }
    }

    /// The connection is about to end: who is there now is to be asked later.
    pub(super) async fn remember<S: Store>(&mut self, peers: &Peers<Behind<S>>) {
        if self.after.is_some() {
            self.roll.note(&peers.present());
            self.keep().await;
        }
    }

    async fn keep(&mut self) {
        if self.roll.known == self.written {
            return;
        }
        self.written.clone_from(&self.roll.known);
        let text: BTreeMap<&str, &str> = self.written.iter().map(|(id, to)| (id.as_str(), &**to)).collect();
        let (file, text) = (self.file.clone(), serde_json::to_vec(&text).unwrap_or_default());
        let writing = tokio::task::spawn_blocking(move || pki::file::write_atomic(&file, &text, 0o600)).await;
        if !matches!(writing, Ok(Ok(()))) {
            tracing::warn!(file = %self.file.display(), "who is behind a broker was not kept");
        }
    }
}

/// The message id of a question whose answer nobody waits for by its id.
pub(super) fn question_id() -> String {
    format!("presence-{:016x}", u64::from_be_bytes(chance()))
}

fn read(file: &Path) -> Known {
    let Ok(text) = std::fs::read(file) else { return Known::new() };
    let read: BTreeMap<String, String> = serde_json::from_slice(&text).unwrap_or_else(|error| {
        tracing::warn!(%error, file = %file.display(), "who was behind a broker is not known");
        BTreeMap::new()
    });
    let known = read.into_iter().filter_map(|(id, to)| Some((EndpointId::receive(&id).ok()?, to.into())));
    known.take(BROKER_PEERS).collect()
}

/// When somebody is asked.
struct Rules {
    after: Duration,
    pause: Duration,
}

/// What is to be done.
#[derive(PartialEq, Eq, Debug)]
enum Act {
    /// This one is asked, at this address.
    Ask(EndpointId, Arc<str>),
    /// This one is not there.
    Gone(EndpointId),
}

/// Who is there, who may be, and who was asked how often.
#[derive(Default)]
struct Roll {
    /// Let in and there, or asked.
    known: Known,
    asked: BTreeMap<EndpointId, Asked>,
}

struct Asked {
    address: Arc<str>,
    times: u32,
    next: Duration,
}

impl Roll {
    /// The broker is reached: all that are known are to be asked.
    fn call(&mut self, now: Duration) {
        let asked = |(id, address): (&EndpointId, &Arc<str>)| {
            (id.clone(), Asked { address: address.clone(), times: 0, next: now })
        };
        self.asked = self.known.iter().map(asked).collect();
    }

    /// Time has passed; at most so many are asked.
    fn tick(&mut self, now: Duration, present: &[Present], rules: &Rules, most: usize) -> Vec<Act> {
        for one in present.iter().filter(|one| one.let_in) {
            if one.silent < rules.after {
                self.asked.remove(&one.endpoint);
            } else if !self.asked.contains_key(&one.endpoint) {
                let asked = Asked { address: one.address.clone(), times: 0, next: now };
                self.asked.insert(one.endpoint.clone(), asked);
            }
        }
        let mut acts = Vec::new();
        for (endpoint, asked) in &mut self.asked {
            if asked.next > now || acts.len() >= most {
                continue;
            }
            if asked.times >= PRESENCE_ASKS {
                acts.push(Act::Gone(endpoint.clone()));
                continue;
            }
            asked.times += 1;
            asked.next = now + rules.pause;
            acts.push(Act::Ask(endpoint.clone(), asked.address.clone()));
        }
        for act in &acts {
            if let Act::Gone(endpoint) = act {
                self.asked.remove(endpoint);
            }
        }
        let gone = |endpoint: &EndpointId| acts.iter().any(|act| *act == Act::Gone(endpoint.clone()));
        let there: Vec<Present> = present.iter().filter(|one| !gone(&one.endpoint)).cloned().collect();
        self.note(&there);
        acts
    }

    /// The question did not leave: it is no miss.
    fn not_asked(&mut self, endpoint: &EndpointId) {
        if let Some(asked) = self.asked.get_mut(endpoint) {
            asked.times = asked.times.saturating_sub(1);
        }
    }

    /// These are there.
    fn note(&mut self, present: &[Present]) {
        let asked = self.asked.iter().map(|(id, asked)| (id.clone(), asked.address.clone()));
        let there = present.iter().filter(|one| one.let_in);
        let there = there.map(|one| (one.endpoint.clone(), one.address.clone()));
        self.known = asked.chain(there).take(BROKER_PEERS).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { after: Duration::from_secs(900), pause: Duration::from_secs(60) };

    fn id(text: &str) -> EndpointId {
        EndpointId::receive(text).expect("an endpoint id")
    }

    fn present(id_text: &str, silent_s: u64) -> Present {
        let silent = Duration::from_secs(silent_s);
        Present { endpoint: id(id_text), address: format!("t/{id_text}").into(), silent, let_in: true }
    }

    fn ask(id_text: &str) -> Act {
        Act::Ask(id(id_text), format!("t/{id_text}").into())
    }

    fn names(roll: &Roll) -> Vec<&str> {
        roll.known.keys().map(EndpointId::as_str).collect()
    }

    #[test]
    fn who_is_silent_is_asked_three_times_and_gone_unless_it_answers() {
        let mut roll = Roll::default();
        // (second, what is there with its silence, what is done)
        for (second, there, expected) in [
            (0, vec![present("os::a", 0), present("os::b", 899)], vec![]),
            (10, vec![present("os::a", 10), present("os::b", 909)], vec![ask("os::b")]),
            (69, vec![present("os::b", 968)], vec![]),
            (70, vec![present("os::b", 969)], vec![ask("os::b")]),
            // It answers, and is silent again.
            (80, vec![present("os::b", 5)], vec![]),
            (1000, vec![present("os::b", 925)], vec![ask("os::b")]),
            (1060, vec![present("os::b", 985)], vec![ask("os::b")]),
            (1120, vec![present("os::b", 1045)], vec![ask("os::b")]),
            (1179, vec![present("os::b", 1104)], vec![]),
            (1180, vec![present("os::b", 1105)], vec![Act::Gone(id("os::b"))]),
            (1190, vec![], vec![]),
        ] {
            let now = Duration::from_secs(second);
            assert_eq!(roll.tick(now, &there, &RULES, 100), expected, "second {second}");
        }
        assert_eq!(names(&roll), [""; 0]);
    }

    #[test]
    fn who_was_there_is_asked_when_the_broker_is_back() {
        let mut roll = Roll::default();
        let stranger = Present { let_in: false, ..present("os::s", 0) };
        let there = [present("os::a", 0), present("os::b", 0), present("os::c", 0), stranger];
        assert_eq!(roll.tick(Duration::ZERO, &there, &RULES, 100), []);
        assert_eq!(names(&roll), ["os::a", "os::b", "os::c"]);
        // One has said good-bye.
        roll.note(&there[..2]);
        roll.call(Duration::from_secs(5));
        // So many at a time, and no more.
        assert_eq!(roll.tick(Duration::from_secs(6), &[], &RULES, 1), [ask("os::a")]);
        assert_eq!(roll.tick(Duration::from_secs(7), &[], &RULES, 1), [ask("os::b")]);
        // It is not forgotten before it had its chances; nor by another end of the connection.
        assert_eq!(roll.tick(Duration::from_secs(8), &[present("os::a", 1)], &RULES, 9), []);
        assert_eq!(names(&roll), ["os::a", "os::b"]);
        roll.note(&[]);
        assert_eq!(names(&roll), ["os::b"]);
        for (second, expected) in [
            (67, vec![ask("os::b")]),
            (127, vec![ask("os::b")]),
            (187, vec![Act::Gone(id("os::b"))]),
            (900, vec![]),
        ] {
            assert_eq!(roll.tick(Duration::from_secs(second), &[], &RULES, 9), expected, "second {second}");
        }
        assert_eq!(names(&roll), [""; 0]);
    }
}
