//! Faults: codes, and what a fault of the wire holds.

mod table;

pub use table::{FaultRow, TABLE, Thrower};

use std::fmt;

/// A fault code. Plain: an unknown one from a peer is still an answer, and is shown as it came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FaultCode(pub u16);

/// SOAP's own word for who is at fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SoapCode {
    /// The request was wrong.
    Client,
    /// It could not be done.
    Server,
}

/// A stretch of the numbers of faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Range {
    /// 0: no fault, where a structure must hold a code.
    None,
    /// 8000-8799: an ACS says it.
    Acs,
    /// 8800-8899: an ACS of a vendor.
    AcsVendor,
    /// 9000-9799: a CPE says it.
    Cpe,
    /// 9800-9899: a CPE of a vendor.
    CpeVendor,
    /// Anything else.
    Unassigned,
}

impl FaultCode {
    /// No fault, in a TransferComplete and in results.
    pub const NONE: FaultCode = FaultCode(0);
    /// The ACS does not know the method.
    pub const ACS_METHOD_NOT_SUPPORTED: FaultCode = FaultCode(8000);
    /// The ACS refuses.
    pub const ACS_REQUEST_DENIED: FaultCode = FaultCode(8001);
    /// The ACS failed.
    pub const ACS_INTERNAL_ERROR: FaultCode = FaultCode(8002);
    /// The CPE sends the same request again, at once.
    pub const ACS_RETRY_REQUEST: FaultCode = FaultCode(8005);
    /// No version in common.
    pub const ACS_VERSION_NOT_SUPPORTED: FaultCode = FaultCode(8006);
    /// The CPE does not know the method.
    pub const METHOD_NOT_SUPPORTED: FaultCode = FaultCode(9000);
    /// The CPE failed.
    pub const INTERNAL_ERROR: FaultCode = FaultCode(9002);
    /// Arguments are wrong; also the code above the parameters of a SetParameterValues.
    pub const INVALID_ARGUMENTS: FaultCode = FaultCode(9003);
    /// Too much at once.
    pub const RESOURCES_EXCEEDED: FaultCode = FaultCode(9004);
    /// No such parameter.
    pub const INVALID_PARAMETER_NAME: FaultCode = FaultCode(9005);

    /// The row of the table, if the code has one.
    pub fn row(self) -> Option<&'static FaultRow> {
        TABLE.binary_search_by_key(&self.0, |row| row.code).ok().map(|at| &TABLE[at])
    }

    /// The name of the code, or of its range.
    pub fn name(self) -> &'static str {
        match (self.row(), self.range()) {
            (Some(row), _) => row.name,
            (None, Range::None) => "No fault",
            (None, Range::AcsVendor | Range::CpeVendor) => "Vendor defined fault",
            (None, _) => "Unassigned fault",
        }
    }

    /// The range of the code.
    pub fn range(self) -> Range {
        match self.0 {
            0 => Range::None,
            8000..=8799 => Range::Acs,
            8800..=8899 => Range::AcsVendor,
            9000..=9799 => Range::Cpe,
            9800..=9899 => Range::CpeVendor,
            _ => Range::Unassigned,
        }
    }

    /// SOAP's faultcode that goes with it.
    pub fn soap_code(self) -> SoapCode {
        match self.0 {
            9003 | 9005..=9008 | 8003 => SoapCode::Client,
            _ => SoapCode::Server,
        }
    }

    /// Whether a TransferComplete may say it.
    pub fn in_transfer_complete(self) -> bool {
        matches!(self.0, 0 | 9001 | 9002 | 9010..=9012 | 9014..=9020 | 9033..=9799 | 9800..=9899)
    }

    /// Whether a result about a deployment unit may say it.
    pub fn in_state_change(self) -> bool {
        matches!(self.0, 0 | 9001 | 9003 | 9012 | 9013 | 9015..=9018 | 9022..=9032)
    }

    /// The code in a text that may hold more: the first number of four digits that begins with 8 or 9.
    pub(crate) fn find(text: &str) -> Option<FaultCode> {
        text.split(|c: char| !c.is_ascii_digit())
            .filter(|digits| digits.len() == 4 && digits.starts_with(['8', '9']))
            .find_map(|digits| digits.parse().ok().map(FaultCode))
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}

/// A fault instead of a response.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fault {
    /// What is wrong.
    pub code: FaultCode,
    /// In words; of a peer, in its words.
    pub text: String,
    /// Which parameters, for SetParameterValues.
    pub parameters: Vec<ParameterFault>,
}

/// What is wrong with one parameter of a SetParameterValues.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ParameterFault {
    /// Its full name.
    pub name: String,
    /// What is wrong.
    pub code: FaultCode,
    /// In words.
    pub text: String,
}

impl Fault {
    /// A fault with the words of the table.
    pub fn new(code: FaultCode) -> Fault {
        Fault { code, text: code.name().to_owned(), parameters: Vec::new() }
    }
}
