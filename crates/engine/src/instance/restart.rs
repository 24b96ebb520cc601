//! What an instance starts with: what its journal remembers, or what it had before it lost power.

use std::sync::Arc;

use dm::tree::Tree;

use super::{Instance, InstanceConfig, META_CAUSE, META_STARTED};
use crate::error::EngineError;
use crate::journal::{Entry, Journal};
use crate::keys::Keys;
use crate::kind::Kind;
use crate::machine::Machine;
use crate::report::Aliases;
use crate::stored::{self, FactoryDefault};

impl Instance {
    /// The agent as it is after a loss of power: a fresh machine over what is remembered. A journal that
    /// remembers nothing is taken for one that remembered the whole tree, so that simulated devices can lose
    /// power, too. From here on this instance hears and says nothing; its connections are the caller's to end.
    ///
    /// # Errors
    /// When this instance has stopped, or the journal has failed.
    pub fn restarted(&self, machine: Box<dyn Machine>) -> Result<Arc<Instance>, EngineError> {
        let (kind, memory) = {
            let mut inner = self.enter().ok_or(EngineError::Stopped)?;
            self.stop(&mut inner);
            let kind = inner.kind.clone();
            let memory = if self.journal.is_memory() {
                (inner.tree.clone(), inner.keys.clone(), inner.aliases.clone())
            } else {
                remembered(&kind, &self.journal, &[])?
            };
            (kind, memory)
        };
        let config = InstanceConfig {
            kind,
            machine,
            providers: self.providers.clone(),
            defaults: Vec::new(),
            journal: self.journal.clone(),
            software_version: self.software_version.clone(),
            refresh_first: self.refresh_first,
        };
        Ok(Instance::over(self.host.clone(), config, memory))
    }
}

/// Tree, numbers and aliases to start with.
pub(super) fn remembered(
    kind: &Kind,
    journal: &Journal,
    defaults: &[FactoryDefault],
) -> Result<(Tree, Keys, Aliases), EngineError> {
    let first = journal.meta(META_STARTED).is_none();
    if first {
        let mut tree = kind.base().clone();
        stored::apply_defaults(&mut tree, defaults)?;
        if !defaults.is_empty() {
            kind.settle_all_counts(&mut tree);
        }
        if journal.is_memory() {
            return Ok((tree, kind.keys().clone(), Aliases::new()));
        }
        let mut entries = stored::remember_all(kind, &tree);
        entries.push(Entry::Meta { key: META_STARTED.to_owned(), value: Some("1".to_owned()) });
        if journal.meta(META_CAUSE).is_none() {
            let cause = Some("LocalFactoryReset".to_owned());
            entries.push(Entry::Meta { key: META_CAUSE.to_owned(), value: cause });
        }
        journal.append(&entries)?;
    }
    Ok(stored::restore(kind, &journal.live()))
}
