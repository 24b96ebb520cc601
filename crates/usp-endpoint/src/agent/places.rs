//! Where things stand in the tree: the machine's own tables, and what a request touches.

use std::num::NonZeroU32;

use dm::model::Model;
use dm::path::{Path, Segment, Selector, Step, Target};
use dm::tree::{Place, Tree};

use super::io::ReadPart;
use crate::limits::MAX_PLACES;

/// `Device.LocalAgent.Controller.`
pub(super) const CONTROLLER: &[&str] = &["LocalAgent", "Controller"];
/// `Device.LocalAgent.Subscription.`
pub(super) const SUBSCRIPTION: &[&str] = &["LocalAgent", "Subscription"];
/// `Device.LocalAgent.Request.`
pub(super) const REQUEST: &[&str] = &["LocalAgent", "Request"];
/// `Device.LocalAgent.Threshold.`
pub(super) const THRESHOLD: &[&str] = &["LocalAgent", "Threshold"];
/// `Device.LocalAgent.ControllerTrust.`
pub(super) const TRUST: &[&str] = &["LocalAgent", "ControllerTrust"];
/// `Device.LocalAgent.ControllerTrust.Role.`
pub(super) const ROLE: &[&str] = &["LocalAgent", "ControllerTrust", "Role"];
/// `Device.LocalAgent.ControllerTrust.Credential.`
pub(super) const CREDENTIAL: &[&str] = &["LocalAgent", "ControllerTrust", "Credential"];
/// `Device.LocalAgent.Certificate.`
pub(super) const CERTIFICATE: &[&str] = &["LocalAgent", "Certificate"];
/// `Device.LocalAgent.ControllerTrust.Challenge.`
pub(super) const CHALLENGE: &[&str] = &["LocalAgent", "ControllerTrust", "Challenge"];
/// `Device.LocalAgent.X_CUSP_Timer.`
pub(super) const TIMER: &[&str] = &["LocalAgent", "X_CUSP_Timer"];

/// The object or table of these names below `Device.`, if the model has it.
pub(super) fn table(tree: &Tree, names: &[&str]) -> Option<Place> {
    below(tree.model(), &Place::root(), names)
}

/// The object or table of these names below a place.
pub(super) fn below(model: &Model, from: &Place, names: &[&str]) -> Option<Place> {
    names
        .iter()
        .try_fold(from.clone(), |place, name| Some(place.child(model.find_child(place.object, name)?)))
}

/// The rows of a table.
pub(super) fn rows(tree: &Tree, table: &Place) -> Vec<Place> {
    tree.rows(table).into_iter().map(|number| table.row(number)).collect()
}

/// The row that a table gets next. `None`: there is no number left.
pub(super) fn next_row(tree: &Tree, table: &Place) -> Option<Place> {
    let number = tree.last_number(table).checked_add(1).and_then(NonZeroU32::new)?;
    Some(table.row(number))
}

/// What has to be fresh before the path can be resolved and read: its longest part of names and
/// numbers; everything, if it follows references.
pub(super) fn touched_text(model: &Model, text: &str) -> Option<Place> {
    touched(model, &Path::parse(text).ok()?)
}

/// The same for a path that is parsed.
pub(super) fn touched(model: &Model, path: &Path) -> Option<Place> {
    if follows(path) {
        return Some(Place::root());
    }
    let mut place = Place::root();
    for segment in path.segments.iter().skip(1) {
        match segment {
            Segment::Object(name) => place = place.child(model.find_child(place.object, name.as_str())?),
            Segment::Rows(Selector::Number(number)) if place.is_table(model) => place = place.row(*number),
            _ => break,
        }
    }
    Some(place)
}

fn follows(path: &Path) -> bool {
    path.segments.iter().any(|segment| match segment {
        Segment::Follow(_) => true,
        Segment::Rows(Selector::Matching(expr)) => {
            expr.all.iter().any(|comparison| comparison.steps.iter().any(|s| matches!(s, Step::Follow(_))))
        }
        _ => false,
    })
}

/// What has to be fresh before something is done.
pub(super) struct Touched {
    /// Objects with all below them, and tables.
    pub(super) places: Vec<Place>,
    /// What is read and named to the end.
    pub(super) parts: Vec<ReadPart>,
}

impl Touched {
    /// By reading these paths.
    pub(super) fn by_reading(model: &Model, paths: &[String]) -> Touched {
        let mut touched = Touched { places: Vec::new(), parts: Vec::new() };
        for path in paths.iter().filter_map(|text| Path::parse(text).ok()) {
            match named(model, &path) {
                Some(part) => touched.parts.push(part),
                None => touched.places.extend(self::touched(model, &path)),
            }
        }
        touched
    }

    /// Drops repeats and what lies inside a place; too many become the whole tree.
    pub(super) fn tidy(self, model: &Model) -> Touched {
        let Touched { mut places, mut parts } = self;
        parts.sort();
        parts.dedup();
        if parts.len() > MAX_PLACES {
            places.extend(parts.drain(..).map(|part| part.place));
        }
        tidy(model, &mut places);
        let whole: Vec<Place> =
            parts.iter().filter(|part| part.param.is_none()).map(|part| part.place.clone()).collect();
        parts.retain(|part| {
            let is_itself = |place: &Place| part.param.is_none() && part.place == *place;
            !places.iter().any(|place| part.place.is_within(model, place))
                && !whole.iter().any(|place| !is_itself(place) && part.place.is_within(model, place))
        });
        Touched { places, parts }
    }
}

/// The object, row or parameter that a path names by names and numbers alone.
fn named(model: &Model, path: &Path) -> Option<ReadPart> {
    let mut place = Place::root();
    for segment in path.segments.iter().skip(1) {
        place = match segment {
            Segment::Object(name) => place.child(model.find_child(place.object, name.as_str())?),
            Segment::Rows(Selector::Number(number)) if place.is_table(model) => place.row(*number),
            _ => return None,
        };
    }
    let param = match &path.target {
        Target::Object => None,
        Target::Param(name) => Some(model.param_index(place.object, name.as_str())?),
        Target::Command(_) | Target::Event(_) => return None,
    };
    Some(ReadPart { place, param })
}

/// Drops repeats and what lies inside another place; too many places become the whole tree.
pub(super) fn tidy(model: &Model, places: &mut Vec<Place>) {
    places.sort();
    places.dedup();
    if places.len() > MAX_PLACES {
        *places = vec![Place::root()];
    }
    let all = places.clone();
    places.retain(|place| !all.iter().any(|other| other != place && place.is_within(model, other)));
}
