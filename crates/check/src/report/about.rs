//! Which run it was: what a report says before its verdicts.

use serde_json::{Value, json};

/// Whom a run was about, and how it was carried out. What is not known is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct About {
    /// The agent's endpoint id.
    pub agent: String,
    /// Manufacturer, model and software version, as the agent says.
    pub device: String,
    /// How it was connected: an address.
    pub by: String,
    /// When the run began, UTC.
    pub at: String,
    /// The program that checked, with its version.
    pub tool: String,
}

impl About {
    /// What is known, each with its name.
    pub(super) fn known(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("agent", &self.agent),
            ("device", &self.device),
            ("connected by", &self.by),
            ("begun", &self.at),
            ("checked by", &self.tool),
        ];
        all.into_iter().map(|(name, text)| (name, text.as_str())).filter(|(_, text)| !text.is_empty())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "agent": self.agent,
            "device": self.device,
            "connected_by": self.by,
            "begun": self.at,
            "checked_by": self.tool,
        })
    }
}
