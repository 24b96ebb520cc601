//! How a client's connection begins and ends, and what becomes of its session.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::rand_core::RngCore;

use super::publish::judge;
use super::{Conn, ConnId, Effect, Machine, Session, Timer};
use crate::mqtt::Version;
use crate::mqtt::broker::limits::{
    MAX_CLIENT_ID, MAX_KEEP_ALIVE_S, MAX_SESSION_EXPIRY, MAX_SESSIONS, MAX_SESSIONS_PER_IDENTITY,
};
use crate::mqtt::broker::queue::Queue;
use crate::mqtt::broker::rights::Rights;
use crate::mqtt::broker::tree::Who;
use crate::mqtt::broker::wire::{self, Accepted, Connect, Will, code};

/// Somebody who was admitted.
#[derive(Clone, Debug)]
pub struct Client {
    /// What it may do.
    pub rights: Rights,
    /// The other end of the socket.
    pub peer_addr: Option<SocketAddr>,
}

impl Machine {
    /// CONNECT of somebody who was admitted. CONNACK is the first thing to write.
    ///
    /// # Errors
    /// The reason code of the refusal, which the host writes.
    pub fn connect(&mut self, now: Duration, connect: &Connect, client: Client) -> Result<ConnId, u8> {
        let rights = Arc::new(client.rights);
        let waits = rights.waits;
        let will = judge_will(connect, &rights)?;
        let (client_id, assigned) = self.client_id(connect)?;
        let name = (rights.identity.clone(), client_id.clone());
        let earlier = self.names.get(&name).copied();
        if let Some(conn) =
            earlier.and_then(|number| self.sessions.get(&number)).and_then(|session| session.conn)
        {
            self.hang_up(now, conn, code::TAKEN_OVER);
        }
        if connect.clean_start
            && let Some(number) = earlier
        {
            self.end_session(now, number);
        }
        // The take-over, too, may have ended it.
        let present = self.names.get(&name).copied();
        let number = match present {
            Some(number) => number,
            None => {
                self.make_room(now, &rights)?;
                let number = self.next_number();
                self.names.insert(name, number);
                self.sessions
                    .insert(number, Box::new(Session::new(rights.clone(), client_id.clone(), connect)));
                number
            }
        };
        let id = ConnId(self.next_number());
        // What is kept of those who wait ends with their connection.
        let expiry = if waits { Duration::ZERO } else { expiry(connect.session_expiry_s) };
        self.resume(number, id, connect.version, expiry, rights.clone());
        let keep_alive_s = match connect.keep_alive_s {
            asked @ 1..=MAX_KEEP_ALIVE_S => asked,
            _ => MAX_KEEP_ALIVE_S,
        };
        let expiry_s = u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX);
        let accepted = Accepted {
            session_present: present.is_some(),
            assigned_client_id: assigned.then_some(&*client_id),
            session_expiry_s: (expiry_s != connect.session_expiry_s).then_some(expiry_s),
            keep_alive_s: (keep_alive_s != connect.keep_alive_s).then_some(keep_alive_s),
            retain: rights.retain,
            response_information: rights
                .response_information
                .as_ref()
                .filter(|_| connect.wants_response_information),
            offered: &rights.offered,
        };
        let connack = wire::connack(connect.version, &accepted);
        let patience = Duration::from_secs(u64::from(keep_alive_s)) * 3 / 2;
        let conn = Conn {
            session: number,
            version: connect.version,
            peer_addr: client.peer_addr,
            identity: rights.identity.clone(),
            patience,
            heard: now,
            silence_at: now + patience,
            held_up: false,
            max_packet: connect.max_packet as usize,
            window: Conn::new_window(connect.receive_maximum),
            control: VecDeque::new(),
            closing: false,
            refusals: 0,
            will: will.map(Box::new),
        };
        self.conns.insert(id, Box::new(conn));
        self.timers.insert((now + patience, Timer::Silence(id)));
        self.control(id, connack);
        if waits {
            self.wait(now, id, rights);
        }
        Ok(id)
    }

    /// R-MQTT.47, and the assigned id of R-MQTT.9.
    fn client_id(&mut self, connect: &Connect) -> Result<(Arc<str>, bool), u8> {
        if connect.client_id.len() > MAX_CLIENT_ID || connect.client_id.contains('\0') {
            return Err(code::CLIENT_ID);
        }
        if !connect.client_id.is_empty() {
            return Ok((connect.client_id.as_str().into(), false));
        }
        // MQTT-3.1.3-8: in 3.1.1 nobody could come back to such a session.
        if connect.version == Version::V3_1_1 && !connect.clean_start {
            return Err(code::CLIENT_ID);
        }
        let chosen = format!("cusp-{:016x}{:016x}", self.chance.next_u64(), self.chance.next_u64());
        Ok((chosen.into(), connect.version == Version::V5))
    }

    /// A session without a connection makes room for a new one of the same identity.
    fn make_room(&mut self, now: Duration, rights: &Rights) -> Result<(), u8> {
        let first = (rights.identity.clone(), "".into());
        let own: Vec<u64> = self
            .names
            .range(first..)
            .take_while(|((identity, _), _)| *identity == rights.identity)
            .map(|(_, number)| *number)
            .collect();
        if own.len() >= MAX_SESSIONS_PER_IDENTITY {
            let idle =
                |number: &&u64| self.sessions.get(number).is_some_and(|session| session.conn.is_none());
            let oldest = own.iter().filter(idle).min().copied().ok_or(code::QUOTA)?;
            self.end_session(now, oldest);
        }
        if self.sessions.len() >= MAX_SESSIONS { Err(code::QUOTA) } else { Ok(()) }
    }

    /// The session is this connection's from now on.
    fn resume(&mut self, number: u64, id: ConnId, version: Version, expiry: Duration, rights: Arc<Rights>) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        session.conn = Some(id);
        (session.version, session.expiry) = (version, expiry);
        session.queue.repeat();
        // Rights may be narrower than they were.
        let (kept, gone) = session.filters.drain(..).partition(|filter| rights.may_subscribe(filter));
        session.filters = kept;
        for filter in gone {
            self.tree.remove(&filter, Who::Session(number));
        }
        session.rights = rights;
        // MQTT-3.1.3-9: the client is back before its will was due.
        session.will = None;
        self.cancel(number);
    }

    /// The timers of a session without a connection.
    fn cancel(&mut self, number: u64) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        for (at, timer) in
            [(session.expiry_at.take(), Timer::Expiry(number)), (session.will_at.take(), Timer::Will(number))]
        {
            if let Some(at) = at {
                self.timers.remove(&(at, timer));
            }
        }
    }

    /// Ends the sessions of those who are not to be here any more, with what waits in them, and their connections.
    pub fn expel(&mut self, now: Duration, is_out: impl Fn(&Rights) -> bool) {
        let out = self.sessions.iter().filter(|(_, session)| is_out(&session.rights));
        let out: Vec<(u64, Option<ConnId>)> = out.map(|(number, session)| (*number, session.conn)).collect();
        for (number, conn) in out {
            // Nothing is said in its name any more.
            if let Some(conn) = conn {
                self.conns.get_mut(&conn).into_iter().for_each(|conn| conn.will = None);
                self.hang_up(now, conn, code::NOT_AUTHORIZED);
            }
            self.sessions.get_mut(&number).into_iter().for_each(|session| session.will = None);
            self.end_session(now, number);
        }
    }

    /// DISCONNECT.
    pub(super) fn leave(&mut self, now: Duration, id: ConnId, reason: u8, session_expiry_s: Option<u32>) {
        let Some(session) = self.session_of(id) else { return };
        if let Some(seconds) = session_expiry_s {
            if session.expiry.is_zero() && seconds != 0 {
                return self.fault(
                    now,
                    id,
                    wire::Fault::new(code::PROTOCOL, "a session expiry that was not asked for"),
                );
            }
            session.expiry = expiry(seconds);
        }
        self.detach_conn(now, id, reason == code::WITH_WILL);
        self.close(id);
    }

    /// Ends a connection from our side, the will included, and says why where the version can.
    pub(super) fn hang_up(&mut self, now: Duration, id: ConnId, reason: u8) {
        if let Some(version) = self.version_of(id)
            && let Some(packet) = wire::disconnect(version, reason)
        {
            self.control(id, packet);
        }
        self.detach_conn(now, id, true);
        self.close(id);
    }

    fn close(&mut self, id: ConnId) {
        self.end_wait(id);
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.closing = true;
            self.effects.push(Effect::Wake(id));
        }
    }

    /// Parts a connection from its session, which goes on alone for its time, or ends.
    pub(super) fn detach_conn(&mut self, now: Duration, id: ConnId, with_will: bool) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let (number, will) = (conn.session, conn.will.take().filter(|_| with_will));
        let Some(session) = self.sessions.get_mut(&number).filter(|session| session.conn == Some(id)) else {
            return;
        };
        session.conn = None;
        let expiry = session.expiry;
        if let Some(will) = will {
            let due = now + will.delay;
            session.will = Some(will);
            if due > now {
                session.will_at = Some(due);
                self.timers.insert((due, Timer::Will(number)));
            } else {
                self.will_due(now, number);
            }
        }
        if expiry.is_zero() {
            self.end_session(now, number);
        } else if let Some(session) = self.sessions.get_mut(&number) {
            session.expiry_at = Some(now + expiry);
            self.timers.insert((now + expiry, Timer::Expiry(number)));
        }
    }

    /// Forgets a session, with everything that waits in it. Its will is due at the latest now.
    pub(super) fn end_session(&mut self, now: Duration, number: u64) {
        self.will_due(now, number);
        self.cancel(number);
        let Some(session) = self.sessions.remove(&number) else { return };
        for filter in &session.filters {
            self.tree.remove(filter, Who::Session(number));
        }
        self.held -= session.queue.bytes();
        self.names.remove(&(session.rights.identity.clone(), session.client_id.clone()));
    }

    pub(super) fn will_due(&mut self, now: Duration, number: u64) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        if let Some(will) = session.will.take() {
            let (version, rights) = (session.version, session.rights.clone());
            self.publish_will(now, number, version, &rights, will.message);
        }
    }
}

impl Session {
    fn new(rights: Arc<Rights>, client_id: Arc<str>, connect: &Connect) -> Session {
        Session {
            rights,
            client_id,
            version: connect.version,
            conn: None,
            expiry: Duration::ZERO,
            filters: Vec::new(),
            queue: Queue::default(),
            unreleased: BTreeSet::new(),
            will: None,
            will_at: None,
            expiry_at: None,
        }
    }
}

fn expiry(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds)).min(MAX_SESSION_EXPIRY)
}

/// What holds for a message holds for a will, before the client is let in.
fn judge_will(connect: &Connect, rights: &Rights) -> Result<Option<Will>, u8> {
    let Some(will) = &connect.will else { return Ok(None) };
    if will.message.retain && !rights.retain && connect.version == Version::V5 {
        return Err(code::RETAIN);
    }
    match judge(&will.message, connect.version, rights) {
        Ok(()) => Ok(Some(will.clone())),
        Err(_) => Err(code::NOT_AUTHORIZED),
    }
}
