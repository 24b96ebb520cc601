//! What a bench does in an end-to-end session. It numbers and signs as it should; a check may change any number before
//! a Record leaves.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use usp_proto::get::Get;
use usp_proto::record::{PayloadSarState, PayloadSecurity, SessionContext};
use usp_proto::session::{PayloadTls, Reassembler, mac_input, segment};
use usp_proto::{Msg, Record, RecordType, Request};

use super::{Arrived, Bench, push};
use crate::keys::leaf;
use crate::limits;
use crate::target::ENDPOINT;
use crate::verdict::Stop;

/// The parameters of sessions, below the row of a controller.
const SESSION: &str = "E2ESession.";

/// What a bench knows of sessions.
#[derive(Default)]
pub(super) struct SessionState {
    /// How many were begun in this run.
    begun: u64,
    open: Option<Open>,
    /// Records with a session, of whatever id, since the check began.
    heard: VecDeque<(Instant, Record)>,
}

/// Our side of one.
struct Open {
    id: u64,
    /// Number of our next Record.
    next: u64,
    /// Number of the agent's next Record.
    expected: u64,
    joined: Reassembler,
    tls: Option<Box<dyn PayloadTls>>,
    /// Our controller's `E2ESession.`
    object: String,
}

impl Bench {
    pub(super) fn begin_sessions(&mut self) {
        self.session.heard.clear();
    }

    /// The agent's parameters of sessions with us.
    pub(crate) async fn session_object(&mut self) -> Result<String, Stop> {
        Ok(format!("{}{SESSION}", self.own_row().await?))
    }

    /// Begins a session that nobody has spoken in yet.
    pub(crate) async fn open_session(&mut self, security: PayloadSecurity) -> Result<(), Stop> {
        let object = self.session_object().await?;
        let wanted = if security == PayloadSecurity::Tls12 { "TLS" } else { "Plaintext" };
        if self.value(&format!("{object}PayloadSecurity")).await?.is_some_and(|found| found != wanted) {
            self.change(&object, "PayloadSecurity", wanted).await?;
        }
        // What stands of an older session ends.
        self.change(&object, "SessionMode", "Forbid").await?;
        if self.set(false, &[(&object, &[("SessionMode", "Allow", true)])]).await?.is_err() {
            return Err(Stop::Error("SessionMode can't be Allow".to_owned()));
        }
        let tls = match security {
            PayloadSecurity::Plaintext => None,
            PayloadSecurity::Tls12 => Some(self.session_tls()?),
        };
        self.session.begun += 1;
        // Not one of an earlier run: an agent may remember those.
        let run =
            self.config.run.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(131).wrapping_add(byte.into()));
        let id = (run << 20 | self.session.begun).max(2);
        let joined = Reassembler::new(limits::MAX_FRAME);
        self.session.open = Some(Open { id, next: 1, expected: 1, joined, tls, object });
        self.others.clear();
        Ok(())
    }

    fn session_tls(&self) -> Result<Box<dyn PayloadTls>, Stop> {
        let no_keys =
            || Stop::Skip("TLS in sessions needs a certificate of ours: --tls or --keys".to_owned());
        let keys = self.config.keys.as_ref().ok_or_else(no_keys)?;
        let signed = || self.agent_cert.clone();
        let found = self.certificate().map(<[u8]>::to_vec).or_else(signed);
        let unknown = || Stop::Skip("the agent's certificate is not known".to_owned());
        keys.tls(self.agent()?, &found.ok_or_else(unknown)?).map_err(Stop::Error)
    }

    /// A session in which one Get was answered.
    pub(crate) async fn stand_session(&mut self) -> Result<(), Stop> {
        self.open_session(PayloadSecurity::Plaintext).await?;
        self.ask_in_session().await.map(drop)
    }

    /// The id of the session.
    pub(crate) fn session_id(&self) -> Result<u64, Stop> {
        Ok(self.opened()?.id)
    }

    fn opened(&self) -> Result<&Open, Stop> {
        self.session.open.as_ref().ok_or_else(|| Stop::Error("there is no session".to_owned()))
    }

    /// Another session in its place, which we begin with our next Record.
    pub(crate) fn replace_session(&mut self) -> Result<(), Stop> {
        let begun = self.session.begun + 1;
        let open = self.session.open.as_mut().ok_or_else(|| Stop::Error("there is no session".to_owned()))?;
        (open.id, open.next, open.expected) = (open.id + 1, 1, 1);
        open.joined = Reassembler::new(limits::MAX_FRAME);
        self.session.begun = begun;
        Ok(())
    }

    /// Our next Record in the session, with this payload.
    pub(crate) fn in_session(&mut self, payload: Vec<Bytes>) -> Result<SessionContext, Stop> {
        let open = self.session.open.as_mut().ok_or_else(|| Stop::Error("there is no session".to_owned()))?;
        open.next += 1;
        Ok(SessionContext {
            session_id: open.id,
            sequence_id: open.next - 1,
            expected_id: open.expected,
            retransmit_id: 0,
            payload_sar_state: PayloadSarState::None,
            payloadrec_sar_state: PayloadSarState::None,
            payload,
        })
    }

    /// A Get in our next Record; its id.
    pub(crate) fn get_in_session(&mut self) -> Result<(String, SessionContext), Stop> {
        let (id, msg) = self.a_get();
        Ok((id, self.in_session(vec![msg.encode()])?))
    }

    /// A Get in our next Records, of which no payload is longer than this; its id.
    pub(crate) fn segmented_get(&mut self, room: usize) -> Result<(String, Vec<SessionContext>), Stop> {
        let (id, msg) = self.a_get();
        let mut contexts = Vec::new();
        for part in segment(vec![msg.encode()], Some(room)) {
            let context = self.in_session(part.payload)?;
            contexts.push(SessionContext {
                payload_sar_state: part.payload_sar_state,
                payloadrec_sar_state: part.payloadrec_sar_state,
                ..context
            });
        }
        Ok((id, contexts))
    }

    fn a_get(&mut self) -> (String, Msg) {
        let id = self.next_id();
        (id.clone(), Msg::request(id, Request::Get(Get::new([ENDPOINT], 0))))
    }

    /// A Record of ours with this session, signed if we have keys.
    pub(crate) fn session_record(&self, context: SessionContext) -> Result<Record, Stop> {
        let mut record = self.record(Bytes::from_static(b"-"))?;
        record.payload_security = self.session_security();
        record.record_type = RecordType::Session(context);
        self.sign(&mut record)?;
        Ok(record)
    }

    /// Signs a Record if we have keys, or gives it its MAC once TLS has keys for that (R-E2E.33).
    pub(crate) fn sign(&self, record: &mut Record) -> Result<(), Stop> {
        let mac = self.session.open.as_ref().and_then(|open| open.tls.as_ref()?.mac(&mac_input(record)));
        match (mac, &self.config.keys) {
            (Some(mac), Some(_)) => {
                record.mac_signature = mac;
                Ok(())
            }
            (None, Some(keys)) => keys.sign(record).map_err(Stop::Error),
            (_, None) => Ok(()),
        }
    }

    /// Whether the agent's signature is right.
    ///
    /// # Errors
    /// With what is wrong.
    pub(crate) fn verify(&self, record: &Record) -> Result<(), String> {
        match &self.config.keys {
            Some(keys) => keys.verify(record),
            None => Err("we have no keys to look at it with".to_owned()),
        }
    }

    /// Whether its MAC is one of the TLS of the session.
    pub(crate) fn is_mac(&self, record: &Record) -> bool {
        let tls = self.session.open.as_ref().and_then(|open| open.tls.as_ref());
        tls.is_some_and(|tls| tls.verify_mac(&mac_input(record), &record.mac_signature))
    }

    /// A Get of much in our next Record, which is sent; its id.
    pub(crate) fn ask_much_in_session(&mut self) -> Result<String, Stop> {
        let id = self.next_id();
        let msg = Msg::request(id.clone(), Request::Get(Get::new(["Device."], 0)));
        let context = self.in_session(vec![msg.encode()])?;
        self.say_in_session(context)?;
        Ok(id)
    }

    fn session_security(&self) -> PayloadSecurity {
        match &self.session.open {
            Some(Open { tls: Some(_), .. }) => PayloadSecurity::Tls12,
            _ => PayloadSecurity::Plaintext,
        }
    }

    /// Sends a Record of the session.
    pub(crate) fn say_in_session(&mut self, context: SessionContext) -> Result<(), Stop> {
        let record = self.session_record(context)?;
        self.send(record.encode())
    }

    /// Asks something in the session, and waits for the answer.
    pub(crate) async fn ask_in_session(&mut self) -> Result<Arrived, Stop> {
        let (id, context) = self.get_in_session()?;
        self.say_in_session(context)?;
        self.must_answer(&id).await
    }

    /// The answer to a Get, which has to come.
    pub(crate) async fn must_answer(&mut self, id: &str) -> Result<Arrived, Stop> {
        let arrived = self.answer(id, limits::PATIENCE).await?;
        arrived.ok_or_else(|| Stop::fail("the Get in the session", "answered", "not answered"))
    }

    /// Confirms what came.
    pub(crate) fn confirm(&mut self) -> Result<(), Stop> {
        let context = self.in_session(Vec::new())?;
        self.say_in_session(context)
    }

    /// The Records with a session that came, and when.
    pub(crate) fn session_records(&self) -> impl Iterator<Item = (Instant, &Record, &SessionContext)> {
        self.session.heard.iter().filter_map(|(at, record)| match &record.record_type {
            RecordType::Session(context) => Some((*at, record, context)),
            _ => None,
        })
    }

    /// Forgets them.
    pub(crate) fn forget_session_records(&mut self) {
        self.session.heard.clear();
    }

    /// Waits for a Record with a session that is meant.
    pub(crate) async fn session_heard(
        &mut self,
        patience: Duration,
        meant: impl Fn(&SessionContext) -> bool,
    ) -> Result<Option<(Instant, SessionContext)>, Stop> {
        let deadline = Instant::now() + patience;
        loop {
            let found = self.session_records().find(|(.., context)| meant(context));
            if let Some((at, _, context)) = found {
                return Ok(Some((at, context.clone())));
            }
            if !self.pump(deadline).await? {
                return Ok(None);
            }
        }
    }

    /// Takes a Record with a session; false if it is not ours to take.
    pub(super) fn take_in_session(&mut self, record: &Record) -> Result<bool, Stop> {
        let RecordType::Session(context) = &record.record_type else { return Ok(false) };
        if !record.sender_cert.is_empty() {
            self.agent_cert = leaf(&record.sender_cert);
        }
        let Some(open) = &mut self.session.open else { return Ok(false) };
        push(&mut self.session.heard, (Instant::now(), record.clone()));
        if context.session_id != open.id || context.sequence_id != open.expected {
            return Ok(true);
        }
        open.expected += 1;
        let joined = match open.joined.push(context) {
            Ok(joined) => joined,
            Err(fault) => {
                self.broken.push(format!("segments that don't fit together: {fault}"));
                None
            }
        };
        let Some(payload) = joined else { return Ok(true) };
        let message = self.through_tls(payload)?;
        if message.is_empty() {
            return Ok(true);
        }
        match Msg::decode(&message) {
            Ok(msg) => {
                self.sort(Arrived { msg, record: record.clone(), payload: message, at: Instant::now() })?;
            }
            Err(error) => self.broken.push(format!("a Message that is wrong: {}", error.reason)),
        }
        Ok(true)
    }

    /// What a payload says, under TLS if there is one.
    fn through_tls(&mut self, payload: Bytes) -> Result<Bytes, Stop> {
        let Some(Open { tls: Some(tls), .. }) = &mut self.session.open else { return Ok(payload) };
        // R-E2E.33: what ends the handshake is signed as the rest of it.
        let has_keys = !tls.is_handshaking();
        let plain = tls
            .read(&payload)
            .map_err(|error| Stop::fail("the TLS in payloads", "TLS of the standard", error.0))?;
        self.flush_tls(has_keys)?;
        Ok(plain.into())
    }

    /// Sends what TLS has to say, with a MAC if it has the keys for that.
    fn flush_tls(&mut self, has_keys: bool) -> Result<(), Stop> {
        let Some(Open { tls: Some(tls), .. }) = &mut self.session.open else { return Ok(()) };
        let records = tls.take_records();
        if records.is_empty() {
            return Ok(());
        }
        let context = self.in_session(records)?;
        let mut record = self.session_record(context)?;
        if let (false, Some(keys)) = (has_keys, &self.config.keys) {
            keys.sign(&mut record).map_err(Stop::Error)?;
        }
        self.send(record.encode())
    }

    /// Shakes hands in a session of TLS, and asks something under it.
    pub(crate) async fn ask_under_tls(&mut self) -> Result<Arrived, Stop> {
        self.flush_tls(false)?;
        let deadline = Instant::now() + limits::PATIENCE;
        while matches!(&self.session.open, Some(Open { tls: Some(tls), .. }) if tls.is_handshaking()) {
            if !self.pump(deadline).await? {
                return Err(Stop::fail("the handshake of TLS in payloads", "complete", "not answered"));
            }
        }
        let (id, msg) = self.a_get();
        if let Some(Open { tls: Some(tls), .. }) = &mut self.session.open {
            tls.write(&msg.encode()).map_err(|error| Stop::Error(error.0))?;
        }
        self.flush_tls(true)?;
        self.must_answer(&id).await
    }

    /// Ends the session: later checks speak without.
    pub(super) async fn end_sessions(&mut self) {
        let Some(open) = self.session.open.take() else { return };
        if self.is_up {
            // Where it can't be forbidden, the next session takes its place.
            let _ = self.set(false, &[(&open.object, &[("SessionMode", "Forbid", true)])]).await;
        }
    }
}
