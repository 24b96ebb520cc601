//! Between two checks: what one left in the agent is taken back before the next begins.

use tokio::time::Instant;
use usp_proto::delete::DeletedObjectResult;
use usp_proto::exchange::Entry;
use usp_proto::operate::Operate;

use super::Bench;
use crate::limits;
use crate::target::{Need, REQUEST};
use crate::verdict::Stop;

impl Bench {
    /// Forgets what an earlier check left, and starts a transcript.
    pub(crate) fn begin(&mut self) {
        self.answering = true;
        self.stale = self.asked;
        self.begin_connections();
        self.begin_socket();
        self.begin_sessions();
        self.has_operated = false;
        self.answers.clear();
        self.news.clear();
        self.others.clear();
        self.broken.clear();
        self.transcript.clear();
        self.transcript_bytes = 0;
        self.began = Instant::now();
    }

    /// Takes back what the check made, and gives what went over the wire meanwhile. The error says what is wrong
    /// whatever the check is about: what the agent sent that was no Record at all (R-ENC.1), and a connection that it
    /// did not keep.
    pub(crate) async fn end(&mut self) -> (Vec<Entry>, Result<(), Stop>) {
        self.answering = true;
        self.end_connections().await;
        self.end_sessions().await;
        // Who took rights from itself gets them back before anything else.
        self.put_back().await;
        if self.has_operated && self.is_up {
            // A command that can't be ended is said by the next check that it disturbs.
            let _ = self.end_commands().await;
        }
        self.take_back().await;
        self.catch_up().await;
        let (broken, kept) = (std::mem::take(&mut self.broken), self.kept_connection());
        let sound = match broken.first() {
            None => kept,
            Some(what) => {
                Err(Stop::fail("every Record of the agent is well-formed", "Records that decode", what))
            }
        };
        (std::mem::take(&mut self.transcript), sound)
    }

    /// Keeps a row in mind that has to go.
    pub(crate) fn made(&mut self, path: String) {
        if self.clean_up.len() < limits::MAX_CLEAN_UP {
            self.clean_up.push(path);
        }
    }

    /// Changes a parameter of a row that we did not make; it gets its old value back when the check ends.
    pub(crate) async fn change(&mut self, object: &str, param: &str, value: &str) -> Result<(), Stop> {
        let Some(old) = self.value(&format!("{object}{param}")).await? else {
            return Err(Stop::Skip(format!("the agent shows no {object}{param}")));
        };
        match self.set(false, &[(object, &[(param, value, true)])]).await? {
            Ok(_) => self.restore(object, param, old),
            Err(error) => {
                let why = format!("{object}{param} can't be set: {} {}", error.err_code, error.err_msg);
                return Err(Stop::Skip(why));
            }
        }
        Ok(())
    }

    /// Keeps a value in mind that a parameter gets back when the check ends.
    pub(crate) fn restore(&mut self, object: &str, param: &str, old: String) {
        if self.restores.len() < limits::MAX_CLEAN_UP {
            self.restores.push((object.to_owned(), param.to_owned(), old));
        }
    }

    /// Undoes what checks changed, the last change first. While the agent is away it stays in mind.
    async fn put_back(&mut self) {
        while self.is_up
            && let Some((object, param, old)) = self.restores.last().cloned()
        {
            let is_done = matches!(self.set(false, &[(&object, &[(&param, &old, true)])]).await, Ok(Ok(_)));
            if is_done || self.is_up {
                self.restores.pop();
            }
            if !is_done && self.is_up {
                self.leave(format!("{object}{param} was {old:?}"));
            }
        }
    }

    /// Deletes the rows that checks made. While the agent is away they stay in mind.
    async fn take_back(&mut self) {
        let paths: Vec<String> = self.clean_up.iter().rev().cloned().collect();
        // Once more if the connection broke on the way.
        for _ in 0..2 {
            if paths.is_empty() || !self.is_up {
                return;
            }
            let Ok(answer) = self.delete(paths.clone(), true).await else { continue };
            self.clean_up.clear();
            match answer {
                Ok(resp) => resp.deleted_obj_results.iter().filter(|one| is_refused(one)).for_each(|one| {
                    self.leave(one.requested_path.clone());
                }),
                Err(_) => paths.into_iter().for_each(|path| self.leave(path)),
            }
            return;
        }
        // Who does not answer is not asked for the same after each check.
        if self.is_up {
            for path in std::mem::take(&mut self.clean_up) {
                self.leave(path);
            }
        }
    }

    fn leave(&mut self, what: String) {
        if self.left.len() < limits::MAX_CLEAN_UP {
            self.left.push(what);
        }
    }

    /// What checks made or changed in the agent, and could not take back: a line each, for people.
    pub fn left(&self) -> impl Iterator<Item = String> {
        let values = self.restores.iter().map(|(object, param, old)| format!("{object}{param} was {old:?}"));
        self.left.iter().cloned().chain(values).chain(self.clean_up.iter().cloned())
    }

    /// Cancels what still runs of our commands, and waits until it is gone: a second timer may be refused while
    /// one runs (R-OPR.3).
    async fn end_commands(&mut self) -> Result<(), Stop> {
        let can_cancel = self.target()?.offers(Need::Cancel);
        let deadline = Instant::now() + limits::SETTLE;
        let mut cancelled = Vec::new();
        loop {
            let running = self.own_commands().await?;
            if running.is_empty() || Instant::now() >= deadline {
                return Ok(());
            }
            for path in running {
                if can_cancel && !cancelled.contains(&path) {
                    let command = format!("{path}Cancel()");
                    self.operate(Operate { command, send_resp: true, ..Operate::default() }).await?;
                    cancelled.push(path);
                }
            }
            self.pause(limits::POLL).await?;
        }
    }

    /// Rows of the commands that this run started.
    async fn own_commands(&mut self) -> Result<Vec<String>, Stop> {
        let prefix = self.id_prefix();
        let resp = self.get(&[&format!("{REQUEST}*.CommandKey")], 0).await?;
        let found = resp.req_path_results.into_iter().flat_map(|result| result.resolved_path_results);
        let own = found.filter(|row| row.result_params.values().any(|key| key.starts_with(&prefix)));
        Ok(own.map(|row| row.resolved_path).collect())
    }
}

/// Whether a row stays because the agent does not delete it. What a check deleted itself is gone already: 7016, Object
/// does not exist.
fn is_refused(result: &DeletedObjectResult) -> bool {
    result.status().is_err_and(|failure| failure.err_code != 7016)
}
