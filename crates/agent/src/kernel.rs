//! The few system calls that no safe crate offers. Everything unsafe of the agent stands here.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Whether the kernel holds its clock for synchronised; `None` if it does not say.
pub fn clock_is_synchronised() -> Option<bool> {
    #[expect(unsafe_code, reason = "reads into a structure of our own; with modes 0 nothing is changed")]
    let (state, status) = unsafe {
        let mut clock: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut clock), clock.status)
    };
    (state >= 0).then_some(status & libc::STA_UNSYNC == 0)
}

/// Asks for ICMP errors that concern what this socket sends: they come in its error queue.
pub fn receive_errors(socket: &Socket, is_ipv6: bool) -> io::Result<()> {
    let (level, name) =
        if is_ipv6 { (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) } else { (libc::IPPROTO_IP, libc::IP_RECVERR) };
    let on: libc::c_int = 1;
    #[expect(unsafe_code, reason = "the option's value is an int that outlives the call")]
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes one message of a socket's error queue: the lengths of what was sent and of the control data.
pub fn take_error(socket: &Socket, data: &mut [u8], control: &mut [u8]) -> io::Result<(usize, usize)> {
    let mut part = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
    #[expect(unsafe_code, reason = "all pointers are to buffers that outlive the call, with their lengths")]
    let (result, control) = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = control.len() as _;
        let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
        (libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags), message.msg_controllen as usize)
    };
    usize::try_from(result).map(|length| (length, control)).map_err(|_| io::Error::last_os_error())
}

/// Has the runtime watch a socket for data and for news of its error queue.
pub fn watch(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    watch_for(socket, Interest::READABLE | Interest::ERROR)
}

/// Has the runtime watch a descriptor for something to read.
pub fn watch_reading(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    watch_for(descriptor, Interest::READABLE)
}

fn watch_for<T: Into<OwnedFd> + AsRawFd>(owner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    #[expect(
        unsafe_code,
        reason = "the value owns its descriptor, which is open for as long as it is watched"
    )]
    let watched = unsafe { AsyncFd::register_with_interest(owner, interest) };
    watched.map_err(io::Error::from)
}
