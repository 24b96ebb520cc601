//! A small agent for onboarding: it answers from a tree, and has the quirks of real ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use dm::model::Model;
use dm::tree::{Place, Requester, RowDefaults, Tree};
use dm::{Name, Operation, Value};
use usp_endpoint::translate;
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::get_supported_dm::GetSupportedDmResp;
use usp_proto::get_supported_protocol::GetSupportedProtocolResp;
use usp_proto::{Body, ErrorBody, Msg, Request, Response, Version};

use crate::device;

const MODEL: &str = "\
model usp=urn:example:test
Device. object usp=2.0
Device.Boot! event usp=2.0
Device.DeviceInfo. object usp=2.0
Device.DeviceInfo.SerialNumber param usp=2.0 access=readOnly type=string
Device.DeviceInfo.Memory. object usp=2.0
Device.DeviceInfo.Memory.Total param usp=2.0 access=readOnly type=unsignedInt
Device.LocalAgent. object usp=2.0
Device.LocalAgent.EndpointID param usp=2.0 access=readOnly type=string
Device.LocalAgent.Controller.{i}. object usp=2.0 access=readWrite entries=0: functional=EndpointID
Device.LocalAgent.Controller.{i}.EndpointID param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.OnBoardingComplete param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.BootParameter.{i}. object usp=2.0 access=readWrite entries=0: functional=ParameterName
Device.LocalAgent.Controller.{i}.BootParameter.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Controller.{i}.BootParameter.{i}.ParameterName param usp=2.0 access=readWrite type=string
Device.LocalAgent.Subscription.{i}. object usp=2.0 access=readWrite entries=0: key=Recipient,ID
Device.LocalAgent.Subscription.{i}.Enable param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.ID param usp=2.0 access=readWrite type=string
Device.LocalAgent.Subscription.{i}.NotifRetry param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.NotifType param usp=2.0 access=readWrite type=string enum=ValueChange,Event
Device.LocalAgent.Subscription.{i}.Persistent param usp=2.0 access=readWrite type=boolean default=object:false
Device.LocalAgent.Subscription.{i}.Recipient param usp=2.0 access=readOnly type=string
Device.LocalAgent.Subscription.{i}.ReferenceList param usp=2.0 access=readWrite type=string list=0:
";

/// How a real agent may differ.
#[derive(Clone, Copy, Default)]
pub(crate) struct Quirks {
    /// Values of sub-objects stand under the object, as `Memory.Total` (before 1.2).
    pub(crate) old_get_shape: bool,
    /// A search expression is an error.
    pub(crate) no_search: bool,
    /// The whole supported model is more than it can answer.
    pub(crate) small: Option<Small>,
    /// It never answers an Add.
    pub(crate) silent_add: bool,
    /// It knows neither boot parameters nor `OnBoardingComplete`.
    pub(crate) no_onboarding: bool,
}

/// What happens to a question that is too large.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Small {
    Refuses,
    KeepsSilent,
}

pub(crate) struct Peer {
    pub(crate) tree: Tree,
    pub(crate) quirks: Quirks,
    /// Requests that get no answer before it answers again.
    pub(crate) deaf_to: usize,
}

/// Rows of a Subscription belong to the first controller, which is ours.
struct Recipient;

impl RowDefaults for Recipient {
    fn row_defaults(&self, tree: &Tree, table: &Place) -> Vec<(Name, Value)> {
        let has = tree.model().object(table.object).param_index("Recipient").is_some();
        let name = Name::parse("Recipient").expect("a name");
        if has { vec![(name, Value::text("Device.LocalAgent.Controller.2"))] } else { Vec::new() }
    }
}

impl Peer {
    pub(crate) fn new(quirks: Quirks) -> Peer {
        let mut peer = Peer { tree: Tree::new(model(quirks)), quirks, deaf_to: 0 };
        peer.put("Device.DeviceInfo.", &[("SerialNumber", "1")]);
        peer.put("Device.DeviceInfo.Memory.", &[("Total", "64")]);
        peer.put("Device.LocalAgent.", &[("EndpointID", super::bench::AGENT)]);
        peer.put("Device.LocalAgent.Controller.1.", &[("EndpointID", "proto::another")]);
        peer.put("Device.LocalAgent.Controller.2.", &[("EndpointID", super::bench::CONTROLLER)]);
        peer
    }

    /// Makes an object with its defaults and these values.
    pub(crate) fn put(&mut self, path: &str, values: &[(&str, &str)]) {
        device::fill(&mut self.tree, path, values);
    }

    /// The rows of a table, each as `path name=value …`.
    pub(crate) fn rows(&self, table: &str, names: &[&str]) -> Vec<String> {
        let place = device::place(&self.tree, table);
        let row = |number| {
            let row = place.row(number);
            let value = |name: &&str| format!(" {}", self.tree.text_of(&row, name));
            format!("{number}{}", names.iter().map(value).collect::<String>())
        };
        self.tree.rows(&place).into_iter().map(row).collect()
    }

    /// The answer, if it gives one.
    pub(crate) fn answer(&mut self, msg: Msg) -> Option<Msg> {
        if self.deaf_to > 0 {
            self.deaf_to -= 1;
            return None;
        }
        let Body::Request(request) = msg.body else { return None };
        if let Request::GetSupportedProtocol(_) = request {
            let versions = [Version::new(1, 0), Version::new(1, 3)];
            let resp = Response::GetSupportedProtocolResp(GetSupportedProtocolResp::new(&versions));
            return Some(Msg::response(msg.msg_id, resp));
        }
        let operation = translate::operation(request)?;
        if let Some(refusal) = self.refusal(&operation) {
            return refusal.map(|error| Msg::error(msg.msg_id, error));
        }
        let who = Requester { authority: &dm::tree::FullAccess, defaults: &Recipient };
        let outcome = match &operation {
            Operation::Get(get) => self.tree.get(get, &who),
            Operation::GetInstances(get) => self.tree.instances(get, &who),
            Operation::GetSchema(get) => self.tree.model().schema(get, &|_, _| true),
            write => {
                let plan = self.tree.plan(write, &who)?;
                for transaction in &plan.transactions {
                    self.tree.apply(&transaction.changes);
                }
                let ends = vec![Ok(()); plan.transactions.len()];
                plan.finish(&ends)
            }
        };
        match translate::response(outcome) {
            Ok(Response::GetResp(resp)) if self.quirks.old_get_shape => {
                Some(Msg::response(msg.msg_id, Response::GetResp(old_shape(resp))))
            }
            Ok(Response::GetSupportedDmResp(resp)) if self.quirks.old_get_shape => {
                Some(Msg::response(msg.msg_id, Response::GetSupportedDmResp(without_unique_keys(resp))))
            }
            Ok(response) => Some(Msg::response(msg.msg_id, response)),
            Err(error) => Some(Msg::error(msg.msg_id, error)),
        }
    }

    /// `None`: it answers. Otherwise the error, or silence.
    fn refusal(&self, operation: &Operation) -> Option<Option<ErrorBody>> {
        match operation {
            Operation::Add(_) if self.quirks.silent_add => Some(None),
            Operation::Get(get)
                if self.quirks.no_search && get.paths.iter().any(|path| path.contains('[')) =>
            {
                Some(Some(ErrorBody::new(7008, "no searches")))
            }
            Operation::GetSchema(get) if get.params && !get.first_level_only && get.paths == ["Device."] => {
                self.quirks
                    .small
                    .map(|small| (small == Small::Refuses).then(|| ErrorBody::new(7005, "too much")))
            }
            _ => None,
        }
    }
}

fn model(quirks: Quirks) -> Arc<Model> {
    let unknown =
        |line: &&str| quirks.no_onboarding && (line.contains("Boot") || line.contains("OnBoarding"));
    let lines: Vec<&str> = MODEL.lines().filter(|line| !unknown(line)).collect();
    device::model(&(lines.join("\n") + "\n"))
}

/// The shape before 1.2: one resolved path per requested path, and names that reach below it.
fn old_shape(mut resp: GetResp) -> GetResp {
    let merge = |result: &mut RequestedPathResult| {
        let top = result.requested_path.clone();
        if !top.ends_with('.') {
            return;
        }
        let mut params = BTreeMap::new();
        for object in std::mem::take(&mut result.resolved_path_results) {
            let below = object.resolved_path.strip_prefix(&top).expect("objects stand below what is asked");
            params.extend(
                object.result_params.iter().map(|(name, value)| (format!("{below}{name}"), value.clone())),
            );
        }
        result.resolved_path_results = vec![ResolvedPathResult::new(top, params)];
    };
    resp.req_path_results.iter_mut().for_each(merge);
    resp
}

fn without_unique_keys(mut resp: GetSupportedDmResp) -> GetSupportedDmResp {
    for object in resp.req_obj_results.iter_mut().flat_map(|result| &mut result.supported_objs) {
        object.unique_key_sets.clear();
    }
    resp
}
