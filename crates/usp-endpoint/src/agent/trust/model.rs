//! What the trust of an agent needs in its supported model beside TR-181.

use dm::Type;
use dm::model::{ModelBuilder, ModelError, Param};
use dm::operation::ParamAccess;
use dm::path::Name;

const CERTIFICATE: &str = "Device.LocalAgent.Certificate.{i}.";
const CHALLENGE: &str = "Device.LocalAgent.ControllerTrust.Challenge.{i}.";
const CONTROLLER: &str = "Device.LocalAgent.Controller.{i}.";

/// Adds to a model with these tables: `Certificate.{i}.X_CUSP_Certificate`, the certificate itself in PEM, and
/// `Controller.{i}.X_CUSP_Pin`, the SHA-256 fingerprint of a certificate that is good enough for this controller
/// whoever signed it. Then what `Challenge.{i}.` has to remember across restarts: `X_CUSP_Failures`, the wrong answers so far,
/// `X_CUSP_Locked`, and `X_CUSP_LockedUntil`, the Unknown Time where no clock said when.
///
/// # Errors
/// When the model is full.
pub fn support(model: &mut ModelBuilder) -> Result<(), ModelError> {
    let param = |text: &str, access| {
        let name = Name::parse(text).expect("a constant of this file");
        Param { access, ..Param::new(name, Type::String) }
    };
    model
        .param(CERTIFICATE, param("X_CUSP_Certificate", ParamAccess::ReadOnly))?
        .param(CONTROLLER, param("X_CUSP_Pin", ParamAccess::ReadWrite))?;
    for (text, ty) in [
        ("X_CUSP_Failures", Type::UnsignedInt),
        ("X_CUSP_Locked", Type::Boolean),
        ("X_CUSP_LockedUntil", Type::DateTime),
    ] {
        let name = Name::parse(text).expect("a constant of this file");
        model.param(CHALLENGE, Param::new(name, ty))?;
    }
    Ok(())
}

/// Reads a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons and blanks.
pub fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let is_digit = |c: &char| *c != ':' && !c.is_whitespace();
    let digits: Option<Vec<u32>> = text.chars().filter(is_digit).take(65).map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(pair[0] << 4 | pair[1]).ok()?;
    }
    Some(bytes)
}
