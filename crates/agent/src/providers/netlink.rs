//! The one netlink connection that all providers of the network share: dumps of links, addresses, routes
//! and neighbours, changes, and news of changes by others.
//!
//! What the kernel says is turned into plain values at once ([`facts`]); how those become rows of the data
//! model is for the providers.

pub mod facts;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{Stream, StreamExt, TryStreamExt};
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage as Message;
use rtnetlink::packet_route::neighbour::NeighbourMessage;
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::{Handle, LinkUnspec, MulticastGroup, RouteMessageBuilder, new_multicast_connection};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use self::facts::{Address, Link, Neighbour, Route};
use super::transaction::Step;
use crate::limits::{EVENT_GATHER, MAX_NETLINK_ROWS, NETLINK_MAX_AGE, NETLINK_TIMEOUT};

/// Why the kernel did not do or tell what was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NetlinkError {
    /// It said no.
    #[error("{0}")]
    Refused(String),
    /// It said nothing.
    #[error("the kernel does not answer")]
    TimedOut,
}

/// The connection. Clones share it.
#[derive(Clone)]
pub struct Netlink(Arc<Inner>);

struct Inner {
    handle: Handle,
    /// The kernel runs one dump per socket, and refuses a second one as busy.
    dumping: Mutex<()>,
    news: watch::Receiver<News>,
    links: Cache<Link>,
    addresses: Cache<Address>,
    routes: Cache<Route>,
    neighbours: Cache<Neighbour>,
}

/// How often something of each kind changed since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct News {
    /// Interfaces.
    pub links: u64,
    /// Addresses.
    pub addresses: u64,
    /// Routes.
    pub routes: u64,
    /// Neighbours.
    pub neighbours: u64,
}

/// The last dump of one kind.
struct Cache<T>(Mutex<Option<Dump<T>>>);

/// When it was made, what had changed until then, and what it told.
type Dump<T> = (Instant, u64, Arc<[T]>);

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache(Mutex::new(None))
    }
}

impl<T> Cache<T> {
    /// The last dump while it is fresh, else another one; those who come meanwhile wait for it.
    async fn get<F>(&self, news: u64, dump: impl FnOnce() -> F) -> Result<Arc<[T]>, NetlinkError>
    where
        F: Future<Output = Result<Vec<T>, NetlinkError>>,
    {
        let mut last = self.0.lock().await;
        if let Some((at, seen, rows)) = &*last
            && *seen == news
            && at.elapsed() <= NETLINK_MAX_AGE
        {
            return Ok(rows.clone());
        }
        let rows: Arc<[T]> =
            timeout(NETLINK_TIMEOUT, dump()).await.map_err(|_| NetlinkError::TimedOut)??.into();
        *last = Some((Instant::now(), news, rows.clone()));
        Ok(rows)
    }

    async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

impl Netlink {
    /// Opens the connection in the network namespace of the calling thread, and listens for changes.
    ///
    /// # Errors
    /// When the system has no netlink, or does not let us.
    pub fn open() -> std::io::Result<Netlink> {
        use MulticastGroup::{Ipv4Ifaddr, Ipv4Route, Ipv6Ifaddr, Ipv6Route, Link, Neigh};
        let groups = [Link, Neigh, Ipv4Ifaddr, Ipv6Ifaddr, Ipv4Route, Ipv6Route];
        let (connection, handle, mut messages) = new_multicast_connection(&groups)?;
        let (sender, news) = watch::channel(News::default());
        tokio::spawn(connection);
        tokio::spawn(async move {
            while let Some((message, _)) = messages.next().await {
                if let NetlinkPayload::InnerMessage(message) = message.payload {
                    sender.send_modify(|news| news.count(&message));
                }
            }
        });
        let (links, addresses) = (Cache::default(), Cache::default());
        let (routes, neighbours) = (Cache::default(), Cache::default());
        Ok(Netlink(Arc::new(Inner {
            handle,
            dumping: Mutex::new(()),
            news,
            links,
            addresses,
            routes,
            neighbours,
        })))
    }

    /// Tells of changes, as they come.
    pub fn news(&self) -> watch::Receiver<News> {
        self.0.news.clone()
    }

    /// All interfaces.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub async fn links(&self) -> Result<Arc<[Link]>, NetlinkError> {
        let dump = || self.dump(|| self.0.handle.link().get().execute(), |message| Link::read(&message));
        self.0.links.get(self.counted().links, dump).await
    }

    /// All addresses.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub async fn addresses(&self) -> Result<Arc<[Address]>, NetlinkError> {
        let dump =
            || self.dump(|| self.0.handle.address().get().execute(), |message| Address::read(&message));
        self.0.addresses.get(self.counted().addresses, dump).await
    }

    /// The routes of the main table.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub async fn routes(&self) -> Result<Arc<[Route]>, NetlinkError> {
        let dump = || async {
            let v4 = RouteMessageBuilder::<std::net::Ipv4Addr>::new().build();
            let v6 = RouteMessageBuilder::<std::net::Ipv6Addr>::new().build();
            let mut routes = self.dump_routes(v4).await?;
            // A kernel without IPv6 has no such routes.
            routes.extend(self.dump_routes(v6).await.unwrap_or_default());
            Ok(routes)
        };
        self.0.routes.get(self.counted().routes, dump).await
    }

    async fn dump_routes(&self, message: RouteMessage) -> Result<Vec<Route>, NetlinkError> {
        self.dump(|| self.0.handle.route().get(message).execute(), |message| Route::read(&message)).await
    }

    /// One dump at a time; the request leaves when its turn comes.
    async fn dump<M, T, S>(
        &self,
        start: impl FnOnce() -> S,
        read: impl Fn(M) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError>
    where
        S: Stream<Item = Result<M, rtnetlink::Error>>,
    {
        let _turn = self.0.dumping.lock().await;
        collect(start(), read).await
    }

    /// The neighbours whose link address is known.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub async fn neighbours(&self) -> Result<Arc<[Neighbour]>, NetlinkError> {
        let read = |message: NeighbourMessage| Neighbour::read(&message);
        let dump = || self.dump(|| self.0.handle.neighbours().get().execute(), read);
        self.0.neighbours.get(self.counted().neighbours, dump).await
    }

    /// Makes a change of the network's.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn change(&self, step: &Step) -> Result<(), NetlinkError> {
        let handle = &self.0.handle;
        let link = |index: u32| rtnetlink::LinkMessageBuilder::<LinkUnspec>::new().index(index);
        let done = async {
            match step {
                Step::Up { index, up: true } => handle.link().set(link(*index).up().build()).execute().await,
                Step::Up { index, up: false } => {
                    handle.link().set(link(*index).down().build()).execute().await
                }
                Step::Mtu { index, after, .. } => {
                    handle.link().set(link(*index).mtu(*after).build()).execute().await
                }
                Step::AddAddress { index, ip, prefix } => {
                    handle.address().add(*index, *ip, *prefix).execute().await
                }
                Step::DropAddress { index, ip, prefix } => {
                    let add = &mut handle.address().add(*index, *ip, *prefix);
                    handle.address().del(add.message_mut().clone()).execute().await
                }
                Step::File { .. } | Step::Setting { .. } | Step::Hook(_) => Ok(()),
            }
        };
        let result = timeout(NETLINK_TIMEOUT, done).await.map_err(|_| NetlinkError::TimedOut)?;
        self.0.links.forget().await;
        self.0.addresses.forget().await;
        self.0.routes.forget().await;
        result.map_err(refused)
    }

    fn counted(&self) -> News {
        *self.0.news.borrow()
    }
}

impl News {
    fn count(&mut self, message: &Message) {
        match message {
            Message::NewLink(_) | Message::DelLink(_) => self.links += 1,
            Message::NewAddress(_) | Message::DelAddress(_) => self.addresses += 1,
            Message::NewRoute(_) | Message::DelRoute(_) => self.routes += 1,
            Message::NewNeighbour(_) | Message::DelNeighbour(_) => self.neighbours += 1,
            _ => {}
        }
    }
}

/// Waits until something of what `which` picks has changed since it was `seen`, and a moment more for what comes with
/// it. What changes while that is read is news again. False when there will be no more.
pub async fn changed(news: &mut watch::Receiver<News>, which: fn(&News) -> u64, seen: &mut u64) -> bool {
    if news.wait_for(|now| which(now) != *seen).await.is_err() {
        return false;
    }
    tokio::time::sleep(EVENT_GATHER).await;
    *seen = which(&news.borrow());
    true
}

async fn collect<M, T>(
    messages: impl Stream<Item = Result<M, rtnetlink::Error>>,
    read: impl Fn(M) -> Option<T>,
) -> Result<Vec<T>, NetlinkError> {
    let mut messages = std::pin::pin!(messages);
    let mut rows = Vec::new();
    while let Some(message) = messages.try_next().await.map_err(refused)? {
        if rows.len() < MAX_NETLINK_ROWS {
            rows.extend(read(message));
        }
    }
    Ok(rows)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn refused(error: rtnetlink::Error) -> NetlinkError {
    NetlinkError::Refused(match &error {
        rtnetlink::Error::NetlinkError(message) => message.to_io().to_string(),
        other => other.to_string(),
    })
}

impl fmt::Debug for Netlink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Netlink")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_changes_while_a_report_is_made_is_news_again() {
        let (sender, mut news) = watch::channel(News::default());
        let (links, mut seen): (fn(&News) -> u64, _) = (|news| news.links, 0);
        sender.send_modify(|news| news.links += 1);
        assert!(changed(&mut news, links, &mut seen).await);
        sender.send_modify(|news| news.links += 1);
        sender.send_modify(|news| news.neighbours += 1);
        drop(sender);
        assert!(changed(&mut news, links, &mut seen).await, "the report of the first did not have it");
        assert!(!changed(&mut news, links, &mut seen).await, "there is no more");
    }
}
