//! `LocalAgent.Certificate.`: the CAs that vouch for controllers, and which of them count for whom. The
//! device's own certificate is not one of them, by TR-181's definition of the table; nor are pins, which are
//! fingerprints and tell no issuer.

use std::collections::BTreeMap;
use std::sync::Arc;

use dm::model::ModelBuilder;
use dm::path::{ObjectPath, SchemaPath};
use dm::tree::{Change, Place, Tree};
use engine::Instance;
use engine::provider::{Pending, Provider, ProviderError, Report};
use mtp::EndpointId;
use pki::cert::{CertificateName, name};

use super::rows::{RowBuilder, object, report};
use super::support::Support;
use crate::config::Policy;
use crate::enrol::Credentials;

const CERTIFICATE: &str = "Device.LocalAgent.Certificate.{i}.";

/// Longest issuer and serial number of the data model, characters.
const ISSUER_LENGTH: usize = 256;
const SERIAL_LENGTH: usize = 64;

/// The trusted certificates.
#[derive(Debug)]
pub struct Certificates {
    credentials: Arc<Credentials>,
}

impl Certificates {
    /// Those of `credentials`.
    pub fn new(credentials: Arc<Credentials>) -> Certificates {
        Certificates { credentials }
    }
}

impl Provider for Certificates {
    fn name(&self) -> &'static str {
        "certificates"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        Support::new(model, &Policy::default())
            .add("Device.LocalAgent.", &["CertificateNumberOfEntries"])
            .object(CERTIFICATE, &["Alias", "Enable", "SerialNumber", "Issuer"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object("Device.LocalAgent.Certificate.")]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async {
            let roots = self.credentials.roots().map_err(|error| ProviderError(format!("{error:#}")))?;
            let named: BTreeMap<String, CertificateName> = roots
                .iter()
                .filter_map(|der| Some((pki::fingerprint_text(&pki::fingerprint(der)), name(der).ok()?)))
                .collect();
            Ok(report(named.iter().map(|(fingerprint, name)| {
                RowBuilder::new(CERTIFICATE, &[fingerprint])
                    .bool("Enable", true)
                    .text_up_to("SerialNumber", &name.serial_number, SERIAL_LENGTH)
                    .text_up_to("Issuer", &name.issuer, ISSUER_LENGTH)
            })))
        })
    }
}

/// Keeps `LocalAgent.Controller.{i}.Credential` what [`Credentials`] holds for each controller.
pub async fn keep_references(instance: Arc<Instance>, credentials: Arc<Credentials>) {
    let controllers = ObjectPath::parse("Device.LocalAgent.Controller.").expect("a literal");
    let Some(mut changes) = instance.follow(&controllers) else { return };
    loop {
        let set = instance.with_tree(|tree| references(tree, &credentials)).unwrap_or_default();
        if !set.is_empty()
            && let Err(error) = instance.change(|_| set).await
        {
            return tracing::warn!(%error, "the credentials of controllers are not shown");
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// What has to change for every controller to refer to the CAs that vouch for it.
pub fn references(tree: &Tree, credentials: &Credentials) -> Vec<Change> {
    let place = |path: &str| Place::of(tree.model(), &ObjectPath::parse(path).ok()?);
    let Some(controllers) = place("Device.LocalAgent.Controller.") else { return Vec::new() };
    let Some(param) = tree.model().param_index(controllers.object, "Credential") else { return Vec::new() };
    let known = place("Device.LocalAgent.Certificate.").map(|table| named(tree, &table)).unwrap_or_default();
    let mut changes = Vec::new();
    for number in tree.rows(&controllers) {
        let row = controllers.row(number);
        let Ok(endpoint) = EndpointId::receive(&tree.text_of(&row, "EndpointID")) else { continue };
        let roots = credentials.roots_for(&endpoint).unwrap_or_default();
        let mut paths: Vec<&str> =
            roots.iter().filter_map(|der| Some(known.get(&name(der).ok()?)?.as_str())).collect();
        paths.sort_unstable();
        paths.dedup();
        let text = paths.join(",");
        let facts = &tree.model().object(row.object).params[usize::from(param)];
        if tree.text_of(&row, "Credential") != text
            && let Ok(value) = facts.check(&text)
        {
            changes.push(Change::Set { place: row, param, value: Some(value) });
        }
    }
    changes
}

/// The rows by what they are called, as references have them: without the dot at the end.
fn named(tree: &Tree, table: &Place) -> BTreeMap<CertificateName, String> {
    let rows = tree.rows(table).into_iter().map(|number| table.row(number));
    let named = rows.map(|row| {
        let (serial_number, issuer) = (tree.text_of(&row, "SerialNumber"), tree.text_of(&row, "Issuer"));
        let path = row.text(tree.model()).trim_end_matches('.').to_owned();
        (CertificateName { serial_number, issuer }, path)
    });
    named.collect()
}
