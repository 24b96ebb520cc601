//! The engine on fake providers, a fake machine and a disk that forgets.

mod barrier;
mod commands;
mod commits;
mod disk;
mod journal;
mod providers;
mod refreshes;
mod restarts;
mod watching;
mod world;
