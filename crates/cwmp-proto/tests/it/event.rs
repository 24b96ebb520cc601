//! The events against the table of TR-069, with what has been corrected since.

use cwmp_proto::EventCode;
use cwmp_proto::event::{ClearedBy, Kept};

#[test]
fn the_table() {
    use ClearedBy as By;
    use Kept::{AsTheCpeLikes, Never, UntilDelivered, UntilReboot};
    let rows = [
        ("0 BOOTSTRAP", By::Inform, UntilDelivered, true, true),
        ("1 BOOT", By::Inform, UntilReboot, true, false),
        ("2 PERIODIC", By::Inform, UntilDelivered, true, false),
        ("3 SCHEDULED", By::Inform, UntilDelivered, true, false),
        ("4 VALUE CHANGE", By::Inform, UntilReboot, true, false),
        ("5 KICKED", By::Kicked, AsTheCpeLikes, true, false),
        ("6 CONNECTION REQUEST", By::Inform, Never, true, false),
        ("7 TRANSFER COMPLETE", By::TransferComplete, UntilDelivered, true, false),
        ("8 DIAGNOSTICS COMPLETE", By::Inform, UntilReboot, true, false),
        ("9 REQUEST DOWNLOAD", By::RequestDownload, AsTheCpeLikes, true, false),
        ("10 AUTONOMOUS TRANSFER COMPLETE", By::AutonomousTransferComplete, UntilDelivered, true, false),
        ("11 DU STATE CHANGE COMPLETE", By::DuStateChangeComplete, UntilDelivered, true, false),
        (
            "12 AUTONOMOUS DU STATE CHANGE COMPLETE",
            By::AutonomousDuStateChangeComplete,
            UntilDelivered,
            true,
            false,
        ),
        ("13 WAKEUP", By::Inform, UntilReboot, true, false),
        ("14 HEARTBEAT", By::Inform, Never, true, false),
        ("M Reboot", By::Inform, UntilDelivered, false, false),
        ("M ScheduleInform", By::Inform, UntilDelivered, false, false),
        ("M Download", By::TransferComplete, UntilDelivered, false, false),
        ("M ScheduleDownload", By::TransferComplete, UntilDelivered, false, false),
        ("M Upload", By::TransferComplete, UntilDelivered, false, false),
        ("M ChangeDUState", By::DuStateChangeComplete, UntilDelivered, false, false),
    ];
    let texts: Vec<String> = EventCode::standard().map(ToString::to_string).collect();
    assert_eq!(texts, rows.map(|row| row.0));
    for (text, cleared_by, kept, collapses, drops_others) in rows {
        let delivery = EventCode::parse(text).delivery();
        assert_eq!((delivery.cleared_by, delivery.kept), (cleared_by, kept), "{text}");
        assert_eq!((delivery.collapses, delivery.drops_others), (collapses, drops_others), "{text}");
    }
}

#[test]
fn codes_are_read() {
    let vendors = EventCode::parse("X 00259E WAN_SWITCH").delivery();
    assert_eq!(
        (vendors.cleared_by, vendors.kept, vendors.collapses),
        (ClearedBy::Vendors, Kept::AsTheCpeLikes, false)
    );
    let cases = [
        ("0 BOOTSTRAP", EventCode::Bootstrap),
        (" 0  Bootstrap\n", EventCode::Bootstrap),
        ("2 PERIODIC", EventCode::Periodic),
        ("m download", EventCode::MethodDownload),
        ("M X_CT-COM_ACCOUNT", EventCode::VendorMethod("X_CT-COM_ACCOUNT".to_owned())),
        ("X 00259E WAN_SWITCH", EventCode::Vendor("00259E WAN_SWITCH".to_owned())),
        ("15 SOMETHING NEW", EventCode::Unknown("15 SOMETHING NEW".to_owned())),
        ("2", EventCode::Unknown("2".to_owned())),
        ("M Dance", EventCode::Unknown("M Dance".to_owned())),
        ("", EventCode::Unknown(String::new())),
    ];
    for (text, expected) in cases {
        assert_eq!(EventCode::parse(text), expected, "{text:?}");
    }
}
