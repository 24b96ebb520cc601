//! The wrong agent: what it hears or says differently. One fault per check, each breaking one rule.

mod commands;
mod layers;
mod model;
mod notifications;
mod reads;
mod results;
mod roles;
mod searches;
mod sessions;
mod subscriptions;
mod writes;

use usp_proto::generated::usp_record::Record;
use usp_proto::{Body, ErrorBody, Msg, Request, Response};

/// Changes a Message on its way in; false: it is not heard.
type Hear = fn(&mut Msg) -> bool;
/// Changes a Message, beside how many of its kind went the same way before; false: it gets lost.
type Nth = fn(usize, &mut Msg) -> bool;
/// Changes a Record on its way in, beside its bytes; false: it is not heard.
type HearRecord = fn(&mut Record, &[u8]) -> bool;
/// Changes a Record on its way in, beside how many of sessions came before; false: it is not heard.
type HearSessionNth = fn(usize, &mut Record) -> bool;
/// Changes a Message on its way out, beside the request with its id; false: it is not said.
type Say = fn(Option<&Request>, &mut Msg) -> bool;
/// Changes a Record on its way out; false: it is not said.
type SayRecord = fn(&mut Record) -> bool;

/// How an agent breaks one rule.
pub(crate) struct Fault {
    /// The check that must see it.
    pub(crate) check: &'static str,
    pub(crate) hear: Option<Hear>,
    pub(crate) hear_nth: Option<Nth>,
    pub(crate) hear_record: Option<HearRecord>,
    pub(crate) hear_session_nth: Option<HearSessionNth>,
    pub(crate) say: Option<Say>,
    pub(crate) say_nth: Option<Nth>,
    pub(crate) say_record: Option<SayRecord>,
}

impl Fault {
    const fn none(check: &'static str) -> Fault {
        Fault {
            check,
            hear: None,
            hear_nth: None,
            hear_record: None,
            hear_session_nth: None,
            say: None,
            say_nth: None,
            say_record: None,
        }
    }

    const fn hear(check: &'static str, hear: Hear) -> Fault {
        Fault { hear: Some(hear), ..Fault::none(check) }
    }

    const fn hear_record(check: &'static str, hear: HearRecord) -> Fault {
        Fault { hear_record: Some(hear), ..Fault::none(check) }
    }

    const fn hear_session_nth(check: &'static str, hear: HearSessionNth) -> Fault {
        Fault { hear_session_nth: Some(hear), ..Fault::none(check) }
    }

    const fn hear_nth(check: &'static str, hear: Nth) -> Fault {
        Fault { hear_nth: Some(hear), ..Fault::none(check) }
    }

    const fn say_nth(check: &'static str, say: Nth) -> Fault {
        Fault { say_nth: Some(say), ..Fault::none(check) }
    }

    const fn say(check: &'static str, say: Say) -> Fault {
        Fault { say: Some(say), ..Fault::none(check) }
    }

    const fn say_record(check: &'static str, say: SayRecord) -> Fault {
        Fault { say_record: Some(say), ..Fault::none(check) }
    }
}

/// Every fault.
pub(crate) fn all() -> impl Iterator<Item = &'static Fault> {
    [
        layers::FAULTS,
        model::FAULTS,
        results::FAULTS,
        searches::FAULTS,
        sessions::FAULTS,
        reads::FAULTS,
        writes::FAULTS,
        commands::FAULTS,
        notifications::FAULTS,
        subscriptions::FAULTS,
        roles::FAULTS,
    ]
    .into_iter()
    .flatten()
}

/// Changes the body of a Message that is of this kind; others pass.
macro_rules! on {
    ($group:ident :: $kind:ident, $msg:expr, $inner:ident => $change:expr) => {{
        if let Body::$group($group::$kind($inner)) = &mut $msg.body {
            $change;
        }
        true
    }};
}
use on;

/// Says that everything failed, instead.
fn fail(msg: &mut Msg, code: u32) -> bool {
    msg.body = Body::Error(ErrorBody::new(code, "the wrong agent"));
    true
}

/// Says something else, instead.
fn respond(msg: &mut Msg, response: Response) -> bool {
    msg.body = Body::Response(response);
    true
}
