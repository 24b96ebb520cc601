//! `usp.uds`: agents of this host.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use serde::Deserialize;

/// USP over a UNIX domain socket; off without a path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uds {
    /// The socket's path.
    pub listen: Option<PathBuf>,
    /// The rights of its file, octal. Default `"0600"`.
    pub mode: Option<String>,
    /// The user id that the file is given to; default the server's own.
    pub owner: Option<u32>,
    /// The group id that the file is given to; default the server's own.
    pub group: Option<u32>,
    /// The user ids whose processes may be agents. Default the server's own alone.
    pub uids: Vec<u32>,
}

impl Uds {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let Some(path) = &self.listen else { return Ok(()) };
        // What sun_path of Linux holds with its NUL, less the suffix that the socket has while it is made.
        if !path.is_absolute() || path.as_os_str().len() > 96 {
            bail!("usp.uds.listen = {path:?} is not an absolute path of at most 96 bytes");
        }
        if self.mode().is_none() {
            bail!("usp.uds.mode = {:?} is not an octal number from 0 to 777", self.mode);
        }
        Ok(())
    }

    /// `mode` as a number; `None` where it is none.
    pub fn mode(&self) -> Option<u32> {
        let text = self.mode.as_deref().unwrap_or("0600");
        u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777)
    }

    pub(super) fn show(&self, text: &mut String) {
        let Some(path) = &self.listen else { return };
        let mode = self.mode.as_deref().unwrap_or("0600");
        let _ = writeln!(text, "\n[usp.uds]\nlisten = {path:?}\nmode = {mode:?}\nuids = {:?}", self.uids);
        for (key, id) in [("owner", self.owner), ("group", self.group)] {
            if let Some(id) = id {
                let _ = writeln!(text, "{key} = {id}");
            }
        }
    }
}
