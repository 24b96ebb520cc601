//! SQLite behind the storage port of fleet.
