//! What real devices do otherwise: one table, switches for the writer, and who is known to need them.

mod device;
mod style;
mod table;

pub use device::{DEVICES, DeviceRow, Pattern, known};
pub use style::{Prefixes, Style, Switch};
pub use table::{Quirk, QuirkRow, Side, TABLE};
