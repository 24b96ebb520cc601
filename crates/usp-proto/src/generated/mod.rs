//! What prost makes of `proto/`: plain structs, unchecked. Never edited by hand; a test proves it fresh.

pub mod usp_msg;
pub mod usp_record;
