//! A service that is told what to say, word by word: a part with a number, a table and a command.

use std::collections::BTreeMap;
use std::path::Path;

use dm::operation::{
    CommandResult, CreatedInstance, Deleted, MessageFailure, ObjectAccess, ObjectValues, ParamAccess,
    Requested, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam, SchemaResult, UpdateFailure,
    UpdatedInstance,
};
use dm::{Code, Fault, Operation, Outcome, Type};
use mtp::uds::Dialer;
use mtp::{LinkSender, Role};
use tokio::sync::mpsc;
use usp_endpoint::translate;
use usp_proto::notify::{Notification, Notify, ValueChange};
use usp_proto::register::{Deregister, DeregisterResp, Register, RegisterResp};
use usp_proto::{Body, EndpointId, Msg, Record, RecordType, Request, Response, Version};

use crate::peer::{AGENT, Event, Witness, id, soon};

/// The service. Values are by path; what it does with writes and reads is a matter of its mood.
pub(super) struct Fake {
    endpoint: EndpointId,
    part: String,
    link: LinkSender,
    events: mpsc::UnboundedReceiver<Event>,
    pub(super) values: BTreeMap<String, String>,
    pub(super) mood: Mood,
    /// What it was asked, the Broker's own preparations aside.
    pub(super) asked: Vec<Operation>,
    /// How often it still fails to read anything.
    pub(super) fails: u32,
    /// The paths that it was asked for last.
    pub(super) read: Vec<String>,
    /// How often it was read.
    pub(super) asked_for_values: u32,
    asks: u32,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.link.close(1000, "enough");
    }
}

/// How it takes requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mood {
    Willing,
    /// Every Set, Add and Delete is refused with 7002.
    Refusing,
    /// Nothing is answered.
    Mute,
    /// It hangs up at the next request.
    Dying,
    /// It takes a first Set, and refuses every further one.
    Once,
    /// It takes no subscriptions.
    Silent,
}

impl Fake {
    pub(super) async fn connect(socket: &Path, name: &str, part: &str) -> Fake {
        let link = Dialer::new(socket, id(name), Role::Agent).connect().await.expect("the broker is there");
        assert_eq!(link.endpoint(), &id(AGENT));
        let sender = link.sender();
        let (news, events) = mpsc::unbounded_channel();
        tokio::spawn(async move { link.run(&Witness(news)).await });
        let values = [("Level", "1"), ("Row.1.Name", "one"), ("Row.4.Name", "four")];
        let values = values.map(|(name, value)| (format!("{part}{name}"), value.to_owned())).into();
        let fake = Fake {
            endpoint: id(name),
            part: part.to_owned(),
            link: sender,
            events,
            values,
            mood: Mood::Willing,
            asked: Vec::new(),
            fails: 0,
            read: Vec::new(),
            asked_for_values: 0,
            asks: 0,
        };
        let hello = Record::new(&fake.endpoint, &id(AGENT), Version::CURRENT, RecordType::UdsConnect);
        fake.send(&hello.encode());
        fake
    }

    /// Registered, and read once by the Broker.
    pub(super) async fn known(socket: &Path, name: &str, part: &str) -> Fake {
        let mut fake = Fake::connect(socket, name, part).await;
        fake.register(&[part], false).await.expect("it is free");
        fake.turns_until(|fake| fake.asked_for_values > 0).await;
        fake
    }

    /// Registered, and willing from now on, by itself.
    pub(super) async fn serving(
        socket: &Path,
        name: &str,
        part: &str,
        mood: Mood,
    ) -> tokio::task::JoinHandle<()> {
        let mut fake = Fake::connect(socket, name, part).await;
        fake.register(&[part], false).await.expect("it is free");
        fake.mood = mood;
        tokio::spawn(async move { while fake.turn().await {} })
    }

    fn send(&self, record: &bytes::Bytes) {
        let _ = self.link.send(record.clone());
    }

    pub(super) fn tell(&self, msg: &Msg) {
        self.send(&Record::message(&self.endpoint, &id(AGENT), Version::CURRENT, msg.encode()).encode());
    }

    pub(super) fn notify(&mut self, notify: Notify) {
        self.asks += 1;
        self.tell(&Msg::request(format!("n{}", self.asks), Request::Notify(notify)));
    }

    /// A value of the part is another one from now on, and the Broker is told.
    pub(super) fn changed(&mut self, name: &str, value: &str) {
        let param_path = format!("{}{name}", self.part);
        self.values.insert(param_path.clone(), value.to_owned());
        let change = ValueChange { param_path, param_value: value.to_owned() };
        self.notify(Notify::new("", false, Notification::ValueChange(change)));
    }

    /// Registers; gives each path's code, or the Error's.
    pub(super) async fn register(&mut self, paths: &[&str], allow_partial: bool) -> Result<Vec<u32>, u32> {
        let request = Request::Register(Register::new(paths.iter().copied(), allow_partial));
        match self.ask(request).await {
            Body::Response(Response::RegisterResp(RegisterResp { registered_path_results: results })) => {
                Ok(results
                    .iter()
                    .map(|result| result.status().map_or_else(|(code, _)| code, |_| 0))
                    .collect())
            }
            Body::Error(error) => Err(error.err_code),
            other => panic!("{other:?}"),
        }
    }

    /// Deregisters; gives what was withdrawn by each path, or its code.
    pub(super) async fn deregister(&mut self, paths: &[&str]) -> Vec<Result<Vec<String>, u32>> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        match self.ask(Request::Deregister(Deregister { paths })).await {
            Body::Response(Response::DeregisterResp(DeregisterResp {
                deregistered_path_results: results,
            })) => {
                let status = |(code, _): (u32, &str)| code;
                results.iter().map(|result| result.status().map(<[String]>::to_vec).map_err(status)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    async fn ask(&mut self, request: Request) -> Body {
        self.asks += 1;
        let asked = format!("r{}", self.asks);
        self.tell(&Msg::request(asked.clone(), request));
        loop {
            let msg = soon("the Broker's answer", self.hear()).await.expect("the broker stays");
            if msg.msg_id == asked {
                return msg.body;
            }
            self.answer(msg);
        }
    }

    /// Takes messages until something is so.
    pub(super) async fn turns_until(&mut self, is_so: impl Fn(&Fake) -> bool) {
        while !is_so(self) {
            assert!(soon("a message of the Broker", self.turn()).await, "the service is disconnected");
        }
    }

    /// Takes the next message; false when the connection is gone.
    pub(super) async fn turn(&mut self) -> bool {
        match self.hear().await {
            Some(msg) => {
                self.answer(msg);
                true
            }
            None => false,
        }
    }

    /// The next message of the Broker.
    async fn hear(&mut self) -> Option<Msg> {
        loop {
            match self.events.recv().await? {
                Event::Up(..) => {}
                Event::Down => return None,
                Event::Record(record) => {
                    let RecordType::NoSession { payload } = record.record_type else { continue };
                    return Some(Msg::decode(&payload).expect("a broker sends messages"));
                }
            }
        }
    }

    fn answer(&mut self, msg: Msg) {
        let Body::Request(request) = msg.body else { return };
        let Some(operation) = translate::operation(request) else { return };
        let msg_id = msg.msg_id;
        match self.mood {
            Mood::Mute => return,
            Mood::Dying => return self.link.close(1000, "enough"),
            _ => {}
        }
        let answer = match translate::response(self.outcome(&operation)) {
            Ok(response) => Msg::response(msg_id, response),
            Err(error) => Msg::error(msg_id, error),
        };
        if !is_preparation(&operation) {
            self.asked.push(operation);
        }
        self.tell(&answer);
    }

    fn outcome(&mut self, operation: &Operation) -> Outcome {
        let writes = matches!(operation, Operation::Set(_) | Operation::Add(_) | Operation::Delete(_));
        let refuses = match self.mood {
            Mood::Refusing => !is_preparation(operation),
            Mood::Silent => is_preparation(operation),
            _ => false,
        };
        if refuses && writes {
            let fault = Fault::new(Code(7002), "not today");
            return Outcome::Failed(MessageFailure { fault, params: Vec::new() });
        }
        match operation {
            Operation::GetSchema(get) => Outcome::GetSchema(
                get.paths
                    .iter()
                    .map(|path| Requested { path: path.clone(), result: Ok(schema(path)) })
                    .collect(),
            ),
            Operation::Get(_) if self.fails > 0 => {
                self.fails -= 1;
                let fault = Fault::new(Code::INTERNAL_ERROR, "not now");
                Outcome::Failed(MessageFailure { fault, params: Vec::new() })
            }
            Operation::Get(get) => {
                self.asked_for_values += 1;
                self.read.clone_from(&get.paths);
                let result = |path: &String| {
                    let objects = self.objects(path);
                    let is_missing = objects.is_empty() && !path.ends_with('.');
                    let missing = || Fault::new(Code::INVALID_PATH, "there is none");
                    let result = if is_missing { Err(missing()) } else { Ok(objects) };
                    Requested { path: path.clone(), result }
                };
                Outcome::Get(get.paths.iter().map(result).collect())
            }
            Operation::Set(set) => {
                if self.mood == Mood::Once {
                    self.mood = Mood::Refusing;
                }
                for (object, param) in set
                    .objects
                    .iter()
                    .flat_map(|object| object.params.iter().map(move |param| (object, param)))
                {
                    self.values.insert(format!("{}{}", object.path, param.param), param.value.clone());
                }
                let updated =
                    |path: &String| vec![UpdatedInstance { path: path.clone(), ..Default::default() }];
                let result = |path: &String| Requested::<_, UpdateFailure> {
                    path: path.clone(),
                    result: Ok(updated(path)),
                };
                Outcome::Set(set.objects.iter().map(|object| result(&object.path)).collect())
            }
            Operation::Add(add) => {
                let result = |object: &dm::operation::ObjectSettings| {
                    let path = format!("{}7.", object.path);
                    Requested {
                        path: object.path.clone(),
                        result: Ok(CreatedInstance { path, ..Default::default() }),
                    }
                };
                if !is_preparation(operation) {
                    self.values.insert(format!("{}Row.7.Name", self.part), "seven".to_owned());
                }
                Outcome::Add(add.objects.iter().map(result).collect())
            }
            Operation::Delete(delete) => {
                for path in &delete.paths {
                    self.values.retain(|known, _| !known.starts_with(path.as_str()));
                }
                let deleted =
                    |path: &String| Deleted { affected: vec![path.clone()], unaffected: Vec::new() };
                let result = |path: &String| Requested { path: path.clone(), result: Ok(deleted(path)) };
                Outcome::Delete(delete.paths.iter().map(result).collect())
            }
            Operation::Operate(operate) => {
                let started = CommandResult::Started("Device.LocalAgent.Request.3.".to_owned());
                let path = operate.command.clone();
                Outcome::Operate(vec![Requested { path, result: Ok(started) }])
            }
            Operation::GetInstances(_) => {
                let fault = Fault::new(Code(7001), "not asked for");
                Outcome::Failed(MessageFailure { fault, params: Vec::new() })
            }
        }
    }

    fn objects(&self, path: &str) -> Vec<ObjectValues> {
        let mut objects: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for (known, value) in self.values.iter().filter(|(known, _)| known.starts_with(path)) {
            let (object, name) = known.rsplit_once('.').expect("a parameter's path");
            objects.entry(format!("{object}.")).or_default().push((name.to_owned(), value.clone()));
        }
        objects.into_iter().map(|(path, params)| ObjectValues { path, params }).collect()
    }
}

/// What the Broker asks for itself.
fn is_preparation(operation: &Operation) -> bool {
    match operation {
        Operation::Add(add) => add.objects.iter().all(|object| object.path.starts_with("Device.LocalAgent.")),
        Operation::Delete(delete) => delete.paths.iter().all(|path| path.starts_with("Device.LocalAgent.")),
        Operation::Get(_) | Operation::GetInstances(_) | Operation::GetSchema(_) => true,
        Operation::Set(_) | Operation::Operate(_) => false,
    }
}

fn schema(path: &str) -> SchemaResult {
    let param = |name: &str, value_type| SchemaParam {
        name: name.to_owned(),
        access: ParamAccess::ReadWrite,
        value_type: Some(value_type),
        value_change: None,
    };
    let command = SchemaCommand {
        name: "Work()".to_owned(),
        inputs: vec!["What".to_owned()],
        outputs: vec!["Done".to_owned()],
        is_async: Some(true),
    };
    let object = SchemaObject {
        path: path.to_owned(),
        params: vec![param("Level", Type::UnsignedInt)],
        commands: vec![command],
        ..SchemaObject::default()
    };
    let row = SchemaObject {
        path: format!("{path}Row.{{i}}."),
        access: ObjectAccess::AddDelete,
        is_multi: true,
        params: vec![param("Name", Type::String)],
        events: vec![SchemaEvent { name: "Moved!".to_owned(), args: vec!["To".to_owned()] }],
        ..SchemaObject::default()
    };
    // A service is not believed what it says of others' parts.
    let lie = SchemaObject { path: "Device.DeviceInfo.Lie.".to_owned(), ..row.clone() };
    SchemaResult { model_uri: "urn:example:fake".to_owned(), objects: vec![object, row, lie] }
}
