//! Clients that are connected and not let in yet: they wait for somebody's word, a few of each site, and not for
//! ever. They come back as often as they like, so that those who have waited for longest make room.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{ConnId, Machine, Timer};
use crate::mqtt::broker::limits::{MAX_WAIT, MAX_WAITING, MAX_WAITING_PER_ADDRESS};
use crate::mqtt::broker::rights::Rights;
use crate::mqtt::broker::strangers::network;
use crate::mqtt::broker::wire::code;

/// Who waits, in the order in which they came: numbers of connections only grow.
#[derive(Default)]
pub(super) struct Waiting {
    all: BTreeMap<ConnId, Waiter>,
    sites: BTreeMap<IpAddr, BTreeSet<ConnId>>,
}

struct Waiter {
    until: Duration,
    /// From where it came.
    site: Option<IpAddr>,
    rights: Arc<Rights>,
}

impl Waiting {
    fn enter(&mut self, id: ConnId, waiter: Waiter) {
        if let Some(site) = waiter.site {
            self.sites.entry(site).or_default().insert(id);
        }
        self.all.insert(id, waiter);
    }

    fn leave(&mut self, id: ConnId) -> Option<Duration> {
        let Waiter { until, site, .. } = self.all.remove(&id)?;
        if let Some(site) = site
            && let Some(of_site) = self.sites.get_mut(&site)
        {
            of_site.remove(&id);
            if of_site.is_empty() {
                self.sites.remove(&site);
            }
        }
        Some(until)
    }

    /// Who has to go before one more of this site may wait.
    fn crowded_out(&self, site: Option<IpAddr>) -> Option<ConnId> {
        let of_site = site.and_then(|site| self.sites.get(&site));
        match of_site {
            Some(of_site) if of_site.len() >= MAX_WAITING_PER_ADDRESS => of_site.first().copied(),
            _ if self.all.len() >= MAX_WAITING => self.all.keys().next().copied(),
            _ => None,
        }
    }
}

impl Machine {
    /// A client that is connected waits from now on.
    pub(super) fn wait(&mut self, now: Duration, id: ConnId, rights: Arc<Rights>) {
        let peer_addr = self.conns.get(&id).and_then(|conn| conn.peer_addr);
        let site = peer_addr.map(|addr| network(addr.ip()));
        if let Some(oldest) = self.waiting.crowded_out(site) {
            self.hang_up(now, oldest, code::QUOTA);
        }
        let until = now + MAX_WAIT;
        self.waiting.enter(id, Waiter { until, site, rights });
        self.timers.insert((until, Timer::Wait(id)));
    }

    /// It waits no more, whatever became of it.
    pub(super) fn end_wait(&mut self, id: ConnId) {
        if let Some(until) = self.waiting.leave(id) {
            self.timers.remove(&(until, Timer::Wait(id)));
        }
    }

    /// Lets those in who wait and whose rights are among these.
    pub fn let_in(&mut self, is_in: impl Fn(&Rights) -> bool) {
        let all = self.waiting.all.iter();
        let let_in: Vec<ConnId> =
            all.filter(|(_, waiter)| is_in(&waiter.rights)).map(|(id, _)| *id).collect();
        for id in let_in {
            self.end_wait(id);
        }
    }

    /// Whether a client is not let in yet: no packet of it may be longer than
    /// [`MAX_CONTROL_PACKET`](crate::mqtt::broker::limits::MAX_CONTROL_PACKET).
    pub fn is_waiting(&self, id: ConnId) -> bool {
        self.waiting.all.contains_key(&id)
    }
}
