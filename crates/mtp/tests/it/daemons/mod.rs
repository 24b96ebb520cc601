//! Real peers from Debian's packages, each in a folder of its own on loopback ports of its own. They end with
//! the test.

mod activemq;
mod rabbit;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

pub(crate) use activemq::ActiveMq;
pub(crate) use rabbit::RabbitMq;

/// How long a daemon may take to start on a machine that is busy.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// A process and all that it starts. They are killed when this is dropped.
pub(crate) struct Group(Child);

impl Group {
    /// Starts it; `package` is what has to be installed for that.
    pub(crate) fn spawn(command: &mut Command, package: &str) -> Group {
        let child = command.process_group(0).stdin(Stdio::null()).spawn();
        Group(child.unwrap_or_else(|error| panic!("the Debian package {package} is needed: {error}")))
    }

    /// Starts it, and waits until it says something with `word` in it; `None` if it ends, or takes too long.
    pub(crate) fn spawn_until(command: &mut Command, package: &str, word: &'static str) -> Option<Group> {
        let mut group = Group::spawn(command.stdout(Stdio::piped()), package);
        let said = group.0.stdout.take().expect("piped");
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let mut said = BufReader::new(said);
            let mut line = String::new();
            while !line.contains(word) {
                line.clear();
                if said.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
            }
            let _ = tell.send(());
            // It stalls when nobody reads what it says.
            let _ = std::io::copy(&mut said.by_ref(), &mut std::io::sink());
        });
        told.recv_timeout(START_PATIENCE).is_ok().then_some(group)
    }

    /// Kills them all at once.
    pub(crate) fn kill(&mut self) {
        if let Ok(Some(group)) = i32::try_from(self.0.id()).map(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A daemon that may find a port taken, or its machine too busy: what `start` makes of new ports, at the third
/// try at the latest.
pub(crate) fn at_last<T>(package: &str, start: impl FnMut(u32) -> Option<T>) -> T {
    (0..3).find_map(start).unwrap_or_else(|| panic!("{package} does not start"))
}
