//! The bounds of everything that a peer can make this crate hold or walk.

/// Longest path text, in bytes. The longest path of TR-181 2.19.1 has 138; the rest is room for search
/// expressions with long constants.
pub const MAX_PATH_BYTES: usize = 4096;

/// Most segments of one path: object names, row selectors and followed references.
pub const MAX_PATH_SEGMENTS: usize = 64;

/// Longest single name of a path, in bytes (TR-106 caps names at 256 characters).
pub const MAX_NAME_BYTES: usize = 256;

/// Most comparisons in all search expressions of one path together.
pub const MAX_COMPARISONS: usize = 64;

/// Most steps between the row and the parameter of one comparison.
pub const MAX_COMPARISON_STEPS: usize = 16;

/// Most places that one path may lead to.
pub const MAX_MATCHES: usize = 65_536;

/// Most rows of one table that controllers may create.
pub const MAX_ROWS: usize = 4096;
