//! The dictionary of paths that twins name: ids in the order of first use, never changed.

use std::collections::HashMap;
use std::sync::Arc;

use fleet::twin::document::PathId;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::Res;
use crate::limits;

/// What one connection remembers of the dictionary.
#[derive(Default)]
pub(crate) struct Dictionary {
    ids: HashMap<Box<str>, PathId>,
    paths: HashMap<PathId, Arc<str>>,
}

impl Dictionary {
    /// The id of a path, made if it is missing. `None` if the dictionary is full.
    pub(crate) fn id(&mut self, connection: &Connection, path: &str) -> Res<Option<PathId>> {
        if let Some(id) = self.ids.get(path) {
            return Ok(Some(*id));
        }
        let mut find = connection.prepare_cached("SELECT id FROM paths WHERE path = ?")?;
        let found: Option<u32> = find.query_row([path], |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => {
                let mut next = connection.prepare_cached("SELECT ifnull(max(id), 0) + 1 FROM paths")?;
                let next: u32 = next.query_row([], |row| row.get(0))?;
                if next as usize > limits::PATHS {
                    return Ok(None);
                }
                let mut add = connection.prepare_cached("INSERT INTO paths (id, path) VALUES (?, ?)")?;
                add.execute(params![next, path])?;
                next
            }
        };
        self.ids.insert(path.into(), PathId(id));
        Ok(Some(PathId(id)))
    }

    /// The path of an id, `None` if there is none.
    pub(crate) fn path(&mut self, connection: &Connection, id: PathId) -> Res<Option<Arc<str>>> {
        if let Some(path) = self.paths.get(&id) {
            return Ok(Some(Arc::clone(path)));
        }
        let mut find = connection.prepare_cached("SELECT path FROM paths WHERE id = ?")?;
        let found: Option<String> = find.query_row([id.0], |row| row.get(0)).optional()?;
        Ok(found.map(|path| {
            let path: Arc<str> = path.into();
            self.paths.insert(id, Arc::clone(&path));
            path
        }))
    }

    /// Forgets everything, because a part may have been rolled back.
    pub(crate) fn clear(&mut self) {
        self.ids.clear();
        self.paths.clear();
    }
}
