//! What the agent under test offers, found by asking it.

use std::collections::BTreeMap;

use usp_proto::get_supported_dm::GetSupportedDm;
use usp_proto::get_supported_dm::SupportedObjectResult;
use usp_proto::{Body, Request, Response};

use crate::bench::Bench;
use crate::verdict::Stop;

/// The table that checks make their rows in.
pub const SUBSCRIPTION: &str = "Device.LocalAgent.Subscription.";
/// The table of commands that run.
pub const REQUEST: &str = "Device.LocalAgent.Request.";
/// The object that every agent has.
pub const LOCAL_AGENT: &str = "Device.LocalAgent.";
/// A parameter that every agent has.
pub const ENDPOINT: &str = "Device.LocalAgent.EndpointID";
/// The table of roles.
pub const ROLE: &str = "Device.LocalAgent.ControllerTrust.Role.";
/// The table of controllers.
pub const CONTROLLER: &str = "Device.LocalAgent.Controller.";
/// An asynchronous command without any effect but its end.
pub const TIMER: &str = "Device.ScheduleTimer()";

/// The command that restarts the device.
pub const REBOOT: &str = "Device.Reboot()";

/// What a check needs of an agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Subscriptions can be made.
    Subscriptions,
    /// `Device.ScheduleTimer()`.
    Timer,
    /// `LocalAgent.Request.{i}.Cancel()`
    Cancel,
    /// `Alias` of subscriptions.
    Alias,
    /// The connection is a WebSocket, whoever made it.
    WebSocket,
    /// The agent makes the WebSocket.
    Dials,
    /// The agent listens for WebSockets.
    Listens,
    /// The agent makes the WebSocket, over TLS.
    DialsSecurely,
    /// The agent listens for WebSockets over TLS.
    ListensSecurely,
    /// The agent is a client of our own MQTT broker.
    Mqtt,
    /// The same with MQTT 5.0.
    Mqtt5,
    /// The same with MQTT 3.1.1.
    Mqtt3,
    /// The agent is a client of our own STOMP server.
    Stomp,
    /// The agent is a client of a broker or server of ours, over TLS.
    BrokerSecurely,
    /// The agent is connected by a UNIX domain socket.
    Unix,
    /// The agent connects to our UNIX domain socket.
    UnixDials,
    /// The agent listens at a UNIX domain socket.
    UnixListens,
    /// `Device.Reboot()`
    Reboot,
    /// `LocalAgent.Controller.{i}.E2ESession.`
    Sessions,
    /// The agent can believe Records of ours in a session: its transport protects them, or we sign them.
    Proof,
    /// We sign them, and the transport protects nothing.
    Signed,
    /// `LocalAgent.Controller.{i}.BootParameter.{i}.`
    BootParameters,
    /// The event `LocalAgent.Periodic!`
    Periodic,
    /// `LocalAgent.Controller.{i}.SendOnBoardRequest()`
    OnBoarding,
    /// `LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.`, and controllers with roles.
    Roles,
}

impl Need {
    /// What is missing, for people.
    pub fn missing(self) -> &'static str {
        match self {
            Need::Subscriptions => "the agent has no Device.LocalAgent.Subscription. that can be added to",
            Need::Timer => "the agent has no Device.ScheduleTimer(), or whatever command the profile names",
            Need::Cancel => "the agent has no Device.LocalAgent.Request.{i}.Cancel()",
            Need::WebSocket => "the agent is not connected by WebSocket",
            Need::Dials => "the agent does not make the WebSocket: this needs --listen",
            Need::Listens => "the agent does not listen for the WebSocket: this needs --connect",
            Need::DialsSecurely => "the agent does not dial over TLS: this needs --listen wss://",
            Need::ListensSecurely => "the agent does not listen with TLS: this needs --connect wss://",
            Need::Mqtt => "the agent is not connected by MQTT: this needs --broker mqtt://",
            Need::Mqtt5 => "the agent does not speak MQTT 5.0 to our broker: this needs --broker mqtt://",
            Need::Mqtt3 => "the agent does not speak MQTT 3.1.1 to our broker: this needs --broker mqtt://",
            Need::Stomp => "the agent is not connected by STOMP: this needs --broker stomp://",
            Need::BrokerSecurely => {
                "the agent uses no broker of ours over TLS: this needs --broker mqtts:// or stomps://"
            }
            Need::Unix => "the agent is not connected by a UNIX domain socket",
            Need::UnixDials => "the agent does not dial a UNIX domain socket: this needs --listen unix:",
            Need::UnixListens => {
                "the agent does not listen at a UNIX domain socket: this needs --connect unix:"
            }
            Need::Reboot => "the agent has no Device.Reboot()",
            Need::Sessions => "the agent has no Device.LocalAgent.Controller.{i}.E2ESession.SessionMode",
            Need::Proof => "the agent can't believe Records of a session: this needs --tls or --keys",
            Need::Signed => "Records are not signed: this needs --keys, and a transport without TLS",
            Need::Alias => "the agent's subscriptions have no Alias",
            Need::Periodic => "the agent has no event Device.LocalAgent.Periodic!",
            Need::OnBoarding => "the agent has no Device.LocalAgent.Controller.{i}.SendOnBoardRequest()",
            Need::Roles => "the agent has no roles that can be made and assigned",
            Need::BootParameters => "the agent has no Device.LocalAgent.Controller.{i}.BootParameter.",
        }
    }
}

/// The agent's supported model, as far as checks look at it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// Path of the command that checks run.
    command: String,
    objects: BTreeMap<String, SupportedObjectResult>,
}

impl Target {
    /// The model with these objects.
    pub fn of(command: &str, objects: impl IntoIterator<Item = SupportedObjectResult>) -> Target {
        Target {
            command: command.to_owned(),
            objects: objects.into_iter().map(|object| (object.supported_obj_path.clone(), object)).collect(),
        }
    }

    /// Asks the agent.
    ///
    /// # Errors
    /// When it does not answer GetSupportedDM for `Device.`.
    pub async fn discover(bench: &mut Bench) -> Result<Target, Stop> {
        let request = GetSupportedDm {
            obj_paths: vec!["Device.".to_owned()],
            first_level_only: false,
            return_commands: true,
            return_events: true,
            return_params: true,
            return_unique_key_sets: true,
        };
        match bench.ask(Request::GetSupportedDm(request)).await? {
            Body::Response(Response::GetSupportedDmResp(resp)) => Ok(Target::of(
                &bench.timer_path(),
                resp.req_obj_results.into_iter().flat_map(|result| result.supported_objs),
            )),
            other => Err(crate::bench::unexpected("GetSupportedDMResp", &other)),
        }
    }

    /// Whether the agent has what a check needs.
    pub fn offers(&self, need: Need) -> bool {
        let subscription = format!("{SUBSCRIPTION}{{i}}.");
        match need {
            // ADD_DELETE or ADD_ONLY.
            Need::Subscriptions => {
                self.objects.get(&subscription).is_some_and(|object| matches!(object.access, 1 | 2))
            }
            Need::Timer => {
                let name = self.command.rfind('.').map_or(0, |dot| dot + 1);
                self.has_command(&supported(&self.command[..name]), &self.command[name..])
            }
            Need::Cancel => self.has_command(&format!("{REQUEST}{{i}}."), "Cancel()"),
            Need::Periodic => self.objects.get(LOCAL_AGENT).is_some_and(|object| {
                object.supported_events.iter().any(|event| event.event_name == "Periodic!")
            }),
            Need::OnBoarding => self.has_command(&format!("{CONTROLLER}{{i}}."), "SendOnBoardRequest()"),
            Need::Roles => {
                // ADD_DELETE or ADD_ONLY, PARAM_READ_WRITE.
                let takes_rows =
                    |path: &str| self.objects.get(path).is_some_and(|object| matches!(object.access, 1 | 2));
                let controller = self.objects.get(&format!("{CONTROLLER}{{i}}."));
                let mut params = controller.into_iter().flat_map(|object| &object.supported_params);
                takes_rows(&format!("{ROLE}{{i}}."))
                    && takes_rows(&format!("{ROLE}{{i}}.Permission.{{i}}."))
                    && params.any(|param| param.param_name == "AssignedRole" && param.access == 1)
            }
            // The link says it, and not the model.
            Need::WebSocket
            | Need::Dials
            | Need::Listens
            | Need::DialsSecurely
            | Need::ListensSecurely
            | Need::Mqtt
            | Need::Mqtt5
            | Need::Mqtt3
            | Need::Stomp
            | Need::BrokerSecurely
            | Need::Unix
            | Need::UnixDials
            | Need::UnixListens
            | Need::Proof
            | Need::Signed => false,
            Need::Reboot => self.has_command("Device.", "Reboot()"),
            Need::Sessions => self.has_param(&format!("{CONTROLLER}{{i}}.E2ESession."), "SessionMode"),
            Need::Alias => self.objects.get(&subscription).is_some_and(|object| {
                object.supported_params.iter().any(|param| param.param_name == "Alias")
            }),
            Need::BootParameters => {
                self.objects.contains_key(&format!("{CONTROLLER}{{i}}.BootParameter.{{i}}."))
            }
        }
    }

    /// Whether the model has a parameter.
    pub(crate) fn has_param(&self, object: &str, name: &str) -> bool {
        let params = self.objects.get(object).map_or(&[][..], |object| &object.supported_params);
        params.iter().any(|param| param.param_name == name)
    }

    fn has_command(&self, object: &str, name: &str) -> bool {
        let commands = self.objects.get(object).map_or(&[][..], |object| &object.supported_commands);
        commands.iter().any(|command| command.command_name == name)
    }
}

/// An object's path as the model has it: instance numbers are `{i}`.
fn supported(object: &str) -> String {
    let name = |part: &str| if part.parse::<u32>().is_ok() { "{i}.".to_owned() } else { format!("{part}.") };
    object.split_terminator('.').map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use usp_proto::generated::usp_msg::get_supported_dm_resp::{
        SupportedCommandResult, SupportedParamResult,
    };

    fn object(path: &str, access: i32) -> SupportedObjectResult {
        SupportedObjectResult { supported_obj_path: path.to_owned(), access, ..Default::default() }
    }

    #[test]
    fn needs_are_read_from_the_model() {
        let command =
            SupportedCommandResult { command_name: "ScheduleTimer()".to_owned(), ..Default::default() };
        let device = SupportedObjectResult { supported_commands: vec![command], ..object("Device.", 0) };
        let command = SupportedCommandResult { command_name: "Cancel()".to_owned(), ..Default::default() };
        let request = object("Device.LocalAgent.Request.{i}.", 0);
        let cancel = SupportedObjectResult { supported_commands: vec![command], ..request };
        let alias = SupportedParamResult { param_name: "Alias".to_owned(), ..Default::default() };
        let path = "Device.LocalAgent.Subscription.{i}.";
        let named = SupportedObjectResult { supported_params: vec![alias], ..object(path, 1) };
        let boot = object("Device.LocalAgent.Controller.{i}.BootParameter.{i}.", 1);
        for (objects, need, offered) in [
            (vec![object(path, 1)], Need::Subscriptions, true),
            (vec![object(path, 2)], Need::Subscriptions, true),
            (vec![object(path, 0)], Need::Subscriptions, false),
            (vec![object(path, 3)], Need::Subscriptions, false),
            (vec![], Need::Subscriptions, false),
            (vec![device], Need::Timer, true),
            (vec![object("Device.", 0)], Need::Timer, false),
            (vec![cancel], Need::Cancel, true),
            (vec![object("Device.LocalAgent.Request.{i}.", 0)], Need::Cancel, false),
            (vec![named], Need::Alias, true),
            (vec![object(path, 1)], Need::Alias, false),
            (vec![boot], Need::BootParameters, true),
            (vec![], Need::BootParameters, false),
        ] {
            assert_eq!(Target::of(TIMER, objects).offers(need), offered, "{need:?}");
        }
    }
}
