//! The agent's endpoint id, as its Records have it.

use super::encoding::get;
use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::verdict::{Stop, holds};

pub(super) static CHECKS: &[Check] = &[
    check!(
        scheme,
        "R-ARC.2a-authority-scheme",
        [],
        "Its scheme is one of the standard's, with an authority where it has one."
    ),
    check!(forum, "R-ARC.3-not-the-forums", [], "Its authority is not the Broadband Forum."),
    check!(characters, "R-ARC.5-characters", [], "Its instance-id has no other characters than it may have."),
    check!(length, "R-ARC.6-length", [], "Its instance-id has fifty characters at most."),
];

/// Schemes without an authority-id, and those with one.
const ALONE: &[&str] = &["os", "ops", "uuid", "imei", "fqdn"];
const WITH_AUTHORITY: &[&str] = &["oui", "cid", "pen", "self", "user", "proto", "doc"];

/// Scheme, authority and instance of the sender of an answer.
async fn parts(bench: &mut Bench) -> Result<(String, String, String), Stop> {
    let id = bench.next_id();
    bench.send_msg(&get(&id))?;
    let Some(arrived) = bench.answer(&id, limits::PATIENCE).await? else {
        return Err(Stop::fail("the Get is answered", "an answer", "none"));
    };
    let from = arrived.record.from_id.as_str().to_owned();
    let mut parts = from.splitn(3, ':').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(scheme), Some(authority), Some(instance)) => Ok((scheme, authority, instance)),
        _ => Err(Stop::fail("the endpoint id", "three parts", from)),
    }
}

async fn scheme(bench: &mut Bench) -> Result<(), Stop> {
    let (scheme, authority, _) = parts(bench).await?;
    let scheme = scheme.as_str();
    // A laboratory's may have an empty one.
    let is_right = match authority.is_empty() {
        true => ALONE.contains(&scheme) || matches!(scheme, "proto" | "doc"),
        false => WITH_AUTHORITY.contains(&scheme),
    };
    holds(
        is_right,
        "scheme and authority-id",
        || format!("one of {ALONE:?} alone, or of {WITH_AUTHORITY:?} with an authority-id"),
        || format!("{scheme}:{authority}"),
    )
}

async fn forum(bench: &mut Bench) -> Result<(), Stop> {
    let (scheme, authority, instance) = parts(bench).await?;
    let assigner = match scheme.as_str() {
        "os" | "ops" => instance.split('-').next().unwrap_or_default().to_owned(),
        _ => authority,
    };
    let is_theirs = match scheme.as_str() {
        "os" | "ops" | "oui" => assigner.eq_ignore_ascii_case("00256D"),
        "pen" => assigner.trim_start_matches('0') == "3561",
        _ => false,
    };
    holds(!is_theirs, "who assigned the id", || "not the Broadband Forum".to_owned(), || assigner)
}

async fn characters(bench: &mut Bench) -> Result<(), Stop> {
    let (.., instance) = parts(bench).await?;
    let mut bytes = instance.bytes();
    let mut is_right = true;
    while let Some(byte) = bytes.next() {
        let is_escape =
            byte == b'%' && (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit()));
        is_right &= is_escape || byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    }
    holds(
        is_right,
        "the instance-id",
        || "letters, digits, - . _ and escapes".to_owned(),
        || format!("{instance:?}"),
    )
}

async fn length(bench: &mut Bench) -> Result<(), Stop> {
    let (.., instance) = parts(bench).await?;
    let length = instance.chars().count();
    holds(length <= 50, "the length of the instance-id", || "50 at most".to_owned(), || length.to_string())
}
