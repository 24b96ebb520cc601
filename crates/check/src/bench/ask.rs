//! Requests and their answers.

use std::time::Duration;

use tokio::time::Instant;
use usp_proto::add::{Add, AddResp, CreateObject, CreateParamSetting};
use usp_proto::delete::{Delete, DeleteResp};
use usp_proto::get::{Get, GetResp};
use usp_proto::get_instances::{GetInstances, GetInstancesResp};
use usp_proto::operate::{Operate, OperateResp};
use usp_proto::set::{Set, SetResp, UpdateObject, UpdateParamSetting};
use usp_proto::{Body, ErrorBody, Msg, Record, Request, Response};

use super::{Arrived, Bench};
use crate::limits;
use crate::target::ENDPOINT;
use crate::verdict::Stop;

/// A parameter to write: name, value, whether it is required.
pub(crate) type Setting<'a> = (&'a str, &'a str, bool);

impl Bench {
    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// A failure when none comes: R-MSG.0 asks for one.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Body, Stop> {
        let name = request.name();
        let id = self.next_id();
        self.send_msg(&Msg::request(id.clone(), request))?;
        match self.answer(&id, self.config.patience).await? {
            Some(arrived) => Ok(arrived.msg.body),
            None => Err(Stop::fail(format!("{name} is answered"), "an answer with its message id", "none")),
        }
    }

    /// Waits for what answers the Message with this id.
    pub(crate) async fn answer(&mut self, id: &str, patience: Duration) -> Result<Option<Arrived>, Stop> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(at) = self.answers.iter().position(|arrived| arrived.msg.msg_id == id) {
                return Ok(self.answers.remove(at));
            }
            if !self.pump_pinging(deadline).await? {
                return Ok(None);
            }
        }
    }

    /// Waits for an answer of any id.
    pub(crate) async fn any_answer(&mut self, patience: Duration) -> Result<Option<Arrived>, Stop> {
        let deadline = Instant::now() + patience;
        while self.answers.is_empty() {
            if !self.pump_pinging(deadline).await? {
                return Ok(None);
            }
        }
        Ok(self.answers.pop_front())
    }

    /// Waits for a Record that carries no Message of its own.
    pub(crate) async fn other_record(
        &mut self,
        patience: Duration,
        meant: impl Fn(&Record) -> bool,
    ) -> Result<Option<Record>, Stop> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(at) = self.others.iter().position(&meant) {
                return Ok(self.others.remove(at));
            }
            if !self.pump(deadline).await? {
                return Ok(None);
            }
        }
    }

    /// Forgets the Records that carry no Message of their own.
    pub(crate) fn forget_other_records(&mut self) {
        self.others.clear();
    }

    /// What the agent says to what was sent last, before or soon after it answers a later Get.
    pub(crate) async fn reaction(&mut self) -> Result<Option<Arrived>, Stop> {
        let later = self.next_id();
        self.send_msg(&Msg::request(later.clone(), Request::Get(Get::new([ENDPOINT], 0))))?;
        let deadline = Instant::now() + self.config.patience;
        loop {
            if let Some(at) = self.answers.iter().position(|arrived| arrived.msg.msg_id != later) {
                return Ok(self.answers.remove(at));
            }
            if !self.answers.is_empty() {
                self.answers.clear();
                // An agent may answer in another order than it was asked.
                return self.any_answer(limits::SILENCE).await;
            }
            if !self.pump_pinging(deadline).await? {
                return Err(Stop::fail("a Get after it is answered", "GetResp", "none"));
            }
        }
    }

    pub(crate) async fn get(&mut self, paths: &[&str], max_depth: u32) -> Result<GetResp, Stop> {
        match self.ask(Request::Get(Get::new(paths.iter().copied(), max_depth))).await? {
            Body::Response(Response::GetResp(resp)) => Ok(resp),
            other => Err(unexpected("GetResp", &other)),
        }
    }

    /// The value of one parameter; `None` when the agent shows none.
    pub(crate) async fn value(&mut self, path: &str) -> Result<Option<String>, Stop> {
        let resp = self.get(&[path], 0).await?;
        let values = resp.req_path_results.iter().flat_map(|result| &result.resolved_path_results);
        Ok(values.flat_map(|object| object.result_params.values()).next().cloned())
    }

    /// The values that a path leads to; none where the agent has no such thing.
    pub(crate) async fn values(&mut self, path: &str) -> Result<Vec<String>, Stop> {
        let resp = self.get(&[path], 0).await?;
        let found = resp.req_path_results.into_iter().flat_map(|result| result.resolved_path_results);
        Ok(found.flat_map(|object| object.result_params.into_values()).collect())
    }

    /// Manufacturer, model and software version, as far as the agent tells them; empty while it is away.
    pub async fn device(&mut self) -> String {
        let mut said = Vec::new();
        for name in ["Manufacturer", "ModelName", "SoftwareVersion"] {
            if self.is_up
                && let Ok(values) = self.values(&format!("Device.DeviceInfo.{name}")).await
            {
                said.extend(values.into_iter().filter(|value| !value.is_empty()));
            }
        }
        said.join(" ")
    }

    /// The value of a boolean, which has two forms each (R-ENC.6); `None` when it is no boolean.
    pub(crate) async fn flag(&mut self, path: &str) -> Result<Option<bool>, Stop> {
        Ok(match self.value(path).await?.as_deref() {
            Some("true" | "1") => Some(true),
            Some("false" | "0") => Some(false),
            _ => None,
        })
    }

    pub(crate) async fn instances(&mut self, path: &str) -> Result<GetInstancesResp, Stop> {
        let request = GetInstances { obj_paths: vec![path.to_owned()], first_level_only: true };
        match self.ask(Request::GetInstances(request)).await? {
            Body::Response(Response::GetInstancesResp(resp)) => Ok(resp),
            other => Err(unexpected("GetInstancesResp", &other)),
        }
    }

    /// Paths of the rows of a table.
    pub(crate) async fn rows(&mut self, path: &str) -> Result<Vec<String>, Stop> {
        let resp = self.instances(path).await?;
        let rows = resp.req_path_results.into_iter().flat_map(|result| result.curr_insts);
        Ok(rows.map(|row| row.instantiated_obj_path).collect())
    }

    pub(crate) async fn set(
        &mut self,
        allow_partial: bool,
        objects: &[(&str, &[Setting<'_>])],
    ) -> Result<Result<SetResp, ErrorBody>, Stop> {
        let update = |(path, params): &(&str, &[Setting<'_>])| UpdateObject {
            obj_path: (*path).to_owned(),
            param_settings: params.iter().map(update_setting).collect(),
        };
        let set = Set { allow_partial, update_objs: objects.iter().map(update).collect() };
        match self.ask(Request::Set(set)).await? {
            Body::Response(Response::SetResp(resp)) => Ok(Ok(resp)),
            Body::Error(error) => Ok(Err(error)),
            other => Err(unexpected("SetResp or Error", &other)),
        }
    }

    pub(crate) async fn add(
        &mut self,
        allow_partial: bool,
        objects: &[(&str, &[Setting<'_>])],
    ) -> Result<Result<AddResp, ErrorBody>, Stop> {
        let create = |(path, params): &(&str, &[Setting<'_>])| CreateObject {
            obj_path: (*path).to_owned(),
            param_settings: params.iter().map(create_setting).collect(),
        };
        let add = Add { allow_partial, create_objs: objects.iter().map(create).collect() };
        match self.ask(Request::Add(add)).await? {
            Body::Response(Response::AddResp(resp)) => {
                let made = resp.created_obj_results.iter().filter_map(|result| result.status().ok());
                made.for_each(|success| self.made(success.instantiated_path.clone()));
                Ok(Ok(resp))
            }
            Body::Error(error) => Ok(Err(error)),
            other => Err(unexpected("AddResp or Error", &other)),
        }
    }

    pub(crate) async fn delete(
        &mut self,
        paths: Vec<String>,
        allow_partial: bool,
    ) -> Result<Result<DeleteResp, ErrorBody>, Stop> {
        match self.ask(Request::Delete(Delete::new(paths, allow_partial))).await? {
            Body::Response(Response::DeleteResp(resp)) => Ok(Ok(resp)),
            Body::Error(error) => Ok(Err(error)),
            other => Err(unexpected("DeleteResp or Error", &other)),
        }
    }

    pub(crate) async fn operate(&mut self, operate: Operate) -> Result<OperateResp, Stop> {
        match self.ask(Request::Operate(operate)).await? {
            Body::Response(Response::OperateResp(resp)) => Ok(resp),
            other => Err(unexpected("OperateResp", &other)),
        }
    }
}

/// Another kind of answer than the one that the standard asks for.
pub(crate) fn unexpected(expected: &str, body: &Body) -> Stop {
    Stop::fail("the kind of the answer", expected, describe(body))
}

/// A body in a few words.
pub(crate) fn describe(body: &Body) -> String {
    match body {
        Body::Request(request) => request.name().to_owned(),
        Body::Response(response) => response.name().to_owned(),
        Body::Error(error) => format!("Error {} {}", error.err_code, error.err_msg),
    }
}

fn update_setting((param, value, required): &Setting<'_>) -> UpdateParamSetting {
    UpdateParamSetting { param: (*param).to_owned(), value: (*value).to_owned(), required: *required }
}

fn create_setting((param, value, required): &Setting<'_>) -> CreateParamSetting {
    CreateParamSetting { param: (*param).to_owned(), value: (*value).to_owned(), required: *required }
}
