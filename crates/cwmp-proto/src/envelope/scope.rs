//! Namespaces, as far as anybody asks for them: which one of CWMP the peer uses, and what is odd about the rest.

use crate::limits::MAX_NAMESPACES;
use crate::notice::Notice;
use crate::version::Namespace;
use crate::xml::{Element, Pull};

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// Where schemas lie, and the one URI each that is the standard's.
const SCHEMAS: [(&str, &[&str]); 2] = [
    ("XMLSchema", &["http://www.w3.org/2001/XMLSchema", "http://www.w3.org/2001/XMLSchema-instance"]),
    ("soap/encoding", &["http://schemas.xmlsoap.org/soap/encoding/"]),
];

/// What has been declared down to the method, nesting disregarded.
#[derive(Default)]
pub(super) struct Scope {
    /// Prefix and URI.
    declared: Vec<(String, String)>,
    cwmp: Vec<(String, Namespace)>,
}

impl Scope {
    /// Takes the declarations of an element.
    pub(super) fn enter(&mut self, x: &mut Pull<'_>, element: &Element<'_>) {
        for (name, value) in element.attributes() {
            let prefix = match name.split_once(':') {
                Some(("xmlns", prefix)) => prefix,
                None if name == "xmlns" => "",
                _ => {
                    self.must_understand(x, name);
                    continue;
                }
            };
            if self.declared.len() < MAX_NAMESPACES {
                self.declare(x, prefix, value.trim());
            }
        }
    }

    fn declare(&mut self, x: &mut Pull<'_>, prefix: &str, uri: &str) {
        self.declared.push((prefix.to_owned(), uri.to_owned()));
        if let Some(namespace) = Namespace::from_uri(uri) {
            if namespace > Namespace::NEWEST {
                x.note(Notice::NamespaceBeyond(namespace.minor));
            }
            if self.cwmp.iter().any(|known| known.1 != namespace) {
                x.note(Notice::NamespacesMixed);
            }
            self.cwmp.push((prefix.to_owned(), namespace));
        }
        let odd = |(part, uris): &(&str, &[&str])| uri.contains(part) && !uris.contains(&uri);
        if SCHEMAS.iter().any(odd) {
            x.note(Notice::SchemaNamespace);
        }
    }

    fn must_understand(&self, x: &mut Pull<'_>, name: &str) {
        let Some(prefix) = name.strip_suffix(":mustUnderstand") else { return };
        if self.uri(prefix).is_some_and(|uri| uri != SOAP) {
            x.note(Notice::MustUnderstand);
        }
    }

    fn uri(&self, prefix: &str) -> Option<&str> {
        self.declared.iter().rev().find(|row| row.0 == prefix).map(|row| row.1.as_str())
    }

    /// Notes a prefix that nobody declared.
    pub(super) fn check_prefix(&self, x: &mut Pull<'_>, element: &Element<'_>) {
        if !element.prefix().is_empty() && self.uri(element.prefix()).is_none() {
            x.note(Notice::PrefixUndeclared);
        }
    }

    /// Notes an envelope that is not SOAP's.
    pub(super) fn check_soap(&self, x: &mut Pull<'_>, element: &Element<'_>) {
        self.check_prefix(x, element);
        if self.uri(element.prefix()).is_some_and(|uri| uri != SOAP) {
            x.note(Notice::SoapNamespace);
        }
    }

    /// The namespace of CWMP that the method is in; failing that, any that was declared; failing that, the first.
    pub(super) fn namespace(&self, x: &mut Pull<'_>, method_prefix: &str) -> Namespace {
        let of_method = self.cwmp.iter().rev().find(|row| row.0 == method_prefix);
        match of_method.or(self.cwmp.last()) {
            Some(row) => row.1,
            None => {
                x.note(Notice::NamespaceMissing);
                Namespace::default()
            }
        }
    }
}
