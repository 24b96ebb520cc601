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

/// Most entries of one Set, Add or Delete, and most rows that one Add may create; beyond it the message is
/// refused with 7005.
pub const MAX_REQUEST_OBJECTS: usize = 4096;

/// Most rows that the paths of one Delete may lead to, each counted as often as it is named: twice the
/// rows of a full table. What goes with them is not counted. Beyond it the message is refused with 7005.
pub const MAX_DELETED_ROWS: usize = 2 * MAX_ROWS;

/// Most settings that one Set or Add may stage: its settings times the places that their paths lead to.
/// Objects beyond it fail with 7005. Also most reference items that one Delete may write anew, where lists
/// lose those that lead to its rows; beyond it the message is refused with 7005.
pub const MAX_STAGED_SETTINGS: usize = 262_144;

/// Most rounds in which a Set or Add is staged and judged. One is enough where nothing clashes, two where
/// something does; each further one needs a clash that only came of taking out another. Beyond it the
/// message is refused with 7005.
pub const MAX_PLAN_ROUNDS: u32 = 32;

/// Most failing instances that a Set reports for one search path; it stops looking there.
pub const MAX_FAILED_INSTANCES: usize = 64;

/// Most objects, parameters, commands and events of one supported model; TR-181 whole has about 10,000.
pub const MAX_MODEL_ENTRIES: usize = 65_000;

/// Most instructions of one compiled pattern; those of TR-181 need fewer than 300.
pub const MAX_PATTERN_STEPS: usize = 4096;

/// Deepest nesting of groups in a pattern.
pub const MAX_PATTERN_DEPTH: usize = 16;

/// Longest text that is matched against a pattern, in characters; longer ones match nothing.
pub const MAX_PATTERN_TEXT: usize = 4096;

/// Longest data-model file that can be imported, in bytes; the Broadband Forum's largest have 5 MB.
pub const MAX_IMPORT_BYTES: usize = 32 * 1024 * 1024;

/// Longest text form of an imported model that can be loaded again, in bytes: quoting adds to the file's.
pub const MAX_IMPORT_TEXT_BYTES: usize = 2 * MAX_IMPORT_BYTES;

/// Most XML nodes of such a file.
pub const MAX_IMPORT_NODES: u32 = 2_000_000;

/// Deepest nesting of its elements; TR-181 has 13.
pub const MAX_IMPORT_DEPTH: usize = 64;

/// Most attributes of one of its elements; TR-181 has 8.
pub const MAX_IMPORT_ATTRIBUTES: usize = 64;

/// Longest tag, with all its attributes, in bytes.
pub const MAX_IMPORT_TAG_BYTES: usize = 16 * 1024;

/// Most namespace declarations; TR-181 has 3.
pub const MAX_IMPORT_NAMESPACES: usize = 64;

/// Most objects, parameters, commands, events and arguments of an imported model; TR-181 has
/// 9,000.
pub const MAX_IMPORT_DEFINITIONS: usize = 65_000;

/// Most facts that its definitions may make of data types and paths, in bytes: a data type counts
/// wherever it is used. TR-181 makes less than 1 MB.
pub const MAX_IMPORT_FACTS: usize = 32 * 1024 * 1024;
