//! SOAP faults: as the standard has them, and as devices do.

use crate::envelope::scope::Scope;
use crate::error::Error;
use crate::fault::{Fault, FaultCode, ParameterFault, SoapCode};
use crate::limits::MAX_PARAMETERS;
use crate::notice::Notice;
use crate::rpc::{Field as _, Record};
use crate::xml::{Out, Pull};

/// What is gathered of a fault before its code is known.
#[derive(Default)]
struct Parts {
    soap_code: String,
    soap_text: String,
    detail: bool,
    /// The prefix of CWMP's own element.
    prefix: String,
    code: Option<String>,
    text: Option<String>,
    parameters: Vec<ParameterFault>,
}

/// Reads what is in the element `Fault` of SOAP. Also gives the prefix of CWMP's.
pub(super) fn read(
    x: &mut Pull<'_>,
    scope: &mut Scope,
    fallback: FaultCode,
) -> Result<(String, Fault), Error> {
    let mut parts = Parts::default();
    while let Some(element) = x.child()? {
        match element.name() {
            "faultcode" => parts.soap_code = x.text()?,
            "faultstring" => parts.soap_text = x.text()?,
            "faultactor" => x.skip()?,
            "detail" | "Detail" => parts.read_detail(x, scope)?,
            // Without a detail around them.
            "FaultCode" => parts.code = Some(x.text()?),
            "FaultString" => parts.text = Some(x.text()?),
            name => {
                x.note(Notice::ElementUnknown(name.to_owned()));
                x.skip()?;
            }
        }
    }
    Ok(parts.finish(x, fallback))
}

impl Parts {
    fn read_detail(&mut self, x: &mut Pull<'_>, scope: &mut Scope) -> Result<(), Error> {
        while let Some(element) = x.child()? {
            if element.name() != "Fault" {
                x.note(Notice::ElementUnknown(element.name().to_owned()));
                x.skip()?;
                continue;
            }
            self.detail = true;
            scope.enter(x, &element);
            scope.check_prefix(x, &element);
            element.prefix().clone_into(&mut self.prefix);
            self.read_own(x)?;
        }
        Ok(())
    }

    fn read_own(&mut self, x: &mut Pull<'_>) -> Result<(), Error> {
        while let Some(element) = x.child()? {
            match element.name() {
                "FaultCode" => self.code = Some(x.text()?),
                "FaultString" => self.text = Some(x.text()?),
                "SetParameterValuesFault" => {
                    if self.parameters.len() == MAX_PARAMETERS {
                        return Err(Error::TooMany { what: "rows in a list", limit: MAX_PARAMETERS });
                    }
                    self.parameters.push(ParameterFault::read(x)?);
                }
                name => {
                    x.note(Notice::ElementUnknown(name.to_owned()));
                    x.skip()?;
                }
            }
        }
        Ok(())
    }

    fn finish(self, x: &mut Pull<'_>, fallback: FaultCode) -> (String, Fault) {
        if !self.detail {
            x.note(Notice::FaultDetailMissing);
        }
        let own = self.code.as_deref().unwrap_or_default();
        let code = match own.trim().parse() {
            Ok(number) => FaultCode(number),
            Err(_) => {
                if self.code.is_some() {
                    x.note(Notice::FaultCodeForm);
                }
                let words = self.text.as_deref().unwrap_or_default();
                let elsewhere = [self.soap_code.as_str(), words, &self.soap_text];
                let found = elsewhere.into_iter().find_map(FaultCode::find);
                if found.is_some() && FaultCode::find(own).is_none() {
                    x.note(Notice::FaultCodePlace);
                }
                FaultCode::find(own).or(found).unwrap_or(fallback)
            }
        };
        let text = self.text.filter(|text| !text.trim().is_empty()).unwrap_or(self.soap_text);
        (self.prefix, Fault { code, text, parameters: self.parameters })
    }
}

impl Record for ParameterFault {
    fn read(x: &mut Pull<'_>) -> Result<ParameterFault, Error> {
        let mut fault = ParameterFault::default();
        while let Some(element) = x.child()? {
            match element.name() {
                "ParameterName" => fault.name = x.text()?,
                "FaultCode" => fault.code.read(x, &element, "FaultCode")?,
                "FaultString" => fault.text = x.text()?,
                name => {
                    x.note(Notice::ElementUnknown(name.to_owned()));
                    x.skip()?;
                }
            }
        }
        Ok(fault)
    }

    fn write(&self, out: &mut Out<'_>) {
        out.leaf("ParameterName", &[], &self.name);
        self.code.write(out, "FaultCode");
        out.leaf("FaultString", &[], &self.text);
    }
}

/// Writes the element `Fault`.
pub(super) fn write(fault: &Fault, out: &mut Out<'_>) {
    let soap = out.style().prefixes.envelope();
    let side = match fault.code.soap_code() {
        SoapCode::Client => "Client",
        SoapCode::Server => "Server",
    };
    let (element, code) = (format!("{soap}:Fault"), format!("{soap}:{side}"));
    out.open(&element, &[]);
    out.leaf("faultcode", &[], &code);
    out.leaf("faultstring", &[], "CWMP fault");
    out.open("detail", &[]);
    out.open("cwmp:Fault", &[]);
    fault.code.write(out, "FaultCode");
    out.leaf("FaultString", &[], &fault.text);
    for parameter in &fault.parameters {
        out.open("SetParameterValuesFault", &[]);
        parameter.write(out);
        out.close("SetParameterValuesFault");
    }
    out.close("cwmp:Fault");
    out.close("detail");
    out.close(&element);
}
