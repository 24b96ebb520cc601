//! Endpoint ids in the URI of a WebSocket: the `eid` item of its query (R-WS.10b).

use super::EndpointId;
use crate::Malformed;

impl EndpointId {
    /// The id as the value of `eid`. It is opaque: its own percent signs are encoded once more (R-WS.10c),
    /// and so is whatever a query may not hold.
    pub fn to_query_value(&self) -> String {
        let mut value = String::with_capacity(self.as_str().len());
        for byte in self.as_str().bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'@' | b'/')
            {
                value.push(char::from(byte));
            } else {
                value.push_str(&format!("%{byte:02X}"));
            }
        }
        value
    }

    /// Reads the value of `eid`, decoding it once. A percent sign without two digits stands for itself.
    pub fn from_query_value(value: &str) -> Result<EndpointId, Malformed> {
        let text = String::from_utf8(decode(value.as_bytes()));
        let text = text.map_err(|_| Malformed::EndpointId { field: "eid", why: "not UTF-8" })?;
        EndpointId::check(&text).map_err(|why| Malformed::EndpointId { field: "eid", why })?;
        EndpointId::receive(&text)
    }

    /// Finds `eid` in a query, other items being ignored: `None` without one, an error with several.
    pub fn from_query(query: &str) -> Option<Result<EndpointId, Malformed>> {
        let mut values = query.split('&').filter_map(|item| item.strip_prefix("eid="));
        let value = values.next()?;
        if values.next().is_some() {
            return Some(Err(Malformed::Repeated("eid")));
        }
        Some(EndpointId::from_query_value(value))
    }
}

fn decode(value: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = match tail {
            [high, low, ..] if byte == b'%' => nibble(*high).zip(nibble(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    decoded
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
