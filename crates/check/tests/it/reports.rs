//! The four reports of one run with every kind of verdict.

use bytes::Bytes;
use check::{Finding, Ran, Summary, Verdict, report, select};
use usp_proto::exchange::{Direction, Entry};

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
        not ok 2 - R-GET.0-unsupported-parameter\n  ---\n  message: \"err_code for Device.<x>\"\n  expected: \"7026\"\n  \
        seen: \"0 \\\"&\\n\\u0001\"\n  ...\n\
        ok 3 - R-GET.0-unsupported-search # SKIP the agent has no  table\n\
        not ok 4 - R-GET.0-one-bad-path-of-two\n  ---\n  message: \"no agent connects\"\n  severity: error\n  ...\n\
        ok 5 - R-NOT.0a-in-time # SHOULD when it came\n  ---\n  message: \"when it came\"\n  \
        expected: \"within 10 s\"\n  seen: \"12 s\"\n  ...\n";
    assert_eq!(report::tap(&ran()), expected);
}

#[test]
fn junit_names_requirements_as_classes() {
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <testsuite name=\"cusp check\" tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"7.500000\">\n  \
        <testcase classname=\"R-GET.0\" name=\"R-GET.0-missing-instance\" time=\"1.500000\"/>\n  \
        <testcase classname=\"R-GET.0\" name=\"R-GET.0-unsupported-parameter\" time=\"1.500000\">\n    \
        <failure message=\"err_code for Device.&lt;x&gt;: expected 7026, seen 0 &quot;&amp;\n\u{fffd}\"/>\n  </testcase>\n  \
        <testcase classname=\"R-GET.0\" name=\"R-GET.0-unsupported-search\" time=\"1.500000\">\n    \
        <skipped message=\"the agent has no #table\"/>\n  </testcase>\n  \
        <testcase classname=\"R-GET.0\" name=\"R-GET.0-one-bad-path-of-two\" time=\"1.500000\">\n    \
        <error message=\"no agent connects\"/>\n  </testcase>\n  \
        <testcase classname=\"R-NOT.0a\" name=\"R-NOT.0a-in-time\" time=\"1.500000\">\n    \
        <system-out>SHOULD: when it came: expected within 10 s, seen 12 s</system-out>\n  </testcase>\n</testsuite>\n";
    assert_eq!(report::junit(&ran()), expected);
}

#[test]
fn json_has_verdicts_and_recordings() {
    let json = report::json(&ran());
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
    let page = report::html(&ran());
    assert!(page.contains("<p>1 passed, 1 failed, 1 warnings, 1 skipped, 1 not carried out</p>"));
    assert!(page.contains("<dt>seen</dt><dd>0 &quot;&amp;\n\u{fffd}</dd>"));
    assert!(page.contains("<li>1 ms \u{2192} agent Get &lt;b&gt; (2 bytes)</li>"));
    assert!(!page.contains("Device.<x>"));
}
