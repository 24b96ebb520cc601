//! Inform, which opens each session.

use crate::event::EventCode;
use crate::limits::MAX_ROWS;
use crate::notice::{Notice, short};
use crate::rpc::ParameterValue;
use crate::rpc::field::{nested, record};
use crate::rpc::items::rows;
use crate::value::DateTime;
use crate::xml::Pull;

record! {
    /// Who a CPE is. OUI, class and serial number together are its identity.
    DeviceId {
        /// In words.
        manufacturer: String = "Manufacturer",
        /// Six hexadecimal digits in upper case, by the standard.
        oui: String = "OUI",
        /// The kind of device; may be empty.
        product_class: String = "ProductClass",
        /// Unique for OUI and class; may hold any characters.
        serial_number: String = "SerialNumber",
    }
}
nested!(DeviceId);

record! {
    /// A reason for the session.
    Event {
        /// What happened.
        code: EventCode = "EventCode",
        /// For `M …` the key of the method's call, else empty.
        command_key: String = "CommandKey",
    }
}

rows! {
    Event = "EventStruct", MAX_ROWS;
}

record! {
    /// A CPE opens a session.
    Inform [note] {
        /// Who it is.
        device_id: DeviceId = "DeviceId",
        /// Why, in no order. None: the session before failed after its InformResponse, and this one goes on.
        events: Vec<Event> = "Event",
        /// Always 1; whatever else it says is ignored.
        max_envelopes: u32 = "MaxEnvelopes",
        /// By the CPE's clock.
        current_time: DateTime = "CurrentTime",
        /// Sessions that failed since the last that didn't.
        retry_count: u32 = "RetryCount",
        /// Forced parameters, and those whose changes are told.
        parameters: Vec<ParameterValue> = "ParameterList",
    }
}

impl Inform {
    /// Notes what is odd about the device's identity and its events.
    fn note(&self, x: &mut Pull<'_>) {
        let id = &self.device_id;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        if id.oui.len() != 6 || !id.oui.bytes().all(hex) {
            x.note(Notice::OuiForm);
        }
        if id.product_class.is_empty() {
            x.note(Notice::ProductClassEmpty);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if id.serial_number.is_empty() || !id.serial_number.bytes().all(plain) {
            x.note(Notice::SerialForm);
        }
        for (at, event) in self.events.iter().enumerate() {
            if self.events[..at].contains(event) {
                x.note(Notice::EventRepeated);
            }
            if let EventCode::Unknown(code) = &event.code {
                x.note(Notice::EventUnknown(short(code)));
            }
        }
    }
}

record! {
    /// The session stands.
    InformResponse {
        /// Always 1.
        max_envelopes: u32 = "MaxEnvelopes",
    }
}
