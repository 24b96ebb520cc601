//! UNIX domain sockets: literal frames, the machine's rules, and both sides over real sockets.

mod frame;
mod hostile;
mod listen;
mod machine;
mod sockets;
mod support;
