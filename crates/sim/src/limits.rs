//! The bounds of what a server can make a simulated fleet hold, and of what the fleet asks of the system.

/// Notifications of one agent that wait for their answer and whose time is measured. Of what is beyond,
/// the answers are counted but not timed.
pub const MAX_TIMED_NOTIFICATIONS: usize = 16;

/// Handshakes under way at the same time, whatever the rate: a slow server is not run over.
pub const MAX_HANDSHAKES: usize = 256;

/// Descriptors that the process needs beside one per agent: the runtime's own, the standard streams, the
/// approving connections.
pub const RESERVED_DESCRIPTORS: u64 = 64;

/// Agents behind one source address: each has some 28,000 ports of its own, and a server may bound the handshakes that
/// are under way from one.
pub const AGENTS_PER_ADDRESS: usize = 100;

/// Most agents of one fleet: as many as the source addresses `127.1.0.1` to `127.250.250.250` hold.
pub const MAX_AGENTS: usize = 10_000_000;

/// Endpoint ids that are given to the approving side at once.
pub const APPROVALS_PER_TURN: usize = 500;
