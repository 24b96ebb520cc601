//! What the connections to brokers of both protocols have in common.

use std::time::Duration;

use mtp::{DownReason, Error, LinkHandler, LinkSender, Retry, mqtt, stomp};

use super::Failure;
use crate::links::plan::Server;
use crate::state::random;

/// A connection that is subscribed.
pub(super) enum Session {
    Mqtt(mqtt::Session),
    Stomp(stomp::Session),
}

impl Session {
    pub(super) fn sender(&self) -> LinkSender {
        match self {
            Session::Mqtt(session) => session.sender(),
            Session::Stomp(session) => session.sender(),
        }
    }

    /// What reaches us.
    pub(super) fn own_address(&self) -> &str {
        match self {
            Session::Mqtt(session) => session.reply_to().as_str(),
            Session::Stomp(session) => session.own_destination(),
        }
    }

    /// What the broker chose for our answers, if it did.
    pub(super) fn given(&self) -> Option<&str> {
        match self {
            Session::Mqtt(session) => session.response_information(),
            Session::Stomp(session) => session.assigned_destination(),
        }
    }

    /// The client id that it chose.
    pub(super) fn assigned_client_id(&self) -> Option<&str> {
        match self {
            Session::Mqtt(session) => session.assigned_client_id(),
            Session::Stomp(_) => None,
        }
    }

    pub(super) async fn run<H: LinkHandler>(self, handler: &H) -> DownReason {
        match self {
            Session::Mqtt(session) => session.run(handler).await,
            Session::Stomp(session) => session.run(handler).await,
        }
    }
}

/// The waits between the attempts of a row of failures.
pub(super) enum Waits {
    Mqtt(Retry, Duration),
    Stomp(stomp::Retry),
}

impl Waits {
    pub(super) fn of(server: &Server) -> anyhow::Result<Waits> {
        let seed = random()?;
        Ok(match server {
            Server::Mqtt(plan) => Waits::Mqtt(Retry::new(plan.schedule, seed), plan.longest_wait),
            Server::Stomp(plan) => Waits::Stomp(stomp::Retry::new(plan.schedule, seed)),
        })
    }

    pub(super) fn next(&mut self) -> Duration {
        match self {
            Waits::Mqtt(retry, longest) => retry.next_wait().min(*longest),
            Waits::Stomp(retry) => retry.next_wait(),
        }
    }
}

/// What an error says in the table, and whether trying again is of no use.
pub(super) fn judged(error: &anyhow::Error) -> (Failure, bool) {
    match error.downcast_ref::<Error>() {
        Some(Error::Mqtt(end)) => super::mqtt::judged(end),
        Some(Error::Stomp(end)) => (super::stomp::judged(end), false),
        Some(Error::NoTls) => (Failure::Misconfigured, false),
        Some(Error::Resolve(_) | Error::Io(_) | Error::TimedOut) => (Failure::Unreachable, false),
        _ => (Failure::Other, false),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use mtp::Error;
    use mtp::mqtt::machine::End;
    use mtp::stomp::machine::End as Stomp;
    use mtp::stomp::{Schedule, ServerAddress};
    use requirement::requirement;

    use super::{Failure, Server, Waits, judged};
    use crate::links::plan;

    #[test]
    #[requirement("R-STOMP.7")]
    fn the_waits_are_those_of_the_tables() {
        let plan = |initial_s, multiplier, maximum_s| {
            Server::Stomp(plan::Stomp {
                address: ServerAddress { host: "h".to_owned(), port: 1, secure: false },
                host: String::new(),
                username: String::new(),
                password: String::new(),
                heart_beat: None,
                destination: None,
                schedule: Schedule { initial_s, multiplier, maximum_s },
            })
        };
        // (the three parameters; seconds that no wait exceeds, and that one of a hundred surely does)
        for (initial, multiplier, maximum, most, least) in
            [(10, 1000, 65_535, 10, 5), (10, 2000, 65_535, 5120, 100), (10, 2000, 40, 40, 20)]
        {
            let mut waits = Waits::of(&plan(initial, multiplier, maximum)).expect("a seed");
            assert!(waits.next() <= Duration::from_secs(10));
            let longest = (0..100).map(|_| waits.next()).max().expect("a hundred");
            let range = Duration::from_secs(least)..=Duration::from_secs(most);
            assert!(range.contains(&longest), "{longest:?}");
        }
    }

    #[test]
    fn what_an_error_says_and_whether_there_is_a_next_time() {
        let refused = |code| Error::Mqtt(End::Refused { code, reason: String::new() });
        let text = String::new;
        for (error, failure, is_final) in [
            (Error::Mqtt(End::NoTopics), Failure::Misconfigured, true),
            (Error::Mqtt(End::NoReplyTo), Failure::Misconfigured, false),
            (Error::Mqtt(End::NotSubscribed(String::new())), Failure::Misconfigured, false),
            // Bad user name or password, in 3.1.1 and 5.0; not authorised; an unknown client id.
            (refused(4), Failure::Refused, false),
            (refused(0x86), Failure::Refused, false),
            (refused(0x87), Failure::Refused, false),
            (refused(0x85), Failure::Refused, false),
            // Server unavailable in both, and busy.
            (refused(3), Failure::Unreachable, false),
            (refused(0x88), Failure::Unreachable, false),
            (refused(0x89), Failure::Unreachable, false),
            (Error::Stomp(Stomp::Refused(text())), Failure::Refused, false),
            // After it let us in: our subscription.
            (Error::Stomp(Stomp::ServerError(text())), Failure::Misconfigured, false),
            (Error::Stomp(Stomp::NoDestination), Failure::Misconfigured, false),
            (Error::Stomp(Stomp::TimedOut), Failure::Unreachable, false),
            (Error::Stomp(Stomp::Version), Failure::Other, false),
            (Error::Io(io::ErrorKind::ConnectionRefused.into()), Failure::Unreachable, false),
            (Error::TimedOut, Failure::Unreachable, false),
            (Error::Tls(io::ErrorKind::InvalidData.into()), Failure::Other, false),
        ] {
            let shown = error.to_string();
            assert_eq!(judged(&error.into()), (failure, is_final), "{shown}");
        }
    }
}
