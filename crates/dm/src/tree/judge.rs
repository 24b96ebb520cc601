//! Judging what a message staged: unique keys and strong references hold for the whole of it or not at
//! all (TR-369 section 7.4, R-KEY.2, R-ARC.12).
//!
//! Of settings that clash with each other the latest loses. All of them are judged in one pass over an
//! index of the keys concerned, and all that lose are taken out together before the message is staged
//! again. It changes nothing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::fault::Fault;
use crate::tree::unique::KeyIndex;
use crate::tree::{Effort, Place, Tree};

/// One parameter that a unit wrote, for the judgement after staging.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Touch {
    pub(super) unit: usize,
    pub(super) place: Place,
    pub(super) param: u16,
    pub(super) name: String,
    pub(super) required: bool,
}

/// A touched parameter that lost, and why.
pub(super) type Clash = (Touch, Fault);

/// What earlier rounds of staging ruled out.
#[derive(Default)]
pub(super) struct Overruled {
    /// Settings that were not required and clash, by unit, place and parameter: reported as parameter
    /// errors.
    settings: BTreeMap<(usize, Place, u16), Fault>,
    /// Units that clash in something required.
    units: BTreeMap<usize, Clash>,
}

impl Overruled {
    pub(super) fn setting(&self, unit: usize, place: &Place, param: u16) -> Option<&Fault> {
        if self.settings.is_empty() {
            return None;
        }
        self.settings.get(&(unit, place.clone(), param))
    }

    pub(super) fn unit(&self, unit: usize) -> Option<&Clash> {
        self.units.get(&unit)
    }

    /// Takes in the outcome of a judgement; true if another round is needed.
    pub(super) fn learn(&mut self, clashes: Vec<Clash>) -> bool {
        let any = !clashes.is_empty();
        for (touch, fault) in clashes {
            if touch.required {
                self.units.insert(touch.unit, (touch, fault));
            } else {
                self.settings.insert((touch.unit, touch.place, touch.param), fault);
            }
        }
        any
    }
}

impl Tree {
    /// The touched parameters that clash in a unique key or dangle as strong references, as far as they
    /// do so in spite of later ones being taken out. `touches` are in order of their units.
    pub(super) fn judge(&self, touches: &[Touch], effort: &mut Effort) -> Vec<Clash> {
        effort.rounds += 1;
        effort.staged += touches.len();
        let mut keys = KeyIndex::of(self, touches, &mut effort.rows);
        let mut failed = BTreeSet::new();
        let mut clashes = Vec::new();
        for touch in touches.iter().rev() {
            if failed.contains(&touch.unit) {
                continue;
            }
            let Some(fault) = keys.clash(self, touch).or_else(|| self.dangling(touch)) else { continue };
            if touch.required {
                failed.insert(touch.unit);
                touches[of_unit(touches, touch.unit)].iter().for_each(|own| keys.leave(self, own));
            } else {
                keys.leave(self, touch);
            }
            clashes.push((touch.clone(), fault));
        }
        clashes
    }
}

fn of_unit(touches: &[Touch], unit: usize) -> Range<usize> {
    touches.partition_point(|touch| touch.unit < unit)..touches.partition_point(|touch| touch.unit <= unit)
}
