//! Connections that break on purpose, whatever the transport: when they came and went.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use usp_proto::get::Get;
use usp_proto::{Record, Request};

use super::Bench;
use crate::limits;
use crate::link::{Arrival, Way};
use crate::mqtt::Version;
use crate::target::{ENDPOINT, Need};
use crate::verdict::Stop;
use crate::websocket::{Side, Socket};

/// What a bench knows of its connections.
#[derive(Default)]
pub(super) struct Connections {
    /// The certificate of the agent, DER.
    pub(super) certificate: Option<Vec<u8>>,
    /// One came to nothing.
    pub(super) has_failed: bool,
    /// One that is gone is no failure.
    may_break: bool,
    /// When they came, since the check began.
    ups: Vec<Instant>,
    /// When and why the last one went.
    down: Option<(Instant, String)>,
    /// An older one went.
    pub(super) has_replaced: bool,
    /// When the last one came, and went, whichever check it was in; and how long the agent waited between two.
    came: Option<Instant>,
    went: Option<Instant>,
    waited: Duration,
    /// One went that had to stay, and why.
    lost: Option<String>,
}

impl Bench {
    /// The transport.
    pub(crate) fn way(&self) -> &Way {
        &self.link.way
    }

    /// Whether the link has what a check needs of it; `None` where the need is of the model.
    pub(crate) fn link_offers(&self, need: Need) -> Option<bool> {
        let socket = match self.way() {
            Way::WebSocket(socket) => Some(socket),
            _ => None,
        };
        let is_of = |side: Side| socket.is_some_and(|socket| socket.side() == side);
        let is_secure = socket.is_some_and(Socket::is_secure);
        let is_unix = |side: Side| matches!(self.way(), Way::Unix(socket) if socket.side() == side);
        let speaks = |version: Version| self.mqtt_version().is_ok_and(|spoken| spoken == version);
        Some(match need {
            Need::WebSocket => socket.is_some(),
            Need::Dials => is_of(Side::AgentDials),
            Need::Listens => is_of(Side::AgentListens),
            Need::DialsSecurely => is_secure && is_of(Side::AgentDials),
            Need::ListensSecurely => is_secure && is_of(Side::AgentListens),
            Need::Proof => self.is_protected() || self.config.keys.is_some(),
            Need::Signed => !self.is_protected() && self.config.keys.is_some(),
            Need::Stomp => matches!(self.way(), Way::Stomp(_)),
            Need::BrokerSecurely => self.way().is_secure_broker(),
            Need::Unix => matches!(self.way(), Way::Unix(_)),
            Need::UnixDials => is_unix(Side::AgentDials),
            Need::UnixListens => is_unix(Side::AgentListens),
            Need::Mqtt => matches!(self.way(), Way::Mqtt(_)),
            Need::Mqtt5 => speaks(Version::V5),
            Need::Mqtt3 => speaks(Version::V3_1_1),
            _ => return None,
        })
    }

    /// Whether TLS shows each side who the other one is (R-E2E.28); a broker is neither.
    fn is_protected(&self) -> bool {
        matches!(self.way(), Way::WebSocket(socket) if socket.is_secure())
    }

    /// The certificate that the agent showed, DER.
    pub(crate) fn certificate(&self) -> Option<&[u8]> {
        self.connections.certificate.as_deref()
    }

    /// A connection that ends is no failure from now on, until the check ends.
    pub(crate) fn may_break(&mut self) {
        self.connections.may_break = true;
    }

    pub(super) fn begin_connections(&mut self) {
        let before = std::mem::take(&mut self.connections);
        self.connections = Connections {
            certificate: before.certificate,
            came: before.came,
            went: before.went,
            waited: before.waited,
            lost: before.lost,
            ..Connections::default()
        };
    }

    /// Good manners again, and a connection for the next check.
    pub(super) async fn end_connections(&mut self) {
        if !self.connections.may_break {
            return;
        }
        self.link.way.be_right();
        // What ends on purpose may be about to.
        let _ = self.pause(limits::POLL).await;
        self.connections.may_break = false;
        // An agent that does not come back is waited for before the next check.
        if self.reconnected(self.way().patience()).await.is_ok() {
            self.greeted().await;
        }
    }

    /// R-MTP.8: the agent speaks first, and is let.
    async fn greeted(&mut self) {
        let deadline = Instant::now() + limits::SILENCE;
        while self.greeting.is_none() && self.is_up && self.pump(deadline).await.unwrap_or(false) {}
    }

    /// Takes what has arrived already.
    pub(super) async fn catch_up(&mut self) {
        while let Ok(true) = self.pump(Instant::now()).await {}
    }

    /// # Errors
    /// A failure when a connection went that had to stay.
    pub(super) fn kept_connection(&mut self) -> Result<(), Stop> {
        self.connections.lost.take().map_or(Ok(()), |why| Err(lost(why)))
    }

    /// Sees to it that the agent is there before a check begins, and, when the check before this heard nothing of it,
    /// that it still answers. `before` is that check.
    ///
    /// # Errors
    /// With why no further check can be carried out.
    pub(crate) async fn ready(
        &mut self,
        patience: Duration,
        before: Option<&str>,
        was_silent: bool,
    ) -> Result<(), String> {
        self.catch_up().await;
        if let (Some(why), Some(before)) = (&mut self.connections.lost, before) {
            *why = format!("{why}, after {before} and before this check began");
        }
        self.present(patience).await?;
        if was_silent && !self.is_alive().await {
            // Only the connection may hang.
            self.may_break();
            self.forget_end();
            let _ = self.link.way.cut();
            let _ = self.gone(limits::HANDSHAKE).await;
            self.begin_connections();
            self.present(patience).await?;
            if !self.is_alive().await {
                return Err("the agent answers nothing any more, over a new connection either".to_owned());
            }
        }
        Ok(())
    }

    /// Waits for an agent that is away.
    async fn present(&mut self, patience: Duration) -> Result<(), String> {
        if self.is_up {
            return Ok(());
        }
        let patience = patience.max(self.way().patience());
        if self.reconnected(patience).await.is_err() {
            let seconds = patience.as_secs();
            return Err(format!("the agent went away, and did not come back within {seconds} s"));
        }
        self.greeted().await;
        Ok(())
    }

    /// Whether the agent answers a Get.
    async fn is_alive(&mut self) -> bool {
        self.ask(Request::Get(Get::new([ENDPOINT], 0))).await.is_ok()
    }

    pub(super) fn up(&mut self) {
        self.is_up = true;
        self.greeting = None;
        let now = Instant::now();
        self.connections.ups.push(now);
        self.connections.came = Some(now);
        if let Some(went) = self.connections.went {
            self.connections.waited = now - went;
        }
    }

    /// # Errors
    /// A failure, unless the check broke the connection itself.
    pub(super) async fn down(&mut self, why: String) -> Result<(), Stop> {
        self.is_up = false;
        self.connections.went = Some(Instant::now());
        if self.connections.may_break {
            self.connections.down = Some((Instant::now(), why));
            return Ok(());
        }
        let went = Instant::now();
        if let Err(stop) = self.reconnected(self.way().patience()).await {
            self.connections.lost = Some(format!("{why}; it did not come back"));
            return Err(stop);
        }
        let why = format!("{why}; it came back after {:.1} s", went.elapsed().as_secs_f64());
        self.connections.lost = Some(why.clone());
        Err(lost(why))
    }

    /// Waits until an agent that lost its connection is back: the next check needs it.
    async fn reconnected(&mut self, patience: Duration) -> Result<(), Stop> {
        let deadline = Instant::now() + patience;
        while !self.is_up {
            match timeout_at(deadline, self.link.arrivals.recv()).await {
                Ok(Some(Arrival::Up)) => self.up(),
                Ok(Some(
                    arrival @ (Arrival::Head(_)
                    | Arrival::Certificate(_)
                    | Arrival::Mqtt(_)
                    | Arrival::Stomp(_)
                    | Arrival::Unix(_)),
                )) => {
                    self.transport_arrival(arrival);
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => {
                    return Err(Stop::Error(
                        "the connection broke, and the agent did not come back".to_owned(),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Forgets that a connection went: that of another one counts.
    pub(crate) fn forget_end(&mut self) {
        self.connections.down = None;
    }

    /// Waits until the connection is gone; when.
    pub(crate) async fn gone(&mut self, patience: Duration) -> Result<Option<Instant>, Stop> {
        let deadline = Instant::now() + patience;
        while self.connections.down.is_none() && self.pump(deadline).await? {}
        Ok(self.connections.down.as_ref().map(|(at, _)| *at))
    }

    /// Waits until a connection comes; when.
    pub(crate) async fn back(&mut self, patience: Duration) -> Result<Option<Instant>, Stop> {
        let (deadline, before) = (Instant::now() + patience, self.ups());
        while self.ups() == before && self.pump(deadline).await? {}
        Ok(self.connections.ups.get(before).copied())
    }

    /// Waits until a connection comes, or comes to nothing: whether it stands.
    pub(crate) async fn stood(&mut self) -> Result<bool, Stop> {
        self.connections.has_failed = false;
        let (deadline, before) = (Instant::now() + self.way().patience(), self.ups());
        while !self.connections.has_failed && self.ups() == before {
            if !self.pump(deadline).await? {
                return Err(Stop::Error("there was no other handshake".to_owned()));
            }
        }
        Ok(self.ups() > before)
    }

    /// Waits until a connection that never stood is gone: whether it went.
    pub(crate) async fn failed(&mut self, patience: Duration) -> Result<bool, Stop> {
        let deadline = Instant::now() + patience;
        while !self.connections.has_failed && self.pump(deadline).await? {}
        Ok(self.connections.has_failed)
    }

    /// The first Record of the connection, if one comes before it is gone.
    pub(crate) async fn first_record(&mut self, patience: Duration) -> Result<Option<Record>, Stop> {
        let deadline = Instant::now() + patience;
        while self.greeting.is_none() && self.is_up && self.pump(deadline).await? {}
        Ok(self.greeting.clone())
    }

    /// Whether the connection that counts is gone.
    pub(crate) fn is_gone(&self) -> bool {
        !self.is_up
    }

    /// How many connections came since the check began.
    pub(crate) fn ups(&self) -> usize {
        self.connections.ups.len()
    }

    /// Waits until one of two connections is gone. The older one may have gone before the newer counted.
    pub(crate) async fn one_of_two_goes(&mut self, patience: Duration) -> Result<bool, Stop> {
        let deadline = Instant::now() + patience;
        let is_gone = |bench: &Bench| bench.connections.has_replaced || bench.connections.down.is_some();
        while !is_gone(self) && self.pump(deadline).await? {}
        Ok(is_gone(self))
    }

    /// Lets the connection last until it counts as a success: an agent may let its waits grow until then.
    pub(crate) async fn settle(&mut self) -> Result<(), Stop> {
        let lasted = self.connections.came.map_or(limits::SETTLED, |came| came.elapsed());
        self.pause(limits::SETTLED.saturating_sub(lasted)).await
    }

    /// Ends the connection; when it was gone.
    pub(crate) async fn cut(&mut self) -> Result<Instant, Stop> {
        self.may_break();
        match self.way() {
            // Any wait may be a long one.
            Way::Stomp(_) => self.settle().await?,
            Way::Mqtt(_) if self.connections.waited > limits::GROWN => self.settle().await?,
            _ => {}
        }
        self.connections.down = None;
        self.link.way.cut().map_err(Stop::Error)?;
        let gone = self.gone(limits::HANDSHAKE).await?;
        gone.ok_or_else(|| Stop::Error("the connection can't be ended".to_owned()))
    }

    /// Ends the connection, and waits for the next.
    pub(crate) async fn renew(&mut self) -> Result<Instant, Stop> {
        self.cut().await?;
        let back = self.back(self.way().patience()).await?;
        back.ok_or_else(|| Stop::Error("the agent did not come back".to_owned()))
    }
}

fn lost(why: String) -> Stop {
    Stop::fail("the agent keeps the connection", "an open connection", why)
}
