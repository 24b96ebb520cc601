//! Server-sent events: a reader of the event log that writes what it reads into one response.
//!
//! There is no queue per client. A stream reads the log when the client has taken what came before, so a
//! slow client costs nothing but its place in the log; one that takes too long is dropped, and may resume
//! where it was. A stream ends when the credential that opened it does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fleet::event::{Event, EventKind};
use fleet::filter::Filter;
use fleet::port::Store;
use fleet::{DeviceId, Reach, Seq};
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout};

use crate::app::App;
use crate::auth::{Credential, Who};
use crate::catalogue::Known;
use crate::dto::event::Event as Printed;
use crate::limits;
use crate::problem::Problem;

/// Which events a client wants.
pub(crate) struct Wanted {
    pub(crate) filter: Option<Filter>,
    pub(crate) device: Option<DeviceId>,
    /// Empty for every kind.
    pub(crate) kinds: Vec<EventKind>,
}

/// Opens a stream of what follows `after`, or of what happens from now on.
pub(crate) async fn open<S: Store>(
    app: App<S>,
    who: Who,
    wanted: Wanted,
    after: Option<Seq>,
) -> Result<Response, Problem> {
    let permit = std::sync::Arc::clone(app.streams()).try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "full")
            .detail(format!("{} event streams are open already", limits::STREAMS))
            .retry_after(30)
    })?;
    let log = app.gateway().events();
    let last = app.store().last_event().await?;
    // A position from before a restored backup may lie in the future; it would skip what comes now.
    let after = after.map_or(last, |after| after.min(last));
    let reader = Reader {
        reach: who.caller.reach,
        credential: who.credential,
        app,
        wanted,
        after,
        log,
        greeted: false,
        given: Instant::now(),
        checked: Instant::now(),
        _permit: permit,
    };
    let body = Body::from_stream(stream::unfold(reader, |mut reader| async move {
        let piece = reader.next().await?;
        reader.given = Instant::now();
        Some((Ok::<Bytes, Infallible>(piece), reader))
    }));
    // Proxies are asked not to hold events back.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, body).into_response())
}

struct Reader<S> {
    app: App<S>,
    reach: Reach,
    credential: Credential,
    wanted: Wanted,
    after: Seq,
    log: watch::Receiver<Seq>,
    greeted: bool,
    /// When the client was last given something.
    given: Instant,
    /// When its credential was last found to hold.
    checked: Instant,
    _permit: OwnedSemaphorePermit,
}

impl<S: Store> Reader<S> {
    /// The next piece of the stream; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(Bytes::from_static(b"retry: 2000\n: following\n\n"));
        }
        if self.given.elapsed() > limits::STREAM_SLOW {
            tracing::debug!("an event stream was dropped: its client is too slow");
            return None;
        }
        let heartbeat = Instant::now() + limits::STREAM_HEARTBEAT;
        loop {
            if self.checked.elapsed() >= limits::STREAM_HEARTBEAT {
                self.credential.identify(&self.app).await.ok()?;
                self.checked = Instant::now();
            }
            // Looked at before the log is read, so that nothing stored in between is overlooked.
            self.log.mark_unchanged();
            let events = self.app.store().events_after(self.reach, self.after, limits::STREAM_BATCH);
            let events =
                events.await.inspect_err(|error| tracing::warn!(%error, "an event stream ended")).ok()?;
            if let Some(last) = events.last() {
                self.after = last.seq;
                let text = self.print(events).await?;
                if !text.is_empty() {
                    return Some(Bytes::from(text));
                }
                continue;
            }
            let left = heartbeat.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(Bytes::from(format!(": alive\nid: {}\n\n", self.after.0)));
            }
            if let Ok(Err(_)) = timeout(left, self.log.changed()).await {
                return None;
            }
        }
    }

    async fn print(&self, events: Vec<Event>) -> Option<String> {
        let (mut devices, known) = (BTreeMap::new(), self.app.known());
        let mut text = String::new();
        for event in events {
            if self.is_wanted(&event, &mut devices).await? {
                frame(&mut text, event, &known);
            }
        }
        Some(text)
    }

    async fn is_wanted(&self, event: &Event, devices: &mut BTreeMap<DeviceId, bool>) -> Option<bool> {
        let kind = self.wanted.kinds.is_empty() || self.wanted.kinds.contains(&event.body.kind);
        let device = self.wanted.device.is_none_or(|device| event.device == Some(device));
        let (Some(filter), true) = (&self.wanted.filter, kind && device) else { return Some(kind && device) };
        let Some(id) = event.device else { return Some(false) };
        if let Some(known) = devices.get(&id) {
            return Some(*known);
        }
        let device = self.app.store().device(self.reach, id).await.ok()?;
        let matches = device.is_some_and(|device| filter.matches(&device, self.app.now()));
        if devices.len() < limits::STREAM_DEVICES {
            devices.insert(id, matches);
        }
        Some(matches)
    }
}

/// One event. JSON holds no line breaks, so the data is one line.
fn frame(text: &mut String, event: Event, known: &Known) {
    let (seq, kind) = (event.seq.0, event.body.kind.as_str());
    let data = serde_json::to_string(&Printed::new(event, known)).expect("an event is texts and numbers");
    write!(text, "id: {seq}\nevent: {kind}\ndata: {data}\n\n").expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use super::{Known, frame};
    use dm::UtcTime;
    use fleet::event::{Event, EventBody, EventKind};
    use fleet::{Seq, TenantId};

    #[test]
    fn an_event_is_one_frame_whatever_it_holds() {
        let event = Event {
            seq: Seq(7),
            tenant: TenantId::DEFAULT,
            device: None,
            at: UtcTime(1_700_000_000_000_000),
            body: EventBody::new(EventKind::Pending).at_path("os::A-1\n\ndata: x").with("a", "b\r\nid: 9"),
        };
        let mut text = String::new();
        frame(&mut text, event, &Known::default());
        assert_eq!(
            text,
            "id: 7\nevent: pending\ndata: {\"seq\":7,\"at\":\"2023-11-14T22:13:20Z\",\"device\":null,\
             \"kind\":\"pending\",\"path\":\"os::A-1\\n\\ndata: x\",\"params\":{\"a\":\"b\\r\\nid: 9\"},\
             \"duplicate\":false,\"job\":null}\n\n"
        );
    }
}
