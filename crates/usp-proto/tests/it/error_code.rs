//! The error table against the standard's, written out.

use usp_proto::error_code::{self, Places, Range, TABLE};

/// Number and name, as section 7.6 of TR-369 has them in substance.
const NAMES: &[(u32, &str)] = &[
    (7000, "Message failed"),
    (7001, "Message not supported"),
    (7002, "Request denied"),
    (7003, "Internal error"),
    (7004, "Invalid arguments"),
    (7005, "Resources exceeded"),
    (7006, "Permission denied"),
    (7007, "Invalid configuration"),
    (7008, "Invalid path syntax"),
    (7009, "Parameter action failed"),
    (7010, "Unsupported parameter"),
    (7011, "Invalid type"),
    (7012, "Invalid value"),
    (7013, "Non-writeable parameter"),
    (7014, "Value conflict"),
    (7015, "Operation error"),
    (7016, "Object does not exist"),
    (7017, "Object could not be created"),
    (7018, "Object is not a table"),
    (7019, "Non-creatable object"),
    (7020, "Object could not be updated"),
    (7021, "Required parameter failed"),
    (7022, "Command failure"),
    (7023, "Command canceled"),
    (7024, "Delete failure"),
    (7025, "Duplicate key"),
    (7026, "Invalid path"),
    (7027, "Invalid command arguments"),
    (7028, "Register failure"),
    (7029, "Already in use"),
    (7030, "Deregister failure"),
    (7031, "Path already registered"),
    (7100, "Record could not be parsed"),
    (7101, "Secure session required"),
    (7102, "Secure session not supported"),
    (7103, "SAR not supported"),
    (7104, "Invalid Record value"),
    (7105, "Session Context terminated"),
    (7106, "Session Context not allowed"),
];

#[test]
fn every_code_has_its_name() {
    let table: Vec<_> = TABLE.iter().map(|row| (row.code, row.name)).collect();
    assert_eq!(table, NAMES);
    for (code, name) in NAMES {
        assert_eq!(error_code::name(*code), *name);
        assert_eq!(error_code::lookup(*code).map(|row| row.code), Some(*code));
    }
}

/// The codes that each message may fail with, as listed for the message.
#[test]
fn every_message_has_its_codes() {
    let check = |place: Places, expected: &[u32]| {
        let found: Vec<u32> = (7000..7200).filter(|code| error_code::applies(*code, place)).collect();
        assert_eq!(found, expected, "{place:?}");
    };
    let with = |from: u32, to: u32, more: &[u32]| [(from..=to).collect::<Vec<_>>(), more.to_vec()].concat();
    check(Places::GET, &with(7000, 7006, &[7008, 7010, 7016, 7026]));
    check(Places::GET_INSTANCES, &with(7000, 7006, &[7008, 7016, 7018, 7026]));
    check(Places::GET_SUPPORTED_DM, &with(7000, 7006, &[7008, 7016, 7026]));
    check(Places::GET_SUPPORTED_PROTOCOL, &with(7000, 7006, &[]));
    check(Places::ADD, &with(7000, 7019, &[7021, 7025, 7026]));
    check(Places::SET, &with(7000, 7016, &[7020, 7021, 7025, 7026]));
    check(Places::DELETE, &with(7000, 7008, &[7015, 7016, 7018, 7024, 7026]));
    check(Places::OPERATE, &with(7000, 7008, &[7016, 7022, 7026, 7027]));
    check(Places::OPERATION_COMPLETE, &with(7002, 7008, &[7016, 7022, 7023]));
    check(Places::NOTIFY, &with(7000, 7006, &[]));
    check(Places::REGISTER, &with(7000, 7008, &[7016, 7028, 7029]));
    check(Places::DEREGISTER, &with(7000, 7008, &[7016, 7030, 7031]));
    check(Places::RECORD, &[7100, 7101, 7102, 7103, 7104]);
    check(Places::DISCONNECT, &[7100, 7101, 7102, 7103, 7104, 7105, 7106]);
}

#[test]
fn ranges_have_no_gaps_and_no_overlap() {
    let check = |code, range, name| {
        assert_eq!(error_code::range(code), range, "{code}");
        assert_eq!(error_code::name(code), name, "{code}");
    };
    check(6999, Range::Unassigned, "Unassigned");
    check(7000, Range::Message, "Message failed");
    check(7032, Range::Unassigned, "Unassigned");
    check(7099, Range::Unassigned, "Unassigned");
    check(7107, Range::Unassigned, "Unassigned");
    check(7199, Range::Unassigned, "Unassigned");
    check(7200, Range::DataModel, "Defined by the data model");
    check(7299, Range::DataModel, "Defined by the data model");
    check(7300, Range::Unassigned, "Unassigned");
    check(7799, Range::Unassigned, "Unassigned");
    check(7800, Range::Vendor, "Defined by the vendor");
    check(7999, Range::Vendor, "Defined by the vendor");
    check(8000, Range::Unassigned, "Unassigned");
    check(0, Range::Unassigned, "Unassigned");
}

#[test]
fn open_ranges_apply_where_they_may() {
    assert!(error_code::applies(7800, Places::SET));
    assert!(!error_code::applies(7800, Places::DISCONNECT));
    assert!(error_code::applies(7223, Places::OPERATION_COMPLETE));
    assert!(!error_code::applies(7223, Places::GET));
}
