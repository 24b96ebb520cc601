//! Changing the system in steps that can be undone: what `prepare`, `commit` and `abort` of a provider
//! come down to.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use dm::path::ObjectPath;
use dm::{Code, Fault};
use engine::provider::{Committed, Prepared, RowKey};

use super::hooks;
use super::netlink::Netlink;
use crate::limits::RELOAD_TIMEOUT;

/// One change, with what it takes to go back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// A file's whole text, replaced at once.
    File {
        /// Where.
        path: PathBuf,
        /// What it held.
        before: String,
        /// What it shall hold.
        after: String,
    },
    /// A setting of the kernel below `/proc/sys`, written in place.
    Setting {
        /// Where.
        path: PathBuf,
        /// What it was.
        before: String,
        /// What it shall be.
        after: String,
    },
    /// An interface switched on or off.
    Up {
        /// Which.
        index: u32,
        /// On.
        up: bool,
    },
    /// An interface's MTU.
    Mtu {
        /// Which.
        index: u32,
        /// What it was, bytes.
        before: u32,
        /// What it shall be, bytes.
        after: u32,
    },
    /// An address that an interface gets.
    AddAddress {
        /// Which interface.
        index: u32,
        /// The address.
        ip: IpAddr,
        /// Bits of its network.
        prefix: u8,
    },
    /// An address that an interface loses.
    DropAddress {
        /// Which interface.
        index: u32,
        /// The address.
        ip: IpAddr,
        /// Bits of its network.
        prefix: u8,
    },
    /// A command line, run after whatever it shall notice; run again after that was undone.
    Hook(Vec<String>),
}

/// The steps of one transaction, and how far it got.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transaction {
    steps: Vec<Step>,
    keys: Vec<(ObjectPath, RowKey)>,
    done: usize,
    needs_confirm: bool,
}

impl Transaction {
    /// Nothing to do.
    pub fn new() -> Transaction {
        Transaction::default()
    }

    /// Adds a step.
    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The change may cut the path to the controller.
    pub fn confirm(&mut self) {
        self.needs_confirm = true;
    }

    /// Once it is done, the row of this path has this key.
    pub fn bind(&mut self, path: &ObjectPath, key: RowKey) {
        self.keys.push((path.clone(), key));
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// As the engine keeps it.
    pub fn prepared(self) -> Prepared {
        Prepared(Box::new(self))
    }

    /// Does all steps. When one fails those before it are undone.
    ///
    /// # Errors
    /// The first step's that failed: 7009, or 7003 when not everything could be undone.
    pub async fn commit(prepared: &mut Prepared, netlink: Option<&Netlink>) -> Result<Committed, Fault> {
        let Some(transaction) = prepared.0.downcast_mut::<Transaction>() else {
            return Err(Fault::new(Code::INTERNAL_ERROR, "another provider's transaction"));
        };
        while let Some(step) = transaction.steps.get(transaction.done) {
            if let Err(reason) = step.run(netlink).await {
                let undone = transaction.undo(netlink).await;
                return Err(match undone {
                    Ok(()) => Fault::new(Code::PARAMETER_ACTION_FAILED, reason),
                    Err(rest) => Fault::new(Code::INTERNAL_ERROR, format!("{reason}; {}", rest.message)),
                });
            }
            transaction.done += 1;
        }
        let (keys, needs_confirm) = (transaction.keys.clone(), transaction.needs_confirm);
        Ok(Committed { keys, needs_confirm, ..Committed::default() })
    }

    /// Undoes what was done.
    ///
    /// # Errors
    /// 7003 with the list of what could not be undone.
    pub async fn abort(prepared: Prepared, netlink: Option<&Netlink>) -> Result<(), Fault> {
        match prepared.0.downcast::<Transaction>() {
            Ok(mut transaction) => transaction.undo(netlink).await,
            Err(_) => Ok(()),
        }
    }

    async fn undo(&mut self, netlink: Option<&Netlink>) -> Result<(), Fault> {
        let mut stuck = Vec::new();
        for step in self.steps[..self.done].iter().rev() {
            if let Err(reason) = step.inverse().run(netlink).await {
                stuck.push(reason);
            }
        }
        // Hooks stand behind what they shall notice, so undoing in reverse ran them too early.
        for step in self.steps[..self.done].iter().filter(|step| matches!(step, Step::Hook(_))) {
            let _ = step.run(netlink).await;
        }
        self.done = 0;
        if stuck.is_empty() {
            return Ok(());
        }
        Err(Fault::new(Code::INTERNAL_ERROR, format!("could not be undone: {}", stuck.join("; "))))
    }
}

impl Step {
    fn inverse(&self) -> Step {
        match self.clone() {
            Step::File { path, before, after } => Step::File { path, before: after, after: before },
            Step::Setting { path, before, after } => Step::Setting { path, before: after, after: before },
            Step::Up { index, up } => Step::Up { index, up: !up },
            Step::Mtu { index, before, after } => Step::Mtu { index, before: after, after: before },
            Step::AddAddress { index, ip, prefix } => Step::DropAddress { index, ip, prefix },
            Step::DropAddress { index, ip, prefix } => Step::AddAddress { index, ip, prefix },
            Step::Hook(_) => Step::Hook(Vec::new()),
        }
    }

    async fn run(&self, netlink: Option<&Netlink>) -> Result<(), String> {
        match self {
            Step::File { path, after, .. } => {
                replace_file(path, after).map_err(|error| format!("{}: {error}", path.display()))
            }
            Step::Setting { path, after, .. } => {
                std::fs::write(path, after).map_err(|error| format!("{}: {error}", path.display()))
            }
            Step::Hook(words) => {
                hooks::run(words, RELOAD_TIMEOUT).await;
                Ok(())
            }
            on_network => {
                let netlink = netlink.ok_or_else(|| "no access to the network's settings".to_owned())?;
                netlink.change(on_network).await.map_err(|error| error.to_string())
            }
        }
    }
}

/// Written beside and renamed over, so that there is never half a file. A link is followed: what it
/// points at is replaced.
fn replace_file(path: &Path, text: &str) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let target = std::fs::canonicalize(path).map_err(|error| error.to_string())?;
    let mode = std::fs::metadata(&target).map_err(|error| error.to_string())?.mode() & 0o7777;
    pki::file::write_atomic(&target, text.as_bytes(), mode).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::RELOAD_TIMEOUT;

    /// A hook that hangs is left to itself; its change stands.
    #[test]
    fn a_hook_does_not_use_up_the_time_of_its_change() {
        assert!(RELOAD_TIMEOUT * 2 < engine::limits::TRANSACTION_TIMEOUT);
    }
}
