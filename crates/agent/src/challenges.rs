//! The factory's challenges: `[[challenge]]` in `agent.toml`.

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::FactoryDefault;
use engine::trust::TrustCrypto as _;
use mtp::EndpointId;
use serde::Deserialize;

use crate::config::Config;
use crate::identity::Identity;
use crate::roles;
use crate::trust::Certificates;

/// A question, and the role of those who can answer it. The answer has to be unique to the device, and nothing
/// that the device tells of itself (R-SEC.14, R-SEC.15): there is none unless the file has one.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeConfig {
    /// What it is for, as controllers show it.
    pub description: String,
    /// Where the answer is to be found, as controllers show it.
    #[serde(default)]
    pub instruction: String,
    /// The answer.
    pub passphrase: Option<String>,
    /// What is kept of it, in its place: the factory default as the agent keeps it has this.
    pub passphrase_hash: Option<String>,
    /// The name of the role.
    pub role: String,
    /// Wrong answers that are taken before the lockout, at least 1.
    #[serde(default = "usual_retries")]
    pub retries: u32,
    /// Seconds of the lockout; 0 for none.
    #[serde(default = "usual_lockout")]
    pub lockout: u32,
}

fn usual_retries() -> u32 {
    5
}

fn usual_lockout() -> u32 {
    300
}

impl std::fmt::Debug for ChallengeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChallengeConfig")
            .field("description", &self.description)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Checks the challenges of a file.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn check(config: &Config) -> Result<()> {
    for challenge in &config.challenges {
        let (what, role) = (&challenge.description, &challenge.role);
        if roles::number(config, role).is_none() {
            bail!("challenge {what}: there is no role {role:?}");
        }
        let has_one = match (&challenge.passphrase, &challenge.passphrase_hash) {
            (Some(passphrase), None) => !passphrase.is_empty(),
            (None, Some(hash)) => Certificates::default().is_concealed(hash),
            _ => false,
        };
        if !has_one || challenge.retries == 0 {
            bail!("challenge {what}: a passphrase (or its hash) and at least one try");
        }
    }
    Ok(())
}

/// Checks that no passphrase is, or stands in, what the device tells about itself: whoever hears that could answer
/// (R-SEC.15), and another device that tells the same would have the same answer (R-SEC.14).
///
/// # Errors
/// Which challenge it is.
pub(crate) fn check_told(config: &Config, identity: &Identity, endpoint: &EndpointId) -> Result<()> {
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let Identity {
        manufacturer,
        oui,
        model_name,
        product_class,
        serial,
        hardware_version,
        uuid,
        friendly_name,
    } = identity;
    let told = [manufacturer, oui, model_name, product_class, serial, hardware_version, uuid, friendly_name];
    let told = told.into_iter().flatten().map(String::as_str).chain([endpoint.as_str()]);
    let told: Vec<String> = told.map(plain).collect();
    for challenge in &config.challenges {
        let answer: String = challenge.passphrase.as_deref().map(plain).unwrap_or_default();
        if !answer.is_empty() && told.iter().any(|fact| fact.contains(&answer)) {
            bail!("challenge {}: the device tells everybody its passphrase", challenge.description);
        }
    }
    Ok(())
}

/// The table at the first start.
pub(crate) fn defaults(config: &Config) -> Vec<FactoryDefault> {
    let rows = (1..).zip(&config.challenges).flat_map(|(number, challenge)| {
        let path = format!("Device.LocalAgent.ControllerTrust.Challenge.{number}.");
        let values = [
            ("Description", challenge.description.clone()),
            ("Enable", "true".to_owned()),
            ("Instruction", STANDARD.encode(&challenge.instruction)),
            ("InstructionType", "text/plain".to_owned()),
            ("LockoutPeriod", challenge.lockout.to_string()),
            ("Retries", challenge.retries.to_string()),
            ("Role", roles::reference(config, &challenge.role)),
            ("Type", "Passphrase".to_owned()),
            ("ValueType", "text/plain".to_owned()),
        ];
        let mut rows: Vec<FactoryDefault> =
            values.iter().map(|(param, value)| FactoryDefault::new(&path, param, value)).collect();
        // The machine conceals one that is not yet.
        let plain = challenge.passphrase.as_ref().map(|passphrase| STANDARD.encode(passphrase));
        let value = challenge.passphrase_hash.clone().or(plain).unwrap_or_default();
        rows.push(FactoryDefault::secret(&path, "Value", &value));
        rows
    });
    rows.collect()
}
