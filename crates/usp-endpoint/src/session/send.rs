//! Records that leave: Messages cut to size, bytes of a TLS handshake, confirmations.

use bytes::Bytes;
use dm::Mono;
use usp_proto::record::{PayloadSarState, PayloadSecurity, SessionContext};
use usp_proto::session::{Segment, segment};
use usp_proto::{Record, RecordType, Version};

use super::Session;
use super::context::{Context, Ending};
use super::integrity;
use super::io::{Output, Ticket};
use crate::limits::{MAX_UNCONFIRMED_BYTES, MAX_UNCONFIRMED_RECORDS};

/// The longest DER of an ECDSA signature on P-256.
const SIGNATURE_BYTES: usize = 72;

/// Key and length of the session's field, and the lengths of it and of the Record.
const NESTING_BYTES: usize = 8;

impl Session {
    /// Sends what waits, as far as the session lets it.
    pub(super) fn pump(&mut self, now: Mono, context: &mut Context) -> Result<(), Ending> {
        while context.is_ready()
            && let Some((_, message)) = self.queue.front()
        {
            // R-E2E.9: upon the next contact.
            if self.is_near_end(context.tx_next - 1) {
                return Err(Ending::Renewed("its sequence ids are used up"));
            }
            let room = context.outgoing.has_room(message.len(), MAX_UNCONFIRMED_BYTES);
            if !room && context.outgoing.bytes() > 0 {
                break;
            }
            let (ticket, message) = self.queue.pop_front().expect("it was just looked at");
            self.queue_bytes -= message.len();
            let records = match &mut context.tls {
                None => vec![message],
                Some(tls) => {
                    tls.write(&message).map_err(|error| Ending::Failed(error.0))?;
                    tls.take_records()
                }
            };
            self.transmit_all(now, context, records, Some(ticket), Signing::BySession)?;
        }
        Ok(())
    }

    /// Sends the bytes that TLS wants to be sent. While they belong to the handshake they are signed: the
    /// peer has the keys of a MAC only once it has read them.
    pub(super) fn flush_tls(
        &mut self,
        now: Mono,
        context: &mut Context,
        signing: Signing,
    ) -> Result<(), Ending> {
        let records = context.tls.as_mut().map(|tls| tls.take_records()).unwrap_or_default();
        if records.is_empty() { Ok(()) } else { self.transmit_all(now, context, records, None, signing) }
    }

    /// A Record without payload: it confirms, starts a session, or asks for a Record to be sent again.
    pub(super) fn transmit_empty(
        &mut self,
        now: Mono,
        context: &mut Context,
        retransmit_id: u64,
    ) -> Result<(), Ending> {
        let whole = PayloadSarState::None;
        // Some peers of plain sessions want one entry, and that it is empty.
        let payload = if context.tls.is_none() { vec![Bytes::new()] } else { Vec::new() };
        let segment = Segment { payload_sar_state: whole, payloadrec_sar_state: whole, payload };
        self.transmit(now, context, segment, retransmit_id, None, Signing::BySession)
    }

    fn transmit_all(
        &mut self,
        now: Mono,
        context: &mut Context,
        records: Vec<Bytes>,
        ticket: Option<Ticket>,
        signing: Signing,
    ) -> Result<(), Ending> {
        let segments = segment(records, self.room(context));
        let last = segments.len().saturating_sub(1);
        for (at, segment) in segments.into_iter().enumerate() {
            let ends = ticket.filter(|_| at == last);
            self.transmit(now, context, segment, 0, ends, signing)?;
        }
        Ok(())
    }

    fn transmit(
        &mut self,
        now: Mono,
        context: &mut Context,
        segment: Segment,
        retransmit_id: u64,
        ends: Option<Ticket>,
        signing: Signing,
    ) -> Result<(), Ending> {
        if context.outgoing.count() >= MAX_UNCONFIRMED_RECORDS {
            return Err(Ending::Failed("the peer confirms nothing".to_owned()));
        }
        let sequence_id = context.tx_next;
        let starts = sequence_id == 1 && context.ours;
        let solicits = !is_empty(&segment.payload) || retransmit_id != 0 || starts;
        let mut record = self.record(
            context.security(),
            SessionContext {
                session_id: context.id,
                sequence_id,
                expected_id: context.rx_expected, // R-E2E.17
                retransmit_id,
                payload_sar_state: segment.payload_sar_state,
                payloadrec_sar_state: segment.payloadrec_sar_state,
                payload: segment.payload,
            },
        );
        if self.policy.sign {
            let crypto = self.crypto.as_deref();
            let crypto = crypto.ok_or_else(|| Ending::Failed("there is no key to sign with".to_owned()))?;
            let tls = context.tls.as_deref().filter(|_| signing == Signing::BySession);
            integrity::protect(&mut record, crypto, tls).map_err(|error| Ending::Failed(error.0))?;
        }
        let record = record.encode();
        context.tx_next += 1; // R-E2E.15
        context.outgoing.push(sequence_id, record.clone(), solicits, ends);
        context.confirm_at = None;
        context.active = now;
        if solicits && context.repeat.is_none() {
            context.repeat = self.repetition(now);
        }
        self.outputs.push_back(Output::Send(record));
        Ok(())
    }

    fn record(&self, security: PayloadSecurity, context: SessionContext) -> Record {
        let mut record = Record::new(&self.me, &self.peer, Version::CURRENT, RecordType::Session(context));
        record.payload_security = security;
        record
    }

    /// Bytes for the payload of one Record. A limit that a Record without payload reaches already leaves the
    /// least room.
    fn room(&self, context: &Context) -> Option<usize> {
        let limit = self.policy.max_record_bytes;
        if limit == 0 {
            return None;
        }
        let complete = PayloadSarState::Complete;
        let mut longest = self.record(
            context.security(),
            SessionContext {
                session_id: u64::MAX,
                sequence_id: u64::MAX,
                expected_id: u64::MAX,
                retransmit_id: 0,
                payload_sar_state: complete,
                payloadrec_sar_state: complete,
                payload: Vec::new(),
            },
        );
        if let Some(crypto) = self.crypto.as_deref().filter(|_| self.policy.sign) {
            longest.mac_signature = Bytes::from_static(&[0; SIGNATURE_BYTES]);
            if !(context.tls.is_some() && context.is_ready()) {
                longest.sender_cert = crypto.certificate();
            }
        }
        Some(limit.saturating_sub(longest.encode().len() + NESTING_BYTES))
    }
}

/// Whether nothing is in a payload: no entry, or none with bytes.
pub(super) fn is_empty(payload: &[Bytes]) -> bool {
    payload.iter().all(Bytes::is_empty)
}

/// What a Record that leaves carries, where it carries anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Signing {
    /// A signature in any case.
    Signature,
    /// A MAC where TLS has keys for it, else a signature.
    BySession,
}
