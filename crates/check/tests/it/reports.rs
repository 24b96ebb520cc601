//! The four reports of one run with every kind of verdict.

use bytes::Bytes;
use check::report::About;
use check::{Finding, Ran, Summary, Verdict, report, select};
use usp_proto::exchange::{Direction, Entry};

fn about() -> About {
    About {
        agent: "os::012345-1".to_owned(),
        device: "Acme <1>".to_owned(),
        by: "ws://127.0.0.1:8183/usp".to_owned(),
        at: "2026-11-21T22:00:00Z".to_owned(),
        tool: "cusp 1.0".to_owned(),
    }
}

fn ran() -> Vec<Ran> {
    let finding = Finding {
        reason: "err_code for Device.<x>".to_owned(),
        expected: "7026".to_owned(),
        seen: "0 \"&\n\u{1}".to_owned(),
    };
    let verdicts = [
        Verdict::Pass,
        Verdict::Fail(finding),
        Verdict::Skipped("the agent has no #table".to_owned()),
        Verdict::Error("no agent connects".to_owned()),
        Verdict::Warn(Finding {
            reason: "when it came".to_owned(),
            expected: "within 10 s".to_owned(),
            seen: "12 s".to_owned(),
        }),
    ];
    let entry = |note: &str| Entry {
        direction: Direction::Out,
        at_micros: 1500,
        record: Bytes::from_static(&[0x0a, 0x03]),
        note: note.to_owned(),
        masked: false,
    };
    let checks = select(&["R-GET.0".to_owned(), "R-NOT.0a".to_owned()]);
    let with =
        |(check, verdict)| Ran { check, verdict, transcript: vec![entry("Get <b>")], micros: 1_500_000 };
    checks.into_iter().zip(verdicts).map(with).collect()
}

#[test]
fn counts_and_what_is_good() {
    let all = ran();
    assert_eq!(Summary::of(&all), Summary { passed: 1, failed: 1, warned: 1, skipped: 1, errors: 1 });
    for (at, good) in [(0, true), (1, false), (2, true), (3, false), (4, true)] {
        assert_eq!(Summary::of(&all[at..=at]).is_good(), good, "{at}");
    }
}

#[test]
fn tap_is_a_line_per_check_with_detail_below() {
    let expected = "TAP version 14\n1..5\n\
        ok 1 - R-GET.0-missing-instance\n\
        not ok 2 - R-GET.0-unsupported-parameter\n  ---\n  rule: \"A parameter that is not supported gets 7026.\"\n  message: \"err_code for Device.<x>\"\n  expected: \"7026\"\n  \
        seen: \"0 \\\"&\\n\\u0001\"\n  ...\n\
        ok 3 - R-GET.0-unsupported-search # SKIP the agent has no  table\n\
        not ok 4 - R-GET.0-one-bad-path-of-two\n  ---\n  message: \"no agent connects\"\n  severity: error\n  ...\n\
        ok 5 - R-NOT.0a-in-time # SHOULD when it came\n  ---\n  rule: \"A change is notified within ten seconds.\"\n  message: \"when it came\"\n  \
        expected: \"within 10 s\"\n  seen: \"12 s\"\n  ...\n";
    assert_eq!(report::tap(&ran()), expected);
}

#[test]
fn junit_names_requirements_as_classes() {
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <testsuite name=\"cusp check\" tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"7.500000\">\n  \
        <properties>\n    <property name=\"agent\" value=\"os::012345-1\"/>\n    \
        <property name=\"device\" value=\"Acme &lt;1&gt;\"/>\n    \
        <property name=\"connected by\" value=\"ws://127.0.0.1:8183/usp\"/>\n    \
        <property name=\"begun\" value=\"2026-11-21T22:00:00Z\"/>\n    \
        <property name=\"checked by\" value=\"cusp 1.0\"/>\n  </properties>\n  \
        <testcase classname=\"R-GET.0\" name=\"R-GET.0-missing-instance\" time=\"1.500000\"/>\n  \
        <testcase classname=\"R-GET.0\" name=\"R-GET.0-unsupported-parameter\" time=\"1.500000\">\n    \
        <failure message=\"err_code for Device.&lt;x&gt;: expected 7026, seen 0 &quot;&amp;\n\u{fffd}\">A parameter that is not supported gets 7026.\nR-GET.0: Non-search path not instantiated, or search not supported: 7026 in result.</failure>\n  </testcase>\n  \
        <testcase classname=\"R-GET.0\" name=\"R-GET.0-unsupported-search\" time=\"1.500000\">\n    \
        <skipped message=\"the agent has no #table\"/>\n  </testcase>\n  \
        <testcase classname=\"R-GET.0\" name=\"R-GET.0-one-bad-path-of-two\" time=\"1.500000\">\n    \
        <error message=\"no agent connects\"/>\n  </testcase>\n  \
        <testcase classname=\"R-NOT.0a\" name=\"R-NOT.0a-in-time\" time=\"1.500000\">\n    \
        <system-out>SHOULD: when it came: expected within 10 s, seen 12 s</system-out>\n  </testcase>\n</testsuite>\n";
    assert_eq!(report::junit(&about(), &ran()), expected);
}

#[test]
fn json_has_verdicts_and_recordings() {
    let json = report::json(&about(), &ran());
    assert_eq!(json["about"]["device"], "Acme <1>");
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &1.into()));
    let check = &json["checks"][1];
    assert_eq!(check["id"], "R-GET.0-unsupported-parameter");
    assert_eq!((&json["warned"], &json["checks"][4]["verdict"]), (&1.into(), &"warn".into()));
    assert_eq!(check["requirement"], "R-GET.0");
    assert_eq!(check["verdict"], "fail");
    assert_eq!(check["detail"]["expected"], "7026");
    assert_eq!(check["transcript"][0], r#"{"dir":"out","t":1500,"hex":"0a03","note":"Get <b>"}"#);
}

#[test]
fn the_page_escapes_what_the_agent_said() {
    let page = report::html(&about(), &ran());
    assert!(page.contains("<p>1 passed, 1 failed, 1 warnings, 1 skipped, 1 not carried out</p>"));
    assert!(page.contains("<dt>seen</dt><dd>0 &quot;&amp;\n\u{fffd}</dd>"));
    assert!(page.contains("<li>1 ms \u{2192} agent Get &lt;b&gt; (2 bytes)</li>"));
    assert!(!page.contains("Device.<x>"));
}

/// Hundreds of checks that a run ended before stand in one line.
#[test]
fn the_page_groups_what_was_not_begun() {
    let mut all = ran();
    all[3].verdict = Verdict::Error("not begun: interrupted".to_owned());
    let page = report::html(&about(), &all);
    assert!(page.contains("<summary><b>1 error</b>: not begun: interrupted</summary>"), "{page}");
    assert!(!page.contains("href=\"#R-GET.0-one-bad-path-of-two\""));
}

/// A reader finds whom it is about, what to look at, the rule that was broken, and what was skipped and why.
#[test]
fn the_page_tells_a_stranger_what_to_look_at() {
    let page = report::html(&about(), &ran());
    for part in [
        "<dt>agent</dt><dd>os::012345-1</dd><dt>device</dt><dd>Acme &lt;1&gt;</dd>",
        "<li class=\"fail\"><b>fail</b> <a href=\"#R-GET.0-unsupported-parameter\">",
        "<li class=\"error\"><b>error</b> <a href=\"#R-GET.0-one-bad-path-of-two\">",
        "<li class=\"warn\"><b>warn</b> <a href=\"#R-NOT.0a-in-time\">",
        "<details class=\"fail\" id=\"R-GET.0-unsupported-parameter\" open>",
        "<dt>R-GET.0</dt><dd>Non-search path not instantiated, or search not supported: 7026 in result.</dd>",
        "<summary><b>1 skipped</b>: the agent has no #table</summary><ul>\n<li><code>R-GET.0-unsupported-search</code>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
