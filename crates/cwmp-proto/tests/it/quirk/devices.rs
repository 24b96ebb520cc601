//! Devices that are known, and how they are matched.

use cwmp_proto::quirk::{DEVICES, Pattern, Quirk, Style, Switch, known};
use cwmp_proto::rpc::DeviceId;

#[test]
fn patterns() {
    let cases = [
        ("*", "", true),
        ("*", "anything", true),
        ("", "", true),
        ("", "a", false),
        ("MikroTik*", "mikrotik", true),
        ("TP-Link*", "TP-LINK Technologies", true),
        ("B310*", "xB310", false),
        ("*310*", "Huawei B310s-22", true),
        ("a*b*c", "a-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("ab*ba", "aba", false),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(Pattern(pattern).matches(text), expected, "{pattern} {text}");
    }
}

#[test]
fn devices() {
    let device = |manufacturer: &str, product_class: &str| DeviceId {
        manufacturer: manufacturer.to_owned(),
        product_class: product_class.to_owned(),
        ..DeviceId::default()
    };
    let check = |device: &DeviceId, quirks: &[Quirk], style: &Style| {
        let rows: Vec<_> = known(device, "1.0").collect();
        let found: Vec<Quirk> = rows.iter().flat_map(|row| row.quirks).copied().collect();
        let switches: Vec<Switch> = rows.iter().flat_map(|row| row.switches).copied().collect();
        assert_eq!((found.as_slice(), &Style::with(&switches)), (quirks, style), "{device:?}");
    };
    let plain = Style::default();
    check(&device("Example", "Gateway"), &[], &plain);
    check(&device("MikroTik", "hAP"), &[Quirk::HeaderOrIdMissing, Quirk::Namespaces], &plain);
    check(&device("Huawei Technologies Co., Ltd", "B310s-22"), &[Quirk::ValueForms], &plain);
    check(&device("Huawei Technologies Co., Ltd", "HG8245H"), &[], &plain);
    let no_more = Style { no_more_requests: true, ..Style::default() };
    check(&device("Baicells", "eNB"), &[Quirk::AnswerForm], &no_more);
    for row in DEVICES {
        assert!(!row.quirks.is_empty(), "{row:?}");
    }
}
