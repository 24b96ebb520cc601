//! Running the command lines that the configuration names. No shell: the words are the arguments.

use std::process::Stdio;

use tokio::process::Command;
use tokio::time::timeout;

use crate::limits::HOOK_TIMEOUT;

/// Runs a command line to its end, or for [`HOOK_TIMEOUT`]. Says whether it ended well; an empty one did.
pub async fn run(words: &[String]) -> bool {
    let Some((program, args)) = words.split_first() else { return true };
    let child = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match timeout(HOOK_TIMEOUT, child).await {
        Ok(Ok(status)) if status.success() => true,
        Ok(Ok(status)) => {
            tracing::warn!(program, %status, "a hook failed");
            false
        }
        Ok(Err(error)) => {
            tracing::warn!(program, %error, "a hook can't be run");
            false
        }
        Err(_) => {
            tracing::warn!(program, "a hook takes too long and is left alone");
            false
        }
    }
}
