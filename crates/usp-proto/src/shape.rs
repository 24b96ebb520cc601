//! How many elements an encoded Msg would become, counted before anything is allocated for them.
//!
//! Only what repeats is described here: which fields of a message are themselves messages with repeated
//! fields. Everything else counts as one element of its parent.

use crate::Malformed;
use crate::limits::MAX_ELEMENTS;
use crate::wire::{Value, fields};

/// Fields of a message that are worth looking into, by number.
struct Shape(&'static [(u32, Shape)]);

/// Whether the Msg stays within [`MAX_ELEMENTS`]. Bytes that are no protobuf pass: prost refuses them.
pub(crate) fn check(msg: &[u8]) -> Result<(), Malformed> {
    // An element takes two bytes at least, so that an ordinary message needs no count.
    if msg.len() / 2 <= MAX_ELEMENTS || count(msg, &MSG) <= MAX_ELEMENTS {
        return Ok(());
    }
    Err(Malformed::TooManyElements { what: "Msg", limit: MAX_ELEMENTS })
}

/// Recursion is bounded by the depth of the shape, which is part of the program.
fn count(message: &[u8], shape: &Shape) -> usize {
    let mut elements = 0;
    for field in fields(message) {
        let Ok(field) = field else { break };
        let Value::Bytes(content) = field.value else { continue };
        elements += 1;
        if let Some((_, inner)) = shape.0.iter().find(|(number, _)| *number == field.number) {
            elements += count(content, inner);
        }
    }
    elements
}

const LEAF: Shape = Shape(&[]);

static MSG: Shape = Shape(&[(2, Shape(&[(1, REQUEST), (2, RESPONSE), (3, Shape(&[(3, LEAF)]))]))]);

const REQUEST: Shape = Shape(&[
    (1, LEAF),
    (2, LEAF),
    (3, LEAF),
    (4, Shape(&[(2, Shape(&[(2, LEAF)]))])),
    (5, Shape(&[(2, Shape(&[(2, LEAF)]))])),
    (6, LEAF),
    (7, Shape(&[(4, LEAF)])),
    (8, Shape(&[(3, LEAF), (5, LEAF), (7, Shape(&[(4, LEAF)]))])),
    (10, Shape(&[(2, LEAF)])),
    (11, LEAF),
]);

const RESPONSE: Shape = Shape(&[
    (1, Shape(&[(1, Shape(&[(4, Shape(&[(2, LEAF)]))]))])),
    (2, Shape(&[(1, Shape(&[(5, SUPPORTED_OBJECT)]))])),
    (3, Shape(&[(1, Shape(&[(4, Shape(&[(2, LEAF)]))]))])),
    (4, Shape(&[(1, Shape(&[(2, Shape(&[(1, Shape(&[(3, ROW)])), (2, Shape(&[(1, ROW)]))]))]))])),
    (5, Shape(&[(1, Shape(&[(2, Shape(&[(2, LEAF)]))]))])),
    (6, Shape(&[(1, Shape(&[(2, Shape(&[(2, LEAF)]))]))])),
    (7, Shape(&[(1, Shape(&[(3, LEAF)]))])),
    (10, Shape(&[(1, Shape(&[(2, LEAF)]))])),
    (11, Shape(&[(1, Shape(&[(2, Shape(&[(2, LEAF)]))]))])),
]);

/// An object of GetSupportedDMResp: its commands, events, parameters and keys.
const SUPPORTED_OBJECT: Shape = Shape(&[(4, LEAF), (5, LEAF), (6, LEAF), (8, LEAF)]);

/// An object of SetResp: its parameter errors and its map.
const ROW: Shape = Shape(&[(2, LEAF), (3, LEAF)]);
