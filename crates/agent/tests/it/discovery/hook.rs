//! What DHCP clients hand over, as they really do.

use agent::discovery::hook::{Heard, from_environment, from_networkd};
use agent::discovery::lease::Lease;
use requirement::requirement;

/// "os::012345-A", "P-7", "wss://acs.example/usp", as dnsmasq sends them.
const OPTION: &str =
    "00000de92a1d0c6f733a3a3031323334352d411a03502d3719157773733a2f2f6163732e6578616d706c652f757370";
const VIVSO: &str = "0:0:d:e9:2a:1d:c:6f:73:3a:3a:30:31:32:33:34:35:2d:41:1a:3:50:2d:37:19:15:77:73:73:3a:2f:2f:61:63:73:2e:65:78:61:6d:70:6c:65:2f:75:73:70";

fn heard(event: Option<&str>, variables: &[(&str, &str)]) -> anyhow::Result<Heard> {
    let found =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    from_environment(event, found)
}

fn lease(version: u8, option: &str, gateways: &[&str]) -> Heard {
    let gateways = gateways.iter().map(|ip| ip.parse().expect("an address")).collect();
    Heard::Lease(Lease { interface: "eth0".to_owned(), version, option: option.to_owned(), gateways })
}

fn gone(version: u8) -> Heard {
    Heard::Gone { interface: "eth0".to_owned(), version }
}

#[requirement("R-DIS.1a")]
#[test]
fn each_client_in_its_own_words() {
    let dhclient = |reason| {
        vec![
            ("interface", "eth0"),
            ("reason", reason),
            ("new_vivso", VIVSO),
            ("new_dhcp_server_identifier", "10.77.0.1"),
            ("new_routers", "10.77.0.1 10.77.0.2"),
        ]
    };
    let udhcpc =
        [("interface", "eth0"), ("opt125", OPTION), ("serverid", "10.77.0.1"), ("router", "10.77.0.1")];
    let v6 = "00000de9001a0003502d37";
    for (event, variables, expected) in [
        (None, dhclient("BOUND"), lease(4, OPTION, &["10.77.0.1", "10.77.0.2"])),
        (None, dhclient("RENEW"), lease(4, OPTION, &["10.77.0.1", "10.77.0.2"])),
        (None, dhclient("EXPIRE"), gone(4)),
        (None, dhclient("PREINIT"), Heard::Nothing),
        (Some("bound"), udhcpc.to_vec(), lease(4, OPTION, &["10.77.0.1"])),
        (Some("deconfig"), vec![("interface", "eth0")], gone(4)),
        // A server that has nothing to say to us.
        (Some("renew"), vec![("interface", "eth0"), ("opt125", "")], gone(4)),
        (
            None,
            vec![
                ("interface", "eth0"),
                ("reason", "BOUND6"),
                ("new_dhcp6_vendor_opts", "0:0:d:e9:0:1a:0:3:50:2d:37"),
            ],
            lease(6, v6, &[]),
        ),
        (None, vec![("interface", "eth0"), ("reason", "STOP6")], gone(6)),
        (Some("bound"), vec![("interface", "eth0"), ("OPTION_17", v6)], lease(6, v6, &[])),
        (Some("unbound"), vec![("interface", "eth0")], gone(6)),
    ] {
        assert_eq!(heard(event, &variables).expect("understood"), expected, "{event:?} {variables:?}");
    }
    for (event, variables) in [
        (Some("bound"), vec![("opt125", OPTION)]),
        (None, vec![("interface", "eth0"), ("opt125", OPTION)]),
        (Some("bound"), vec![("interface", "eth0"), ("opt125", "wss://acs.example")]),
        (Some("bound"), vec![("interface", "eth0"), ("opt125", "00000de")]),
        (Some("bound"), vec![("interface", "eth0"), ("opt125", "0:0:d:+9")]),
    ] {
        assert!(heard(event, &variables).is_err(), "{event:?} {variables:?}");
    }
}

#[test]
fn what_networkd_prints() {
    let json = r#"{"Index":2,"Name":"eth0","DHCPv6Client":{"Lease":{"Timeout1USec":1},"VendorSpecificOptions":[
        {"EnterpriseId":1,"SubOptionCode":26,"SubOptionData":"ff"},
        {"EnterpriseId":3561,"SubOptionCode":26,"SubOptionData":"502d37"}],"DUID":[0,2]}}"#;
    assert_eq!(from_networkd(json).expect("understood"), lease(6, "00000de9001a0003502d37", &[]));
    for none in [r#"{"Name":"eth0"}"#, r#"{"Name":"eth0","DHCPv6Client":{"DUID":[0]}}"#] {
        assert_eq!(from_networkd(none).expect("understood"), gone(6));
    }
    for bad in
        ["", "{}", "[]", r#"{"Name":1}"#, &json.replace("502d37", "5"), &json.replace("\"502d37\"", "7")]
    {
        assert!(from_networkd(bad).is_err(), "{bad}");
    }
}
