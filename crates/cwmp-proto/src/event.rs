//! Event codes: why a CPE informs, and how long it must go on saying so.

use std::fmt;

use crate::error::Error;
use crate::rpc::Field;
use crate::xml::{Element, Out, Pull};

/// Defines the events of the standard, each with its text on the wire.
macro_rules! events {
    ($($(#[$about:meta])* $variant:ident = $text:literal,)*) => {
        /// Why a CPE informs.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum EventCode {
            $($(#[$about])* $variant,)*
            /// `M X_…`: a method of a vendor, by its name.
            VendorMethod(String),
            /// `X …`: an event of a vendor, by what stands behind the X.
            Vendor(String),
            /// Anything else, as it came.
            Unknown(String),
        }

        /// The events of the standard and their texts.
        const TEXTS: &[(EventCode, &str)] = &[$((EventCode::$variant, $text)),*];
    };
}

events! {
    /// First contact, a factory reset, or another URL of the ACS.
    Bootstrap = "0 BOOTSTRAP",
    /// Start.
    Boot = "1 BOOT",
    /// The timer of PeriodicInformInterval.
    Periodic = "2 PERIODIC",
    /// ScheduleInform.
    Scheduled = "3 SCHEDULED",
    /// A value changed that is told.
    ValueChange = "4 VALUE CHANGE",
    /// A browser came by the kick URL.
    Kicked = "5 KICKED",
    /// A connection request.
    ConnectionRequest = "6 CONNECTION REQUEST",
    /// A transfer that was asked for is over.
    TransferComplete = "7 TRANSFER COMPLETE",
    /// A diagnostic is done.
    DiagnosticsComplete = "8 DIAGNOSTICS COMPLETE",
    /// The CPE would like a file.
    RequestDownload = "9 REQUEST DOWNLOAD",
    /// A transfer that nobody asked for is over.
    AutonomousTransferComplete = "10 AUTONOMOUS TRANSFER COMPLETE",
    /// A ChangeDUState is done.
    DuStateChangeComplete = "11 DU STATE CHANGE COMPLETE",
    /// Software modules changed, and nobody asked.
    AutonomousDuStateChangeComplete = "12 AUTONOMOUS DU STATE CHANGE COMPLETE",
    /// Out of standby.
    Wakeup = "13 WAKEUP",
    /// The timer of HeartbeatPolicy.
    Heartbeat = "14 HEARTBEAT",
    /// The restart that Reboot asked for.
    MethodReboot = "M Reboot",
    /// The Inform that ScheduleInform asked for.
    MethodScheduleInform = "M ScheduleInform",
    /// The end of a Download.
    MethodDownload = "M Download",
    /// The end of a ScheduleDownload.
    MethodScheduleDownload = "M ScheduleDownload",
    /// The end of an Upload.
    MethodUpload = "M Upload",
    /// The end of a ChangeDUState.
    MethodChangeDuState = "M ChangeDUState",
}

/// What clears an event: the answer of the ACS to which request of the CPE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClearedBy {
    /// InformResponse.
    Inform,
    /// TransferCompleteResponse.
    TransferComplete,
    /// AutonomousTransferCompleteResponse.
    AutonomousTransferComplete,
    /// DUStateChangeCompleteResponse.
    DuStateChangeComplete,
    /// AutonomousDUStateChangeCompleteResponse.
    AutonomousDuStateChangeComplete,
    /// RequestDownloadResponse.
    RequestDownload,
    /// KickedResponse.
    Kicked,
    /// What the vendor says; InformResponse, if nobody knows.
    Vendors,
}

/// How long an event that was not cleared is told again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Not at all: it is gone with its session.
    Never,
    /// The CPE may, or may not.
    AsTheCpeLikes,
    /// Until the CPE restarts.
    UntilReboot,
    /// Until it is delivered, also across restarts.
    UntilDelivered,
}

/// How an event is delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// What clears it.
    pub cleared_by: ClearedBy,
    /// How long it is told.
    pub kept: Kept,
    /// Whether repeats become one. The others may come several times in one Inform, by their command keys.
    pub collapses: bool,
    /// Whether it drops other events that wait.
    pub drops_others: bool,
}

/// The rules. `M …` are cleared and kept with the event that they accompany.
const DELIVERY: &[(EventCode, ClearedBy, Kept)] = &[
    (EventCode::Bootstrap, ClearedBy::Inform, Kept::UntilDelivered),
    (EventCode::Boot, ClearedBy::Inform, Kept::UntilReboot),
    (EventCode::Periodic, ClearedBy::Inform, Kept::UntilDelivered),
    (EventCode::Scheduled, ClearedBy::Inform, Kept::UntilDelivered),
    (EventCode::ValueChange, ClearedBy::Inform, Kept::UntilReboot),
    (EventCode::Kicked, ClearedBy::Kicked, Kept::AsTheCpeLikes),
    (EventCode::ConnectionRequest, ClearedBy::Inform, Kept::Never),
    (EventCode::TransferComplete, ClearedBy::TransferComplete, Kept::UntilDelivered),
    (EventCode::DiagnosticsComplete, ClearedBy::Inform, Kept::UntilReboot),
    (EventCode::RequestDownload, ClearedBy::RequestDownload, Kept::AsTheCpeLikes),
    (EventCode::AutonomousTransferComplete, ClearedBy::AutonomousTransferComplete, Kept::UntilDelivered),
    (EventCode::DuStateChangeComplete, ClearedBy::DuStateChangeComplete, Kept::UntilDelivered),
    (
        EventCode::AutonomousDuStateChangeComplete,
        ClearedBy::AutonomousDuStateChangeComplete,
        Kept::UntilDelivered,
    ),
    (EventCode::Wakeup, ClearedBy::Inform, Kept::UntilReboot),
    (EventCode::Heartbeat, ClearedBy::Inform, Kept::Never),
    (EventCode::MethodReboot, ClearedBy::Inform, Kept::UntilDelivered),
    (EventCode::MethodScheduleInform, ClearedBy::Inform, Kept::UntilDelivered),
    (EventCode::MethodDownload, ClearedBy::TransferComplete, Kept::UntilDelivered),
    (EventCode::MethodScheduleDownload, ClearedBy::TransferComplete, Kept::UntilDelivered),
    (EventCode::MethodUpload, ClearedBy::TransferComplete, Kept::UntilDelivered),
    (EventCode::MethodChangeDuState, ClearedBy::DuStateChangeComplete, Kept::UntilDelivered),
];

impl EventCode {
    /// Every event of the standard.
    pub fn standard() -> impl Iterator<Item = &'static EventCode> {
        TEXTS.iter().map(|row| &row.0)
    }

    /// Reads a code. Case and white space don't matter.
    pub fn parse(text: &str) -> EventCode {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        if let Some(row) = TEXTS.iter().find(|row| row.1.eq_ignore_ascii_case(&text)) {
            return row.0.clone();
        }
        if let Some(method) = text.strip_prefix("M ").filter(|method| method.starts_with("X_")) {
            return EventCode::VendorMethod(method.to_owned());
        }
        match text.strip_prefix("X ") {
            Some(event) => EventCode::Vendor(event.to_owned()),
            None => EventCode::Unknown(text),
        }
    }

    /// How the event is delivered. What is not known is treated as a vendor's.
    pub fn delivery(&self) -> Delivery {
        let row = DELIVERY.iter().find(|row| row.0 == *self);
        let (cleared_by, kept) = row.map_or((ClearedBy::Vendors, Kept::AsTheCpeLikes), |row| (row.1, row.2));
        let text = self.to_string();
        let collapses = text.starts_with(|c: char| c.is_ascii_digit());
        Delivery { cleared_by, kept, collapses, drops_others: *self == EventCode::Bootstrap }
    }
}

impl fmt::Display for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventCode::VendorMethod(method) => write!(f, "M {method}"),
            EventCode::Vendor(event) => write!(f, "X {event}"),
            EventCode::Unknown(text) => f.write_str(text),
            known => f.write_str(TEXTS.iter().find(|row| row.0 == *known).map_or("", |row| row.1)),
        }
    }
}

impl Default for EventCode {
    fn default() -> EventCode {
        EventCode::Unknown(String::new())
    }
}

impl Field for EventCode {
    fn read(&mut self, x: &mut Pull<'_>, _: &Element<'_>, _: &'static str) -> Result<(), Error> {
        *self = EventCode::parse(&x.text()?);
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        out.leaf(name, &[], &self.to_string());
    }
}
