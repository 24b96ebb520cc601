//! Notifications that come.

use std::time::Duration;

use tokio::time::Instant;
use usp_proto::notify::{Notification, Notify, NotifyResp};
use usp_proto::{Body, Msg, Request, Response};

use super::{Arrived, Bench};
use crate::verdict::Stop;

/// A notification, and the Message that brought it.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) msg_id: String,
    pub(crate) notify: Notify,
    /// When it came.
    pub(crate) at: Instant,
}

impl News {
    fn of(arrived: Arrived) -> Option<News> {
        let Body::Request(Request::Notify(notify)) = arrived.msg.body else { return None };
        Some(News { msg_id: arrived.msg.msg_id, notify, at: arrived.at })
    }

    /// What happened; every notification that decodes says it.
    pub(crate) fn what(&self) -> Result<&Notification, Stop> {
        let empty = || Stop::fail("a notification says what happened", "one kind", "none");
        self.notify.notification.as_ref().ok_or_else(empty)
    }
}

impl Bench {
    /// Waits for a notification that is meant.
    pub(crate) async fn news(
        &mut self,
        patience: Duration,
        meant: impl Fn(&Notify) -> bool,
    ) -> Result<Option<News>, Stop> {
        let deadline = Instant::now() + patience;
        let is_meant = |arrived: &Arrived| match &arrived.msg.body {
            Body::Request(Request::Notify(notify)) => meant(notify),
            _ => false,
        };
        loop {
            if let Some(at) = self.news.iter().position(is_meant) {
                return Ok(self.news.remove(at).and_then(News::of));
            }
            if !self.pump_pinging(deadline).await? {
                return Ok(None);
            }
        }
    }

    /// Waits for a notification of this subscription.
    pub(crate) async fn news_of(&mut self, patience: Duration, id: &str) -> Result<Option<News>, Stop> {
        self.news(patience, |notify| notify.subscription_id == id).await
    }

    /// Waits for a notification of this subscription, which has to come.
    pub(crate) async fn must_hear(&mut self, patience: Duration, id: &str) -> Result<News, Stop> {
        let none =
            || Stop::fail("a notification comes", format!("one within {} s", patience.as_secs()), "none");
        self.news_of(patience, id).await?.ok_or_else(none)
    }

    /// Acknowledges a notification under this subscription id.
    pub(crate) fn acknowledge(&mut self, news: &News, subscription_id: &str) -> Result<(), Stop> {
        let resp = NotifyResp { subscription_id: subscription_id.to_owned() };
        self.send_msg(&Msg::response(news.msg_id.clone(), Response::NotifyResp(resp)))
    }
}
