//! Which destinations a pattern stands for.

use mtp::stomp::Pattern;

#[test]
fn a_star_is_a_name_and_nothing_more() {
    let pattern = "/queue/usp.agents.*";
    for (pattern, destination, expected) in [
        (pattern, "/queue/usp.agents.os::00256D-0001", true),
        (pattern, "/queue/usp.agents.os::00256D-%20", true),
        (pattern, "/queue/usp.agents.\u{fc}", true),
        (pattern, "/queue/usp.agents.", false),
        (pattern, "/queue/usp.agents", false),
        (pattern, "/queue/usp.agents.a/b", false),
        (pattern, "/queue/usp.agents.a,queue://b", false),
        (pattern, "/queue/usp.agents.a,b", false),
        (pattern, "/queue/usp.agents.>", false),
        (pattern, "/queue/usp.agents.*", false),
        (pattern, "/queue/usp.agents.a?b=c", false),
        (pattern, "/queue/usp.agents.a b", false),
        (pattern, "/queue/usp.agents.a\n", false),
        (pattern, "/topic/usp.agents.a", false),
        (pattern, "x/queue/usp.agents.a", false),
        ("/queue/*", "/queue/a", true),
        ("/queue/*/in", "/queue/a/in", true),
        ("/queue/*/in", "/queue//in", false),
        ("/queue/*/in", "/queue/a/b/in", false),
        ("/queue/*.*", "/queue/a.b.c", true),
        ("/queue/*.*.x", "/queue/a.b.x.x", true),
        ("/queue/*.*.x", "/queue/a.x", false),
        ("/queue/a*a", "/queue/aa", false),
        ("/queue/a*a", "/queue/aaa", true),
        ("/queue/one", "/queue/one", true),
        ("/queue/one", "/queue/on", false),
        ("/queue/one", "/queue/ones", false),
        ("*", "", false),
    ] {
        let parsed: Pattern = pattern.parse().expect(pattern);
        assert_eq!(parsed.matches(destination), expected, "{pattern} {destination:?}");
    }
}

#[test]
fn what_is_no_destination_is_no_pattern() {
    for text in ["", "/queue/**", "/queue/a\0", "/queue/a\n", &"x".repeat(1025)] {
        assert!(text.parse::<Pattern>().is_err(), "{text:?}");
    }
}
