//! The engine on fake providers, a fake machine and a disk that forgets.

mod barrier;
mod commands;
mod commits;
mod confirms;
mod disk;
mod full;
mod isolation;
mod journal;
mod models;
mod parts;
mod pointers;
mod providers;
mod refreshes;
mod restarts;
mod shutdown;
mod usp;
mod watching;
mod wheel;
mod world;
