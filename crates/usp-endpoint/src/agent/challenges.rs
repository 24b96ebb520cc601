//! `ControllerTrust.RequestChallenge()` and `ChallengeResponse()`: a controller that can answer gets a role
//! (TR-369 section "Challenges", R-SEC.16, R-SEC.17).
//!
//! Failures count for the challenge, whoever fails, until somebody succeeds or its lockout has passed, across restarts.
//! Challenges that wait for their answer are forgotten with a restart (R-SEC.21). Of an answer a hash is kept, where
//! the machine has the means ([`super::trust::TrustCrypto`]).

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use dm::operation::CommandResult;
use dm::path::ReferenceValue;
use dm::tree::{Change, CommandCall, Place, Tree};
use dm::value::{join_list, split_list};
use dm::{Code, Fault, Mono, Now, Type, UtcTime, Value};
use rand_chacha::rand_core::RngCore;
use usp_proto::EndpointId;

use super::controllers::uint;
use super::trust::TrustCrypto;
use super::{AgentMachine, places};

/// What is remembered of challenges.
#[derive(Default)]
pub(super) struct Challenges {
    /// At most one per controller.
    outstanding: BTreeMap<EndpointId, Outstanding>,
    /// By row number.
    failures: BTreeMap<NonZeroU32, Failures>,
}

/// A challenge that waits for its answer.
struct Outstanding {
    /// By row number.
    challenge: NonZeroU32,
    id: String,
    expires: Option<Mono>,
}

#[derive(Clone, Copy, Default)]
struct Failures {
    count: u64,
    locked_until: Option<Mono>,
}

/// How long a challenge waits if the request does not say.
const USUAL_EXPIRATION_S: u64 = 900;

impl Challenges {
    /// 7002 while a challenge is locked; a lockout that has passed is forgotten.
    fn check_lock(&mut self, challenge: NonZeroU32, now: Mono) -> Result<(), Fault> {
        match self.failures.get(&challenge).and_then(|failures| failures.locked_until) {
            Some(until) if until > now => {
                Err(Fault::new(Code::REQUEST_DENIED, "too many wrong answers: try again later"))
            }
            Some(_) => {
                self.failures.remove(&challenge);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What the rows remember of an earlier life. Where no clock tells how much of a lockout has passed, it
    /// passes once more.
    pub(super) fn recall(&mut self, now: Now, tree: &Tree) {
        let Some(table) = places::table(tree, places::CHALLENGE) else { return };
        for row in places::rows(tree, &table) {
            let Some(number) = row.rows().last().copied() else { continue };
            let count = uint(tree, &row, "X_CUSP_Failures").unwrap_or(0);
            let locked = tree.value_of(&row, "X_CUSP_Locked") == Some(&Value::Bool(true));
            if count == 0 && !locked {
                continue;
            }
            let period = lockout(tree, &row);
            let left = match (now.utc, tree.value_of(&row, "X_CUSP_LockedUntil")) {
                (Some(utc), Some(Value::Time(until))) if !until.is_unknown() => {
                    let left = u64::try_from(until.0.saturating_sub(utc.0)).unwrap_or(0);
                    Duration::from_micros(left).min(period)
                }
                _ => period,
            };
            let locked_until = locked.then(|| now.mono + left);
            self.failures.insert(number, Failures { count, locked_until });
        }
    }

    /// What the row of a challenge has to remember.
    fn remembered(&self, now: Now, tree: &Tree, challenge: NonZeroU32) -> Vec<Change> {
        let Some(row) = places::table(tree, places::CHALLENGE).map(|table| table.row(challenge)) else {
            return Vec::new();
        };
        let Failures { count, locked_until } = self.failures.get(&challenge).copied().unwrap_or_default();
        let until = match (locked_until, now.utc) {
            (Some(until), Some(utc)) => utc + until.since(now.mono),
            _ => UtcTime::UNKNOWN,
        };
        let values = [
            ("X_CUSP_Failures", Value::Uint(count)),
            ("X_CUSP_Locked", Value::Bool(locked_until.is_some())),
            ("X_CUSP_LockedUntil", Value::Time(until)),
        ];
        let known = values.into_iter().filter_map(|(name, value)| {
            let param = tree.model().param_index(row.object, name)?;
            let is_new = tree.value(&row, param) != Some(&value);
            is_new.then(|| Change::Set { place: row.clone(), param, value: Some(value) })
        });
        known.collect()
    }

    fn failed(&mut self, tree: &Tree, challenge: NonZeroU32, now: Mono) {
        self.failures.retain(|number, _| open(tree, *number).is_some());
        let Some(row) = open(tree, challenge) else { return };
        let failures = self.failures.entry(challenge).or_default();
        failures.count += 1;
        if failures.count >= uint(tree, &row, "Retries").unwrap_or(0) {
            *failures = Failures { count: 0, locked_until: Some(now + lockout(tree, &row)) };
            // R-SEC.16: whoever goes on needs a new one.
            self.outstanding.retain(|_, waiting| waiting.challenge != challenge);
        }
    }
}

impl AgentMachine {
    pub(super) fn request_challenge(
        &mut self,
        now: Now,
        tree: &mut Tree,
        from: &EndpointId,
        call: &CommandCall,
    ) -> Result<CommandResult, Fault> {
        let (challenge, row) = find(tree, argument(call, "ChallengeRef").unwrap_or_default())?;
        self.challenges.check_lock(challenge, now.mono)?;
        let changes = self.challenges.remembered(now, tree, challenge);
        self.write(now, tree, &changes);
        let served = self.served();
        self.challenges.outstanding.retain(|controller, _| served.contains(controller));
        let waits = |waiting: &Outstanding| waiting.expires.is_none_or(|end| end > now.mono);
        let other = self.challenges.outstanding.get(from).filter(|waiting| waits(waiting));
        if other.is_some_and(|waiting| waiting.challenge != challenge) {
            return Err(Fault::new(Code::REQUEST_DENIED, "another challenge waits for its answer"));
        }
        let seconds = argument(call, "RequestExpiration").and_then(|text| text.trim().parse::<u64>().ok());
        let seconds = seconds.unwrap_or(USUAL_EXPIRATION_S);
        let id = format!("{:016x}{:016x}", self.random.next_u64(), self.random.next_u64());
        let expires = (seconds > 0).then(|| now.mono + Duration::from_secs(seconds));
        let outputs = [
            ("ChallengeID", id.clone()),
            ("Instruction", tree.text_of(&row, "Instruction")),
            ("InstructionType", tree.text_of(&row, "InstructionType")),
            ("ValueType", tree.text_of(&row, "ValueType")),
        ];
        self.challenges.outstanding.insert(from.clone(), Outstanding { challenge, id, expires });
        let outputs = outputs.into_iter().map(|(name, value)| (name.to_owned(), value));
        Ok(CommandResult::Output(outputs.collect()))
    }

    pub(super) fn challenge_response(
        &mut self,
        now: Now,
        tree: &mut Tree,
        from: &EndpointId,
        call: &CommandCall,
    ) -> Result<CommandResult, Fault> {
        let unknown = || Fault::new(Code::INVALID_ARGUMENTS, "no challenge of this id waits for an answer");
        let id = argument(call, "ChallengeID").unwrap_or_default();
        let waiting = self.challenges.outstanding.get(from).ok_or_else(unknown)?;
        if waiting.id != id || waiting.expires.is_some_and(|end| end <= now.mono) {
            return Err(unknown());
        }
        let challenge = waiting.challenge;
        self.challenges.check_lock(challenge, now.mono)?;
        let earned = open(tree, challenge).ok_or_else(unknown)?;
        let crypto = self.trust.as_ref().map(|trust| trust.crypto.clone());
        if !is_answer(tree, crypto.as_deref(), &earned, argument(call, "Value").unwrap_or_default()) {
            self.challenges.failed(tree, challenge, now.mono);
            let changes = self.challenges.remembered(now, tree, challenge);
            self.write(now, tree, &changes);
            return Err(Fault::new(Code::COMMAND_FAILURE, "the answer is wrong"));
        }
        self.challenges.outstanding.remove(from);
        self.challenges.failures.remove(&challenge);
        let row = self.controller(from).map(|controller| controller.row.clone());
        let mut changes = self.challenges.remembered(now, tree, challenge);
        changes.extend(row.and_then(|row| promotion(tree, &row, &earned)));
        self.write(now, tree, &changes);
        Ok(CommandResult::Output(Vec::new()))
    }
}

pub(super) fn argument<'a>(call: &'a CommandCall, name: &str) -> Option<&'a str> {
    call.args.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The enabled challenge that a reference leads to.
fn find(tree: &Tree, reference: &str) -> Result<(NonZeroU32, Place), Fault> {
    let table = places::table(tree, places::CHALLENGE).map(|table| table.object);
    let value = ReferenceValue::parse(reference).ok();
    // No search: its answer would tell what the caller may not read.
    let row = value.and_then(|value| tree.locate(&value.concrete_object()?));
    let row = row.filter(|place| Some(place.object) == table);
    let number = row.and_then(|row| row.rows().last().copied());
    let found = number.and_then(|number| Some((number, open(tree, number)?)));
    found.ok_or_else(|| Fault::new(Code::INVALID_VALUE, "ChallengeRef refers to no challenge"))
}

/// The row of a challenge that is enabled.
fn open(tree: &Tree, challenge: NonZeroU32) -> Option<Place> {
    let row = places::table(tree, places::CHALLENGE)?.row(challenge);
    (tree.value_of(&row, "Enable") == Some(&Value::Bool(true))).then_some(row)
}

/// Compares in a time that tells nothing of where a wrong answer goes wrong. Nothing answers a challenge without
/// a value.
fn is_answer(tree: &Tree, crypto: Option<&dyn TrustCrypto>, challenge: &Place, answer: &str) -> bool {
    let wanted = tree.text_of(challenge, "Value");
    let Ok(answer) = Value::parse(Type::Base64, answer) else { return false };
    let answer = answer.expose();
    if let Some(crypto) = crypto.filter(|crypto| crypto.is_concealed(&wanted)) {
        return crypto.is_answer(&wanted, &answer);
    }
    let differences = wanted.bytes().zip(answer.bytes()).fold(0, |sum: u8, (one, other)| sum | (one ^ other));
    !wanted.is_empty() && wanted.len() == answer.len() && differences == 0
}

fn lockout(tree: &Tree, challenge: &Place) -> Duration {
    match tree.value_of(challenge, "LockoutPeriod") {
        Some(Value::Int(seconds)) => Duration::from_secs(u64::try_from(*seconds).unwrap_or(0)),
        _ => Duration::ZERO,
    }
}

impl AgentMachine {
    /// Answers that stand in the table as they are: those of a factory default, or of an agent that did not conceal
    /// them yet.
    pub(super) fn conceal_answers(&mut self, tree: &Tree) -> Vec<Change> {
        let Some(table) = places::table(tree, places::CHALLENGE) else { return Vec::new() };
        let mut changes = Vec::new();
        for row in places::rows(tree, &table) {
            let Some(param) = tree.model().param_index(row.object, "Value") else { continue };
            let value = tree.value(&row, param).cloned();
            let is_concealed = |crypto: &dyn TrustCrypto, text: &str| crypto.is_concealed(text);
            let text = value.as_ref().map(|value| value.expose().into_owned()).unwrap_or_default();
            if self.trust.as_ref().is_none_or(|trust| is_concealed(&*trust.crypto, &text)) {
                continue;
            }
            let mut change = Change::Set { place: row, param, value };
            self.conceal(tree, &mut change);
            changes.push(change);
        }
        changes
    }

    /// Puts a hash in the place of an answer that is about to be written.
    pub(super) fn conceal(&mut self, tree: &Tree, change: &mut Change) {
        let (Some(trust), Some(table)) = (&self.trust, places::table(tree, places::CHALLENGE)) else {
            return;
        };
        let param = tree.model().param_index(table.object, "Value");
        let value = match change {
            Change::Set { place, param: set, value }
                if place.object == table.object && Some(*set) == param =>
            {
                value.as_mut()
            }
            Change::Create { row, values } if row.object == table.object => {
                values.iter_mut().find(|(set, _)| Some(*set) == param).map(|(_, value)| value)
            }
            _ => None,
        };
        if let Some(value) = value.filter(|value| !value.expose().is_empty()) {
            let mut salt = [0; 16];
            self.random.fill_bytes(&mut salt);
            *value = Value::secret(trust.crypto.conceal(salt, &value.expose()));
        }
    }
}

/// The challenge's roles take the place of the UntrustedRole, or join the others.
fn promotion(tree: &Tree, controller: &Place, challenge: &Place) -> Option<Change> {
    let param = tree.model().param_index(controller.object, "AssignedRole")?;
    let untrusted = places::table(tree, places::TRUST).map(|trust| tree.text_of(&trust, "UntrustedRole"));
    let assigned = tree.text_of(controller, "AssignedRole");
    let mut roles: Vec<_> =
        split_list(&assigned).filter(|role| Some(&**role) != untrusted.as_deref()).collect();
    let earned = tree.text_of(challenge, "Role");
    for role in split_list(&earned) {
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    let value = Some(Value::text(join_list(&roles)));
    Some(Change::Set { place: controller.clone(), param, value })
}
