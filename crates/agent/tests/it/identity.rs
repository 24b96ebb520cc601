//! Identity: what configuration, boards and addresses say, and what counts as nothing.

use std::path::Path;

use agent::config::AgentConfig;
use agent::identity::{Identity, uuid};
use agent::system::SystemRoot;

use crate::support::router;

fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, SystemRoot) {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let root = SystemRoot::at(folder.path());
    (folder, root)
}

fn endpoint(config: &AgentConfig, root: &SystemRoot) -> String {
    let made_up = || Ok("3b241101-e2bb-4255-8caf-4136c566a962".to_owned());
    Identity::detect(config, root).endpoint(config, made_up).expect("an id").to_string()
}

#[test]
fn a_board_names_itself() {
    assert_eq!(endpoint(&AgentConfig::default(), &router()), "os::002590-BRD-00417");
}

#[test]
fn the_configuration_wins() {
    let config =
        AgentConfig { serial: Some("X9".into()), oui: Some("ABCDEF".into()), ..AgentConfig::default() };
    assert_eq!(endpoint(&config, &router()), "os::ABCDEF-X9");
    let config = AgentConfig { endpoint: Some("proto:lab:a".into()), ..AgentConfig::default() };
    assert_eq!(endpoint(&config, &router()), "proto:lab:a");
}

#[test]
fn a_device_tree_names_boards_without_dmi() {
    let (_folder, root) = tree(&[
        ("proc/device-tree/model", "Box 3\0"),
        ("proc/device-tree/serial-number", "10000000abcd\0"),
        ("sys/class/net/eth0/address", "b8:27:eb:00:00:01\n"),
    ]);
    let identity = Identity::detect(&AgentConfig::default(), &root);
    assert_eq!(identity.model_name.as_deref(), Some("Box 3"));
    assert_eq!(identity.serial.as_deref(), Some("10000000abcd"));
    assert_eq!(endpoint(&AgentConfig::default(), &root), "os::B827EB-10000000abcd");
}

#[test]
fn an_address_stands_in_for_a_serial_number() {
    let (_folder, root) = tree(&[
        ("sys/class/dmi/id/product_serial", "0000000000\n"),
        ("sys/class/net/dummy0/address", "02:11:22:33:44:55\n"),
        ("sys/class/net/eth1/address", "00:25:90:00:00:07\n"),
    ]);
    assert_eq!(endpoint(&AgentConfig::default(), &root), "os::002590-002590000007");
}

#[test]
fn without_an_address_of_a_maker_it_is_a_uuid() {
    let (_folder, root) = tree(&[("sys/class/net/eth0/address", "02:11:22:33:44:55\n")]);
    assert_eq!(endpoint(&AgentConfig::default(), &root), "uuid::3b241101-e2bb-4255-8caf-4136c566a962");
    let (_folder, root) =
        tree(&[("sys/class/dmi/id/product_uuid", "6F9619FF-8B86-D011-B42D-00CF4FC964FF\n")]);
    assert_eq!(endpoint(&AgentConfig::default(), &root), "uuid::6f9619ff-8b86-d011-b42d-00cf4fc964ff");
}

#[test]
fn the_machine_id_is_not_given_away() {
    let id = "0123456789abcdef0123456789abcdef";
    let (_folder, root) = tree(&[("etc/machine-id", &format!("{id}\n"))]);
    let first = endpoint(&AgentConfig::default(), &root);
    assert!(first.starts_with("uuid::") && !first.replace('-', "").contains(id), "{first}");
    assert_eq!(endpoint(&AgentConfig::default(), &root), first);
}

#[test]
fn made_up_uuids_are_marked_as_such() {
    assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-8fff-bfff-ffffffffffff");
    assert_eq!(uuid([0; 16]), "00000000-0000-8000-8000-000000000000");
}
