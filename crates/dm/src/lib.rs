//! The data model of managed devices: path grammar, typed values, the schema catalogue, supported
//! models at run time, instance trees, and the one [`Operation`] type that everything is made of.
//!
//! It knows no wire format, no transport and no store, and it never reads a clock: time is [`Now`].

pub mod fault;
pub mod limits;
pub mod model;
pub mod operation;
pub mod path;
pub mod schema;
pub mod time;
pub mod tree;
mod unsaid;
pub mod value;

pub use fault::{Code, Fault};
pub use operation::{Operation, Outcome};
pub use path::{Name, ObjectPath, Path, PathError, SchemaPath};
pub use time::{Mono, Now, UtcTime};
pub use value::{Type, Value, ValueError};
