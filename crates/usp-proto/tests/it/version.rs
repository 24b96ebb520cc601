//! Versions and lists of them.

use usp_proto::Version;

#[test]
fn versions_parse_and_print() {
    for (text, major, minor) in [("1.4", 1, 4), ("1.0", 1, 0), ("1.10", 1, 10), ("2.0", 2, 0)] {
        let version: Version = text.parse().expect("a version");
        assert_eq!(version, Version::new(major, minor));
        assert_eq!(version.to_string(), text);
    }
    for text in ["", "1", "1.", ".4", "1.4.1", "+1.4", "1.-4", " 1.4", "1.99999", "a.b", "1,4", "١.٤"] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
    assert!(Version::new(1, 10) > Version::new(1, 9));
}

#[test]
fn lists_are_read_tolerantly() {
    let check = |list: &str, expected: &[(u16, u16)]| {
        let expected: Vec<_> = expected.iter().map(|(major, minor)| Version::new(*major, *minor)).collect();
        assert_eq!(Version::parse_list(list), expected, "{list}");
    };
    check("1.0,1.1", &[(1, 0), (1, 1)]);
    check(" 1.3 ,\t1.2,", &[(1, 3), (1, 2)]);
    check("", &[]);
    check("1.0;1.1,1.2", &[(1, 2)]);
    assert_eq!(Version::parse_list(&"1.0,".repeat(1000)).len(), 32);
}
