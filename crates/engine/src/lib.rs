//! The agent host: many instances on one loop, providers, transactions, journal.
