//! What instances of one kind share: the supported model, who answers for which part of it, and the
//! tree that each of them starts from.
//!
//! Trees are copy-on-write, so an instance pays only for what differs from its kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dm::model::{Model, ModelBuilder, ObjectId, Param};
use dm::operation::ParamAccess;
use dm::path::SchemaPath;
use dm::schema::Protocol;
use dm::tree::{Change, ChangeSet, Happening, Place, Tree};
use dm::{Mono, Value};

use crate::error::EngineError;
use crate::keys::{Keys, rows_above};
use crate::provider::{Provider, RowKey};
use crate::stored::{FactoryDefault, apply_defaults};

/// What a kind is made of, beside its providers.
pub struct KindConfig<'a> {
    /// The model's URI.
    pub uri: String,
    /// What the host itself supports (`Device.LocalAgent.`).
    pub own: &'a dyn Fn(&mut ModelBuilder),
    /// Subtrees that the engine keeps itself although a provider answers for what is around them.
    /// Everything that no provider answers for is the engine's anyway.
    pub stored: Vec<SchemaPath>,
    /// Subtrees of which neither values nor row numbers outlive the process
    /// (`Device.DeviceInfo.ProcessStatus.`, `Device.LocalAgent.Request.`).
    pub volatile: Vec<SchemaPath>,
    /// Values of the engine's own part at first start and after a factory reset.
    pub defaults: Vec<FactoryDefault>,
}

/// A model, its base tree and its owners.
#[derive(Debug)]
pub struct Kind {
    model: Arc<Model>,
    /// By object: the provider that answers for it, or the engine itself.
    owners: Vec<Option<u16>>,
    /// By object.
    volatile: Vec<bool>,
    /// By table: the parameter of its parent that counts its rows.
    counts: BTreeMap<ObjectId, (ObjectId, u16)>,
    /// Parameters of providers' objects that the engine keeps: counts, and `Alias`.
    own: BTreeSet<(ObjectId, u16)>,
    /// Parameters of which no value outlives the process, and what they begin with.
    fleeting: Vec<(ObjectId, u16, Value)>,
    /// Single-instance objects with the model's defaults, no rows.
    pristine: Tree,
    base: Tree,
    keys: Keys,
    /// By provider.
    counting: Vec<bool>,
    recipe: Arc<Recipe>,
}

/// What a kind is made of that is not its providers'.
#[derive(Debug)]
struct Recipe {
    /// With the host's own part.
    model: ModelBuilder,
    stored: Vec<SchemaPath>,
    volatile: Vec<SchemaPath>,
    defaults: Vec<FactoryDefault>,
}

impl Kind {
    /// Asks the providers what they support, and builds the base tree from the defaults.
    ///
    /// # Errors
    /// When a default is not for this model.
    pub fn build(config: &KindConfig<'_>, providers: &[Arc<dyn Provider>]) -> Result<Kind, EngineError> {
        let mut model = ModelBuilder::new(config.uri.as_str(), Protocol::Usp);
        (config.own)(&mut model);
        let recipe = Recipe {
            model,
            stored: config.stored.clone(),
            volatile: config.volatile.clone(),
            defaults: config.defaults.clone(),
        };
        Kind::cook(Arc::new(recipe), providers)
    }

    /// The same kind with what the providers support now.
    ///
    /// # Errors
    /// When a default does not fit any more.
    pub(crate) fn anew(&self, providers: &[Arc<dyn Provider>]) -> Result<Kind, EngineError> {
        let mut next = Kind::cook(self.recipe.clone(), providers)?;
        let fleeting = self.fleeting.iter().filter_map(|(object, param, value)| {
            let old = self.model.object(*object);
            let object = next.model.find(&old.path)?;
            let param = next.model.param_index(object, old.params[usize::from(*param)].name.as_str())?;
            Some((object, param, value.clone()))
        });
        next.fleeting = fleeting.collect();
        Ok(next)
    }

    fn cook(recipe: Arc<Recipe>, providers: &[Arc<dyn Provider>]) -> Result<Kind, EngineError> {
        let mut builder = recipe.model.clone();
        for provider in providers {
            provider.supported(&mut builder);
        }
        let model = builder.build();
        let owners = owners(&model, &recipe.stored, providers);
        let counting: Vec<bool> = providers.iter().map(|provider| provider.counts_rows()).collect();
        let counts_itself = |id: ObjectId| owners[id.0 as usize].is_some_and(|at| counting[usize::from(at)]);
        let volatile = model
            .objects()
            .map(|(id, object)| counts_itself(id) || is_below(&object.path, &recipe.volatile))
            .collect();
        let mut counts = counts(&model);
        counts.retain(|_, (parent, _)| !counts_itself(*parent));
        let mut own = own_params(&model, &owners, &counts);
        own.retain(|(object, _)| !counts_itself(*object));
        let empty = Tree::new(model.clone());
        let mut kind = Kind {
            model,
            owners,
            volatile,
            counts,
            own,
            fleeting: Vec::new(),
            pristine: empty.clone(),
            base: empty,
            keys: Keys::default(),
            counting,
            recipe,
        };
        kind.pristine = kind.fresh_tree();
        kind.base = kind.pristine.clone();
        apply_defaults(&mut kind.base, &kind.recipe.defaults)?;
        let mut base = kind.base.clone();
        kind.settle_all_counts(&mut base);
        kind.base = base;
        Ok(kind)
    }

    /// Parameters of the engine's own part (object in its supported form, bare name) of which no value outlives the
    /// process, and what they begin with: how something fares at the moment. Those that the model lacks are passed
    /// over.
    #[must_use]
    pub fn with_fleeting(mut self, params: &[(&str, &str, &str)]) -> Kind {
        let model = self.model.clone();
        let found = params.iter().filter_map(|(object, name, text)| {
            let object = model.find(&SchemaPath::parse(object).ok()?)?;
            let index = model.param_index(object, name)?;
            let value = model.object(object).params[usize::from(index)].check(text).ok()?;
            Some((object, index, value))
        });
        self.fleeting.extend(found);
        self
    }

    /// Whether no value of a parameter outlives the process.
    pub(crate) fn is_fleeting(&self, object: ObjectId, param: u16) -> bool {
        self.fleeting.iter().any(|(known, index, _)| (*known, *index) == (object, param))
    }

    /// What such a parameter begins with.
    pub(crate) fn fleeting(&self) -> &[(ObjectId, u16, Value)] {
        &self.fleeting
    }

    /// The supported model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The tree that instances start with when nothing is remembered of them.
    pub fn base(&self) -> &Tree {
        &self.base
    }

    pub(crate) fn pristine(&self) -> &Tree {
        &self.pristine
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The provider that answers for an object; `None`: the engine.
    pub(crate) fn owner(&self, object: ObjectId) -> Option<u16> {
        self.owners[object.0 as usize]
    }

    /// A key for each row on the way to a place: for those that the engine keeps, their number.
    pub(crate) fn row_keys(&self, keys: &Keys, place: &Place) -> Vec<Option<RowKey>> {
        let key = |row: &Place| match self.owner(row.object) {
            Some(_) => keys.key(row).cloned(),
            None => row.rows().last().map(|number| RowKey(number.to_string().into())),
        };
        rows_above(&self.model, place).iter().map(key).collect()
    }

    /// Whether a provider counts its rows itself.
    pub(crate) fn counts_rows(&self, provider: u16) -> bool {
        self.counting.get(usize::from(provider)).copied().unwrap_or_default()
    }

    pub(crate) fn is_volatile(&self, object: ObjectId) -> bool {
        self.volatile[object.0 as usize]
    }

    /// Whether the engine keeps this parameter although a provider answers for its object.
    pub(crate) fn is_own(&self, object: ObjectId, param: u16) -> bool {
        self.own.contains(&(object, param))
    }

    /// Whether this parameter counts the rows of a table.
    pub(crate) fn is_count(&self, object: ObjectId, param: u16) -> bool {
        self.counts.values().any(|counted| *counted == (object, param))
    }

    /// The topmost objects that a provider answers for.
    pub(crate) fn tops(&self, provider: u16) -> impl Iterator<Item = ObjectId> {
        let is_top = move |id: &ObjectId| {
            self.owner(*id) == Some(provider)
                && self.model.object(*id).parent.is_none_or(|parent| self.owner(parent) != Some(provider))
        };
        self.model.objects().map(|(id, _)| id).filter(is_top)
    }

    /// What has to be asked for to read a place and all below it: provider and topmost object.
    pub(crate) fn wants(&self, place: &Place) -> Vec<(u16, ObjectId)> {
        let mut wants = Vec::new();
        for (id, object) in self.model.subtree(place.object) {
            let Some(provider) = self.owner(id) else { continue };
            let above = object.parent.filter(|_| id != place.object).and_then(|parent| self.owner(parent));
            if above != Some(provider) {
                wants.push((provider, id));
            }
        }
        wants
    }

    /// Brings the row counts up to date with what was created and deleted, and adds what that changed.
    pub(crate) fn settle_counts(&self, tree: &mut Tree, changes: &mut ChangeSet) {
        let mut tables: BTreeSet<Place> = BTreeSet::new();
        for change in changes.iter() {
            match change {
                Happening::Created(row) => {
                    tables.extend(row.table().map(|(table, _)| table));
                    self.tables_below(row, &mut tables);
                }
                Happening::Deleted(row) => tables.extend(row.table().map(|(table, _)| table)),
                Happening::Changed { .. } => {}
            }
        }
        let changed = self.count(tree, &tables);
        changes.extend(tree.apply(&changed));
    }

    pub(crate) fn settle_all_counts(&self, tree: &mut Tree) {
        let mut tables = BTreeSet::new();
        let mut places = Vec::new();
        tree.for_each(|place, _| places.push(place.clone()));
        for place in places {
            self.tables_in(&place, &mut tables);
        }
        let changes = self.count(tree, &tables);
        tree.apply(&changes);
    }

    /// Values of the counts of these tables.
    fn count(&self, tree: &Tree, tables: &BTreeSet<Place>) -> Vec<Change> {
        let mut changes = Vec::new();
        for table in tables {
            let Some(&(parent, param)) = self.counts.get(&table.object) else { continue };
            let value = Some(Value::Uint(tree.rows(table).len() as u64));
            let place = Place::new(parent, table.rows().to_vec());
            changes.push(Change::Set { place, param, value });
        }
        changes
    }

    /// Tables of a row, also those in its single-instance objects.
    fn tables_below(&self, row: &Place, tables: &mut BTreeSet<Place>) {
        self.tables_in(row, tables);
        for &child in &self.model.object(row.object).children {
            if !self.model.object(child).is_multi {
                self.tables_below(&row.child(child), tables);
            }
        }
    }

    fn tables_in(&self, place: &Place, tables: &mut BTreeSet<Place>) {
        let children = self.model.object(place.object).children.iter();
        let counted = children.filter(|child| self.counts.contains_key(child));
        tables.extend(counted.map(|child| place.child(*child)));
    }

    /// The engine's own single-instance objects start with the model's defaults, or the null value where
    /// a controller may write; all else is absent until someone knows it.
    fn fresh_tree(&self) -> Tree {
        let mut tree = Tree::new(self.model.clone());
        let own =
            self.model.objects().filter(|(id, _)| self.owner(*id).is_none() && self.model.depth(*id) == 0);
        let values: Vec<Change> = own
            .flat_map(|(id, object)| {
                let place = Place::new(id, Vec::new());
                let params = (0..).zip(&object.params);
                let known = params.filter_map(|(index, param)| Some((index, initial(param)?)));
                known
                    .map(move |(param, value)| Change::Set {
                        place: place.clone(),
                        param,
                        value: Some(value),
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        tree.apply(&values);
        self.settle_all_counts(&mut tree);
        tree
    }

    /// Whether `at` is younger than `max_age`; nothing is, if that is zero.
    pub(crate) fn is_fresh(at: Mono, now: Mono, max_age: std::time::Duration) -> bool {
        now.since(at) < max_age
    }
}

fn initial(param: &Param) -> Option<Value> {
    let begins = param.default.is_some() || param.access != ParamAccess::ReadOnly;
    begins.then(|| param.initial())
}

/// The longest path that an object is at or below decides.
fn owners(model: &Model, stored: &[SchemaPath], providers: &[Arc<dyn Provider>]) -> Vec<Option<u16>> {
    let mut claims: Vec<(SchemaPath, Option<u16>)> = stored.iter().map(|path| (path.clone(), None)).collect();
    for (index, provider) in (0..).zip(providers) {
        claims.extend(provider.subtrees().into_iter().map(|path| (path, Some(index))));
    }
    let owner = |path: &SchemaPath| {
        let claim = claims.iter().filter(|(claimed, _)| covers(claimed, path));
        claim.max_by_key(|(claimed, _)| claimed.as_table().as_str().len()).and_then(|(_, owner)| *owner)
    };
    model.objects().map(|(_, object)| owner(&object.path)).collect()
}

fn counts(model: &Model) -> BTreeMap<ObjectId, (ObjectId, u16)> {
    let counted = model.objects().filter_map(|(id, object)| {
        let parent = object.parent?;
        let param = model.param_index(parent, object.entries_param.as_ref()?.as_str())?;
        Some((id, (parent, param)))
    });
    counted.collect()
}

fn own_params(
    model: &Model,
    owners: &[Option<u16>],
    counts: &BTreeMap<ObjectId, (ObjectId, u16)>,
) -> BTreeSet<(ObjectId, u16)> {
    let aliases = model.objects().filter(|(id, object)| object.is_multi && owners[id.0 as usize].is_some());
    let aliases = aliases.filter_map(|(id, object)| Some((id, object.param_index("Alias")?)));
    counts.values().copied().chain(aliases).collect()
}

fn is_below(path: &SchemaPath, subtrees: &[SchemaPath]) -> bool {
    subtrees.iter().any(|subtree| covers(subtree, path))
}

/// A table may be named with or without its `{i}.`.
fn covers(subtree: &SchemaPath, path: &SchemaPath) -> bool {
    path.as_str().starts_with(subtree.as_table().as_str())
}
