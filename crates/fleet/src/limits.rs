//! How far anything here can grow. Each limit is named for what it bounds.

/// Jobs that wait in one device's lane.
pub const LANE_QUEUE: usize = 256;
/// Reads of one device that are under way at the same time.
pub const LANE_READS: usize = 64;
/// Tenants.
pub const TENANTS: usize = 1000;
/// Bytes of a tenant's name.
pub const TENANT_NAME: usize = 64;
/// Rows on the list of devices that ask to be let in; the one seen longest ago makes room.
pub const PENDING: usize = 256;
/// Texts that the serial number in an endpoint id may be.
pub const SERIAL_CANDIDATES: usize = 4;
/// Devices that are expected.
pub const EXPECTED: usize = 1_000_000;
/// Devices that are put on the list of expected ones at a time.
pub const EXPECTED_AT_ONCE: usize = 1000;
/// Devices that the server dials.
pub const DIALS: usize = 4096;
/// Bytes of an endpoint id that a person gives.
pub const ENDPOINT: usize = 512;
/// Bytes of a URL that is dialled.
pub const DIAL_URL: usize = 2048;
/// Hexadecimal digits of a fingerprint.
pub const FINGERPRINT_DIGITS: usize = 64;
/// Certificates on the list of revoked ones: those that were revoked last.
pub const REVOKED: usize = 100_000;
/// Refused attempts that are remembered.
pub const REFUSED: usize = 256;
/// Rows of one page of any list.
pub const PAGE: usize = 500;
/// Characters of a device's name.
pub const DEVICE_NAME: usize = 128;
/// Tags of a device.
pub const TAGS: usize = 64;
/// Characters of one tag.
pub const TAG: usize = 64;
/// Characters of any field that a device tells about itself (serial, model, address, …).
pub const DEVICE_FIELD: usize = 256;
/// Identities of one device.
pub const IDENTITIES: usize = 16;
/// Candidates that an ambiguous name is answered with.
pub const CANDIDATES: usize = 10;
/// Bytes of a filter.
pub const FILTER_BYTES: usize = 4096;
/// Nesting of a filter.
pub const FILTER_DEPTH: usize = 32;
/// Comparisons in a filter.
pub const FILTER_TERMS: usize = 64;
/// Bytes of a regular expression in a filter.
pub const REGEX_BYTES: usize = 256;
/// Bytes of text that a regular expression is matched against; longer text does not match.
pub const REGEX_TEXT: usize = 4096;
/// Parameters and rows in one twin.
pub const TWIN_ENTRIES: usize = 100_000;
/// Bytes of paths and values in one twin.
pub const TWIN_BYTES: usize = 32 << 20;
/// Bytes of one value in a twin; longer values are not kept.
pub const TWIN_VALUE: usize = 64 << 10;
/// Bytes of one path in a twin.
pub const TWIN_PATH: usize = 1024;
/// Elements of one path in a twin.
pub const TWIN_PATH_ELEMENTS: usize = 32;
/// Changes in one delta.
pub const DELTA_CHANGES: usize = TWIN_ENTRIES;
/// Deltas of one device that wait before the store folds them into its document.
pub const DELTAS_PENDING: usize = 64;
/// Parameters of one event.
pub const EVENT_PARAMS: usize = 1024;
/// Bytes of one event's path; a path that is longer names nothing.
pub const EVENT_PATH: usize = dm::limits::MAX_PATH_BYTES;
/// Bytes of one event's path and parameters; what is beyond is cut off, and marked as cut.
pub const EVENT_BYTES: usize = 256 << 10;
/// Bytes of the detail of an audit row.
pub const AUDIT_DETAIL: usize = 4096;
/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY: usize = 128;
/// How long the agent's longest retry may be apart from its first attempt, in microseconds: 3 hours.
pub const DUPLICATE_WINDOW_MICROS: i64 = 3 * 3600 * 1_000_000;
/// How long an accepted asynchronous command is waited for, in microseconds: 24 hours.
pub const ACCEPTED_MICROS: i64 = 24 * 3600 * 1_000_000;
/// How far in the future a deadline may be, in microseconds: 30 days.
pub const DEADLINE_MICROS: i64 = 30 * 24 * 3600 * 1_000_000;
/// Bytes of a stored supported model.
pub const MODEL_BYTES: usize = 16 << 20;
/// Data models that people imported; each takes some tens of megabytes of memory.
pub const DATA_MODELS: usize = 8;
/// Bytes of the text of an imported data model.
pub const DATA_MODEL_TEXT: usize = 48 << 20;
/// Bytes of an encoded operation.
pub const OPERATION_BYTES: usize = 1 << 20;
/// Bytes of an encoded outcome; a bigger one is stored as a failure that says so.
pub const OUTCOME_BYTES: usize = 16 << 20;
/// Tables of one device whose rows we ask to be told of.
pub const SUBSCRIBED_TABLES: usize = 128;
