//! Client commands: what they ask, what they print, and how they end.

use crate::fake::{Canned, Fake, Ran, run};

const DEVICE: &str = r#"{"id":"0a1","name":"attic","tags":[],"model":"X","serial":"S1","software":"1.0","online":true,"proven":true}"#;
const DONE: &str = r#"{"id":"j1","state":"done","outcome":{"kind":"get","results":[{"requested":"Device.A.","objects":[{"path":"Device.A.","params":{"B":"1"}}]}]}}"#;
const PARTIAL: &str = r#"{"id":"j2","state":"partial","outcome":{"kind":"set","results":[
    {"requested":"Device.A.","failures":[],"updated":[{"path":"Device.A.","params":{"B":"1"},"errors":[]}]},
    {"requested":"Device.C.","error":{"code":7012,"message":"not a number"},"failures":[],"updated":[]}]}}"#;

const CERTIFICATES: &str = r#"{"items":[{"fingerprint":"ab01","kind":"certificate","name":"attic","origin":"issued","since":"s","expires":"t","revoked":false},{"fingerprint":"ab02","kind":"password","name":"attic","origin":"issued","since":"s","revoked":true,"reason":"superseded"}],"next":null}"#;

const CANNED: &[Canned] = &[
    ("GET /api/v1/devices/attic", 200, DEVICE),
    ("DELETE /api/v1/devices/0a1", 204, ""),
    (
        "GET /api/v1/devices/two",
        409,
        r#"{"type":"urn:cusp:error:ambiguous","title":"Conflict","status":409,
        "detail":"several devices go by that name","candidates":[{"id":"0a1","name":"two","endpoint":"os::1"},{"id":"0b2","name":"two","endpoint":null}]}"#,
    ),
    (
        "GET /api/v1/devices?filter=online%20%26%26%20x&limit=500",
        200,
        r#"{"items":[{"id":"0a1","name":"attic"}],"next":"c1"}"#,
    ),
    (
        "GET /api/v1/devices?filter=online%20%26%26%20x&limit=500&cursor=c1",
        200,
        r#"{"items":[{"id":"0b2","name":"b"}],"next":null}"#,
    ),
    ("POST /api/v1/devices/attic/get", 200, DONE),
    ("POST /api/v1/devices/attic/set", 200, PARTIAL),
    ("POST /api/v1/devices/away/get", 202, r#"{"id":"j3","state":"queued"}"#),
    (
        "POST /api/v1/devices/bad/get",
        400,
        r#"{"title":"Bad Request","detail":"\"x\" is not a path","code":7008}"#,
    ),
    (
        "POST /api/v1/devices/os%3A%3A1/operate",
        200,
        r#"{"id":"j4","state":"accepted","outcome":{"kind":"operate","results":[{"executed":"Device.A.B()","request":"Device.LocalAgent.Request.1."}]}}"#,
    ),
    (
        "GET /api/v1/pending",
        200,
        r#"{"items":[{"endpoint":"os::1","transport":"websocket","peer":"192.0.2.1:4","proven":false,"last_seen":"t","attempts":2,"fingerprint":null},{"endpoint":"os::2","proven":true,"changed":true,"fingerprint":"ab:cd"}],"next":null}"#,
    ),
    (
        "POST /api/v1/pending/os%3A%3A2/approve",
        409,
        r#"{"title":"Conflict","detail":"it has come with two certificates"}"#,
    ),
    (
        "GET /api/v1/enrolments",
        200,
        r#"{"items":[{"id":"e1","name":"van","uses":1,"expires":"t","group":"pilot","endpoint":"os::7"}],"next":null}"#,
    ),
    ("GET /api/v1/certificates?revoked=false&limit=500", 200, CERTIFICATES),
    ("GET /api/v1/certificates?device=0a1&limit=500", 200, CERTIFICATES),
    ("POST /api/v1/certificates/ab01/revoke", 204, ""),
    ("POST /api/v1/pending/os%3A%3A1/approve", 200, DEVICE),
    ("POST /api/v1/devices", 201, DEVICE),
    ("DELETE /api/v1/devices/attic/dial", 204, ""),
    (
        "POST /api/v1/datamodels",
        200,
        r#"{"id":"ab12","name":"Device","version":"2.19","protocol":"usp","definitions":7,"imported":"t","actor":"user:ann"}"#,
    ),
    (
        "GET /api/v1/datamodels",
        200,
        r#"{"items":[{"id":"ab12","name":"Device","version":"2.19","protocol":"usp","definitions":7,"imported":"t","actor":"user:ann"}],"next":null}"#,
    ),
    ("DELETE /api/v1/datamodels/ab12", 204, ""),
    ("PUT /api/v1/devices/attic/trace", 204, ""),
    ("GET /api/v1/devices/attic/trace?format=jsonl", 200, "{\"dir\":\"in\",\"t\":1,\"hex\":\"0a\"}\n"),
    (
        "POST /api/v1/logins",
        200,
        r#"{"device":"d1","username":"os::7","password":"p-w","fingerprint":"ab02"}"#,
    ),
    ("POST /api/v1/enrolments", 200, r#"{"id":"e1","token":"enrol-me","expires":"t"}"#),
    (
        "GET /api/v1/events/stream",
        200,
        "id: 7\nevent: boot\ndata: {\"seq\":7,\"at\":\"t\",\"kind\":\"boot\",\"params\":{}}\n\n",
    ),
    ("GET /api/v1/me", 200, r#"{"user":"ann","roles":["owner"],"password_needed":false,"tenant":"default"}"#),
    ("POST /api/v1/auth/login", 200, r#"{"user":"ann","roles":["owner"]}"#),
    ("POST /api/v1/tokens", 200, r#"{"id":"t1","token":"cusp_made"}"#),
    ("POST /api/v1/auth/logout", 204, ""),
];

#[track_caller]
fn check(args: &[&str], code: i32, stdout: &str, stderr: &str) -> Vec<String> {
    let fake = Fake::start(CANNED);
    let ran = fake.cusp(args);
    assert_eq!(
        ran,
        Ran { code: Some(code), stdout: stdout.to_owned(), stderr: stderr.to_owned() },
        "{args:?}"
    );
    fake.seen()
}

#[test]
fn lists_are_read_to_their_end() {
    let seen = check(
        &["devices", "--filter", "online && x"],
        0,
        "ID   NAME   MODEL  SERIAL  SOFTWARE  ONLINE  LAST SEEN  ADDRESS\n\
         0a1  attic                           no\n\
         0b2  b                               no\n",
        "",
    );
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[0],
        "GET /api/v1/devices?filter=online%20%26%26%20x&limit=500 authorization: bearer cusp_t"
    );
}

#[test]
fn values_are_read() {
    let seen = check(&["get", "attic", "Device.A."], 0, "PATH        VALUE\nDevice.A.B  1\n", "");
    assert_eq!(
        seen,
        [
            r#"POST /api/v1/devices/attic/get?wait=30s authorization: bearer cusp_t {"max_depth":0,"paths":["Device.A."]}"#
        ]
    );
}

#[test]
fn json_is_the_servers_own() {
    let fake = Fake::start(CANNED);
    let ran = fake.cusp(&["get", "attic", "Device.A.", "--json"]);
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout).expect("it is JSON");
    let told: serde_json::Value = serde_json::from_str(DONE).expect("it is JSON");
    assert_eq!((ran.code, printed), (Some(0), told));
}

#[test]
fn partial_success_is_shown_and_is_no_success() {
    let seen = check(
        &["set", "attic", "Device.A.B=1", "Device.C.D=x", "--partial", "--idempotency-key", "k1"],
        1,
        "PATH        VALUE  RESULT\nDevice.A.B  1      set\nDevice.C.          error: not a number (code 7012)\n",
        "cusp: only a part was done; the table says which\n",
    );
    assert_eq!(
        seen,
        [concat!(
            r#"POST /api/v1/devices/attic/set?wait=30s authorization: bearer cusp_t idempotency-key: k1 "#,
            r#"{"allow_partial":true,"objects":[{"params":[{"param":"B","required":true,"value":"1"}],"path":"Device.A."},"#,
            r#"{"params":[{"param":"D","required":true,"value":"x"}],"path":"Device.C."}]}"#
        )]
    );
}

#[test]
fn an_operation_may_outlast_the_wait() {
    check(
        &["get", "away", "Device.A.", "--wait", "1s"],
        1,
        "job j3: queued\n",
        "cusp: the device has not answered within 1s\n  the operation goes on: `cusp job j3` shows it, `cusp job j3 --cancel` ends it\n",
    );
    check(&["get", "away", "Device.A.", "--wait", "0s"], 0, "job j3: queued\n", "");
}

#[test]
fn a_command_may_run_on() {
    check(
        &["operate", "os::1", "Device.A.B()"],
        0,
        "COMMAND       RESULT\nDevice.A.B()  runs on as Device.LocalAgent.Request.1.\n",
        "",
    );
}

#[test]
fn failures_are_one_line_then_detail() {
    check(&["get", "bad", "x"], 1, "", "cusp: \"x\" is not a path (code 7008)\n");
    check(&["device", "nowhere"], 1, "", "cusp: Not Found\n");
    check(
        &["device", "two"],
        2,
        "",
        "cusp: several devices go by that name\n  0a1  two  os::1\n  0b2  two\n",
    );
    check(&["set", "attic", "Device.A."], 2, "", "cusp: \"Device.A.\" is not PATH=VALUE\n");
    check(&["approve", "os::"], 2, "", "cusp: \"os::\" may be several pending devices\n  os::1\n  os::2\n");
}

#[test]
fn devices_are_let_in_and_removed() {
    check(&["approve", "1"], 0, "approved os::1 as 0a1\n", "");
    check(&["device", "rm", "attic"], 0, "removed 0a1  attic\n", "");
    check(&["enrol", "token", "--ttl", "1h"], 0, "enrol-me\n", "");
}

#[test]
fn an_approval_is_for_the_certificate_that_was_checked() {
    let seen = check(&["approve", "os::1", "--fingerprint", "plain"], 0, "approved os::1 as 0a1\n", "");
    assert_eq!(
        seen[1],
        r#"POST /api/v1/pending/os%3A%3A1/approve authorization: bearer cusp_t {"fingerprint":"plain"}"#
    );
    // What the list says, where nothing is given; unless it has come with two.
    let seen = check(&["approve", "os::1"], 0, "approved os::1 as 0a1\n", "");
    assert!(seen[1].ends_with(r#"{"fingerprint":"plain"}"#), "{seen:?}");
    let told = "cusp: not all of it was done\n  os::2: it has come with two certificates\n";
    let seen = check(&["approve", "os::2"], 1, "", told);
    assert!(seen[1].ends_with("{}"), "{seen:?}");
    let told = "cusp: --name and --fingerprint are for one device\n";
    check(&["approve", "os::1", "os::2", "--fingerprint", "plain"], 2, "", told);
}

#[test]
fn lists_show_who_changed_and_whom_a_token_is_for() {
    let shows = |args: &[&str], expected: &[&[&str]]| {
        let ran = Fake::start(CANNED).cusp(args);
        let rows: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows, expected, "{}", ran.stderr);
    };
    let head =
        ["ENDPOINT", "TRANSPORT", "PEER", "PROVEN", "CHANGED", "LAST", "SEEN", "ATTEMPTS", "FINGERPRINT"];
    let plain = ["os::1", "websocket", "192.0.2.1:4", "no", "no", "t", "2"];
    shows(&["pending"], &[&head, &plain, &["os::2", "yes", "yes", "ab:cd"]]);
    let head = ["ID", "NAME", "USES", "EXPIRES", "GROUP", "ENDPOINT"];
    shows(&["enrol", "list"], &[&head, &["e1", "van", "1", "t", "pilot", "os::7"]]);
}

#[test]
fn an_enrolment_token_may_be_for_a_group_and_for_one_device() {
    let seen = check(&["enrol", "token", "--group", "pilot", "--endpoint", "os::7"], 0, "enrol-me\n", "");
    assert_eq!(
        seen,
        [concat!(
            "POST /api/v1/enrolments authorization: bearer cusp_t ",
            r#"{"endpoint":"os::7","group":"pilot","ttl":"3600s","uses":1}"#
        )]
    );
}

#[test]
fn a_login_is_printed_as_an_agent_takes_it() {
    let printed = "username = \"os::7\"\npassword = \"p-w\"\n";
    let seen = check(&["enrol", "login", "os::7", "--name", "attic"], 0, printed, "");
    assert_eq!(
        seen,
        [r#"POST /api/v1/logins authorization: bearer cusp_t {"endpoint":"os::7","name":"attic"}"#]
    );
}

#[test]
fn certificates_are_listed_and_revoked() {
    let shown = Fake::start(CANNED).cusp(&["cert", "list", "--device", "attic"]).stdout;
    let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["DEVICE", "FINGERPRINT", "KIND", "ORIGIN", "SINCE", "EXPIRES", "REVOKED", "REASON"]);
    assert_eq!(rows[1], ["attic", "ab01", "certificate", "issued", "s", "t", "no"]);
    assert_eq!(rows[2], ["attic", "ab02", "password", "issued", "s", "yes", "superseded"]);
    let seen = check(&["cert", "revoke", "AB:01", "--reason", "key-compromise"], 0, "revoked ab01\n", "");
    assert_eq!(
        seen[1],
        r#"POST /api/v1/certificates/ab01/revoke authorization: bearer cusp_t {"reason":"key-compromise"}"#
    );
    let told = "cusp: \"ab\" may be several certificates\n  ab01\n  ab02\n";
    check(&["cert", "revoke", "ab01", "ab"], 2, "", told);
}

#[test]
fn devices_that_listen_are_dialled() {
    let fake = Fake::start(CANNED);
    let ran = fake.cusp(&["device", "add", "os::1", "--connect", "ws://192.0.2.7:8184/usp"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("attic"), "{}", ran.stdout);
    assert_eq!(
        fake.seen(),
        [
            r#"POST /api/v1/devices authorization: bearer cusp_t {"connect":"ws://192.0.2.7:8184/usp","endpoint":"os::1"}"#
        ]
    );
    check(&["device", "undial", "attic"], 0, "attic is not dialled any more\n", "");
}

#[test]
fn data_models_are_imported_listed_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.xml");
    std::fs::write(&file, "<document/>").expect("written");
    let file = file.to_str().expect("a plain name");
    let seen = check(&["datamodel", "import", file], 0, "imported Device 2.19: 7 definitions, ab12\n", "");
    assert_eq!(seen, ["POST /api/v1/datamodels authorization: bearer cusp_t <document/>"]);
    check(
        &["datamodel", "list"],
        0,
        "ID    NAME    VERSION  PROTOCOL  DEFINITIONS  IMPORTED  BY\n\
         ab12  Device  2.19     usp       7            t         user:ann\n",
        "",
    );
    check(&["datamodel", "rm", "ab"], 0, "removed ab12\n", "");
    check(&["datamodel", "rm", "cd"], 1, "", "cusp: there is no data model \"cd\"\n");
}

#[test]
fn a_trace_is_printed_as_a_recording() {
    let seen = check(&["trace", "attic", "--on"], 0, "", "");
    assert_eq!(seen, [r#"PUT /api/v1/devices/attic/trace authorization: bearer cusp_t {"enabled":true}"#]);
    check(&["trace", "attic"], 0, "{\"dir\":\"in\",\"t\":1,\"hex\":\"0a\"}\n", "");
}

#[test]
fn events_are_followed() {
    let seen = check(&["watch", "--count", "1", "--after", "6"], 0, "t  boot\n", "");
    assert_eq!(seen, ["GET /api/v1/events/stream authorization: bearer cusp_t last-event-id: 6"]);
    check(
        &["watch", "--count", "1", "--json"],
        0,
        "{\"at\":\"t\",\"kind\":\"boot\",\"params\":{},\"seq\":7}\n",
        "",
    );
}

#[test]
fn a_server_must_be_named_and_must_answer() {
    let ran = run(&["devices"], &[], "");
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(2), "cusp: which server? sign in with `cusp login URL`, or set CUSP_URL and CUSP_TOKEN\n")
    );
    // Port 9 of a loopback address that nobody listens on.
    let ran = run(&["devices"], &[("CUSP_URL", "http://127.0.0.9:9")], "");
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr.lines().next(), Some("cusp: http://127.0.0.9:9 does not answer"));
}

#[test]
fn a_sign_in_is_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().to_str().expect("a plain name");
    let fake = Fake::start(CANNED);
    let ran =
        run(&["login", &fake.url, "--user", "ann"], &[("XDG_CONFIG_HOME", home)], "correct horse battery\n");
    let line = format!("{} as ann (owner)\n", fake.url);
    assert_eq!(ran, Ran { code: Some(0), stdout: line, stderr: String::new() });
    let ran = run(&["get", "attic", "Device.A."], &[("XDG_CONFIG_HOME", home)], "");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        fake.seen(),
        [
            r#"POST /api/v1/auth/login {"password":"correct horse battery","user":"ann"}"#,
            r#"POST /api/v1/tokens cookie: cusp_session=s x-cusp-request: 1 {"name":"command line of ann","role":"owner"}"#,
            "POST /api/v1/auth/logout cookie: cusp_session=s x-cusp-request: 1 {}",
            "GET /api/v1/me authorization: bearer cusp_made",
            r#"POST /api/v1/devices/attic/get?wait=30s authorization: bearer cusp_made {"max_depth":0,"paths":["Device.A."]}"#,
        ]
    );
}
