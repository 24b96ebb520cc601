//! A controller in this process: a machine per link, which keeps nothing. What happens is told by a channel.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use dm::{Mono, Now, Operation, Outcome};
use mtp::mqtt::broker::{self, Broker, ConnectFacts, Denied, Gate, Rights};
use mtp::mqtt::{Filter, Topic};
use mtp::ws::{ListenConfig, Listener};
use mtp::{
    AdmitAll, DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, PeerAuth, PeerCertificate, Peers,
    Role, Verdict,
};
use pki::ServerTls;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use usp_endpoint::EndpointId;
use usp_endpoint::controller::io::{Failure, Input, Notice, OnboardingPlan, Output, Ticket};
use usp_endpoint::controller::{ControllerConfig, ControllerMachine};

pub(crate) const CONTROLLER: &str = "proto::controller";

#[derive(Debug)]
pub(crate) enum Event {
    Up(Arc<Session>),
    Noticed(Notice),
    Answered(Ticket, Outcome),
    Failed(Failure),
    Onboarded(Result<(), String>),
}

const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn endpoint() -> EndpointId {
    EndpointId::receive(CONTROLLER).expect("it follows the rules")
}

/// Where the controller is behind a broker.
fn topic() -> Topic {
    "usp/controllers/proto::controller".parse().expect("a topic")
}

/// Lets everybody in, each to topics of its own.
struct Anybody;

impl Gate for Anybody {
    async fn admit(&self, facts: &ConnectFacts, _: Option<Arc<PeerCertificate>>) -> Result<Rights, Denied> {
        let agent = facts.endpoint_id.clone().ok_or(Denied::NotAuthorized)?;
        let own: Topic = format!("usp/agents/{agent}").parse().map_err(|_| Denied::NotAuthorized)?;
        Ok(Rights::of_endpoint(agent, PeerAuth::Unproven, &own, &[topic()]))
    }
}

/// A running controller; dropping it ends it.
pub(crate) struct Controller {
    pub(crate) addr: SocketAddr,
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    running: JoinHandle<()>,
}

impl Controller {
    /// Listens on a free port of loopback and onboards whoever asks for it.
    pub(crate) async fn start(plan: OnboardingPlan) -> Controller {
        Controller::with(plan, None).await
    }

    /// The same with TLS.
    pub(crate) async fn secure(plan: OnboardingPlan, tls: ServerTls) -> Controller {
        Controller::with(plan, Some(tls)).await
    }

    async fn with(plan: OnboardingPlan, tls: Option<ServerTls>) -> Controller {
        let (tell, events) = mpsc::unbounded_channel();
        let config = ListenConfig::new("/usp", endpoint(), Role::Controller);
        let listener = Listener::bind(ANYWHERE, tls, config).await.expect("loopback is there");
        let addr = listener.local_addr().expect("it is bound");
        let handler = Handler::new(plan, tell);
        let running =
            tokio::spawn(listener.run(Arc::new(handler), Arc::new(AdmitAll), std::future::pending()));
        Controller { addr, events, running }
    }

    /// Is behind a broker in this process.
    pub(crate) async fn behind_broker(plan: OnboardingPlan) -> Controller {
        let (tell, events) = mpsc::unbounded_channel();
        let listener = broker::Listener::bind(ANYWHERE, None, broker::ListenConfig::default());
        let listener = listener.await.expect("loopback is there");
        let addr = listener.local_addr().expect("it is bound");
        let broker = Broker::new(Arc::new(Anybody), [7; 32]);
        let attached = broker.attach(vec![Filter::below(&topic())], topic());
        let peers = Peers::anybody(Handler::new(plan, tell), 100);
        let running = tokio::spawn(async move {
            tokio::join!(
                listener.run(broker, std::future::pending()),
                attached.run(Role::Controller, &peers)
            );
        });
        Controller { addr, events, running }
    }

    /// What agents dial.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/usp", self.addr)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// One link and its machine.
pub(crate) struct Session {
    pub(crate) agent: EndpointId,
    pub(crate) peer: PeerAuth,
    machine: Mutex<ControllerMachine>,
    sender: LinkSender,
    plan: OnboardingPlan,
    tell: mpsc::UnboundedSender<Event>,
    origin: Instant,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Sends a request; its answer comes as an event.
    pub(crate) fn submit(&self, ticket: u64, operation: Operation) {
        let deadline = Mono(u64::MAX);
        self.feed(Input::Submit { ticket: Ticket(ticket), operation, deadline });
    }

    fn feed(&self, input: Input) {
        let mut machine = self.machine.lock().expect("no machine panics");
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let now = Now { mono: Mono::default() + self.origin.elapsed(), utc: None };
            machine.handle(now, input);
            while let Some(output) = machine.poll_output() {
                match output {
                    // The peer may have gone.
                    Output::Send(outbound) => drop(self.sender.send(outbound.record)),
                    Output::Store { ticket, notification } => {
                        inputs.push(Input::Stored(ticket));
                        if matches!(notification.what, Notice::OnBoardRequest { .. }) {
                            inputs.push(Input::Onboard(self.plan.clone()));
                        }
                        self.tell(Event::Noticed(notification.what));
                    }
                    Output::Answered { ticket, outcome } => self.tell(Event::Answered(ticket, outcome)),
                    Output::Failed { failure, .. } => self.tell(Event::Failed(failure)),
                    Output::Onboarded { result, .. } => self.tell(Event::Onboarded(result)),
                    _ => {}
                }
            }
        }
    }

    fn tell(&self, event: Event) {
        // A test that has seen enough does not listen any more.
        let _ = self.tell.send(event);
    }
}

struct Handler {
    config: Arc<ControllerConfig>,
    plan: OnboardingPlan,
    sessions: Mutex<BTreeMap<LinkId, Arc<Session>>>,
    tell: mpsc::UnboundedSender<Event>,
    origin: Instant,
}

impl Handler {
    fn new(plan: OnboardingPlan, tell: mpsc::UnboundedSender<Event>) -> Handler {
        let config = Arc::new(ControllerConfig::new(endpoint()));
        Handler { config, plan, sessions: Mutex::default(), tell, origin: Instant::now() }
    }
}

impl LinkHandler for Handler {
    fn up(&self, link: LinkUp) {
        let agent = link.eid.clone().expect("agents say who they are");
        link.sender.authorise();
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&link.link.0.to_le_bytes());
        let session = Arc::new(Session {
            agent: agent.clone(),
            peer: link.peer.clone(),
            machine: Mutex::new(ControllerMachine::new(self.config.clone(), agent, seed)),
            sender: link.sender,
            plan: self.plan.clone(),
            tell: self.tell.clone(),
            origin: self.origin,
        });
        session.feed(Input::LinkUp { return_path: link.return_path, contact: link.contact, peer: link.peer });
        self.sessions.lock().expect("no panics").insert(link.link, session.clone());
        session.tell(Event::Up(session.clone()));
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let session = self.sessions.lock().expect("no panics").get(&record.link).cloned();
        session.expect("a Record comes after its link").feed(Input::Record(record));
        Verdict::Accepted
    }

    fn down(&self, link: LinkId, _: DownReason) {
        self.sessions.lock().expect("no panics").remove(&link);
    }
}
