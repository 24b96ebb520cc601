//! A tree under another model: what both models know stays as it is.

use std::sync::Arc;

use super::{Child, Node, Table, Tree};
use crate::model::{Model, Object, ObjectId};

impl Tree {
    /// What of this tree `model` has too: objects and parameters are found by their names, rows keep their
    /// numbers, and tables know the numbers that they gave. A parameter that has another type now, and
    /// what only `model` knows, has no value.
    #[must_use]
    pub fn carried_to(&self, model: &Arc<Model>) -> Tree {
        let root = ObjectId(0);
        let carry = Carry { old: &self.model, new: model };
        Tree { model: model.clone(), root: Arc::new(carry.node(&self.root, root, root)) }
    }
}

struct Carry<'a> {
    old: &'a Model,
    new: &'a Model,
}

impl Carry<'_> {
    fn node(&self, node: &Node, from: ObjectId, to: ObjectId) -> Node {
        let (old, new) = (self.old.object(from), self.new.object(to));
        Node {
            values: new.params.iter().map(|param| value(node, old, param)).collect(),
            children: new.children.iter().map(|&child| self.child(node, from, child)).collect(),
        }
    }

    fn child(&self, above: &Node, from: ObjectId, to: ObjectId) -> Child {
        let new = self.new.object(to);
        let known = self.old.find_slot(from, new.name.as_str());
        let known = known.map(|(slot, id)| (id, &above.children[usize::from(slot)]));
        match (known, new.is_multi) {
            (Some((id, Child::Single(node))), false) => Child::Single(Arc::new(self.node(node, id, to))),
            (Some((id, Child::Table(table))), true) => {
                let row = |node: &Arc<Node>| Arc::new(self.node(node, id, to));
                let rows = table.rows.iter().map(|(number, node)| (*number, row(node))).collect();
                Child::Table(Arc::new(Table { rows, last: table.last }))
            }
            (_, true) => Child::Table(Arc::default()),
            (_, false) => Child::Single(Arc::new(Node::fresh(self.new, to))),
        }
    }
}

fn value(node: &Node, old: &Object, param: &crate::model::Param) -> Option<crate::Value> {
    let at = old.param_index(param.name.as_str())?;
    let known = &old.params[usize::from(at)];
    if known.ty != param.ty || known.is_list() != param.is_list() {
        return None;
    }
    node.values[usize::from(at)].clone()
}
