//! Rows as text: one line for each, sorted, made to be read in a diff.
//!
//! ```text
//! model usp="urn:broadband-forum-org:tr-181-2-19-1-usp"
//! Device.Time. object usp=2.12 cwmp=2.0
//! Device.Time.Enable param usp=2.12 cwmp=2.0 access=readWrite type=boolean
//! Device.Reboot() command usp=2.12
//! Device.Reboot() in Cause usp=2.12 type=string enum=LocalReboot,RemoteReboot
//! Device.Boot! event usp=2.12
//! ```
//! The first line may also name an imported model: `model name="Device:2.19" …`.
//!
//! Words outside `A-Z a-z 0-9 _ . { } ( ) + # % - / * < >` are quoted, with `\"`, `\\` and `\n` inside.
//! An enumeration's word may carry marks after a colon: `r` read-only, `o` optional, `d` deprecated,
//! `b` obsoleted, `x` deleted. Arguments follow their command or event. Lines that begin with `#` are
//! comments. Printing what was parsed gives the same text.

mod parse;
mod print;
mod token;

pub use parse::parse;
pub use print::print;

pub(super) use parse::range as parse_range;
pub(super) use print::range as format_range;
