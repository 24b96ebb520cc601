//! The compiled-in catalogue as the API uses it: facts for pages and editors, and which values are secret.

use std::sync::LazyLock;

use dm::path::Path;
use dm::schema::{Catalogue, ItemRef, ObjectRef, Protocol, tr_181};
use dm::{Fault, SchemaPath};
use fleet::check::{NoSchema, SchemaCheck};
use fleet::job::MASK;

use crate::imported::Imported;

static TR_181: LazyLock<Catalogue<'static>> = LazyLock::new(tr_181);

/// The object of a Supported-DM path; row numbers stand for `{i}`.
pub(crate) fn object(path: &str) -> Option<ObjectRef<'static>> {
    TR_181.object(&generalise(path))
}

/// The parameter, command or event of a Supported-DM path.
pub(crate) fn item(path: &str) -> Option<ItemRef<'static>> {
    TR_181.item(path, Protocol::Usp)
}

/// The same path with `{i}` for each row number. Searches and references are left as they are.
pub(crate) fn generalise(path: &str) -> String {
    let mut general = String::with_capacity(path.len());
    for (at, element) in path.split('.').enumerate() {
        if at > 0 {
            general.push('.');
        }
        let number = !element.is_empty() && element.bytes().all(|byte| byte.is_ascii_digit());
        general.push_str(if number { "{i}" } else { element });
    }
    general
}

/// Knows which values are secret, and nothing else: what the catalogue says, then what imported models say, or
/// the name where the catalogue does not know the parameter.
#[derive(Clone, Default, Debug)]
pub(crate) struct Known(pub(crate) Imported);

impl SchemaCheck for Known {
    fn setting(&self, object: &str, param: &str, value: &str, force: bool) -> Result<(), Fault> {
        NoSchema.setting(object, param, value, force)
    }

    fn row(&self, path: &str, add: bool) -> Result<(), Fault> {
        NoSchema.row(path, add)
    }

    fn command(&self, command: &str, args: &[(String, String)], force: bool) -> Result<(), Fault> {
        NoSchema.command(command, args, force)
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        if path.ends_with(['!', ')']) {
            return is_secret_argument(path, name);
        }
        let dot = if path.is_empty() || path.ends_with('.') { "" } else { "." };
        self.is_secret_param(&[path, dot, name].concat())
    }
}

impl Known {
    /// Whether the parameter at a requester's path holds a secret.
    fn is_secret_param(&self, path: &str) -> bool {
        let general = schema_path(path);
        let Some(general) = general.as_ref().map(SchemaPath::as_str) else {
            return NoSchema.is_secret("", path);
        };
        match item(general) {
            Some(item) => item.is_secret(),
            None => self.0.is_secret(general) || NoSchema.is_secret("", path),
        }
    }

    /// Masks what is secret among names and values that belong to `path`: a parameter, an object or an event.
    pub(crate) fn mask(&self, path: &str, params: &mut [(String, String)]) {
        for (name, value) in params {
            let secret = if name.starts_with("Device.") {
                self.is_secret_param(name)
            } else if path.is_empty() || path.ends_with(['.', '!', ')']) {
                self.is_secret(path, name)
            } else {
                self.is_secret_param(path)
            };
            if secret && !value.is_empty() {
                MASK.clone_into(value);
            }
        }
    }
}

/// Whether the argument called `name` of a command or event is a secret.
pub fn is_secret_argument(action: &str, name: &str) -> bool {
    let general = generalise(name);
    let found = schema_path(action)
        .and_then(|path| item(path.as_str()))
        .and_then(|item| item.args().find(|arg| arg.name() == general));
    found.is_some_and(|arg| arg.is_secret()) || NoSchema.is_secret(action, name)
}

fn schema_path(path: &str) -> Option<SchemaPath> {
    Path::parse(path).ok()?.to_schema()
}

#[cfg(test)]
mod tests {
    use super::{Known, generalise};
    use fleet::check::SchemaCheck;

    #[test]
    fn row_numbers_are_generalised() {
        assert_eq!(
            generalise("Device.IP.Interface.12.IPv4Address.3."),
            "Device.IP.Interface.{i}.IPv4Address.{i}."
        );
        assert_eq!(generalise("Device.DeviceInfo.X_1.Name"), "Device.DeviceInfo.X_1.Name");
    }

    #[test]
    fn secrets_are_known_by_catalogue_then_by_name() {
        let check = |path: &str, name: &str, expected: bool| {
            assert_eq!(Known::default().is_secret(path, name), expected, "{path} {name}");
        };
        check("Device.WiFi.AccessPoint.1.Security.", "KeyPassphrase", true);
        check("Device.WiFi.AccessPoint.*.Security.", "KeyPassphrase", true);
        check("Device.WiFi.AccessPoint.[SSIDReference==\"a.b\"].", "Security.KeyPassphrase", true);
        check("Device.WiFi.AccessPoint.1.Security.", "ModeEnabled", false);
        check("Device.Users.User.2", "Password", true);
        check("Device.X_EXAMPLE_Cloud.", "AccessPassword", true);
        check("Device.X_EXAMPLE_Cloud.", "Region", false);
    }

    #[test]
    fn event_values_are_masked_whatever_form_their_names_have() {
        let check = |path: &str, name: &str, masked: bool| {
            let mut params = [(name.to_owned(), "value".to_owned())];
            Known::default().mask(path, &mut params);
            assert_eq!(params[0].1 != "value", masked, "{path} {name}");
        };
        check("Device.Users.User.1.Password", "value", true);
        check("Device.Users.User.1.", "Password", true);
        check("", "Device.Users.User.1.Password", true);
        check("Device.Users.User.1.", "Username", false);
        check("Device.Boot!", "Cause", false);
    }
}
