//! `Debug` of what enters and leaves the machines: names are shown, values of parameters and arguments are not,
//! because any of them may be a secret.

use std::fmt;

/// Names of pairs, with their values hidden.
struct Names<'a>(&'a [(String, String)]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name, Hidden))).finish()
    }
}

/// A value that is not shown.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// How a command ended, without its outputs.
struct End<'a>(&'a Result<Vec<(String, String)>, dm::Fault>);

impl fmt::Debug for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(outputs) => f.debug_tuple("Ok").field(&Names(outputs)).finish(),
            Err(fault) => f.debug_tuple("Err").field(&fault.code).finish(),
        }
    }
}

#[cfg(feature = "agent")]
mod agent {
    use std::fmt;

    use super::{End, Names};
    use crate::agent::io::{Input, ModelEvent};

    impl fmt::Debug for ModelEvent {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("ModelEvent")
                .field("object", &self.object)
                .field("name", &self.name)
                .field("params", &Names(&self.params))
                .finish()
        }
    }

    impl fmt::Debug for Input {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Input::Started(boot) => f.debug_tuple("Started").field(boot).finish(),
                Input::LinkUp { controller, return_path, contact, peer } => f
                    .debug_struct("LinkUp")
                    .field("controller", controller)
                    .field("return_path", return_path)
                    .field("contact", contact)
                    .field("peer", peer)
                    .finish(),
                Input::LinkDown(link) => f.debug_tuple("LinkDown").field(link).finish(),
                Input::Record(inbound) => f.debug_tuple("Record").field(inbound).finish(),
                Input::Refreshed(ticket) => f.debug_tuple("Refreshed").field(ticket).finish(),
                Input::Unheard { ticket, subtrees, fault } => f
                    .debug_struct("Unheard")
                    .field("ticket", ticket)
                    .field("subtrees", subtrees)
                    .field("fault", &fault.code)
                    .finish(),
                Input::Committed { ticket, ends, changes } => f
                    .debug_struct("Committed")
                    .field("ticket", ticket)
                    .field("ends", ends)
                    .field("changes", changes)
                    .finish(),
                Input::Changed(changes) => f.debug_tuple("Changed").field(changes).finish(),
                Input::CommandEnded { ticket, result } => f
                    .debug_struct("CommandEnded")
                    .field("ticket", ticket)
                    .field("result", &End(result))
                    .finish(),
                Input::Event(event) => f.debug_tuple("Event").field(event).finish(),
                Input::ModelChanged => f.write_str("ModelChanged"),
                Input::TrustChanged => f.write_str("TrustChanged"),
                Input::Timeout => f.write_str("Timeout"),
                Input::Consent(_) => f.write_str("Consent"),
                Input::Shutdown => f.write_str("Shutdown"),
            }
        }
    }
}

#[cfg(feature = "controller")]
mod controller {
    use std::fmt;

    use super::{End, Hidden, Names};
    use crate::controller::io::{Notice, Notification};

    impl fmt::Debug for Notification {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Notification")
                .field("msg_id", &self.msg_id)
                .field("subscription_id", &self.subscription_id)
                .field("send_resp", &self.send_resp)
                .field("what", &self.what)
                .field("raw", &format_args!("{} bytes", self.raw.len()))
                .finish_non_exhaustive()
        }
    }

    impl fmt::Debug for Notice {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Notice::Event { path, name, params } => f
                    .debug_struct("Event")
                    .field("path", path)
                    .field("name", name)
                    .field("params", &Names(params))
                    .finish(),
                Notice::ValueChange { path, .. } => {
                    f.debug_struct("ValueChange").field("path", path).field("value", &Hidden).finish()
                }
                Notice::ObjectCreation { path, unique_keys } => f
                    .debug_struct("ObjectCreation")
                    .field("path", path)
                    .field("unique_keys", &Names(unique_keys))
                    .finish(),
                Notice::ObjectDeletion { path } => {
                    f.debug_struct("ObjectDeletion").field("path", path).finish()
                }
                Notice::OperationComplete { path, command, command_key, result } => f
                    .debug_struct("OperationComplete")
                    .field("path", path)
                    .field("command", command)
                    .field("command_key", command_key)
                    .field("result", &End(result))
                    .finish(),
                Notice::OnBoardRequest { oui, product_class, serial_number, versions } => f
                    .debug_struct("OnBoardRequest")
                    .field("oui", oui)
                    .field("product_class", product_class)
                    .field("serial_number", serial_number)
                    .field("versions", versions)
                    .finish(),
            }
        }
    }
}
