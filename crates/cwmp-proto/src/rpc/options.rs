//! SetVouchers and GetOptions, which nothing but old devices has.

use crate::error::Error;
use crate::limits::MAX_ROWS;
use crate::rpc::field::record;
use crate::rpc::items::{Item, rows};
use crate::value::DateTime;
use crate::xml::{Element, Out, Pull};

/// A signed voucher, in base64.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Voucher(pub String);

impl Item for Voucher {
    const ARRAY: Option<&'static str> = Some("xsd:base64");
    const TAG: &'static str = "base64";
    const LIMIT: usize = MAX_ROWS;

    fn read_item(x: &mut Pull<'_>, _: &Element<'_>) -> Result<Voucher, Error> {
        x.text().map(Voucher)
    }

    fn write_item(&self, out: &mut Out<'_>, name: &str) {
        out.leaf(name, &[], &self.0);
    }
}

record! {
    /// Hands over vouchers. Its response is empty.
    SetVouchers {
        /// In no order.
        vouchers: Vec<Voucher> = "VoucherList",
    }
}

record! {
    /// Asks for options.
    GetOptions {
        /// Which; empty for all.
        option_name: String = "OptionName",
    }
}

record! {
    /// An option of a CPE.
    DeviceOption {
        /// Its name.
        name: String = "OptionName",
        /// Serial number of its voucher.
        voucher_serial: String = "VoucherSN",
        /// 0 to 3: whether it is enabled, and set up.
        state: u32 = "State",
        /// 0: disabled; 1: enabled until a date; 2: enabled.
        mode: u32 = "Mode",
        /// From when.
        start_date: DateTime = "StartDate",
        /// Until when, with mode 1.
        expiration_date: DateTime = "ExpirationDate",
        /// Whether another device may have it.
        is_transferable: bool = "IsTransferable",
    }
}

rows! {
    DeviceOption = "OptionStruct", MAX_ROWS;
}

record! {
    /// The options.
    GetOptionsResponse {
        /// Those that were asked for.
        options: Vec<DeviceOption> = "OptionList",
    }
}
