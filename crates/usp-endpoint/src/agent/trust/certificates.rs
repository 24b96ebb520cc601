//! The table `LocalAgent.Certificate.` and its commands: `AddCertificate()`, `AddMyCertificate()`, `Delete()`,
//! `GetFingerprint()` (TR-181).

use dm::operation::CommandResult;
use dm::tree::{Change, CommandCall, Place, Tree};
use dm::value::{join_list, split_list};
use dm::{Code, Fault, Now, Value};

use super::judge::{Judgement, judge};
use super::{Certificate, TrustCrypto};
use crate::agent::challenges::argument;
use crate::agent::controllers::tree_path;
use crate::agent::request_rows::set;
use crate::agent::requests::Origin;
use crate::agent::{AgentMachine, places};
use crate::limits::{MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES};

/// Where certificates are referred to, beside `Controller.{i}.`.
const CREDENTIAL: &str = "Credential";

impl AgentMachine {
    /// Runs a command of certificates. `None`: it is none, or this machine knows no certificates.
    pub(in crate::agent) fn certificate_command(
        &mut self,
        now: Now,
        tree: &mut Tree,
        origin: &Origin,
        (object, name): (&str, &str),
        call: &CommandCall,
    ) -> Option<Result<CommandResult, Fault>> {
        let crypto = self.trust.as_ref()?.crypto.clone();
        let result = match (object, name) {
            ("Device.LocalAgent.", "AddCertificate") => {
                read(&*crypto, call).and_then(|certificate| keep(tree, &certificate, alias(call), &[]))
            }
            ("Device.LocalAgent.Controller.{i}.", "AddMyCertificate") => {
                self.keep_own(tree, &*crypto, origin, call)
            }
            ("Device.LocalAgent.Certificate.{i}.", "Delete") => {
                Ok((call.place.clone(), removal(tree, &call.place)))
            }
            ("Device.LocalAgent.Certificate.{i}.", "GetFingerprint") => {
                return Some(show_fingerprint(tree, &*crypto, call));
            }
            _ => return None,
        };
        Some(result.map(|(_, changes)| {
            self.write(now, tree, &changes);
            CommandResult::Output(Vec::new())
        }))
    }

    /// A certificate of a controller for itself. One that is let in by a CA of the system alone keeps the
    /// certificate that it has: from now on the tables name something for it, and CAs of the system count no
    /// longer.
    fn keep_own(
        &self,
        tree: &Tree,
        crypto: &dyn TrustCrypto,
        origin: &Origin,
        call: &CommandCall,
    ) -> Result<(Place, Vec<Change>), Fault> {
        let is_own = self.controller(&origin.controller).is_some_and(|asker| asker.row == call.place);
        if !is_own {
            return Err(Fault::new(
                Code::PERMISSION_DENIED,
                "a controller adds certificates for itself only",
            ));
        }
        let certificate = read(crypto, call)?;
        let names = certificate.endpoint_ids.iter().any(|id| id.certifies(&origin.controller));
        if !names || certificate.is_ca {
            let why = "Certificate: it has to name this controller, and not to be that of a CA";
            return Err(Fault::new(Code::INVALID_COMMAND_ARGUMENTS, why));
        }
        let rows = [call.place.clone()];
        let (row, mut changes) = keep(tree, &certificate, alias(call), &rows)?;
        if let Some(current) = self.open_certificate(tree, crypto, origin) {
            let mut after = tree.clone();
            after.apply(&changes);
            changes.extend(keep(&after, &current, None, &rows)?.1);
        }
        Ok((row, changes))
    }

    /// The certificate of a connection that is let in although the tables name nothing for its controller.
    fn open_certificate(
        &self,
        tree: &Tree,
        crypto: &dyn TrustCrypto,
        origin: &Origin,
    ) -> Option<Certificate> {
        let shown = self.trust.as_ref()?.shown.get(&origin.return_path.link())?;
        let is_open = judge(tree, crypto, &origin.controller, &shown.certificate) == Judgement::Open;
        crypto.read_der(shown.certificate.chain.first().filter(|_| is_open)?)
    }
}

/// What makes a row for a certificate, and lets controllers refer to it.
///
/// # Errors
/// 7022 where there is one with its serial number and issuer, or with this alias; 7005 where there are too many.
pub(super) fn keep(
    tree: &Tree,
    certificate: &Certificate,
    alias: Option<&str>,
    controllers: &[Place],
) -> Result<(Place, Vec<Change>), Fault> {
    let failed = |why: &str| Fault::new(Code::COMMAND_FAILURE, why);
    let table = places::table(tree, places::CERTIFICATE).ok_or_else(|| failed("there is no such table"))?;
    let rows = places::rows(tree, &table);
    let is = |row: &Place, name: &str, text: &str| tree.text_of(row, name) == text;
    let is_twin = |row: &Place| {
        is(row, "SerialNumber", &certificate.serial_number) && is(row, "Issuer", &certificate.issuer)
    };
    if rows.iter().any(is_twin) {
        return Err(failed("there is a certificate of this serial number and issuer: delete it first"));
    }
    if alias.is_some_and(|alias| rows.iter().any(|row| is(row, "Alias", alias))) {
        return Err(failed("there is a certificate of this alias"));
    }
    if rows.len() >= MAX_CERTIFICATES || certificate.der.len() > MAX_CERTIFICATE_BYTES {
        return Err(Fault::new(Code::RESOURCES_EXCEEDED, "too many certificates, or too long a one"));
    }
    let row = places::next_row(tree, &table).ok_or_else(|| failed("there is no number left"))?;
    let usual = format!("cpe-{}", tree.last_number(&table).saturating_add(1));
    let mut changes = tree.with_defaults(&row);
    for (name, text) in [
        ("Alias", alias.unwrap_or(&usual)),
        ("SerialNumber", &certificate.serial_number),
        ("Issuer", &certificate.issuer),
        ("X_CUSP_Certificate", &certificate.pem),
    ] {
        changes.extend(set(tree, &row, name, text));
    }
    if let Some(param) = tree.model().param_index(row.object, "Enable") {
        changes.push(Change::Set { place: row.clone(), param, value: Some(Value::Bool(true)) });
    }
    let path = tree_path(tree, &row);
    for controller in controllers {
        let known = tree.text_of(controller, CREDENTIAL);
        let mut list: Vec<_> = split_list(&known).collect();
        list.push(path.as_str().into());
        changes.extend(set(tree, controller, CREDENTIAL, &join_list(&list)));
    }
    Ok((row, changes))
}

/// What lets a certificate speak for a controller: its row, if there is none yet, and the reference to it. Nothing
/// where it does already.
///
/// # Errors
/// 7022 where another certificate has its serial number and issuer; 7005 where there are too many.
pub fn vouch(
    tree: &Tree,
    crypto: &dyn TrustCrypto,
    controller: &Place,
    certificate: &Certificate,
) -> Result<Vec<Change>, Fault> {
    let rows = places::table(tree, places::CERTIFICATE).map(|table| places::rows(tree, &table));
    let is_it = |row: &Place| {
        let kept = crypto.read_pem(&tree.text_of(row, "X_CUSP_Certificate"));
        kept.is_some_and(|kept| kept.der == certificate.der)
    };
    let Some(row) = rows.unwrap_or_default().into_iter().find(is_it) else {
        return Ok(keep(tree, certificate, None, std::slice::from_ref(controller))?.1);
    };
    let path = tree_path(tree, &row);
    let known = tree.text_of(controller, CREDENTIAL);
    let mut list: Vec<_> = split_list(&known).collect();
    if list.iter().any(|reference| reference.trim_end_matches('.') == path) {
        return Ok(Vec::new());
    }
    list.push(path.as_str().into());
    Ok(set(tree, controller, CREDENTIAL, &join_list(&list)).into_iter().collect())
}

/// Whether a row is what one that refers to it, and of which this holds, is believed by.
pub(in crate::agent) fn lets_in(tree: &Tree, row: &Place, holds: impl Fn(&Place) -> bool) -> bool {
    let path = tree_path(tree, row);
    let refers = |holder: &Place| {
        let list = tree.text_of(holder, CREDENTIAL);
        split_list(&list).any(|item| item.trim_end_matches('.') == path)
    };
    [places::CONTROLLER, places::CREDENTIAL].iter().any(|table| {
        let rows = places::table(tree, table).map(|table| places::rows(tree, &table)).unwrap_or_default();
        rows.iter().any(|holder| refers(holder) && holds(holder))
    })
}

/// What takes a row away, and what refers to it.
fn removal(tree: &Tree, row: &Place) -> Vec<Change> {
    let path = tree_path(tree, row);
    let mut changes = Vec::new();
    for table in [places::CONTROLLER, places::CREDENTIAL] {
        let rows = places::table(tree, table).map(|table| places::rows(tree, &table)).unwrap_or_default();
        for holder in rows {
            let list = tree.text_of(&holder, CREDENTIAL);
            let kept: Vec<_> = split_list(&list).filter(|item| item.trim_end_matches('.') != path).collect();
            if kept.len() < split_list(&list).count() {
                changes.extend(set(tree, &holder, CREDENTIAL, &join_list(&kept)));
            }
        }
    }
    changes.push(Change::Remove { row: row.clone() });
    changes
}

fn show_fingerprint(
    tree: &Tree,
    crypto: &dyn TrustCrypto,
    call: &CommandCall,
) -> Result<CommandResult, Fault> {
    let bad = |why: &str| Fault::new(Code::INVALID_COMMAND_ARGUMENTS, why);
    let algorithm = argument(call, "FingerprintAlgorithm").unwrap_or_default();
    let certificate = crypto.read_pem(&tree.text_of(&call.place, "X_CUSP_Certificate"));
    let certificate = certificate.ok_or_else(|| Fault::new(Code::COMMAND_FAILURE, "it can't be read"))?;
    let text = crypto.fingerprint(algorithm, &certificate.der);
    let text = text.ok_or_else(|| bad("FingerprintAlgorithm: not one of SupportedFingerprintAlgorithms"))?;
    Ok(CommandResult::Output(vec![("Fingerprint".to_owned(), text)]))
}

fn read(crypto: &dyn TrustCrypto, call: &CommandCall) -> Result<Certificate, Fault> {
    let pem = argument(call, "Certificate").unwrap_or_default();
    let why = "Certificate: not one X.509 certificate in PEM";
    crypto.read_pem(pem).ok_or_else(|| Fault::new(Code::INVALID_COMMAND_ARGUMENTS, why))
}

fn alias(call: &CommandCall) -> Option<&str> {
    argument(call, "Alias").filter(|alias| !alias.is_empty())
}
