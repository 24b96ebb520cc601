//! What `usp.mqtt.connect` and `usp.stomp.connect` have in common: one or many, URLs, files of TLS.

use std::fmt;
use std::fmt::Write as _;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

/// Somebody to connect to, of whom a URL is enough.
pub(super) trait ByUrl {
    /// One of whom nothing else is said.
    fn by_url(url: &str) -> Self;

    fn url(&self) -> &str;

    /// What is wrong with the rest.
    fn check(&self) -> anyhow::Result<()>;

    /// Whether both lead to the same, however their URLs are written.
    fn hears_the_same_as(&self, other: &Self) -> bool {
        self.url() == other.url()
    }
}

/// Each is checked, and leads where no other does; `key` is where in the configuration they stand.
pub(super) fn check_all<T: ByUrl>(key: &str, all: &[T]) -> anyhow::Result<()> {
    for (at, one) in all.iter().enumerate() {
        one.check().with_context(|| format!("{key} of {:?}", one.url()))?;
        if let Some(other) = all[..at].iter().find(|other| other.hears_the_same_as(one)) {
            bail!("{key} names the same twice: {:?} and {:?}", other.url(), one.url());
        }
    }
    Ok(())
}

/// A list of tables, or the URL of the only one. Not an untagged enum: that would hide which key is wrong.
pub(super) fn one_or_many<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + ByUrl,
{
    struct Either<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de> + ByUrl> Visitor<'de> for Either<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the URL of a broker, or a list of tables")
        }

        fn visit_str<E: de::Error>(self, url: &str) -> Result<Self::Value, E> {
            Ok(vec![T::by_url(url)])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(items))
        }
    }
    from.deserialize_any(Either(PhantomData))
}

/// Where a broker is.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Address {
    pub(crate) secure: bool,
    /// An IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// `SCHEME://HOST[:PORT]`, or with an `s` behind the scheme for TLS; the ports are the usual ones without and with it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn address_of(url: &str, scheme: &str, [plain, tls]: [u16; 2]) -> anyhow::Result<Address> {
    let (named, rest) = url.split_once("://").unwrap_or_default();
    let secure = match named.strip_prefix(scheme) {
        Some("") => false,
        Some("s") => true,
        _ => bail!("{url:?} does not begin with {scheme}:// or {scheme}s://"),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').or((port.is_empty()).then_some(""))),
        None => rest.split_once(':').map_or((rest, Some("")), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some("") => Some(if secure { tls } else { plain }),
        Some(port) => port.parse().ok().filter(|port| *port != 0),
        None => None,
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    match port {
        Some(port) if !host.is_empty() && host.chars().all(is_host) => {
            Ok(Address { secure, host: host.to_owned(), port })
        }
        _ => bail!("{url:?} does not name a host, and a port from 1 to 65535 if any"),
    }
}

impl Address {
    /// Plaintext leaves this host only where that was said.
    pub(super) fn check_plaintext(&self, scheme: &str, allowed: bool) -> anyhow::Result<()> {
        let is_local = self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !self.secure && !allowed && !is_local {
            bail!("it would speak plaintext over a network: use {scheme}s://, or say allow_plaintext = true");
        }
        Ok(())
    }
}

/// Where somebody listens, however their URL is written.
pub(super) fn site(host: &str, port: u16) -> (String, u16) {
    let is_here = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    let host = if is_here { "localhost".to_owned() } else { host.to_ascii_lowercase() };
    (host.trim_end_matches('.').to_owned(), port)
}

/// `trusted`: its word is worth nothing where anybody could be it.
pub(super) fn check_trusted(trusted: bool, address: &Address, schemes: &str) -> anyhow::Result<()> {
    if trusted && !address.secure {
        bail!("trusted = true needs TLS: the URL must begin with {schemes}");
    }
    Ok(())
}

/// `retry_seconds`.
pub(super) fn check_retry(seconds: u32) -> anyhow::Result<()> {
    if !(1..=3600).contains(&seconds) {
        bail!("retry_seconds = {seconds} is not from 1 to 3600");
    }
    Ok(())
}

/// `cert` and `key`.
pub(super) fn check_identity(cert: Option<&PathBuf>, key: Option<&PathBuf>) -> anyhow::Result<()> {
    if cert.is_some() != key.is_some() {
        bail!("cert and key belong together");
    }
    Ok(())
}

/// `agents`, or what is meant without it; never empty.
///
/// # Errors
/// Which of them is wrong.
pub(super) fn agents<T>(texts: &[String], default: &str) -> anyhow::Result<Vec<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let parse = |text: &str| text.parse().with_context(|| format!("agents: {text:?}"));
    if texts.is_empty() {
        return Ok(vec![parse(default)?]);
    }
    texts.iter().map(|text| parse(text)).collect()
}

/// Lines of those that are set: paths of files, texts, and `agents`.
pub(super) fn show(
    text: &mut String,
    files: &[(&str, &Option<PathBuf>)],
    texts: &[(&str, &Option<String>)],
    agents: &[String],
) {
    for (key, file) in files {
        if let Some(file) = file {
            let _ = writeln!(text, "{key} = {file:?}");
        }
    }
    for (key, value) in texts {
        super::show_option(text, key, value.as_deref());
    }
    if !agents.is_empty() {
        let _ = writeln!(text, "agents = {agents:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::address_of;

    #[test]
    fn addresses_of_brokers() {
        for (url, expected) in [
            ("mqtt://localhost", Some(("localhost", 1883, false))),
            ("mqtts://broker.example", Some(("broker.example", 8883, true))),
            ("mqtts://192.0.2.7:99/", Some(("192.0.2.7", 99, true))),
            ("mqtt://[2001:db8::1]", Some(("2001:db8::1", 1883, false))),
            ("mqtt://[::1]:18", Some(("::1", 18, false))),
            ("mqtt://[::1]18", None),
            ("mqtt://", None),
            ("mqtt://host:0", None),
            ("mqtt://host:70000", None),
            ("mqtt://host/path", None),
            ("mqtt://user@host", None),
            ("mqttx://host", None),
            ("stomp://host", None),
            ("host", None),
        ] {
            let found = address_of(url, "mqtt", [1883, 8883]).ok();
            let found = found.as_ref().map(|one| (one.host.as_str(), one.port, one.secure));
            assert_eq!(found, expected, "{url}");
        }
    }
}
