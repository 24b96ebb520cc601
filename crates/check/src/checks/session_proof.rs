//! Who vouches for Records of an end-to-end session: signatures, and the TLS of payloads.

use bytes::Bytes;
use usp_proto::record::PayloadSecurity;

use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::verdict::{Stop, holds};

pub(super) static CHECKS: &[Check] = &[
    check!(
        wrong_signature,
        "R-E2E.30-wrong-signature",
        [Sessions, Proof],
        "A Record with a signature that is wrong is not carried out."
    ),
    check!(
        wrong_session,
        "R-E2E.23-wrong-signature-is-not-answered",
        [Sessions, Proof],
        "A Record with a wrong signature that would begin a session begins none."
    ),
    check!(
        changed,
        "R-E2E.32-every-number-is-covered",
        [Sessions, Signed],
        "A Record whose numbers were changed after it was signed is not carried out."
    ),
    check!(
        unsigned,
        "R-E2E.30-without-signature",
        [Sessions, Signed],
        "Without a transport that protects it a Record without a signature is not carried out."
    ),
    check!(
        signs,
        "R-E2E.29-signs",
        [Sessions, Signed],
        "Without such a transport the agent signs its Records."
    ),
    check!(
        verifies,
        "R-E2E.31-signature-of-its-certificate",
        [Sessions, Signed],
        "The signature is one by the key of sender_cert over all fields but the payload."
    ),
    check!(
        tls,
        "R-E2E.40-tls-in-payloads",
        [Sessions, Proof],
        "A session under TLS stands, with the standard's suite, group and certificates."
    ),
    check!(
        tls_security,
        "R-E2E.18-tls-in-every-record",
        [Sessions, Proof],
        "Every Record of a session under TLS says TLS12."
    ),
    check!(
        mac,
        "R-E2E.33-mac-after-the-handshake",
        [Sessions, Signed],
        "After the handshake each Record has a MAC and no certificate."
    ),
];

/// Sends a Get in a session, changed like this after it was signed; whether it is answered.
async fn is_answered(bench: &mut Bench, change: impl Fn(&mut usp_proto::Record)) -> Result<bool, Stop> {
    let (id, context) = bench.get_in_session()?;
    let mut record = bench.session_record(context)?;
    change(&mut record);
    bench.send(record.encode())?;
    Ok(bench.answer(&id, limits::SILENCE).await?.is_some())
}

fn refused(answered: bool, which: &str) -> Result<(), Stop> {
    holds(!answered, which, || "not answered".to_owned(), || "answered".to_owned())
}

/// Sixty-four bytes that are no signature at all.
const NO_SIGNATURE: Bytes = Bytes::from_static(&[0x30; 64]);

async fn wrong_signature(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let answered = is_answered(bench, |record| record.mac_signature = NO_SIGNATURE).await?;
    refused(answered, "a Get whose signature is wrong")
}

async fn wrong_session(bench: &mut Bench) -> Result<(), Stop> {
    bench.open_session(PayloadSecurity::Plaintext).await?;
    let answered = is_answered(bench, |record| record.mac_signature = NO_SIGNATURE).await?;
    refused(answered, "a Get that begins a session, and whose signature is wrong")
}

async fn changed(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let answered = is_answered(bench, |record| {
        if let usp_proto::RecordType::Session(context) = &mut record.record_type {
            // As true as the one that was signed.
            context.expected_id = 1;
        }
    });
    refused(answered.await?, "a Get whose expected_id was changed")
}

async fn unsigned(bench: &mut Bench) -> Result<(), Stop> {
    bench.open_session(PayloadSecurity::Plaintext).await?;
    let answered = is_answered(bench, |record| {
        record.mac_signature.clear();
        record.sender_cert.clear();
    });
    refused(answered.await?, "a Get that nobody signed")
}

async fn signs(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let bare = bench.session_records().filter(|(_, record, _)| record.mac_signature.is_empty()).count();
    holds(bare == 0, "Records without a signature", || "none".to_owned(), || bare.to_string())
}

async fn verifies(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let why = bench.session_records().find_map(|(_, record, _)| bench.verify(record).err());
    let seen = why.clone().unwrap_or_default();
    holds(why.is_none(), "the agent's signature", || "one that is right".to_owned(), || seen)
}

/// A session under TLS in which a Get was answered. Who signs Records shows a certificate in a plain session first.
async fn under_tls(bench: &mut Bench) -> Result<(), Stop> {
    if bench.certificate().is_none() {
        bench.stand_session().await?;
    }
    bench.open_session(PayloadSecurity::Tls12).await?;
    bench.forget_session_records();
    bench.ask_under_tls().await.map(drop)
}

async fn tls(bench: &mut Bench) -> Result<(), Stop> {
    under_tls(bench).await
}

async fn tls_security(bench: &mut Bench) -> Result<(), Stop> {
    under_tls(bench).await?;
    let is_plain = |record: &usp_proto::Record| record.payload_security == PayloadSecurity::Plaintext;
    let plain = bench.session_records().filter(|(_, record, _)| is_plain(record)).count();
    holds(plain == 0, "Records that say PLAINTEXT", || "none".to_owned(), || plain.to_string())
}

async fn mac(bench: &mut Bench) -> Result<(), Stop> {
    under_tls(bench).await?;
    let last = bench.session_records().last().map(|(_, record, _)| record.clone());
    let Some(record) = last else { return Err(Stop::Error("no Record came".to_owned())) };
    let is_mac = record.mac_signature.len() == 32 && record.sender_cert.is_empty();
    let seen = || {
        let certificate = if record.sender_cert.is_empty() { "no" } else { "a" };
        format!("{} bytes and {certificate} certificate", record.mac_signature.len())
    };
    holds(is_mac, "mac_signature of the answer", || "a MAC of 32 bytes and no certificate".to_owned(), seen)?;
    holds(bench.is_mac(&record), "the MAC", || "one of the agent's key".to_owned(), || "another".to_owned())
}
