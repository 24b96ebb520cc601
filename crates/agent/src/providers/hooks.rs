//! Running the command lines that the configuration names. No shell: the words are the arguments.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// Runs a command line to its end, or for so long. Says whether it ended well; an empty one did.
pub async fn run(words: &[String], patience: Duration) -> bool {
    let Some((program, args)) = words.split_first() else { return true };
    let child = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match timeout(patience, child).await {
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
