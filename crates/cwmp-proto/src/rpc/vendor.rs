//! Methods of vendors, and whatever else we don't know: the name, and the arguments as a tree.

use crate::error::Error;
use crate::limits::MAX_NODES;
use crate::xml::out::xml_name;
use crate::xml::tree::{self, Node};
use crate::xml::{Out, Pull};

/// The call of a method that is in no table, or its response. Who doesn't know it answers with fault 8000 or 9000.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Call {
    /// Its name: `X_<vendor>_<method>`, behind it `Response` for a response.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Node>,
}

impl Call {
    /// Whether the name is one that vendors may give: `X_`, a vendor (dashes and dots are seen), `_`, and more.
    pub fn is_vendors(&self) -> bool {
        let rest = self.name.strip_prefix("X_");
        rest.and_then(|rest| rest.split_once('_'))
            .is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty())
    }

    pub(crate) fn read(x: &mut Pull<'_>, name: &str) -> Result<Call, Error> {
        let mut left = MAX_NODES;
        let arguments = tree::read_children(x, &mut left)?;
        Ok(Call { name: name.to_owned(), arguments })
    }

    /// The name as an element can have it.
    pub(crate) fn element(&self) -> String {
        xml_name(&self.name)
    }

    pub(crate) fn write(&self, out: &mut Out<'_>) {
        tree::write_children(out, &self.arguments, 0);
    }
}
