//! The agent of a USP Service at its Broker: what it has registered, and the requests for that (TR-369 section
//! 6.1.5, Register and Deregister).
//!
//! It stands beside the machine, because registering is a service's business alone: whoever hosts a service
//! sends what this makes, and gives it the answers.

use std::collections::{BTreeMap, BTreeSet};

use dm::path::{SchemaPath, SchemaSegment};
use usp_proto::register::{Deregister, Register};
use usp_proto::{Body, Msg, Request, Response};

/// What is registered, as far as the Broker has said.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    standing: BTreeSet<String>,
    /// Unanswered requests by message id, and whether they register.
    asked: BTreeMap<String, (bool, Vec<String>)>,
}

/// Why a request is not made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegistrationError {
    /// R-REG.2.
    #[error("{0} is not a path of the supported data model without instances")]
    Path(String),
    /// R-DEREG.1.
    #[error("{0} is not registered")]
    NotRegistered(String),
}

/// What the Broker said of one path: the code and text of a refusal.
pub type Verdict = (String, Result<(), (u32, String)>);

impl Registration {
    /// What is registered now.
    pub fn standing(&self) -> impl Iterator<Item = &str> {
        self.standing.iter().map(String::as_str)
    }

    /// A Register for these paths of objects, parameters, commands or events. `msg_id` is one that no other
    /// request of the service has.
    ///
    /// # Errors
    /// [`RegistrationError::Path`], for the first path that can't be registered.
    pub fn register(
        &mut self,
        msg_id: &str,
        paths: &[&str],
        allow_partial: bool,
    ) -> Result<Msg, RegistrationError> {
        for path in paths {
            check(path)?;
        }
        let request = Request::Register(Register::new(paths.iter().copied(), allow_partial));
        self.ask(msg_id, true, paths);
        Ok(Msg::request(msg_id, request))
    }

    /// A Deregister for these paths; for all that is registered, if none is named (R-DEREG.2).
    ///
    /// # Errors
    /// [`RegistrationError::NotRegistered`], for the first path that is not.
    pub fn deregister(&mut self, msg_id: &str, paths: &[&str]) -> Result<Msg, RegistrationError> {
        for path in paths {
            if !self.standing.contains(*path) {
                return Err(RegistrationError::NotRegistered((*path).to_owned()));
            }
        }
        let paths = if paths.is_empty() { &[""] } else { paths };
        let texts = paths.iter().map(|path| (*path).to_owned()).collect();
        self.ask(msg_id, false, paths);
        Ok(Msg::request(msg_id, Request::Deregister(Deregister { paths: texts })))
    }

    /// Takes in a message of the Broker: what it says of each path, if it answers one of these requests;
    /// otherwise `None`, and the message is the machine's.
    pub fn answer(&mut self, msg: &Msg) -> Option<Vec<Verdict>> {
        let (registers, paths) = match &msg.body {
            Body::Request(_) => return None,
            Body::Response(_) | Body::Error(_) => self.asked.remove(&msg.msg_id)?,
        };
        Some(match &msg.body {
            Body::Response(Response::RegisterResp(resp)) if registers => {
                let results = resp.registered_path_results.iter();
                results.map(|result| self.registered(&result.requested_path, result.status())).collect()
            }
            Body::Response(Response::DeregisterResp(resp)) if !registers => {
                let results = resp.deregistered_path_results.iter();
                results.map(|result| self.deregistered(&result.requested_path, result.status())).collect()
            }
            Body::Error(error) => {
                let refused = (error.err_code, error.err_msg.clone());
                paths.into_iter().map(|path| (path, Err(refused.clone()))).collect()
            }
            _ => Vec::new(),
        })
    }

    /// The connection is gone, and with it everything that was registered.
    pub fn lost(&mut self) {
        self.standing.clear();
        self.asked.clear();
    }

    fn ask(&mut self, msg_id: &str, registers: bool, paths: &[&str]) {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        self.asked.insert(msg_id.to_owned(), (registers, paths));
    }

    fn registered(&mut self, path: &str, status: Result<&str, (u32, &str)>) -> Verdict {
        if status.is_ok() {
            self.standing.insert(path.to_owned());
        }
        (path.to_owned(), status.map(drop).map_err(|(code, text)| (code, text.to_owned())))
    }

    fn deregistered(&mut self, path: &str, status: Result<&[String], (u32, &str)>) -> Verdict {
        if let Ok(withdrawn) = status {
            self.standing.retain(|known| known != path && !withdrawn.contains(known));
        }
        (path.to_owned(), status.map(drop).map_err(|(code, text)| (code, text.to_owned())))
    }
}

fn check(text: &str) -> Result<(), RegistrationError> {
    let path = SchemaPath::parse(text).ok();
    let bare = path.filter(|path| path.segments().all(|part| matches!(part, SchemaSegment::Name(_))));
    bare.map(drop).ok_or_else(|| RegistrationError::Path(text.to_owned()))
}
