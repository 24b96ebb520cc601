//! A controller in this process: a machine per link, which keeps nothing. What happens is told by a channel.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use dm::{Mono, Now, Operation, Outcome};
use mtp::ws::{ListenConfig, Listener};
use mtp::{AdmitAll, DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Role, Verdict};
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

/// A running controller; dropping it ends it.
pub(crate) struct Controller {
    pub(crate) addr: SocketAddr,
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    running: JoinHandle<()>,
}

impl Controller {
    /// Listens on a free port of loopback and onboards whoever asks for it.
    pub(crate) async fn start(plan: OnboardingPlan) -> Controller {
        let (tell, events) = mpsc::unbounded_channel();
        let endpoint = EndpointId::receive(CONTROLLER).expect("it follows the rules");
        let config = ListenConfig::new("/usp", endpoint.clone(), Role::Controller);
        let anywhere = "127.0.0.1:0".parse().expect("an address");
        let listener = Listener::bind(anywhere, None, config).await.expect("loopback is there");
        let addr = listener.local_addr().expect("it is bound");
        let machines = ControllerConfig::new(endpoint);
        let handler = Handler {
            config: Arc::new(machines),
            plan,
            sessions: Mutex::default(),
            tell,
            origin: Instant::now(),
        };
        let running =
            tokio::spawn(listener.run(Arc::new(handler), Arc::new(AdmitAll), std::future::pending()));
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
                    Output::Onboarded(end) => self.tell(Event::Onboarded(end)),
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

impl LinkHandler for Handler {
    fn up(&self, link: LinkUp) {
        let agent = link.eid.clone().expect("agents say who they are");
        link.sender.authorise();
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&link.link.0.to_le_bytes());
        let session = Arc::new(Session {
            machine: Mutex::new(ControllerMachine::new(self.config.clone(), agent, seed)),
            sender: link.sender,
            plan: self.plan.clone(),
            tell: self.tell.clone(),
            origin: self.origin,
        });
        session.feed(Input::LinkUp { return_path: link.return_path, peer: link.peer });
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
