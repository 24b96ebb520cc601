//! What a vendor says of its agent beforehand, as a file in TOML: which command and which parameter the checks use in
//! place of those that they choose, and what they leave out.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::target::TIMER;

/// The file.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The asynchronous command that runs.
    #[serde(default)]
    pub command: Command,
    /// The parameter whose changes are notified; `TimeToLive` of a subscription where there is none.
    pub value: Option<ChangingValue>,
    /// A table of which rows may be made, changed and deleted.
    pub table: Option<Table>,
    /// The device may be restarted.
    pub reboot: Option<Restart>,
    /// Checks that are not run.
    #[serde(default)]
    pub skip: Vec<Omitted>,
}

/// A table of the vendor's.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its path, with a dot at its end.
    pub path: String,
    /// What a row needs: names of parameters, and values.
    pub settings: BTreeMap<String, String>,
    /// A parameter that can be set afterwards, and the value in the form in which it reads back.
    pub change: [String; 2],
}

/// How the device restarts.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// How long it may take until it tells of it, seconds.
    pub seconds: u64,
}

/// An asynchronous command that does nothing but end after a while.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Its path: `Device.ScheduleTimer()`.
    pub path: String,
    /// Its mandatory argument: after how many seconds it ends.
    pub argument: String,
}

impl Default for Command {
    fn default() -> Command {
        Command { path: TIMER.to_owned(), argument: "DelaySeconds".to_owned() }
    }
}

/// A parameter that can be set at any time.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangingValue {
    /// Its path, with instance numbers.
    pub path: String,
    /// Two values that it takes, in the form in which it reads back.
    pub values: [String; 2],
}

/// Checks that are not run.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omitted {
    /// An id, or the beginning of several.
    pub id: String,
    /// Why; the report says it.
    pub why: String,
}

/// What is wrong with a profile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProfileError {
    /// It is no TOML, or has other keys.
    #[error("{0}")]
    Form(String),
    /// A path is of another form.
    #[error("{0:?} is not the path of a {1}")]
    Path(String, &'static str),
    /// It leaves out what is not there.
    #[error("no check has the id {0:?}")]
    NoSuchCheck(String),
}

impl Profile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Profile, ProfileError> {
        let profile: Profile = toml::from_str(text).map_err(|error| ProfileError::Form(error.to_string()))?;
        let command = &profile.command.path;
        let is_path = |path: &str| path.starts_with("Device.") && !path.contains(['*', '[', '{']);
        if !is_path(command) || !command.ends_with("()") {
            return Err(ProfileError::Path(command.clone(), "command"));
        }
        let value = profile.value.as_ref().map(|value| &value.path);
        if let Some(path) = value.filter(|path| !is_path(path) || path.ends_with(['.', ')', '!'])) {
            return Err(ProfileError::Path(path.clone(), "parameter"));
        }
        if let Some(table) =
            profile.table.as_ref().filter(|table| !is_path(&table.path) || !table.path.ends_with('.'))
        {
            return Err(ProfileError::Path(table.path.clone(), "table"));
        }
        match profile.skip.iter().find(|omitted| crate::select(std::slice::from_ref(&omitted.id)).is_empty())
        {
            Some(omitted) => Err(ProfileError::NoSuchCheck(omitted.id.clone())),
            None => Ok(profile),
        }
    }

    /// Why a check is not run, if it is not.
    pub(crate) fn omits(&self, id: &str) -> Option<&str> {
        let means = |omitted: &&Omitted| {
            crate::select(std::slice::from_ref(&omitted.id)).iter().any(|check| check.id == id)
        };
        self.skip.iter().find(means).map(|omitted| omitted.why.as_str())
    }
}

impl ChangingValue {
    /// Its object and its name.
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.path.split_at(self.path.rfind('.').map_or(0, |dot| dot + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_or_says_what_is_wrong() {
        let text = "[command]\npath = \"Device.X_Wait()\"\nargument = \"Seconds\"\n\
                    [value]\npath = \"Device.Room.1.Size\"\nvalues = [\"1\", \"2\"]\n\
                    [reboot]\nseconds = 90\n[[skip]]\nid = \"R-SEC.1\"\nwhy = \"roles are fixed\"\n";
        let profile = Profile::parse(text).unwrap();
        assert_eq!(
            (profile.command.path.as_str(), profile.command.argument.as_str()),
            ("Device.X_Wait()", "Seconds")
        );
        assert_eq!(profile.value.as_ref().unwrap().parts(), ("Device.Room.1.", "Size"));
        assert_eq!(profile.reboot, Some(Restart { seconds: 90 }));
        assert_eq!(profile.omits("R-SEC.1-no-write"), Some("roles are fixed"));
        assert_eq!(profile.omits("R-SEC.10-dialler-names-itself"), None);
        assert_eq!(Profile::parse("").unwrap(), Profile::default());
        assert_eq!(Profile::default().command.path, "Device.ScheduleTimer()");
        for (text, says) in [
            (
                "[command]\npath = \"Device.X_Wait\"\nargument = \"S\"",
                "\"Device.X_Wait\" is not the path of a command",
            ),
            (
                "[value]\npath = \"Device.*.Size\"\nvalues = [\"1\", \"2\"]",
                "\"Device.*.Size\" is not the path of a parameter",
            ),
            (
                "[value]\npath = \"Device.Room.\"\nvalues = [\"1\", \"2\"]",
                "\"Device.Room.\" is not the path of a parameter",
            ),
            (
                "[table]\npath = \"Device.Room\"\nsettings = {}\nchange = [\"a\", \"b\"]",
                "\"Device.Room\" is not the path of a table",
            ),
            ("[[skip]]\nid = \"R-NOPE\"\nwhy = \"\"", "no check has the id \"R-NOPE\""),
        ] {
            assert_eq!(Profile::parse(text).unwrap_err().to_string(), says);
        }
        assert!(matches!(Profile::parse("[tabel]"), Err(ProfileError::Form(_))));
    }
}
