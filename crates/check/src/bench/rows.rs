//! Rows that checks make in the agent: subscriptions, which every agent has (R-NOT.0).

use std::time::Duration;

use usp_proto::operate::Operate;

use super::Bench;
use super::ask::Setting;
use crate::limits;
use crate::profile::Command;
use crate::target::{CONTROLLER, ENDPOINT, SUBSCRIPTION};
use crate::verdict::Stop;

/// A row that a check made; the bench deletes it afterwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Path with its instance number.
    pub path: String,
    /// Its `ID`.
    pub id: String,
}

impl Row {
    /// A path below the row.
    pub(crate) fn param(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// A search path that finds this row by its id.
    pub(crate) fn search(&self) -> String {
        format!("{SUBSCRIPTION}[ID==\"{}\"].", self.id)
    }
}

/// A parameter that a check changes to hear of it.
pub(crate) struct Subject {
    object: String,
    param: String,
    values: [String; 2],
}

impl Subject {
    /// `TimeToLive` of a row.
    pub(crate) fn of(row: &Row) -> Subject {
        let values = ["86401", "86402"].map(str::to_owned);
        Subject { object: row.path.clone(), param: "TimeToLive".to_owned(), values }
    }

    pub(crate) fn object(&self) -> &str {
        &self.object
    }

    pub(crate) fn path(&self) -> String {
        format!("{}{}", self.object, self.param)
    }

    /// The value that it does not have at first, or the other one.
    pub(crate) fn setting(&self, second: bool) -> Setting<'_> {
        (&self.param, &self.values[usize::from(second)], true)
    }

    pub(crate) fn value(&self) -> &str {
        &self.values[0]
    }
}

impl Bench {
    /// The command that runs after so many seconds.
    pub(crate) fn timer(&self, key: &str, seconds: &str) -> Operate {
        let Command { path, argument } = &self.profile().command;
        let input_args = [(argument.clone(), seconds.to_owned())].into();
        Operate { command: path.clone(), command_key: key.to_owned(), send_resp: true, input_args }
    }

    /// The path of that command.
    pub(crate) fn timer_path(&self) -> String {
        self.profile().command.path.clone()
    }

    /// A parameter to change: the profile's, or one of a row that is made for it.
    pub(crate) async fn subject(&mut self) -> Result<Subject, Stop> {
        let Some(given) = self.profile().value.clone() else { return Ok(Subject::of(&self.row().await?)) };
        let (object, param) = given.parts();
        let Some(old) = self.value(&given.path).await? else {
            return Err(Stop::Error(format!("the agent shows no {}", given.path)));
        };
        let mut values = given.values.clone();
        if old == values[0] {
            values.swap(0, 1);
        }
        self.restore(object, param, old);
        Ok(Subject { object: object.to_owned(), param: param.to_owned(), values })
    }

    /// A new text for the `ID` of a row.
    pub(crate) fn row_id(&mut self) -> String {
        self.rows += 1;
        format!("cusp-check-{}-{}", self.config.run, self.rows)
    }

    /// A subscription that is disabled and does nothing.
    pub(crate) async fn row(&mut self) -> Result<Row, Stop> {
        self.subscription(&[("NotifType", "ValueChange"), ("ReferenceList", "Device.LocalAgent.EndpointID")])
            .await
    }

    /// A subscription that is enabled.
    pub(crate) async fn subscribe(&mut self, kind: &str, reference: &str, retry: bool) -> Result<Row, Stop> {
        let retry = if retry { "true" } else { "false" };
        self.subscribe_with(kind, reference, &[("NotifRetry", retry)]).await
    }

    /// Path of the row of this controller.
    pub(crate) async fn own_row(&mut self) -> Result<String, Stop> {
        let rows = self.rows(&format!("{CONTROLLER}[EndpointID==\"{}\"].", self.controller())).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Stop::Skip("the agent shows no row of this controller".to_owned()))
    }

    /// A subscription that is enabled, with more settings; once it is adopted.
    pub(crate) async fn subscribe_with(
        &mut self,
        kind: &str,
        reference: &str,
        more: &[(&str, &str)],
    ) -> Result<Row, Stop> {
        let params =
            [&[("NotifType", kind), ("ReferenceList", reference), ("Enable", "true")], more].concat();
        let row = self.subscription(&params).await?;
        self.adopted().await?;
        Ok(row)
    }

    /// Lets the time pass that the agent may take to adopt a change of its subscriptions.
    pub(crate) async fn adopted(&mut self) -> Result<(), Stop> {
        self.pause(self.adoption).await
    }

    /// Asks for that time. An agent that has no such parameter adopts changes at once; one that answers no Get
    /// is for the checks to find.
    pub(crate) async fn learn_adoption(&mut self) -> Result<(), Stop> {
        let told = match self.value("Device.LocalAgent.MaxSubscriptionChangeAdoptionTime").await {
            Err(Stop::Error(why)) => return Err(Stop::Error(why)),
            told => told.ok().flatten(),
        };
        let seconds = told.and_then(|text| text.parse().ok()).unwrap_or(0);
        self.adoption = Duration::from_secs(seconds).min(limits::MAX_ADOPTION);
        Ok(())
    }

    /// A boot parameter of our own row, disabled; gives its path. It is the one row of a row that agents have.
    pub(crate) async fn boot_parameter(&mut self) -> Result<String, Stop> {
        let table = format!("{CONTROLLER}[EndpointID==\"{}\"].BootParameter.", self.controller());
        let name = ("ParameterName", ENDPOINT, true);
        match self.add(false, &[(&table, &[name])]).await? {
            Ok(resp) => resp.created_obj_results.first().and_then(|result| result.status().ok()).map_or_else(
                || Err(Stop::Error("the agent makes no BootParameter".to_owned())),
                |made| Ok(made.instantiated_path.clone()),
            ),
            Err(error) => {
                let why = format!("a BootParameter can't be added: {} {}", error.err_code, error.err_msg);
                Err(Stop::Error(why))
            }
        }
    }

    /// A subscription with these settings.
    pub(crate) async fn subscription(&mut self, params: &[(&str, &str)]) -> Result<Row, Stop> {
        let id = self.row_id();
        let mut settings: Vec<Setting<'_>> = vec![("ID", &id, true)];
        settings.extend(params.iter().map(|(name, value)| (*name, *value, true)));
        let added = self.add(false, &[(SUBSCRIPTION, &settings)]).await?;
        let made = match &added {
            Ok(resp) => resp.created_obj_results.first().and_then(|result| result.status().ok()),
            Err(error) => {
                let why = format!("the agent makes no subscription: {} {}", error.err_code, error.err_msg);
                return Err(Stop::Error(why));
            }
        };
        let Some(made) = made else { return Err(Stop::Error("the agent makes no subscription".to_owned())) };
        Ok(Row { path: made.instantiated_path.clone(), id })
    }
}
