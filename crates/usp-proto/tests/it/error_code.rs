//! The error table against the standard's, written out.

use usp_proto::error_code::{self, Range, TABLE};

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
