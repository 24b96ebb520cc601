//! What the connections to brokers of both protocols have in common.

use std::time::Duration;

use mtp::{DownReason, Error, LinkHandler, LinkSender, Retry, mqtt, stomp};

use super::Failure;
use crate::limits::BROKER_SETTLED;
use crate::links::plan::Server;
use crate::state::random;

/// A connection that is subscribed.
pub(super) enum Session {
    Mqtt(Box<mqtt::Session>),
    Stomp(Box<stomp::Session>),
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

    /// How to change what it is subscribed to.
    pub(super) fn subscriptions(&self) -> Option<mqtt::Subscriptions> {
        match self {
            Session::Mqtt(session) => Some(session.subscriptions()),
            Session::Stomp(_) => None,
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

/// The waits between attempts: longer and longer, until a connection stood for a while.
#[derive(Default)]
pub(super) struct Waits(Option<(Server, Growing)>);

enum Growing {
    Mqtt(Retry, Duration),
    Stomp(stomp::Retry),
}

impl Waits {
    /// A connection stood so long. One that is ended as soon as it stands, again and again, counts as a failure.
    pub(super) fn stood(&mut self, lasted: Duration) {
        if lasted >= BROKER_SETTLED {
            self.0 = None;
        }
    }

    /// The wait before the next attempt, as this plan says; another schedule is begun anew (R-MQTT.10, R-STOMP.7).
    pub(super) fn next(&mut self, server: &Server) -> anyhow::Result<Duration> {
        let seed = random()?;
        let (_, growing) = match &mut self.0 {
            Some(waits) if is_same_schedule(&waits.0, server) => waits,
            waits => waits.insert((server.clone(), Growing::new(server, seed))),
        };
        Ok(match growing {
            Growing::Mqtt(retry, longest) => retry.next_wait().min(*longest),
            Growing::Stomp(retry) => retry.next_wait(),
        })
    }
}

impl Growing {
    fn new(server: &Server, seed: [u8; 32]) -> Growing {
        match server {
            Server::Mqtt(plan) => Growing::Mqtt(Retry::new(plan.schedule, seed), plan.longest_wait),
            Server::Stomp(plan) => Growing::Stomp(stomp::Retry::new(plan.schedule, seed)),
        }
    }
}

fn is_same_schedule(one: &Server, other: &Server) -> bool {
    match (one, other) {
        (Server::Mqtt(one), Server::Mqtt(other)) => {
            (one.schedule, one.longest_wait) == (other.schedule, other.longest_wait)
        }
        (Server::Stomp(one), Server::Stomp(other)) => one.schedule == other.schedule,
        (Server::Mqtt(_), Server::Stomp(_)) | (Server::Stomp(_), Server::Mqtt(_)) => false,
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

    fn plan(initial_s: u32, multiplier: u32, maximum_s: u32) -> Server {
        Server::Stomp(plan::Stomp {
            address: ServerAddress { host: "h".to_owned(), port: 1, secure: false },
            host: String::new(),
            username: String::new(),
            password: String::new(),
            heart_beat: None,
            destination: None,
            schedule: Schedule { initial_s, multiplier, maximum_s },
        })
    }

    /// The longest of a hundred waits, each after a connection that stood so many seconds.
    fn longest(waits: &mut Waits, server: &Server, stood: u64) -> u64 {
        let one = |_| {
            waits.stood(Duration::from_secs(stood));
            waits.next(server).expect("a seed").as_secs()
        };
        (0..100).map(one).max().expect("a hundred")
    }

    #[test]
    #[requirement("R-STOMP.7")]
    fn the_waits_are_those_of_the_tables() {
        // (the three parameters; seconds that no wait exceeds, and that one of a hundred surely does)
        for (initial, multiplier, maximum, most, least) in
            [(10, 1000, 65_535, 10, 5), (10, 2000, 65_535, 5120, 100), (10, 2000, 40, 40, 20)]
        {
            let server = plan(initial, multiplier, maximum);
            let mut waits = Waits::default();
            assert!(waits.next(&server).expect("a seed").as_secs() <= 10);
            let found = longest(&mut waits, &server, 0);
            assert!((least..=most).contains(&found), "{found}");
            // Another schedule holds at once.
            assert!(waits.next(&plan(2, 1000, 9)).expect("a seed").as_secs() <= 2);
        }
    }

    /// A server that lets us in and ends the connection at once is not come back to again and again.
    #[test]
    fn only_a_connection_that_lasted_makes_the_waits_short_again() {
        let server = plan(10, 2000, 65_535);
        assert!(longest(&mut Waits::default(), &server, 29) > 100);
        assert!(longest(&mut Waits::default(), &server, 30) <= 10);
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
