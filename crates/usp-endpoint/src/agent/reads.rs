//! Get, GetInstances and GetSupportedDM: answered from the tree, with the asker's permissions.

use dm::tree::Tree;
use dm::{Now, Operation, Outcome};

use super::access::NewRows;
use super::controllers::Controller;

/// The answer to a read; of a write, that nothing was asked.
pub(super) fn answer(tree: &Tree, controller: &Controller, now: Now, operation: &Operation) -> Outcome {
    let access = controller.access();
    let rows = NewRows::of(controller, now);
    let who = rows.requester(&access);
    match operation {
        Operation::Get(get) => tree.get(get, &who),
        Operation::GetInstances(get) => tree.instances(get, &who),
        // R-GSP.0
        Operation::GetSchema(get) => {
            tree.model().schema(get, &|object, leaf| access.shows(tree, object, leaf))
        }
        Operation::Set(_) | Operation::Add(_) | Operation::Delete(_) | Operation::Operate(_) => {
            Outcome::Get(Vec::new())
        }
    }
}
