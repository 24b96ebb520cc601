//! The bounds of everything that a peer can make a machine hold, and the times that it is granted.

use std::time::Duration;

/// Agent: paths of one Get, GetInstances or GetSupportedDM; one more is answered 7005.
pub const MAX_PATHS: usize = 4096;

/// Agent: requests of all controllers under way or waiting; one more is answered 7005.
pub const MAX_REQUESTS: usize = 256;

/// Agent: bytes of an answer; a longer one, which no peer would take in one Record, becomes Error 7005.
pub const MAX_ANSWER_BYTES: usize = usp_proto::limits::MAX_RECORD_BYTES - 4096;

/// Agent: Set, Add and Delete that wait for the one being committed.
pub const MAX_WAITING_WRITES: usize = 64;

/// Agent: commands that run at the same time; one more fails with 7005 (R-OPR.3).
pub const MAX_RUNNING_COMMANDS: usize = 32;

/// Agent: timers of `Device.ScheduleTimer()` at the same time; one more fails with 7005 (R-OPR.3).
pub const MAX_TIMERS: usize = 32;

/// Agent: calls that one Operate with a search path may make.
pub const MAX_CALLS: usize = 256;

/// Agent: notifications that wait for one controller; the oldest one without retry goes first.
pub const MAX_QUEUED_NOTIFICATIONS: usize = 1024;

/// Agent: bytes of encoded notifications that wait for one controller.
pub const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// Agent: enabled subscriptions that are evaluated.
pub const MAX_SUBSCRIPTIONS: usize = 1024;

/// Agent: items of one ReferenceList; a longer list is refused with 7005.
pub const MAX_REFERENCES: usize = 256;

/// Agent: settings in the TriggerConfigSettings of one subscription (TR-181 allows 16).
pub const MAX_TRIGGER_SETTINGS: usize = 16;

/// Agent: how many subscriptions may set each other off in a row; the one after that does not change
/// anything any more.
pub const MAX_TRIGGER_DEPTH: u32 = 8;

/// Agent: enabled thresholds that are evaluated.
pub const MAX_THRESHOLDS: usize = 256;

/// Agent: enabled rows of one controller's BootParameter table that are looked at.
pub const MAX_BOOT_ROWS: usize = 128;

/// Agent: parameters in the ParameterMap of one Boot! event; the rest is left out.
pub const MAX_BOOT_PARAMETERS: usize = 1024;

/// Agent: bytes of names and values in the ParameterMap of one Boot! event; what does not fit is left out.
pub const MAX_BOOT_BYTES: usize = 256 * 1024;

/// Agent: rows of the Controller table that are served.
pub const MAX_CONTROLLERS: usize = 64;

/// Agent: targets in all enabled permissions of one role; a role with more of them grants nothing, and a longer
/// list in one permission is refused with 7005.
pub const MAX_ROLE_TARGETS: usize = 256;

/// Agent: roles of one controller that count.
pub const MAX_CONTROLLER_ROLES: usize = 32;

/// Agent: rows of the Certificate table; one more fails with 7005.
pub const MAX_CERTIFICATES: usize = 64;

/// Agent: bytes of one certificate's DER; a longer one is refused with 7005.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;

/// Agent: certificates of a chain that are looked at on the way to one of the tables.
pub const MAX_CHAIN: usize = 8;

/// Agent: refusals that are written into the audit log within a minute; of the others only the number is.
pub const MAX_AUDITED_REFUSALS: u32 = 32;

/// Agent: values of one row, and refusals of one request, that an audit log is told.
pub const MAX_AUDITED_VALUES: usize = 16;

/// Agent: bytes of each text in an entry of the audit log.
pub const MAX_AUDITED_BYTES: usize = 2048;

/// Agent: requests that wait for the consent of somebody else; the oldest gives way.
pub const MAX_WAITING_CONSENTS: usize = 16;

/// Agent: places of one request that are refreshed one by one; more than these are the whole tree.
pub const MAX_PLACES: usize = 256;

/// Controller: requests to one agent under way.
pub const MAX_OUTSTANDING: usize = 64;

/// Controller: notifications of one agent that wait to be stored.
pub const MAX_UNSTORED: usize = 256;

/// Controller: tickets from here on are the machine's own.
pub const OWN_TICKETS: u64 = 1 << 32;

/// Controller: silence after which an agent that owes an answer is nudged; also how soon something must
/// follow a nudge to count as its effect. Each nudge without effect doubles the wait for the next.
pub const NUDGE_AFTER: Duration = Duration::from_millis(250);

/// Controller: the same at the first request to an agent whose last silence was ended by a nudge.
pub const NUDGE_EAGER: Duration = Duration::from_millis(20);

/// Controller: the same after an answer that a nudge has released, while more are owed.
pub const NUDGE_AFTER_RELEASE: Duration = Duration::from_millis(1);

/// Controller: the least time between two nudges.
pub const NUDGE_APART: Duration = Duration::from_millis(5);

/// Controller: the longest wait for a nudge; where that had no effect, the silence is not disturbed again.
pub const NUDGE_LONGEST: Duration = Duration::from_secs(4);

/// Controller: silence after the answer to a write that is ended by one nudge.
pub const NUDGE_BEHIND_WRITE: Duration = Duration::from_millis(20);

/// Controller: how long an Operate that wants no response is held open for word of its failure (R-OPR.4).
/// The REST API always wants a response.
pub const QUIET_GRACE: Duration = Duration::from_secs(2);

/// Controller: how long a fresh channel waits for the Connect record of an agent that may know none.
pub const CONNECT_GRACE: Duration = Duration::from_secs(2);

/// Controller: how long onboarding waits for one answer; supported models of megabytes take their time.
pub const ONBOARDING_ANSWER: Duration = Duration::from_secs(60);

/// Controller: how often a question of onboarding is asked before it is left out.
pub const ONBOARDING_ATTEMPTS: u32 = 2;

/// Controller: steps that one answer may add to an onboarding.
pub const ONBOARDING_STEPS: usize = 1024;

/// Controller: divergent paths of one agent that onboarding asks for.
pub const DIVERGENT_PATHS: usize = 256;

/// Controller: tables whose rows are asked for at once.
pub const TABLES_PER_QUESTION: usize = 64;

/// Controller: times that subscriptions are written and looked at again.
pub const SUBSCRIPTION_ROUNDS: usize = 4;

/// Controller: faults in one answer to onboarding that get a log line each.
pub const NOTED_FAULTS: usize = 16;

/// Controller: connections that may be lost over one question of onboarding before less is asked for.
pub const ONBOARDING_LOSSES: u32 = 3;

/// Controller: bytes on the wire of the answers about the supported model, or about rows, that onboarding
/// keeps until it has them all; four times the largest Record.
pub const ONBOARDING_BYTES: usize = 32 * 1024 * 1024;

/// Controller: rows of its own in an agent's table of subscriptions that are looked at.
pub const SUBSCRIPTION_ROWS: usize = 1024;

/// Session: Records that wait for missing ones; the longest Message in Records of 512 bytes is fewer.
pub const MAX_EARLY_RECORDS: usize = 32 * 1024;

/// Session: bytes of Records that wait for missing ones, and of their book-keeping.
pub const MAX_EARLY_BYTES: usize = 16 * 1024 * 1024;

/// Session: bytes of a Message that is joined from segments.
pub const MAX_SEGMENTED_BYTES: usize = usp_proto::limits::MAX_RECORD_BYTES;

/// Session: bytes of Records that are kept until the peer confirms them.
pub const MAX_UNCONFIRMED_BYTES: usize = 16 * 1024 * 1024;

/// Session: Records that are kept until the peer confirms them, those without payload included; with one more
/// the session fails. The longest Message in Records of 512 bytes is fewer.
pub const MAX_UNCONFIRMED_RECORDS: usize = 32 * 1024;

/// Session: Messages that wait for a session; one more fails.
pub const MAX_SESSION_QUEUE: usize = 256;

/// Session: bytes of the Messages that wait for a session.
pub const MAX_SESSION_QUEUE_BYTES: usize = 8 * 1024 * 1024;

/// Session: ended sessions of one peer that are remembered, so that a late Record of theirs revives none.
pub const CLOSED_SESSIONS: usize = 16;

/// Session: sequence ids below the largest at which a new session is started (R-E2E.8, R-E2E.9).
pub const SEQUENCE_RESERVE: u64 = 10_000;

/// Session: how long a payload waits for a Record that confirms it by the way.
pub const SESSION_CONFIRM_AFTER: Duration = Duration::from_millis(200);

/// Session: how long a missing Record may be late before it is asked for; doubled with each further try.
pub const SESSION_GAP_AFTER: Duration = Duration::from_secs(1);

/// Session: how often a missing Record is asked for before the session is given up.
pub const SESSION_GAP_TRIES: u32 = 6;

/// Session: how long the oldest unconfirmed Record waits before it is sent again; doubled with each further
/// try.
pub const SESSION_REPEAT_AFTER: Duration = Duration::from_secs(2);

/// Session: how often it is sent again. The peer of a session that stands need not confirm anything at once;
/// a session that nobody answers is given up after that.
pub const SESSION_REPEAT_TRIES: u32 = 5;

/// Broker: USP Services at once.
pub const MAX_SERVICES: usize = 32;

/// Broker: paths that one service may have registered, and may name in one message.
pub const MAX_REGISTERED_PATHS: usize = 256;

/// Broker: requests to one service that wait for its answer.
pub const MAX_SERVICE_REQUESTS: usize = 64;

/// Broker: requests in a row that a service may leave unanswered before its connection is closed.
pub const MAX_UNANSWERED: u32 = 3;
