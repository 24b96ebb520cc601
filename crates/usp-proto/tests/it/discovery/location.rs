//! A controller by URL or by name.

use requirement::requirement;
use usp_proto::discovery::Location;

#[requirement("R-DIS.1b")]
#[test]
fn an_absolute_url_or_a_domain_name() {
    let url = |text: &str| Some(Location::Url(text.to_owned()));
    let fqdn = |text: &str| Some(Location::Fqdn(text.to_owned()));
    let long = "a".repeat(64);
    let longest = vec!["a".repeat(63); 3].join(".");
    for (text, expected) in [
        ("wss://acs.example:8183/usp", url("wss://acs.example:8183/usp")),
        ("mqtts://broker.example/", url("mqtts://broker.example/")),
        ("ws://[2001:db8::1]/usp", url("ws://[2001:db8::1]/usp")),
        ("acs.example", fqdn("acs.example")),
        ("acs.example.", fqdn("acs.example")),
        ("acs-1._usp.example", fqdn("acs-1._usp.example")),
        ("controller.local", fqdn("controller.local")),
        ("os::012345-A.local", fqdn("os::012345-A.local")),
        ("os::012345-A.example", None),
        ("192.0.2.1", fqdn("192.0.2.1")),
        (longest.as_str(), fqdn(&longest)),
        ("", None),
        (".", None),
        ("acs..example", None),
        (long.as_str(), None),
        ("acs.example/usp", None),
        ("acs.example:8183", None),
        ("acs example", None),
        ("://acs.example", None),
        ("wss://", None),
        ("wss:///usp", None),
        ("wss://acs.example/a b", None),
        ("1wss://acs.example", None),
    ] {
        assert_eq!(Location::parse(text).ok(), expected, "{text:?}");
    }
    assert!(Location::parse(&format!("{longest}.{longest}")).is_err());
}
