//! The agent put together: the model of the running system, its stored tables, its folder.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use agent::config::Config;
use agent::host;
use agent::identity::Identity;
use agent::links::plan::{By, plans};
use agent::providers;
use agent::state::{Origin, StateDir};
use agent::system::SystemRoot;
use agent::trust::Certificates;
use dm::ObjectPath;
use dm::tree::{Place, Tree};
use engine::Instance;
use engine::provider::Provider;
use engine::trust::TrustCrypto as _;
use mtp::EndpointId;
use requirement::requirement;

const CONFIG: &str = r#"
[agent]
endpoint = "proto:lab:agent"

[[controller]]
endpoint = "proto::one"
url = "wss://acs.example:8183/usp"

[[controller]]
endpoint = "proto::two"
"#;

fn all(config: &Config) -> Vec<Arc<dyn Provider>> {
    let root = SystemRoot::host();
    let identity = Arc::new(Identity::detect(&config.agent, &root));
    let tls = Arc::new(|| anyhow::bail!("no uploads here"));
    providers::all(&root, &Arc::new(config.policy.clone()), &identity, &Arc::new(OnceLock::new()), tls)
}

async fn started(config: &Config, folder: &Path) -> Arc<Instance> {
    let state = StateDir::open(folder).expect("a folder");
    let endpoint = EndpointId::receive("proto:lab:agent").expect("an id");
    let identity = Identity::default();
    let instance =
        host::instance(config, &state, &identity, &endpoint, None, all(config)).await.expect("an instance");
    instance.start().await.expect("it starts");
    instance
}

fn value(tree: &Tree, object: &str, param: &str) -> String {
    let path = ObjectPath::parse(object).expect("a path");
    let place = Place::of(tree.model(), &path).expect("it is in the model");
    tree.text_of(&place, param)
}

#[tokio::test]
async fn the_running_system_as_a_tree() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::parse(CONFIG).expect("well-formed");
    let instance = started(&config, folder.path()).await;
    instance
        .with_tree(|tree| {
            assert_eq!(value(tree, "Device.", "RootDataModelVersion"), "2.19");
            assert_eq!(value(tree, "Device.LocalAgent.", "EndpointID"), "proto:lab:agent");
            assert_eq!(value(tree, "Device.LocalAgent.", "ControllerNumberOfEntries"), "2");
            let role = value(tree, "Device.LocalAgent.Controller.1.", "AssignedRole");
            assert_eq!(role, "Device.LocalAgent.ControllerTrust.Role.1");
            assert_eq!(value(tree, "Device.LocalAgent.ControllerTrust.Role.1.", "Name"), "Full Access");
            let trust = |param| value(tree, "Device.LocalAgent.ControllerTrust.", param);
            assert_eq!(trust("RoleNumberOfEntries"), "3");
            assert_eq!(trust("UntrustedRole"), "Device.LocalAgent.ControllerTrust.Role.2");
            assert_eq!(trust("BannedRole"), "Device.LocalAgent.ControllerTrust.Role.3");
            assert_eq!(trust("SecuredRoles"), "");
            let total: u64 =
                value(tree, "Device.DeviceInfo.MemoryStatus.", "Total").parse().expect("a number");
            assert!(total > 0);
            let processes: u64 = value(tree, "Device.DeviceInfo.ProcessStatus.", "ProcessNumberOfEntries")
                .parse()
                .expect("a number");
            assert!(processes > 0);
            // References have found their rows.
            tree.for_each(|place, values| {
                for text in values.iter().flatten().map(ToString::to_string) {
                    assert!(!text.contains(".{"), "{}: {text}", place.text(tree.model()));
                }
            });
        })
        .expect("it runs");
}

/// The roles of the file are rows of the table, and what they permit is checked by nobody else.
#[tokio::test]
#[requirement("R-SEC.13")]
async fn own_roles_follow_the_built_in_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "[[role]]\nname = \"Support\"\nsecured = true\n\
                [[role.permission]]\ntargets = [\"Device.\"]\nparam = \"r---\"\n\
                [[role.permission]]\ntargets = [\"Device.Hosts.\", \"Device.Hosts.Host.[Active==false].\"]\n\
                [[controller]]\nendpoint = \"proto::one\"\nrole = \"Support\"\n\
                [[controller]]\nendpoint = \"proto::two\"\nrole = \"Untrusted\"\n\
                [[challenge]]\ndescription = \"Help\"\npassphrase = \"open sesame\"\nrole = \"Support\"";
    let instance = started(&Config::parse(text).expect("well-formed"), folder.path()).await;
    instance
        .with_tree(|tree| {
            let role = "Device.LocalAgent.ControllerTrust.Role.4";
            assert_eq!(value(tree, "Device.LocalAgent.Controller.1.", "AssignedRole"), role);
            let untrusted = "Device.LocalAgent.ControllerTrust.Role.2";
            assert_eq!(value(tree, "Device.LocalAgent.Controller.2.", "AssignedRole"), untrusted);
            assert_eq!(value(tree, "Device.LocalAgent.ControllerTrust.", "SecuredRoles"), role);
            let challenge = |param| value(tree, "Device.LocalAgent.ControllerTrust.Challenge.1.", param);
            assert_eq!((challenge("Role").as_str(), challenge("Description").as_str()), (role, "Help"));
            assert_eq!(challenge("Retries"), "5");
            // Of the passphrase, in base64, only its hash is kept.
            let kept = challenge("Value");
            assert!(Certificates::default().is_answer(&kept, "b3BlbiBzZXNhbWU="), "{kept}");
            assert!(!Certificates::default().is_answer(&kept, "b3BlbiBzZXNhbWE="));
            let permission = |row: u32, param| value(tree, &format!("{role}.Permission.{row}."), param);
            assert_eq!((permission(1, "Order"), permission(1, "Param")), ("0".to_owned(), "r---".to_owned()));
            assert_eq!(permission(2, "Order"), "1");
            assert_eq!(permission(2, "Param"), "----");
            assert_eq!(permission(2, "Targets"), "Device.Hosts.,Device.Hosts.Host.[Active==false].");
        })
        .expect("it runs");
}

#[tokio::test]
async fn the_tables_say_whom_to_dial() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::parse(CONFIG).expect("well-formed");
    let instance = started(&config, folder.path()).await;
    let plans = instance.with_tree(plans).expect("it runs");
    let dialled: Vec<_> = plans
        .controllers
        .values()
        .flat_map(|reach| reach.ways.iter().map(|way| (&reach.controller, way)))
        .map(|(controller, way)| match &way.by {
            By::WebSocket { url, .. } => format!("{} {controller} {url}", way.row),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(dialled, ["Device.LocalAgent.Controller.1.MTP.1. proto::one wss://acs.example:8183/usp"]);
}

#[tokio::test]
async fn trusted_certificates_are_shown_and_controllers_refer_to_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/root.pem");
    let pin = "ab".repeat(32);
    let text = CONFIG.replacen("url =", &format!("ca = {root:?}\npin = {pin:?}\nurl ="), 1);
    let more = format!("[[credential]]\nca = {root:?}\nroles = [\"Untrusted\"]\n[trust]\nfirst_use = true\n");
    let config = Config::parse(&format!("{text}{more}")).expect("well-formed");
    let instance = started(&config, folder.path()).await;
    let pem = std::fs::read_to_string(&root).expect("the fixture");
    for (object, param, expected) in [
        ("Device.LocalAgent.", "CertificateNumberOfEntries", "1"),
        ("Device.LocalAgent.", "SupportedFingerprintAlgorithms", "SHA-1,SHA-224,SHA-256,SHA-384,SHA-512"),
        ("Device.LocalAgent.Certificate.1.", "SerialNumber", "9A:3F:00:B1:C2"),
        ("Device.LocalAgent.Certificate.1.", "Issuer", "C=SE, O=Example AB, CN=Device Root 7"),
        ("Device.LocalAgent.Certificate.1.", "Enable", "true"),
        ("Device.LocalAgent.Certificate.1.", "X_CUSP_Certificate", &pem),
        ("Device.LocalAgent.Controller.1.", "Credential", "Device.LocalAgent.Certificate.1"),
        ("Device.LocalAgent.Controller.1.", "X_CUSP_Pin", &pin),
        // It has no CA of its own in the configuration, and is not dialled with that of another.
        ("Device.LocalAgent.Controller.2.", "Credential", ""),
        ("Device.LocalAgent.ControllerTrust.", "CredentialNumberOfEntries", "1"),
        ("Device.LocalAgent.ControllerTrust.", "TOFUAllowed", "true"),
        ("Device.LocalAgent.ControllerTrust.", "TOFUInactivityTimer", "60"),
        ("Device.LocalAgent.ControllerTrust.Credential.1.", "Enable", "true"),
        ("Device.LocalAgent.ControllerTrust.Credential.1.", "AllowedUses", "MTP-and-USP"),
        ("Device.LocalAgent.ControllerTrust.Credential.1.", "Credential", "Device.LocalAgent.Certificate.1"),
        (
            "Device.LocalAgent.ControllerTrust.Credential.1.",
            "Role",
            "Device.LocalAgent.ControllerTrust.Role.2",
        ),
    ] {
        let found = instance.with_tree(|tree| value(tree, object, param)).expect("it runs");
        assert_eq!(found, expected, "{object}{param}");
    }
}

/// A denial of nothing, and a role that grants nothing because it has too many targets: both said at the start.
#[tokio::test]
async fn a_role_says_what_it_means() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path()).expect("a folder");
    let endpoint = EndpointId::receive("proto:lab:agent").expect("an id");
    for (target, known) in [
        ("Device.DeviceInfo.ProcessStatus.", true),
        ("Device.LocalAgent.Controller.[Enable==true].", true),
        ("Device.LocalAgent.Controller.*.MTP.1.Enable", true),
        ("Device.DeviceInfo.ProcesStatus.", false),
        ("Device.LocalAgent.Controller.*.Enabled", false),
    ] {
        let text = format!("[[role]]\nname = \"a\"\n[[role.permission]]\ntargets = [{target:?}]\n");
        let now = Config::parse(&text).expect("well-formed");
        let made = async || {
            let config = state.factory_default(&now, &text).expect("a factory default");
            let identity = Identity::default();
            host::instance(&config, &state, &identity, &endpoint, None, all(&config)).await
        };
        let error = made().await.err().map(|error| error.to_string());
        assert_eq!(error.map(|error| error.contains(target)), (!known).then_some(true), "{target}");
        // What was wrong is not kept: the next start reads the corrected file. What was right, is not judged again.
        assert_eq!(folder.path().join("factory.toml").exists(), known, "{target}");
        state.forget_factory_default().expect("it is forgotten");
    }
}

/// The passphrase is in no file of the agent's own.
#[test]
fn the_factory_default_tells_no_passphrase() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path()).expect("a folder");
    let text = "[[challenge]]\ndescription = \"Help\"\npassphrase = \"open sesame\"\nrole = \"Full Access\"";
    let now = Config::parse(text).expect("well-formed");
    for _ in 0..2 {
        let kept = state.factory_default(&now, text).expect("a factory default");
        assert_eq!(kept.challenges[0].passphrase, None);
        let hash = kept.challenges[0].passphrase_hash.clone().expect("a hash");
        assert!(Certificates::default().is_answer(&hash, "b3BlbiBzZXNhbWU="));
    }
    let file = std::fs::read_to_string(folder.path().join("factory.toml")).expect("a file");
    assert!(!file.contains("sesame") && !file.contains("b3BlbiBzZXNhbWU="), "{file}");
}

/// The files that the first configuration names may go.
#[test]
fn the_factory_default_holds_what_its_files_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(&folder.path().join("data")).expect("a folder");
    let file = folder.path().join("ca.pem");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/root.pem");
    std::fs::copy(&root, &file).expect("a file");
    let pem = std::fs::read_to_string(&file).expect("a file");
    let text =
        format!("[[controller]]\nendpoint = \"proto::one\"\nca = {file:?}\n[[credential]]\nca = {file:?}\n");
    let now = Config::parse(&text).expect("well-formed");
    for _ in 0..2 {
        let kept = state.factory_default(&now, &text).expect("a factory default");
        assert_eq!(kept.controllers[0].ca.as_deref(), Some(&*pem));
        assert_eq!(kept.credentials[0].ca, pem);
        let _ = std::fs::remove_file(&file);
    }
    state.forget_factory_default().expect("it is forgotten");
    let error = state.factory_default(&now, &text).expect_err("the file is gone");
    assert!(format!("{error:#}").starts_with("controller proto::one: ca: "), "{error:#}");
}

#[tokio::test]
async fn every_supported_value_fits_its_parameter() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::parse("").expect("well-formed");
    let instance = started(&config, folder.path()).await;
    instance
        .with_tree(|tree| {
            tree.for_each(|place, values| {
                let object = tree.model().object(place.object);
                for (param, value) in object.params.iter().zip(values) {
                    let Some(value) = value else { continue };
                    let checked = param.check(&value.expose());
                    let leaf = place.leaf_text(tree.model(), param.name.as_str());
                    assert!(checked.is_ok(), "{leaf} = {value}: {checked:?}");
                }
            });
        })
        .expect("it runs");
}

#[test]
fn the_first_configuration_stays_and_the_policy_follows() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path()).expect("a folder");
    let in_force = |text: &str| {
        let now = Config::parse(text).expect("well-formed");
        state.factory_default(&now, text).expect("a factory default")
    };
    let first = in_force("[[controller]]\nendpoint = \"proto::first\"\n");
    assert_eq!(first.controllers[0].endpoint, "proto::first");
    let later = "[[controller]]\nendpoint = \"proto::later\"\n[policy]\nwritable = [\"Device.IP.\"]\n";
    let second = in_force(later);
    assert_eq!(second.controllers[0].endpoint, "proto::first");
    assert!(second.policy.allows("Device.IP."));
    state.forget_factory_default().expect("it is forgotten");
    assert_eq!(in_force(later).controllers[0].endpoint, "proto::later");
}

#[test]
fn its_folders_are_its_own_even_if_they_were_not() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("journal");
    std::fs::create_dir(&inner).expect("a folder");
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    for path in [folder.path(), &inner] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    StateDir::open(folder.path()).expect("a folder");
    assert_eq!((mode(folder.path()), mode(&inner)), (0o700, 0o700));
    let made = folder.path().join("made/here");
    StateDir::open(&made).expect("a folder");
    assert_eq!((mode(&made), mode(&made.join("journal"))), (0o700, 0o700));
}

#[test]
fn a_device_keeps_the_certificate_that_it_made() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path()).expect("a folder");
    let endpoint = EndpointId::receive("proto:lab:agent").expect("an id");
    let config = Config::default();
    let (first, origin) = state.credential(&config, &endpoint).expect("a certificate");
    assert_eq!(origin, Origin::SelfSigned);
    let (again, _) = state.credential(&config, &endpoint).expect("a certificate");
    assert_eq!(first.fingerprint(), again.fingerprint());
    let mode = std::fs::metadata(folder.path().join("device.key")).expect("the key").permissions().mode();
    assert_eq!(mode & 0o077, 0);
    state.keep_enrolled(&first).expect("it is kept");
    assert_eq!(state.credential(&config, &endpoint).expect("a certificate").1, Origin::Enrolled);
    let uuid = state.made_up_uuid().expect("a UUID");
    assert_eq!(state.made_up_uuid().expect("the same"), uuid);
}

/// No device has a challenge that another one, or anybody who hears it speak, could answer.
#[tokio::test]
#[requirement("R-SEC.14", "R-SEC.15")]
async fn answers_are_neither_given_by_default_nor_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = started(&Config::parse("").expect("well-formed"), folder.path()).await;
    let path = ObjectPath::parse("Device.LocalAgent.ControllerTrust.Challenge.").expect("a path");
    let rows = |tree: &Tree| tree.rows(&Place::of(tree.model(), &path).expect("a table")).len();
    assert_eq!(instance.with_tree(rows), Some(0));
    for (passphrase, fits) in [
        ("012345", false),
        ("C0FFEE-A1B2C3", false),
        ("os::012345-C0FFEE", false),
        ("living room", false),
        ("c0ffee", false),
        ("correct horse battery staple", true),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "data_dir = {:?}\n[agent]\nendpoint = \"os::012345-C0FFEE%2DA1B2C3\"\noui = \"012345\"\n\
             serial = \"C0FFEE-A1B2C3\"\nfriendly_name = \"Living Room\"\n[[challenge]]\n\
             description = \"Help\"\npassphrase = \"{passphrase}\"\nrole = \"Full Access\"\n",
            folder.path().join("data")
        );
        let file = folder.path().join("agent.toml");
        std::fs::write(&file, text).expect("a configuration");
        // It is judged before anything is waited for.
        let ended = tokio::select! {
            biased;
            ended = host::run(&file, SystemRoot::host()) => Some(ended.expect_err("no signal ends it")),
            () = std::future::ready(()) => None,
        };
        let is_told = ended.is_some_and(|error| error.to_string().contains("tells everybody"));
        assert_eq!(is_told, !fits, "{passphrase}");
        // What was wrong is not kept: the next start reads the corrected file.
        assert_eq!(folder.path().join("data/factory.toml").exists(), fits, "{passphrase}");
    }
}
