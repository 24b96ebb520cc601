//! Making the transactions of one message, of which some may fail.
//!
//! Those of a Delete are planned as if the rows before theirs had gone (TR-369 R-ARC.12). Where one of them stayed,
//! what leads to it stays, too, and the later ones are planned anew. Whatever fails, every reference of the tree is
//! read once.

use crate::tree::holders::{Holders, Removal};
use crate::tree::{Change, Effort, Tree};

/// The transactions of one message while they are made, one after another.
#[derive(Default)]
pub struct Staging {
    has_failed: bool,
    /// Since one has failed and another one removed something.
    holders: Option<Holders>,
    /// What the transaction under way removes, if it is planned anew.
    removal: Option<Removal>,
    effort: Effort,
}

impl Staging {
    /// The changes of the next transaction for the tree as it is now. Changes that remove nothing are given back as
    /// they are, and so are all as long as nothing has failed.
    pub fn next(&mut self, tree: &Tree, changes: &[Change]) -> Vec<Change> {
        let mut removed = changes.iter().filter_map(|change| match change {
            Change::Remove { row } => Some(row),
            _ => None,
        });
        // The row that was asked for goes last, after those that it takes along.
        let row = removed.next_back().filter(|row| self.has_failed && tree.exists(row));
        let Some(row) = row else { return changes.to_vec() };
        let holders = self.holders.get_or_insert_with(|| Holders::of(tree, &mut self.effort));
        let removal = holders.removal(tree, row, &mut self.effort);
        let changes = removal.changes.clone();
        self.removal = Some(removal);
        changes
    }

    /// How the transaction that was given last ended: whether its changes are in the tree.
    pub fn ended(&mut self, is_made: bool) {
        self.has_failed |= !is_made;
        let removal = self.removal.take().filter(|_| !is_made);
        if let Some((holders, removal)) = self.holders.as_mut().zip(removal) {
            holders.put_back(removal);
        }
    }

    /// What planning anew took: the references read and written.
    pub fn effort(&self) -> Effort {
        self.effort
    }
}
