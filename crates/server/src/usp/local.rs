//! Agents of this host: who may have a link over the UNIX domain socket. What the kernel says of a process is whose
//! it is, and nothing about its Endpoint: such a device is unproven.

use std::collections::BTreeSet;

use fleet::enrolment::Decision;
use fleet::port::Store;
use mtp::uds::{Admission, Candidate};
use usp_endpoint::link::PeerAuth;

use super::Usp;
use super::admission::Judged;

/// Lets the processes of some users in.
pub(crate) struct LocalDoor<S: Store> {
    usp: Usp<S>,
    uids: BTreeSet<u32>,
}

impl<S: Store> LocalDoor<S> {
    /// For processes of these users.
    pub(crate) fn new(usp: Usp<S>, uids: BTreeSet<u32>) -> Self {
        LocalDoor { usp, uids }
    }

    async fn judge(&self, candidate: &Candidate) -> Result<(), String> {
        let uid = candidate.uid;
        if !self.uids.contains(&uid) {
            return Err(format!("usp.uds.uids does not name user {uid}"));
        }
        if candidate.endpoint == self.usp.0.options.endpoint {
            // R-ARC.2.
            return Err("this is the controller's own endpoint id".to_owned());
        }
        match self.usp.judge(&candidate.endpoint, &PeerAuth::Local { uid }, None).await {
            Ok(Judged { decision: Decision::Refuse(refusal), .. }) => Err(refusal.to_string()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl<S: Store> Admission for LocalDoor<S> {
    async fn admit(&self, candidate: &Candidate) -> Result<(), String> {
        let judged = self.judge(candidate).await;
        if let Err(reason) = &judged {
            let endpoint = Some(candidate.endpoint.as_str().to_owned());
            let peer = format!("user {}", candidate.uid);
            self.usp.note_refusal(peer, endpoint, reason.clone());
        }
        judged
    }
}
