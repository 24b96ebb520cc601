//! A device and a host around a machine.

use std::time::Duration;

use cwmp_endpoint::acs::{Input, Output, Reply, Session, Ticket};
use cwmp_proto::rpc::{
    AcsRequest, CpeRequest, CpeResponse, DeviceId, GetParameterValues, GetParameterValuesResponse, Inform,
    ParameterValue, Reboot, TransferComplete,
};
use cwmp_proto::{
    Body, CwmpVersion, Envelope, Fault, FaultCode, FromAcs, FromCpe, Header, Namespace, Style, Value,
};
use dm::Mono;

/// A session, its time, and what it has said.
pub(crate) struct World {
    pub(crate) session: Session,
    now: Mono,
    calls: u64,
}

pub(crate) const JOB: Ticket = Ticket(7);

impl World {
    pub(crate) fn new() -> World {
        let now = Mono(1_000_000);
        World { session: Session::new(now), now, calls: 0 }
    }

    /// One whose Inform was answered.
    pub(crate) fn open() -> World {
        let mut world = World::new();
        let ticket = world.informs(Header::with_id("i"));
        world.tell(Input::Kept(ticket));
        world
    }

    /// One in which we have the word.
    pub(crate) fn ours() -> World {
        let mut world = World::open();
        assert_eq!(world.post(Vec::new()), [Output::Idle]);
        world
    }

    /// One that has sent [`get`].
    pub(crate) fn asked() -> World {
        let mut world = World::ours();
        world.call(get());
        world
    }

    pub(crate) fn tell(&mut self, input: Input) -> Vec<Output> {
        self.session.handle(self.now, input);
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    pub(crate) fn post(&mut self, body: Vec<u8>) -> Vec<Output> {
        self.tell(Input::Post { body, charset: None })
    }

    pub(crate) fn says(&mut self, id: &str, body: Body<AcsRequest, CpeResponse>) -> Vec<Output> {
        self.post(written(Header::with_id(id), body))
    }

    /// What the host is to keep of an Inform with this header.
    pub(crate) fn informs(&mut self, header: Header) -> Ticket {
        match &self.post(written(header, Body::Request(AcsRequest::Inform(inform()))))[..] {
            [Output::Inform { ticket, inform: said }] => {
                assert_eq!(**said, inform());
                *ticket
            }
            other => panic!("{other:?}"),
        }
    }

    /// Sends a call; gives its id.
    pub(crate) fn call(&mut self, request: CpeRequest) -> String {
        self.calls += 1;
        let answer = envelope(&self.tell(Input::Call(JOB, request.clone())));
        assert_eq!(answer.body, Body::Request(request));
        answer.header.id.expect("an id")
    }

    pub(crate) fn passes(&mut self, seconds: u64) -> Vec<Output> {
        self.now = self.now + Duration::from_secs(seconds);
        self.tell(Input::Timeout)
    }

    /// In how many seconds something is due.
    pub(crate) fn due(&self) -> Option<u64> {
        self.session.poll_timeout().map(|due| due.since(self.now).as_secs())
    }
}

pub(crate) fn written(header: Header, body: Body<AcsRequest, CpeResponse>) -> Vec<u8> {
    let envelope: FromCpe = Envelope { header, namespace: Namespace { minor: 0 }, body };
    envelope.encode(&Style::default())
}

/// The envelope of the only answer.
pub(crate) fn envelope(outputs: &[Output]) -> FromAcs {
    let [Output::Reply(Reply { status: 200, body }), ..] = outputs else { panic!("{outputs:?}") };
    FromAcs::decode(body, None, 65_536).expect("an envelope").envelope
}

pub(crate) fn inform() -> Inform {
    let device_id = DeviceId {
        manufacturer: "Example".to_owned(),
        oui: "00D09E".to_owned(),
        product_class: "Gateway".to_owned(),
        serial_number: "A1".to_owned(),
    };
    Inform { device_id, max_envelopes: 1, ..Inform::default() }
}

pub(crate) fn complete() -> AcsRequest {
    AcsRequest::TransferComplete(TransferComplete {
        command_key: "k".to_owned(),
        ..TransferComplete::default()
    })
}

pub(crate) fn get() -> CpeRequest {
    CpeRequest::GetParameterValues(GetParameterValues { names: vec!["Device.A".to_owned()] })
}

pub(crate) fn reboot() -> CpeRequest {
    CpeRequest::Reboot(Reboot { command_key: "k".to_owned() })
}

pub(crate) fn got() -> CpeResponse {
    let row = ParameterValue { name: "Device.A".to_owned(), value: Value::string("1") };
    CpeResponse::GetParameterValues(GetParameterValuesResponse { parameters: vec![row] })
}

pub(crate) fn fault(code: u16) -> Fault {
    Fault { code: FaultCode(code), text: "no".to_owned(), parameters: Vec::new() }
}

pub(crate) fn version(minor: u16) -> CwmpVersion {
    CwmpVersion { major: 1, minor }
}
