//! The next certificate, on the proof of the present one.

use mtp::Error;
use pki::{Identity, PendingIdentity};
use serde_json::json;

use crate::agent::Agent;
use crate::tls::{Secure, own_identity, secure, secure_with};
use crate::world::{AGENT, id};

const OTHER: &str = "os::00256D-0002";

/// Whose certificate is asked for, and with which one.
async fn renew(secure: &Secure, eid: &str, shown: Option<&Identity>) -> Result<Identity, Error> {
    let pending = PendingIdentity::generate(&id(eid)).expect("a key");
    let chain = secure.dialer(eid, shown).renew(pending.request_pem()).await?;
    Ok(pending.complete(&chain).expect("a chain for this key"))
}

fn status(result: Result<Identity, Error>) -> u16 {
    match result {
        Err(Error::Refused { status, .. }) => status,
        Ok(_) => panic!("given one"),
        Err(other) => panic!("{other}"),
    }
}

/// Certificates of a day begin a day ago: half of their life is over at once.
async fn with_short_lives() -> Secure {
    secure_with(|config, _| config.enrolment.certificate_days = Some(1)).await
}

async fn enrolled(secure: &Secure, eid: &str) -> Identity {
    let token = secure.token(1).await;
    secure.enrol(eid, &token).await.expect("enrolled")
}

#[tokio::test]
async fn a_device_is_given_its_next_certificate_on_the_proof_of_the_present_one() {
    let secure = with_short_lives().await;
    let first = enrolled(&secure, AGENT).await;
    let second = renew(&secure, AGENT, Some(&first)).await.expect("renewed");
    assert_ne!(first.key(), second.key());
    // The answer may be lost: the first one still counts; but nobody collects them.
    assert_eq!(status(renew(&secure, AGENT, Some(&first)).await), 429);
    for identity in [&first, &second] {
        let mut agent = Agent::over(&secure.dialer(AGENT, Some(identity))).await;
        agent.request(|_| true).await;
        agent.leave();
        agent.down().await;
    }
    let api = &secure.server.api;
    let certificates = api.get("/certificates?revoked=false").await;
    assert_eq!(certificates.items().len(), 2, "{certificates:?}");
    assert_eq!(api.get("/devices").await.items().len(), 1);
    // With the second at hand the third takes the place of the first.
    renew(&secure, AGENT, Some(&second)).await.expect("renewed");
    let gone = api.get("/certificates?revoked=true").await;
    assert_eq!((gone.items().len(), &gone.items()[0]["reason"]), (1, &json!("superseded")));
    let again = secure.dialer(AGENT, Some(&first)).connect().await;
    assert!(matches!(again, Err(Error::Refused { status: 403, .. })), "{again:?}");
    assert_eq!(status(renew(&secure, AGENT, Some(&first)).await), 403);
    let audit = api.get("/audit?limit=20").await;
    let renewals = audit.items().iter().filter(|row| row["action"] == "credential.renew").count();
    assert_eq!(renewals, 2, "{audit:?}");
}

#[tokio::test]
async fn nobody_is_given_a_certificate_without_proof_or_for_somebody_else() {
    let secure = with_short_lives().await;
    let (mine, theirs) = (enrolled(&secure, AGENT).await, enrolled(&secure, OTHER).await);
    assert_eq!(status(renew(&secure, AGENT, None).await), 403, "no certificate");
    assert_eq!(status(renew(&secure, AGENT, Some(&own_identity(AGENT))).await), 403, "its own");
    assert_eq!(status(renew(&secure, OTHER, Some(&mine)).await), 403, "another's name");
    secure.server.refusal("is not for the endpoint id").await;
    let nonsense = secure.dialer(AGENT, Some(&mine)).renew("nonsense").await;
    assert!(matches!(nonsense, Err(Error::Refused { status: 400, .. })), "{nonsense:?}");
    renew(&secure, OTHER, Some(&theirs)).await.expect("renewed");
    assert_eq!(secure.server.api.get("/certificates").await.items().len(), 3);
}

#[tokio::test]
async fn a_certificate_that_has_only_begun_is_not_followed_by_another() {
    let secure = secure().await;
    let identity = enrolled(&secure, AGENT).await;
    assert_eq!(status(renew(&secure, AGENT, Some(&identity)).await), 409);
    assert_eq!(secure.server.api.get("/certificates").await.items().len(), 1);
}
