//! Every method, in both directions, against what the standard has on the wire.

mod acs;
mod cpe;
mod generate;
mod round_trip;

use cwmp_proto::rpc::{AcsRequest, AcsResponse, CpeRequest, CpeResponse};
use cwmp_proto::{Body, FromAcs, FromCpe, Header, Namespace, Style};

/// Holds a body against the elements that stand for it, in both directions.
macro_rules! check {
    ($speaker:ident, $body:expr, $xml:expr) => {{
        let envelope =
            $speaker { header: Header::with_id("1"), namespace: Namespace { minor: 2 }, body: $body };
        let written = String::from_utf8(envelope.encode(&Style::default())).expect("UTF-8");
        let start = written.find("<soap-env:Body>").expect("a body") + "<soap-env:Body>".len();
        let end = written.find("</soap-env:Body>").expect("its end");
        assert_eq!(&written[start..end], $xml);
        let decoded = $speaker::decode(written.as_bytes(), None, 65_536).expect("our own");
        assert_eq!(decoded.envelope, envelope);
        assert_eq!(decoded.noticed, []);
    }};
}

fn acs_asks(request: CpeRequest, xml: &str) {
    check!(FromAcs, Body::Request(request), xml);
}

fn acs_answers(response: AcsResponse, xml: &str) {
    check!(FromAcs, Body::Response(response), xml);
}

fn cpe_asks(request: AcsRequest, xml: &str) {
    check!(FromCpe, Body::Request(request), xml);
}

fn cpe_answers(response: CpeResponse, xml: &str) {
    check!(FromCpe, Body::Response(response), xml);
}

fn text(text: &str) -> String {
    text.to_owned()
}
