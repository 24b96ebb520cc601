//! The internal CA at work: it issues certificates to devices and to this server, and signs the list of those
//! that are revoked.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dm::UtcTime;
use fleet::certificate::{IssuedCertificate, RevokedCertificate};
use fleet::ids::Fingerprint;
use pki::{Ca, CertificateRequest, Edition, Reason, Revoked, Validity};
use rustls::pki_types::CertificateRevocationListDer;
use usp_endpoint::EndpointId;

use crate::limits::CRL_LIFETIME;
use crate::usp::{Issued, Issuer};

/// The internal CA at work.
pub(crate) struct Authority {
    ca: Ca,
    lifetime: Duration,
}

impl Authority {
    /// Issues certificates of devices that last so long.
    pub(crate) fn new(ca: Ca, lifetime: Duration) -> Authority {
        Authority { ca, lifetime }
    }

    /// The CA itself.
    pub(crate) fn ca(&self) -> &Ca {
        &self.ca
    }

    /// The list of these certificates, as of now.
    ///
    /// # Errors
    /// What the CA says.
    pub(crate) fn crl(
        &self,
        revoked: &[RevokedCertificate],
        now: UtcTime,
    ) -> Result<CertificateRevocationListDer<'static>, pki::Error> {
        let entry = |one: &RevokedCertificate| Revoked {
            serial_number: one.serial.clone(),
            at: system_time(one.at),
            reason: Reason::parse(one.reason.as_str()).unwrap_or_default(),
        };
        let revoked: Vec<_> = revoked.iter().map(entry).collect();
        let this_update = system_time(now);
        // Milliseconds grow, across restarts, too; no two lists are made within one.
        let number = u64::try_from(now.0 / 1000).unwrap_or(0);
        self.ca.crl(&revoked, Edition { number, this_update, next_update: this_update + CRL_LIFETIME })
    }
}

impl Issuer for Arc<Authority> {
    /// The request must name exactly one endpoint.
    fn endpoint(&self, request_pem: &str) -> Result<EndpointId, String> {
        subject_of(request_pem).map(|(_, endpoint)| endpoint)
    }

    fn issue(&self, request_pem: &str) -> Result<Issued, String> {
        let (request, endpoint) = subject_of(request_pem)?;
        let validity = Validity::lasting(SystemTime::now(), self.lifetime);
        let chain = self.ca.issue_device(&request, &endpoint, validity).map_err(|error| error.to_string())?;
        let leaf = chain.first().ok_or("the CA issued nothing")?;
        let name = pki::cert::name(leaf).map_err(|error| error.to_string())?;
        let certificate = IssuedCertificate {
            serial: name.serial_number,
            fingerprint: Fingerprint(pki::fingerprint(leaf)),
            expires: utc(validity.not_after),
        };
        Ok(Issued { endpoint, chain_pem: pki::pem::encode_chain(&chain), certificate })
    }
}

fn subject_of(request_pem: &str) -> Result<(CertificateRequest, EndpointId), String> {
    let request = CertificateRequest::parse(request_pem).map_err(|error| error.to_string())?;
    let [endpoint] = request.endpoint_ids.as_slice() else {
        return Err("the request must name exactly one endpoint id".to_owned());
    };
    let endpoint = endpoint.clone();
    Ok((request, endpoint))
}

fn utc(time: SystemTime) -> UtcTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UtcTime(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn system_time(time: UtcTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(time.0).unwrap_or(0))
}
