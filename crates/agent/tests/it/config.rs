//! `agent.toml`: what is read, and what is refused with which words.

use agent::config::Config;

const WHOLE: &str = r#"
data_dir = "/tmp/agent"

[agent]
endpoint = "proto:lab:agent-1"
oui = "012345"
serial = "S1"

[[controller]]
endpoint = "proto::one"
url = "wss://acs.example:8183/usp"
ca = "/etc/cusp/ca.pem"
pin = "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
token = "cet_secret"

[[controller]]
endpoint = "proto::two"

[tls]
cert = "/etc/cusp/agent.pem"
key = "/etc/cusp/agent.key"

[[listen]]
address = "127.0.0.1:8184"
tls = false

[policy]
writable = ["Device.IP.", "Device.Time.Client.{i}."]
reboot = ["/sbin/reboot"]
"#;

#[test]
fn a_whole_file_is_read() {
    let config = Config::parse(WHOLE).expect("it is well-formed");
    assert_eq!(config.data_dir.display().to_string(), "/tmp/agent");
    assert_eq!(config.agent.endpoint.as_deref(), Some("proto:lab:agent-1"));
    assert_eq!(config.controllers.len(), 2);
    assert_eq!(config.controllers[0].token.as_deref(), Some("cet_secret"));
    assert_eq!(config.controllers[1].url, None);
    assert_eq!(config.listeners[0].path, "/usp");
    assert!(config.policy.allows("Device.IP.Interface.{i}."));
    assert!(config.policy.allows("Device.Time.Client.{i}."));
    assert!(!config.policy.allows("Device.Time."));
    assert!(!config.policy.allows("Device.DNS.Client."));
}

#[test]
fn roles_are_read() {
    let text = "[[role]]\nname = \"Support\"\n[[role.permission]]\ntargets = [\"Device.\"]\nparam = \"r---\"\n\
                [[controller]]\nendpoint = \"proto::one\"\nrole = \"Support\"\n\
                [[controller]]\nendpoint = \"proto::two\"\nrole = \"Untrusted\"";
    let config = Config::parse(text).expect("it is well-formed");
    let permission = &config.roles[0].permissions[0];
    assert_eq!((permission.param.as_str(), permission.obj.as_str()), ("r---", "----"));
    assert!(!config.roles[0].secured);
    assert_eq!(config.controllers[0].role.as_deref(), Some("Support"));
}

#[test]
fn challenges_are_read_and_their_answers_not_printed() {
    let text = "[[challenge]]\ndescription = \"Help\"\npassphrase = \"hunter2\"\nrole = \"Full Access\"";
    let config = Config::parse(text).expect("it is well-formed");
    assert_eq!((config.challenges[0].retries, config.challenges[0].lockout), (5, 300));
    assert!(!format!("{config:?}").contains("hunter2"));
    for (from, to, word) in [
        ("Full Access", "Chief", "Chief"),
        ("hunter2", "", "a passphrase"),
        ("role =", "retries = 0\nrole =", "at least one try"),
    ] {
        let error = Config::parse(&text.replace(from, to)).expect_err(word);
        assert!(format!("{error:#}").contains(word), "{error:#}");
    }
}

#[test]
fn an_empty_file_allows_nothing() {
    let config = Config::parse("").expect("it is well-formed");
    assert_eq!(config.data_dir.display().to_string(), "/var/lib/cusp-agent");
    assert!(!config.policy.allows("Device.IP."));
}

#[test]
fn secrets_are_not_printed() {
    let config = Config::parse(WHOLE).expect("it is well-formed");
    assert!(!format!("{config:?}").contains("cet_secret"));
    let error =
        Config::parse("[[controller]]\nendpoint = \"proto::a\"\ntoken = \"cet_x\" oops").expect_err("bad");
    assert!(!format!("{error:#}").contains("cet_x"), "{error:#}");
}

#[test]
fn what_is_not_understood_is_named() {
    let check = |text: &str, expected: &[&str]| {
        let error = format!("{:#}", Config::parse(text).expect_err(text));
        for word in expected {
            assert!(error.contains(word), "{text}: {error}");
        }
    };
    check("colour = 1", &["line 1", "`colour`"]);
    check("[policy]\nwriteable = []", &["line 2", "`writeable`", "writable"]);
    check("[[controller]]\nurl = \"ws://x\"", &["endpoint"]);
    check("[[controller]]\nendpoint = \"proto::a\"\nid = 1", &["line 3", "`id`"]);
    check("data_dir = 3", &["line 1"]);
    check("[policy]\nwritable = [\"Device.IP\"]", &["policy.writable", "Device.IP"]);
    check("[policy]\nwritable = [\"Device.IP.Interface.1.\"]", &["policy.writable"]);
    check("[tls]\ncert = \"a\"", &["cert and key"]);
    check("[[controller]]\nendpoint = \"proto::a\"\nrole = \"Chief\"", &["proto::a", "Chief"]);
    check("[[role]]\nname = \"Full Access\"", &["Full Access", "of your own"]);
    check("[[role]]\nname = \"a\"\n[[role]]\nname = \"a\"", &["a stands there twice"]);
    let permission = "[[role]]\nname = \"a\"\n[[role.permission]]\ntargets = [\"Device.";
    check(&format!("{permission}\"]\nparam = \"rr--\""), &["role a", "7012", "Param"]);
    check(&format!("{permission}{{i}}.\"]"), &["role a", "Device.{i}."]);
    let many =
        format!("[[role]]\nname = \"a\"\n{}", "[[role.permission]]\ntargets = [\"Device.\"]\n".repeat(257));
    check(&many, &["role a", "256 targets"]);
    check(
        "[[challenge]]\ndescription = \"d\"\nrole = \"Untrusted\"\npassphrase_hash = \"c2VjcmV0\"",
        &["challenge d"],
    );
    check(&format!("{permission}\"]\norder = 1"), &["line 5", "`order`"]);
    check("[[controller]]\nendpoint = \"proto::a\"\npin = \"AA:BB\"", &["pin of proto::a", "64"]);
    check("[[credential]]\nca = \"x\"\nroles = [\"Chief\"]", &["credential 1", "Chief"]);
    check("[[credential]]\nca = \"x\"\nuses = \"MTP-and-server\"", &["line 3", "MTP-and-server"]);
    check("[[credential]]\nca = \"x\"\nroles = [\"Banned\", \"Untrusted\"]", &["stands alone"]);
    check("[trust]\ntofu = true", &["line 2", "`tofu`"]);
    let guard = "[[policy.guard]]\ntargets = [\"Device.Reboot()\"]\n";
    check(guard, &["policy.guard 1", "a role, local or a limit"]);
    check(&format!("{guard}role = \"Chief\""), &["policy.guard 1", "Chief"]);
    check(&format!("{guard}local = true"), &["policy.guard 1", "consent_file"]);
    check(&format!("{guard}limit = 0"), &["policy.guard 1", "at least 1"]);
    check(&format!("{}limit = 1", guard.replace("()", "")), &["policy.guard 1", "for commands"]);
    check("[agent]\noui = \"12345x\"", &["agent.oui"]);
    let mqtt = |lines: &str| format!("[[controller]]\nendpoint = \"proto::a\"\n[controller.mqtt]\n{lines}");
    check(&mqtt("topic = \"t\""), &["line 3", "`broker`"]);
    check(&mqtt("broker = \"mqtt://h\""), &["line 3", "`topic`"]);
    check(&mqtt("broker = \"mqtt://h\"\ntopic = \"t/#\""), &["proto::a", "t/#"]);
    check(&mqtt("broker = \"mqtt://h\"\ntopic = \"t\"\nresponse_topic = \"+\""), &["proto::a", "wildcards"]);
    check(&mqtt("broker = \"mqtt://h\"\ntopic = \"t\"\nsubscribe = [\"a#\"]"), &["proto::a", "a#"]);
    check(&mqtt("broker = \"mqtt://h\"\ntopic = \"t\"\nqos = 2"), &["proto::a", "0 or 1"]);
    check(&mqtt("broker = \"mqtt://h\"\ntopic = \"t\"\nversion = \"4\""), &["line 6", "5.0"]);
    for broker in
        ["h", "ws://h", "mqtt://", "mqtt://h:0", "mqtt://h:x", "mqtt://u@h", "mqtt://h/p", "mqtts://[::1]1"]
    {
        check(&mqtt(&format!("broker = {broker:?}\ntopic = \"t\"")), &["proto::a", "mqtt.broker"]);
    }
    let stomp = |lines: &str| format!("[[controller]]\nendpoint = \"proto::a\"\n[controller.stomp]\n{lines}");
    check(&stomp("destination = \"/q\""), &["line 3", "`server`"]);
    check(&stomp("server = \"stomp://h\""), &["line 3", "`destination`"]);
    for server in ["h", "mqtt://h", "stomp://", "stomp://h:0", "stompss://h", "stomps://h/p"] {
        check(&stomp(&format!("server = {server:?}\ndestination = \"/q\"")), &["proto::a", "stomp.server"]);
    }
    let usable = "server = \"stomp://h\"\ndestination = \"/q\"";
    check(&stomp("server = \"stomp://h\"\ndestination = \"\""), &["proto::a", "no destination"]);
    check(&stomp(&format!("{usable}\nown_destination = \"a\\u0000\"")), &["proto::a", "no destination"]);
    check(&stomp(&format!("{usable}\nusername = \"a\\nb\"")), &["proto::a", "stomp.username", "one line"]);
    check(&stomp(&format!("{usable}\nhost = {:?}", "x".repeat(257))), &["proto::a", "stomp.host", "256"]);
    check("[[listen]]\naddress = \"0.0.0.0:8184\"\ntls = false", &["0.0.0.0:8184", "TLS"]);
    check("[[listen]]\ntls = true", &["an address or a socket"]);
    check("[[listen]]\naddress = \"127.0.0.1:1\"\nsocket = \"/s\"", &["an address or a socket"]);
    check("[[listen]]\nsocket = \"/s\"\nmode = 0o1000", &["0o660"]);
    check("[services]\nmode = 0o1000", &["services", "0o660"]);
    check("[services.allow]\n\"proto::a\" = [\"Device.X.{i}.\"]", &["services.allow", "proto::a", "{i}"]);
    check("[services.allow]\n\"proto::a\" = [\"Device.X\"]", &["services.allow", "Device.X"]);
    check("[services.allow]\n\"nobody\" = []", &["services.allow", "nobody"]);
    check("[[controller]]\nendpoint = \"proto::a\"\n[[controller]]\nendpoint = \"proto::a\"", &["twice"]);
}
