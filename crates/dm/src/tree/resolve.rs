//! From a requester's path to places in a tree.
//!
//! Local and cheap (TR-369 section 6.1.3: no network, no provider): it walks the snapshot. A search
//! that hits nothing is an empty result; a concrete path that leads nowhere says why.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::fault::{Code, Fault};
use crate::limits;
use crate::path::{Comparison, Expr, Follow, Item, Path, ReferenceValue, Segment, Selector, Step, Target};
use crate::tree::{Child, Node, Place, Requester, Spot, Table, Tree};
use crate::value::{self, Type, Value};

/// What a path leads to: places, and whether the path was a search.
#[derive(Clone, Debug)]
pub struct Found {
    /// Objects, tables or rows that exist, in tree order, without repeats.
    pub places: Vec<Place>,
    /// The parameter, command or event named behind them, if any (bare, without `()` or `!`).
    pub leaf: Option<String>,
    /// Whether the path could have led to any number of places, zero included.
    pub is_search: bool,
}

/// Why a concrete path leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ResolveError {
    /// Not in the supported data model, or hidden from this requester.
    #[error("{0} is not in the supported data model")]
    NotSupported(String),
    /// In the model, but the row (or the referenced object) does not exist.
    #[error("{0} does not exist")]
    NoInstance(String),
    /// A search expression that its parameter's type does not allow.
    #[error("{0}")]
    BadExpression(String),
    /// More hits than one request may have.
    #[error("the path matches more than {} objects", limits::MAX_MATCHES)]
    TooMany,
}

impl ResolveError {
    /// The fault where the standard lets "not instantiated" have its own code (Set, Add, Delete, Operate).
    pub fn fault(&self) -> Fault {
        let code = match self {
            ResolveError::NotSupported(_) => Code::INVALID_PATH,
            ResolveError::NoInstance(_) => Code::OBJECT_DOES_NOT_EXIST,
            ResolveError::BadExpression(_) => Code::INVALID_PATH_SYNTAX,
            ResolveError::TooMany => Code::RESOURCES_EXCEEDED,
        };
        Fault::new(code, self.to_string())
    }
}

/// A place under way, with what stands there.
#[derive(Clone)]
struct Cursor<'a> {
    place: Place,
    spot: Spot<'a>,
}

impl Tree {
    /// Resolves a path for a requester. What it may not read, it can neither search by nor follow. Whether
    /// it may see the places found is for the operation to ask.
    pub fn resolve(&self, path: &Path, who: &Requester<'_>) -> Result<Found, ResolveError> {
        let walk = Walk { tree: self, who, path };
        walk.check_supported()?;
        let mut cursors = vec![Cursor { place: Place::root(), spot: Spot::Node(self.root()) }];
        let mut is_search = false;
        let mut segments = path.segments.iter();
        match segments.next() {
            Some(Segment::Object(name))
                if name.as_str() == self.model.object(Place::root().object).name.as_str() => {}
            _ => return Err(ResolveError::NotSupported(path.to_string())),
        }
        for segment in segments {
            let concrete = !is_search;
            match segment {
                Segment::Object(name) => walk.children(&mut cursors, name.as_str())?,
                Segment::Rows(selector) => {
                    is_search |= !matches!(selector, Selector::Number(_));
                    walk.rows(&mut cursors, selector, concrete)?;
                }
                Segment::Follow(follow) => {
                    is_search |= follow.item == Item::All;
                    walk.follow(&mut cursors, follow, !is_search)?;
                }
            }
            if cursors.len() > limits::MAX_MATCHES {
                return Err(ResolveError::TooMany);
            }
        }
        let leaf = match &path.target {
            Target::Object => None,
            Target::Param(name) | Target::Command(name) | Target::Event(name) => {
                Some(name.as_str().to_owned())
            }
        };
        if leaf.is_some() && cursors.iter().any(|c| matches!(c.spot, Spot::Table(_))) {
            return Err(ResolveError::NotSupported(path.to_string()));
        }
        let mut places: Vec<Place> = cursors.into_iter().map(|cursor| cursor.place).collect();
        places.sort();
        places.dedup();
        Ok(Found { places, leaf, is_search })
    }

    /// Whether a row matches a search expression as it is now, all of it to be seen. `None`: nobody can
    /// tell, because the row does not exist or the expression does not suit it.
    pub fn matches(&self, row: &Place, expr: &Expr) -> Option<bool> {
        let spot = self.at(row).filter(|spot| matches!(spot, Spot::Node(_)))?;
        let path = Path { segments: Vec::new(), target: Target::Object };
        let walk = Walk { tree: self, who: &Requester::full(), path: &path };
        walk.all_hold(&Cursor { place: row.clone(), spot }, expr).ok()
    }
}

/// The steps of one resolution.
struct Walk<'a, 'w> {
    tree: &'a Tree,
    who: &'w Requester<'w>,
    path: &'w Path,
}

impl<'a> Walk<'a, '_> {
    fn not_supported(&self) -> ResolveError {
        ResolveError::NotSupported(self.path.to_string())
    }

    /// A search without hits must still be a path of the model (R-GET.0): walks the model alone, as far
    /// as the first followed reference, behind which anything may stand.
    fn check_supported(&self) -> Result<(), ResolveError> {
        let model = &self.tree.model;
        let mut object = Place::root().object;
        let mut in_table = false;
        for segment in self.path.segments.iter().skip(1) {
            match segment {
                Segment::Object(name) if !in_table => {
                    object = model.find_child(object, name.as_str()).ok_or_else(|| self.not_supported())?;
                    in_table = model.object(object).is_multi;
                }
                Segment::Rows(_) if in_table => in_table = false,
                Segment::Follow(_) if !in_table => return Ok(()),
                _ => return Err(self.not_supported()),
            }
        }
        let object = model.object(object);
        let known = match &self.path.target {
            Target::Object => true,
            Target::Param(name) => object.params.iter().any(|p| p.name == *name),
            Target::Command(name) => object.commands.iter().any(|c| c.name == *name),
            Target::Event(name) => object.events.iter().any(|e| e.name == *name),
        };
        if known && !(in_table && self.path.target != Target::Object) {
            Ok(())
        } else {
            Err(self.not_supported())
        }
    }

    fn children(&self, cursors: &mut [Cursor<'a>], name: &str) -> Result<(), ResolveError> {
        for cursor in cursors {
            let Spot::Node(node) = cursor.spot else { return Err(self.not_supported()) };
            let (slot, id) =
                self.tree.model.find_slot(cursor.place.object, name).ok_or_else(|| self.not_supported())?;
            cursor.place = cursor.place.child(id);
            cursor.spot = node.child(slot);
        }
        Ok(())
    }

    fn rows(
        &self,
        cursors: &mut Vec<Cursor<'a>>,
        selector: &Selector,
        concrete: bool,
    ) -> Result<(), ResolveError> {
        let mut hits = Vec::new();
        for cursor in cursors.iter() {
            let Spot::Table(table) = cursor.spot else { return Err(self.not_supported()) };
            match selector {
                Selector::Number(number) => match table.row(*number) {
                    Some(node) => hits.push(row_cursor(cursor, *number, node)),
                    None if concrete => {
                        return Err(ResolveError::NoInstance(
                            cursor.place.row(*number).text(&self.tree.model),
                        ));
                    }
                    None => {}
                },
                Selector::All => {
                    hits.extend(table.rows.iter().map(|(number, node)| row_cursor(cursor, *number, node)));
                }
                Selector::Matching(expr) => self.matching(cursor, table, expr, &mut hits)?,
            }
            if hits.len() > limits::MAX_MATCHES {
                return Err(ResolveError::TooMany);
            }
        }
        *cursors = hits;
        Ok(())
    }

    fn matching(
        &self,
        at: &Cursor<'a>,
        table: &'a Table,
        expr: &Expr,
        hits: &mut Vec<Cursor<'a>>,
    ) -> Result<(), ResolveError> {
        for (number, node) in &table.rows {
            let row = row_cursor(at, *number, node);
            if self.all_hold(&row, expr)? {
                hits.push(row);
            }
        }
        Ok(())
    }

    fn all_hold(&self, row: &Cursor<'a>, expr: &Expr) -> Result<bool, ResolveError> {
        for comparison in &expr.all {
            if !self.holds(row, comparison)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// R-ARC.9; R-GIN.0: a row whose search parameter is unreadable counts as absent, whatever the
    /// operator: a comparison must not tell what a read would not.
    fn holds(&self, row: &Cursor<'a>, comparison: &Comparison) -> Result<bool, ResolveError> {
        let mut ends = vec![row.clone()];
        for step in &comparison.steps {
            match step {
                Step::Child(name) => self.children(&mut ends, name.as_str())?,
                Step::Follow(follow) => self.follow(&mut ends, follow, false)?,
            }
        }
        for end in &ends {
            let Spot::Node(node) = end.spot else { return Err(self.not_supported()) };
            let model = &self.tree.model;
            let name = comparison.param.as_str();
            let index = model.param_index(end.place.object, name).ok_or_else(|| self.not_supported())?;
            if !self.tree.is_shown(&end.place, index, self.who) {
                continue;
            }
            let Some(value) = &node.values[usize::from(index)] else { continue };
            let param = &model.object(end.place.object).params[usize::from(index)];
            // Who sees secrets may search by them; to `compare` a secret is an empty text.
            let seen = Value::text(value.expose());
            let value = if value.is_secret() && param.secured { &seen } else { value };
            let holds =
                value::compare(value, param.ty, param.is_list(), comparison.operator, &comparison.literal)
                    .map_err(|error| ResolveError::BadExpression(format!("{}: {error}", comparison.param)))?;
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn follow(
        &self,
        cursors: &mut Vec<Cursor<'a>>,
        follow: &Follow,
        concrete: bool,
    ) -> Result<(), ResolveError> {
        let mut hits = Vec::new();
        for cursor in cursors.iter() {
            let Spot::Node(node) = cursor.spot else { return Err(self.not_supported()) };
            let model = &self.tree.model;
            let name = follow.param.as_str();
            let index = model.param_index(cursor.place.object, name).ok_or_else(|| self.not_supported())?;
            let param = &model.object(cursor.place.object).params[usize::from(index)];
            if param.facets.reference.is_none() || param.ty != Type::String {
                return Err(self.not_supported());
            }
            if !self.tree.is_shown(&cursor.place, index, self.who) {
                // To this requester the reference does not exist, so that a search has nothing to follow.
                if concrete {
                    return Err(self.not_supported());
                }
                continue;
            }
            let text = node.values[usize::from(index)].as_ref().map(|value| value.expose());
            let targets = self.targets(text.as_deref().unwrap_or_default(), &follow.item);
            if targets.is_empty() && concrete {
                return Err(ResolveError::NoInstance(cursor.place.leaf_text(model, name)));
            }
            hits.extend(targets);
        }
        *cursors = hits;
        Ok(())
    }

    /// The existing objects that the chosen items of a reference value point at.
    fn targets(&self, text: &str, item: &Item) -> Vec<Cursor<'a>> {
        let items: Vec<String> = value::split_list(text).map(Cow::into_owned).collect();
        let chosen: &[String] = match item {
            Item::All => &items,
            Item::First => items.get(..1).unwrap_or_default(),
            Item::Number(n) => nth(&items, *n),
        };
        let model = &self.tree.model;
        let places = chosen
            .iter()
            .filter_map(|text| Place::of(model, &ReferenceValue::parse(text).ok()?.concrete_object()?));
        places.filter_map(|place| self.tree.at(&place).map(|spot| Cursor { place, spot })).collect()
    }
}

fn nth(items: &[String], n: NonZeroU32) -> &[String] {
    let index = usize::try_from(n.get() - 1).unwrap_or(usize::MAX);
    items.get(index..=index).unwrap_or_default()
}

fn row_cursor<'a>(table: &Cursor<'a>, number: NonZeroU32, node: &'a Arc<Node>) -> Cursor<'a> {
    Cursor { place: table.place.row(number), spot: Spot::Node(node) }
}

impl Node {
    pub(crate) fn child(&self, slot: u16) -> Spot<'_> {
        self.children[usize::from(slot)].spot()
    }
}

impl Child {
    pub(crate) fn spot(&self) -> Spot<'_> {
        match self {
            Child::Single(node) => Spot::Node(node),
            Child::Table(table) => Spot::Table(table),
        }
    }
}
