//! Records that come: in turn, early, late, of another session, or forged.

use bytes::Bytes;
use dm::Mono;
use usp_proto::error_code::code;
use usp_proto::record::{PayloadSecurity, SessionContext};
use usp_proto::session::TlsRole;
use usp_proto::{Record, RecordType};

use super::context::{Context, Ending, Retry};
use super::early::Waiting;
use super::integrity::{self, Verdict};
use super::io::{Mode, Output};
use super::send::{Signing, is_empty};
use super::{Session, State};
use crate::limits::{SEQUENCE_RESERVE, SESSION_GAP_AFTER};

impl Session {
    pub(super) fn receive(&mut self, now: Mono, record: Record, protected: bool) {
        let RecordType::Session(context) = &record.record_type else { return };
        // R-E2E.1
        if record.from_id != self.peer || record.to_id != self.me {
            return;
        }
        if self.policy.mode == Mode::Forbid {
            // R-E2E.6a
            let (code, reason) = (code::SESSION_CONTEXT_NOT_ALLOWED, "end-to-end sessions are not allowed");
            return self.outputs.push_back(Output::Disconnect { code, reason });
        }
        let context = context.clone();
        let waiting = Waiting { record, context, verified: false, protected };
        let own = matches!(&self.state, State::Open(open) if open.id == waiting.context.session_id);
        if own {
            self.with_open(now, |session, open| session.in_session(now, open, waiting));
        } else {
            self.foreign(now, waiting);
        }
    }

    /// A Record of a session that is not the one in use.
    fn foreign(&mut self, now: Mono, mut waiting: Waiting) {
        let SessionContext { session_id, sequence_id, .. } = waiting.context;
        let closed = self.closed.iter().find(|(id, _)| *id == session_id);
        // R-E2E.25: it was processed while its session stood.
        if closed.is_some_and(|(_, expected)| sequence_id < *expected) {
            return;
        }
        // R-E2E.3 for what may start a session; R-E2E.23, R-E2E.24 for the rest.
        let opens = session_id > 1 && sequence_id == 1 && closed.is_none();
        let verdict = integrity::verify(&waiting.record, waiting.protected, self.crypto.as_deref(), None);
        if verdict == Verdict::Genuine {
            self.peer_is_plain = waiting.record.payload_security == PayloadSecurity::Plaintext;
        }
        match verdict {
            Verdict::Genuine if opens => {}
            Verdict::Genuine => {
                return self.ignore(now, &format!("a Record of the unknown session {session_id}"));
            }
            Verdict::Forged(why) => return self.ignore(now, &why),
            Verdict::Later => return self.ignore(now, "a MAC of an unknown session"),
        }
        // Both started at the same time: of two sessions that nobody answered yet the larger id stays.
        if let State::Open(open) = &self.state
            && !open.heard
            && session_id < open.id
        {
            return;
        }
        waiting.verified = true;
        self.adopt(now, waiting);
    }

    /// R-E2E.4, R-E2E.6: the peer started a session.
    fn adopt(&mut self, now: Mono, waiting: Waiting) {
        let tls = match (waiting.record.payload_security, self.crypto.as_deref()) {
            (PayloadSecurity::Plaintext, _) if !self.wants_tls() => Ok(None),
            (PayloadSecurity::Plaintext, _) => Err("a plain session where TLS is wanted".to_owned()),
            (PayloadSecurity::Tls12, None) => Err("a session under TLS, and there is no key".to_owned()),
            (PayloadSecurity::Tls12, Some(crypto)) => {
                crypto.tls(TlsRole::Server, &self.peer).map(Some).map_err(|error| error.0)
            }
        };
        let tls = match tls {
            Ok(tls) => tls,
            Err(why) => return self.ignore(now, &why),
        };
        self.close();
        self.state = State::Open(Box::new(Context::new(now, waiting.context.session_id, false, tls)));
        self.with_open(now, |session, open| session.in_session(now, open, waiting));
    }

    /// R-E2E.23, R-E2E.24: the Record is ignored, and a new session started unless that is under way: one
    /// bad Record starts one session, however many of its kind are still on their way.
    fn ignore(&mut self, now: Mono, why: &str) {
        match &self.state {
            State::Open(open) if open.heard => {
                self.close();
                self.fail(now, why);
            }
            State::Down => self.start(now),
            _ => self.outputs.push_back(Output::Noticed(format!("ignored a Record: {why}"))),
        }
    }

    fn in_session(&mut self, now: Mono, open: &mut Context, mut waiting: Waiting) -> Result<(), Ending> {
        let sequence_id = waiting.context.sequence_id;
        // R-E2E.20 (2), R-E2E.25. A peer that sends it again has not heard that it is here.
        if sequence_id < open.rx_expected {
            let (crypto, tls) = (self.crypto.as_deref(), open.tls.as_deref());
            let genuine = || integrity::verify(&waiting.record, waiting.protected, crypto, tls);
            if solicits(open, &waiting.context) && genuine() == Verdict::Genuine {
                open.confirm_soon(now);
            }
            return Ok(());
        }
        if !waiting.verified {
            match integrity::verify(
                &waiting.record,
                waiting.protected,
                self.crypto.as_deref(),
                open.tls.as_deref(),
            ) {
                Verdict::Genuine => waiting.verified = true,
                Verdict::Later if sequence_id > open.rx_expected => {}
                Verdict::Later => return Err(failed("a MAC before the end of the handshake")),
                Verdict::Forged(why) if !open.heard => {
                    self.outputs.push_back(Output::Noticed(format!("ignored a Record: {why}")));
                    return Ok(());
                }
                Verdict::Forged(why) => return Err(Ending::Failed(why)),
            }
        }
        if waiting.verified {
            self.heard(now, open, &waiting)?;
        }
        if sequence_id > open.rx_expected {
            return wait_for_turn(now, open, waiting);
        }
        self.in_turn(now, open, waiting)?;
        // R-E2E.8
        if self.is_near_end(sequence_id) {
            return Err(Ending::Renewed("the peer's sequence ids are used up"));
        }
        self.pump(now, open)
    }

    /// R-E2E.8, R-E2E.9. A session holds two Records whatever the policy says.
    pub(super) fn is_near_end(&self, sequence_id: u64) -> bool {
        sequence_id >= self.policy.max_sequence_id.saturating_sub(SEQUENCE_RESERVE).max(2)
    }

    /// What a genuine Record says besides its payload, whether its turn has come or not.
    fn heard(&mut self, now: Mono, open: &mut Context, waiting: &Waiting) -> Result<(), Ending> {
        open.heard = true;
        self.heard = true;
        let record = &waiting.record;
        if !record.mac_signature.is_empty() && !record.sender_cert.is_empty() {
            self.certificate = Some(record.sender_cert.clone());
        }
        open.active = now;
        // R-E2E.19
        if waiting.record.payload_security != open.security() {
            return Err(failed("another payload_security within the session"));
        }
        let SessionContext { expected_id, sequence_id, .. } = waiting.context;
        if expected_id > open.tx_next {
            return Err(failed("it confirms what was never sent"));
        }
        let before = open.outgoing.bytes();
        let done = open.outgoing.confirm(expected_id);
        self.outputs.extend(done.into_iter().map(Output::Confirmed));
        if open.outgoing.bytes() < before {
            open.repeat = open.outgoing.oldest().and_then(|_| self.repetition(now));
        }
        // R-E2E.8, where Records before it are missing.
        if sequence_id > open.rx_expected && self.is_near_end(sequence_id) {
            return Err(Ending::Renewed("the peer's sequence ids are used up"));
        }
        Ok(())
    }

    /// R-E2E.20 (3): this Record, and those that waited for it.
    fn in_turn(&mut self, now: Mono, open: &mut Context, first: Waiting) -> Result<(), Ending> {
        let mut next = Some(first);
        while let Some(mut waiting) = next {
            if !waiting.verified {
                let crypto = self.crypto.as_deref();
                match integrity::verify(&waiting.record, waiting.protected, crypto, open.tls.as_deref()) {
                    Verdict::Genuine => waiting.verified = true,
                    Verdict::Forged(why) => return Err(Ending::Failed(why)),
                    Verdict::Later => return Err(failed("a MAC before the end of the handshake")),
                }
                self.heard(now, open, &waiting)?;
            }
            self.process(now, open, &waiting.context)?;
            next = open.early.take(open.rx_expected);
        }
        // What is behind the next gap has waited long enough.
        open.gap = (!open.early.is_empty()).then(|| Retry::due(now, SESSION_GAP_AFTER));
        Ok(())
    }

    fn process(&mut self, now: Mono, open: &mut Context, context: &SessionContext) -> Result<(), Ending> {
        open.rx_expected = context.sequence_id.saturating_add(1);
        if solicits(open, context) {
            open.confirm_soon(now);
        }
        let joined = open.reassembler.push(context).map_err(|fault| Ending::Failed(fault.to_string()))?;
        if let Some(bytes) = joined {
            self.payload(now, open, bytes)?;
        }
        if context.retransmit_id != 0 {
            let tries = self.policy.max_retransmit_tries;
            let again = open.outgoing.repeat(context.retransmit_id, tries);
            let again = again.map_err(|why| {
                Ending::Failed(format!("Record {} can't be sent again: {why:?}", context.retransmit_id))
            })?;
            self.outputs.push_back(Output::Send(again));
        }
        if open.is_ready() {
            // R-E2E.12
            self.retries = 0;
            self.failing_since = None;
        }
        Ok(())
    }

    fn payload(&mut self, now: Mono, open: &mut Context, bytes: Bytes) -> Result<(), Ending> {
        let Some(tls) = &mut open.tls else {
            self.outputs.push_back(Output::Deliver(bytes));
            return Ok(());
        };
        let signing = if tls.is_handshaking() { Signing::Signature } else { Signing::BySession };
        let read = tls.read(&bytes);
        if read.is_err() {
            // An alert goes out, and must not confirm the Record that it is about.
            open.rx_expected -= 1;
        }
        self.flush_tls(now, open, signing)?;
        let plaintext = read.map_err(|error| Ending::Failed(format!("TLS: {error}")))?;
        if !plaintext.is_empty() {
            self.outputs.push_back(Output::Deliver(Bytes::from(plaintext)));
        }
        Ok(())
    }
}

/// R-E2E.20 (1)
fn wait_for_turn(now: Mono, open: &mut Context, waiting: Waiting) -> Result<(), Ending> {
    if !open.early.keep(waiting) {
        return Err(failed("too much waits for a missing Record"));
    }
    open.gap.get_or_insert(Retry::after(now, SESSION_GAP_AFTER));
    Ok(())
}

/// Whether the sender wants to hear that it arrived. A Record that only confirms is never confirmed, or two
/// Endpoints would go on for ever; the one that starts a session always is.
fn solicits(open: &Context, context: &SessionContext) -> bool {
    let starts = context.sequence_id == 1 && !open.ours;
    !is_empty(&context.payload) || context.retransmit_id != 0 || starts
}

fn failed(why: &str) -> Ending {
    Ending::Failed(why.to_owned())
}
