//! Lightweight notifications (TR-069 Annex M): a CPE tells values in one signed datagram, without a session.
//!
//! The datagram holds an HTTP POST whose header `Signature` is over the body. Header and key rest on what one
//! implementation of CPEs does; the standard's words were not at hand.

use crate::connreq::hmac_sha1;
use crate::error::Error;
use crate::limits::{MAX_NOTIFICATION_BYTES, MAX_ROWS};
use crate::quirk::Style;
use crate::xml::{Out, Pull};

const NAMESPACE: &str = "urn:broadband-forum-org:cwmp:lwnotif-1-0";

/// What a CPE tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Notification {
    /// Seconds since 1970.
    pub timestamp: String,
    /// `ManagementServer.Username`.
    pub username: String,
    /// By chance. Time and this together come once.
    pub cnonce: String,
    /// Of the device.
    pub oui: String,
    /// Of the device.
    pub product_class: String,
    /// Of the device.
    pub serial_number: String,
    /// Names and values.
    pub parameters: Vec<(String, String)>,
}

/// A notification with its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// The body, as it was signed.
    pub body: Vec<u8>,
    /// 40 hexadecimal digits.
    pub signature: String,
}

impl Notification {
    /// The body.
    pub fn to_xml(&self) -> Vec<u8> {
        let style = Style::default();
        let mut out = Out::new(&style);
        out.open("Notification", &[("xmlns", NAMESPACE)]);
        let texts = [
            ("TS", &self.timestamp),
            ("UN", &self.username),
            ("CN", &self.cnonce),
            ("OUI", &self.oui),
            ("ProductClass", &self.product_class),
            ("SerialNumber", &self.serial_number),
        ];
        for (name, text) in texts {
            out.leaf(name, &[], text);
        }
        for (name, value) in &self.parameters {
            out.open("Param", &[]);
            out.leaf("Name", &[], name);
            out.leaf("Value", &[], value);
            out.close("Param");
        }
        out.close("Notification");
        out.finish()
    }

    /// Reads a body. Check its signature first.
    ///
    /// # Errors
    /// What can't be read, or is longer than a datagram.
    pub fn parse(body: &[u8]) -> Result<Notification, Error> {
        if body.len() > MAX_NOTIFICATION_BYTES {
            return Err(Error::TooLong { bytes: body.len(), limit: MAX_NOTIFICATION_BYTES });
        }
        let text = String::from_utf8_lossy(body);
        let mut x = Pull::new(&text);
        let root = x.child()?.ok_or(Error::Blank)?;
        if root.name() != "Notification" {
            return Err(Error::Root { root: root.name().to_owned() });
        }
        let mut notification = Notification::default();
        while let Some(element) = x.child()? {
            let slot = match element.name() {
                "TS" => &mut notification.timestamp,
                "UN" => &mut notification.username,
                "CN" => &mut notification.cnonce,
                "OUI" => &mut notification.oui,
                "ProductClass" => &mut notification.product_class,
                "SerialNumber" => &mut notification.serial_number,
                "Param" => {
                    if notification.parameters.len() == MAX_ROWS {
                        return Err(Error::TooMany { what: "rows in a list", limit: MAX_ROWS });
                    }
                    notification.parameters.push(parameter(&mut x)?);
                    continue;
                }
                _ => {
                    x.skip()?;
                    continue;
                }
            };
            *slot = x.text()?;
        }
        Ok(notification)
    }
}

fn parameter(x: &mut Pull<'_>) -> Result<(String, String), Error> {
    let mut parameter = (String::new(), String::new());
    while let Some(element) = x.child()? {
        match element.name() {
            "Name" => parameter.0 = x.text()?,
            "Value" => parameter.1 = x.text()?,
            _ => x.skip()?,
        }
    }
    Ok(parameter)
}

impl Signed {
    /// Signs a body with `ManagementServer.Password`.
    pub fn sign(body: Vec<u8>, password: &str) -> Signed {
        let signature = hmac_sha1::sign(password, &[&body]);
        Signed { body, signature }
    }

    /// Whether it was signed with this password.
    pub fn verify(&self, password: &str) -> bool {
        hmac_sha1::verify(&self.signature, password, &[&self.body])
    }

    /// The datagram, for a host that is told in it.
    pub fn to_bytes(&self, host: &str) -> Vec<u8> {
        let host: String = host.chars().filter(char::is_ascii_graphic).collect();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n\
             Content-Length: {}\r\nSignature: {}\r\n\r\n",
            self.body.len(),
            self.signature
        );
        [head.as_bytes(), &self.body].concat()
    }

    /// Reads a datagram; none for anything else. A wrong Content-Length doesn't matter: the datagram has an end.
    pub fn parse(datagram: &[u8]) -> Option<Signed> {
        if datagram.len() > MAX_NOTIFICATION_BYTES || !datagram.starts_with(b"POST ") {
            return None;
        }
        let at = datagram.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&datagram[..at]).ok()?;
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let signature = headers
            .into_iter()
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("Signature"))
            .map(|(_, value)| value.trim().to_owned())?;
        Some(Signed { body: datagram[at + 4..].to_vec(), signature })
    }
}
