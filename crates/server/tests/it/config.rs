//! `cusp.toml` and the environment: what is wrong is named.

use std::path::Path;

use server::Config;
use server::config::PolicyName;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cusp.toml");
    std::fs::write(&file, text).expect("written");
    let value = |name: &str| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    Config::load_with(Some(&file), None, value).map_err(|error| format!("{error:#}"))
}

#[test]
fn what_is_wrong_is_named() {
    let cases: &[(&str, &[&str])] = &[
        ("nonsense = 1", &["cusp.toml", "nonsense", "1"]),
        ("[http]\nlisten = \"127.0.0.1:1\"\nport = 1", &["port", "line 3"]),
        ("[usp.websocket]\nlisten = \"here\"", &["listen", "line 2"]),
        ("[enrolment]\npolicy = \"maybe\"", &["maybe", "approve", "open", "closed"]),
        ("[http]\ntls = { cert = \"a\" }", &["key"]),
        ("[usp]\nendpoint = \"nonsense\"", &["usp.endpoint", "nonsense"]),
        ("[usp.websocket]\npath = \"usp\"", &["usp.websocket.path", "usp"]),
        ("[http]\nlisten = \"0.0.0.0:8080\"", &["http.listen", "http.allow_plaintext = true"]),
        ("[usp.websocket]\nlisten = \"[::]:1\"", &["usp.websocket.listen", "allow_plaintext"]),
        ("data = ", &["line 1"]),
        ("[usp.mqtt]\nconnect = \"ws://host\"", &["usp.mqtt.connect", "ws://host", "mqtts://"]),
        ("[usp.mqtt]\nconnect = 5", &["connect", "URL", "line 2"]),
        ("[[usp.mqtt.connect]]\nurl = \"mqtt://[::1]\"\npasword = \"x\"", &["pasword", "line 3"]),
        ("[[usp.mqtt.connect]]\nversion = 5", &["url"]),
        ("[[usp.mqtt.connect]]\nurl = \"mqtt://[::1]\"\nversion = 4", &["version = 4", "3.1.1"]),
        ("[usp.mqtt]\nconnect = \"mqtt://broker.example\"", &["plaintext", "allow_plaintext = true"]),
        ("[[usp.mqtt.connect]]\nurl = \"mqtt://localhost\"\ntrusted = true", &["trusted", "mqtts://"]),
        ("[[usp.mqtt.connect]]\nurl = \"mqtts://b\"\ncert = \"c\"", &["cert and key"]),
        ("[[usp.mqtt.connect]]\nurl = \"mqtts://b\"\ntopic = \"a/+\"", &["topic", "a/+"]),
        ("[[usp.mqtt.connect]]\nurl = \"mqtts://b\"\nagents = [\"a/#/b\"]", &["agents", "a/#/b"]),
        ("[[usp.mqtt.connect]]\nurl = \"mqtts://b\"\nqos = 2", &["qos = 2"]),
        ("[[usp.mqtt.connect]]\nurl = \"mqtts://b\"\n[[usp.mqtt.connect]]\nurl = \"mqtts://b\"", &["twice"]),
        ("[usp.stomp]\nconnect = \"mqtt://b\"", &["usp.stomp.connect", "mqtt://b", "stomps://"]),
        ("[usp.stomp]\nconnect = \"stomp://b\"", &["stomps://", "allow_plaintext"]),
        ("[[usp.stomp.connect]]\nurl = \"stomp://localhost\"\ntrusted = true", &["trusted", "stomps://"]),
        ("[[usp.stomp.connect]]\nurl = \"stomps://b\"\nkey = \"k\"", &["cert and key"]),
        ("[[usp.stomp.connect]]\nurl = \"stomps://b\"\nretry_seconds = 0", &["retry_seconds = 0"]),
        ("[[usp.stomp.connect]]\nurl = \"stomps://b\"\nheart_beat_seconds = 86401", &["86401"]),
        ("[[usp.stomp.connect]]\nurl = \"stomps://b\"\nagents = [\"/queue/**\"]", &["agents", "/queue/**"]),
        ("[[usp.stomp.connect]]\nurl = \"stomps://b\"\ndestination = \"\"", &["destination"]),
        ("[[usp.stomp.connect]]\nurl = \"stomps://b\"\nusername = \"a\\nb\"", &["username"]),
        ("[[usp.stomp.connect]]\nurl = \"stomps://b\"\npassword_file = \"p\"", &["username"]),
        ("[usp.mqtt.broker]\nlisten = \"0.0.0.0:1883\"", &["usp.mqtt.broker.listen", "allow_plaintext"]),
        ("[usp.mqtt.broker]\nwebsocket = \"0.0.0.0:80\"", &["usp.mqtt.broker", "allow_plaintext"]),
        ("[usp.mqtt.broker]\npublic_url = \"ws://b\"", &["usp.mqtt.broker.public_url", "mqtts://"]),
        ("[usp.mqtt.broker]\npublic_url = \"tcp://b\"", &["usp.mqtt.broker.public_url", "tcp://b"]),
        ("[usp.uds]\nlisten = \"usp.sock\"", &["usp.uds.listen", "absolute"]),
        ("[usp.uds]\nlisten = \"/run/usp.sock\"\nmode = \"888\"", &["usp.uds.mode", "888"]),
        ("[usp.coap]\nlisten = \"0.0.0.0:5683\"", &["usp.coap.listen", "usp.coap.allow_plaintext = true"]),
        ("[usp.coap]\nlisten = \"[::1]:1\"\npath = \"usp\"", &["usp.coap.path", "usp"]),
        ("[usp.coap]\nlisten = \"[::1]:1\"\npath = \"/%\"", &["usp.coap.path", "/%"]),
        (
            "[usp.coap]\nlisten = \"[::1]:1\"\npublic_url = \"coaps://h\"",
            &["usp.coap.public_url", "coaps://h"],
        ),
        ("[usp.coap]\nsecure_listen = \"0.0.0.0:1\"", &["usp.coap.secure_listen", "usp.coap.tls"]),
        ("[usp.coap]\ntls = { cert = \"c\", key = \"k\" }", &["usp.coap.tls", "usp.coap.secure_listen"]),
        (
            "[usp.coap]\nlisten = \"[::1]:1\"\nsecure_public_url = \"coap://h\"",
            &["usp.coap.secure_public_url", "coap://h"],
        ),
        ("[limits]\nhandshake_seconds = 0", &["limits.handshake_seconds", "1 to 60"]),
        ("[limits]\nconnections_per_second = 1000000", &["limits.connections_per_second", "100000"]),
    ];
    for (text, words) in cases {
        let error = load(text, &[]).expect_err(text);
        for word in *words {
            assert!(error.contains(word), "{text:?}: {word:?} is missing in {error:?}");
        }
    }
}

#[test]
fn the_environment_wins_and_is_checked_alike() {
    let environment = [
        ("CUSP_HTTP_LISTEN", "127.0.0.1:7"),
        ("CUSP_USP_WEBSOCKET_LISTEN", "[::1]:8"),
        ("CUSP_USP_MQTT_BROKER_LISTEN", "[::1]:9"),
        ("CUSP_DATA", "/somewhere"),
        ("CUSP_ENROLMENT_POLICY", "closed"),
    ];
    let config = load("[http]\nlisten = \"127.0.0.1:1\"", &environment).expect("a good configuration");
    assert_eq!(config.http_listen().to_string(), "127.0.0.1:7");
    assert_eq!(config.websocket_listen().to_string(), "[::1]:8");
    assert_eq!(config.usp.mqtt.broker.listen, "[::1]:9".parse().ok());
    assert_eq!(config.data(), Path::new("/somewhere"));
    assert_eq!(config.enrolment.policy, PolicyName::Closed);
    for (name, value) in [
        ("CUSP_HTTP_LISTEN", "8080"),
        ("CUSP_HTTP_LISTEN", "0.0.0.0:8080"),
        ("CUSP_ENROLMENT_POLICY", "sometimes"),
    ] {
        let error = load("", &[(name, value)]).expect_err(value);
        assert!(error.contains(value), "{error}");
    }
}

#[test]
fn plaintext_where_others_can_reach_it_needs_saying() {
    let config = load(
        "[http]\nlisten = \"0.0.0.0:1\"\nallow_plaintext = true\n\
         [usp.websocket]\nlisten = \"0.0.0.0:2\"\nallow_plaintext = true",
        &[],
    );
    assert!(config.expect("said").plaintext_warning());
    let config = load("", &[]).expect("the defaults are good");
    assert_eq!(config.http_listen().to_string(), "127.0.0.1:8080");
    assert_eq!(config.websocket_listen().to_string(), "127.0.0.1:8183");
    assert!(!config.plaintext_warning());
    let broker = "[usp.mqtt.broker]\nlisten = \"0.0.0.0:1\"\nallow_plaintext = true";
    assert!(load(broker, &[]).expect("said").plaintext_warning());
    load("[http]\nlisten = \"0.0.0.0:1\"\ntls = { cert = \"c\", key = \"k\" }", &[]).expect("TLS may");
}

#[test]
fn what_is_shown_can_be_read_again() {
    let text = "data = \"/d \\\"x\\\"\"\n[http]\nlisten = \"0.0.0.0:1\"\ntls = { cert = \"c\", key = \"k\" }\n\
                [usp]\nendpoint = \"self::c\"\n[usp.websocket]\npath = \"/p\"\n[enrolment]\npolicy = \"open\"";
    let shown = load(text, &[]).expect("good").show();
    let again = Config::parse(&shown).expect("good as well");
    assert_eq!(again.show(), shown);
    assert_eq!(again.websocket_path(), "/p");
    assert_eq!(again.enrolment.policy, PolicyName::Open);
}

#[test]
fn brokers_and_the_socket_are_shown_as_they_count() {
    let text = "[usp.mqtt.broker]\nlisten = \"[::1]:8\"\npublic_url = \"mqtt://c\"\n\
                [[usp.mqtt.connect]]\nurl = \"mqtts://b\"\nversion = \"3.1.1\"\nusername = \"u\"\n\
                password_file = \"/p\"\nca = \"/ca\"\ntopic = \"t\"\nagents = [\"usp/agents/#\"]\ntrusted = true\n\
                [[usp.mqtt.connect]]\nurl = \"mqtt://127.0.0.1:18\"\nqos = 0\n\
                [usp.uds]\nlisten = \"/run/usp.sock\"\nmode = \"0660\"\ngroup = 5\nuids = [0, 7]";
    let shown = load(text, &[]).expect("good").show();
    let again = Config::parse(&shown).expect("good as well");
    assert_eq!(again.show(), shown);
    let [first, second] = again.usp.mqtt.connect.as_slice() else { panic!("two brokers: {shown}") };
    assert_eq!((first.trusted, first.topic("x"), first.qos()), (true, "t".to_owned(), 1));
    assert_eq!((second.qos(), second.topic("self::c")), (0, "usp/controllers/self::c".to_owned()));
    assert_eq!((again.usp.uds.mode(), again.usp.uds.uids.as_slice()), (Some(0o660), &[0, 7][..]));
    assert_eq!(again.usp.mqtt.broker.listen, "[::1]:8".parse().ok());
    let short = load("[usp.mqtt]\nconnect = \"mqtts://b\"", &[]).expect("the URL alone will do");
    assert_eq!(short.usp.mqtt.connect[0].url, "mqtts://b");
    let filters = short.usp.mqtt.connect[0].agent_filters().expect("the default is one");
    assert_eq!(filters.iter().map(|filter| filter.as_str()).collect::<Vec<_>>(), ["usp/agents/#"]);
}

#[test]
fn stomp_servers_are_shown_as_they_count() {
    let text = "[[usp.stomp.connect]]\nurl = \"stomps://b\"\nhost = \"v\"\nusername = \"u\"\npassword_file = \"/p\"\n\
                destination = \"/queue/d\"\nagents = [\"/queue/a.*\"]\nheart_beat_seconds = 0\nretry_seconds = 9\n\
                trusted = true\n\
                [[usp.stomp.connect]]\nurl = \"stomp://[::1]:18\"";
    let shown = load(text, &[]).expect("good").show();
    let again = Config::parse(&shown).expect("good as well");
    assert_eq!(again.show(), shown);
    let [first, second] = again.usp.stomp.connect.as_slice() else { panic!("two servers: {shown}") };
    let place = first.address().expect("a URL");
    assert_eq!((place.host.as_str(), place.port, place.secure), ("b", 61614, true));
    assert_eq!((first.destination("x"), first.heart_beat_seconds()), ("/queue/d".to_owned(), 0));
    assert_eq!(second.destination("self::c"), "/queue/usp.controllers.self::c");
    assert_eq!((second.heart_beat_seconds(), second.retry_seconds()), (30, 5));
    assert_eq!((first.trusted, second.trusted), (true, false));
    let patterns = second.agent_patterns().expect("the default is one");
    assert_eq!(patterns.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/queue/usp.agents.*"]);
}

#[test]
fn a_second_ca_is_not_made_by_mistake() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let written = server::init(folder.path(), Some(&place("first"))).expect("made");
    assert!(written.contains(&place("first/ca.pem")), "{written:?}");
    let file = place("cusp.toml");
    let load = |data: Option<&std::path::Path>| Config::load_with(Some(&file), data, |_| None);
    assert_eq!(load(None).expect("as init wrote it").data(), place("first"));
    assert_eq!(load(Some(&place("first"))).expect("the same").data(), place("first"));
    let error = load(Some(&place("second"))).expect_err("it would begin anew").to_string();
    assert!(error.contains("where the CA and the endpoint id are"), "{error}");
    let environment = |name: &str| (name == "CUSP_DATA").then(|| place("second").display().to_string());
    Config::load_with(Some(&file), None, environment).expect_err("by the environment, too");
    // Moved, all is well.
    std::fs::rename(place("first"), place("second")).expect("moved");
    assert_eq!(load(Some(&place("second"))).expect("moved").data(), place("second"));
}
