//! Whatever is written is read back as it was, in every style; and the samples leave no method out.

use cwmp_proto::fault::ParameterFault;
use cwmp_proto::limits::MAX_ENVELOPE_BYTES;
use cwmp_proto::quirk::{Prefixes, Style};
use cwmp_proto::rpc::{AcsRequest, AcsResponse, CpeRequest, CpeResponse};
use cwmp_proto::{Body, CwmpVersion, Fault, FromAcs, FromCpe, Header, Namespace};
use proptest::prelude::*;

use super::generate::Random;

fn style(random: &mut Random) -> Style {
    let prefixes = [Prefixes::Dashed, Prefixes::Upper, Prefixes::Joined, Prefixes::Short];
    Style {
        prefixes: prefixes[random.below(4) as usize],
        // Booleans are values in their own text; words would be read back as words.
        boolean_words: false,
        next_level_digit: random.flag(),
        pretty: random.flag(),
        final_newline: random.flag(),
        no_self_closing: random.flag(),
        no_more_requests: false,
    }
}

fn header(random: &mut Random) -> Header {
    Header {
        id: random.flag().then(|| "<id&1>".to_owned()),
        hold_requests: random.flag().then(|| random.flag()),
        session_timeout: random.flag().then(|| random.number()),
        supported_versions: random.flag().then(|| CwmpVersion::SPOKEN[..2].to_vec()),
        use_version: random.flag().then_some(CwmpVersion { major: 1, minor: 4 }),
        no_more_requests: random.flag().then(|| random.flag()),
    }
}

fn fault(random: &mut Random) -> Fault {
    let parameters = (0..random.below(3)).map(|_| ParameterFault {
        name: random.text(),
        code: random.fault_code(),
        text: random.text(),
    });
    let parameters = parameters.collect();
    // Without words of its own a fault has SOAP's.
    Fault { code: random.fault_code(), text: format!("t{}t", random.text()), parameters }
}

/// One message of each direction and kind.
macro_rules! round_trip {
    ($speaker:ident, $random:expr, $body:expr) => {{
        let random = $random;
        let namespace = Namespace { minor: random.below(5) as u16 };
        let envelope = $speaker { header: header(random), namespace, body: $body };
        let written = envelope.encode(&style(random));
        let decoded = $speaker::decode(&written, Some("utf-8"), MAX_ENVELOPE_BYTES);
        let decoded =
            decoded.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&written)));
        prop_assert_eq!(decoded.envelope, envelope, "{}", String::from_utf8_lossy(&written));
    }};
}

proptest! {
    #[test]
    fn what_an_acs_says(seed in any::<u64>(), request in 0..=20_usize, response in 0..=8_usize) {
        let random = &mut Random(seed);
        let body = Body::Request(random.cpe_request(request));
        round_trip!(FromAcs, &mut *random, body);
        let body = Body::Response(random.acs_response(response));
        round_trip!(FromAcs, &mut *random, body);
        let body = Body::Fault(fault(random));
        round_trip!(FromAcs, &mut *random, body);
    }

    #[test]
    fn what_a_cpe_says(seed in any::<u64>(), request in 0..=8_usize, response in 0..=20_usize) {
        let random = &mut Random(seed);
        let body = Body::Request(random.acs_request(request));
        round_trip!(FromCpe, &mut *random, body);
        let body = Body::Response(random.cpe_response(response));
        round_trip!(FromCpe, &mut *random, body);
        let body = Body::Fault(fault(random));
        round_trip!(FromCpe, &mut *random, body);
    }
}

/// Methods of sections 3.3 and Annex A of TR-069, requests and responses in one order.
#[test]
fn every_method_is_generated() {
    let made = |count: usize, make: &dyn Fn(usize) -> String| (0..count).map(make).collect::<Vec<_>>();
    let all = made(20, &|at| Random(0).cpe_request(at).name().to_owned());
    assert_eq!(all, CpeRequest::NAMES);
    let all = made(20, &|at| Random(0).cpe_response(at).name().to_owned());
    assert_eq!(all, CpeResponse::NAMES);
    let all = made(8, &|at| Random(0).acs_request(at).name().to_owned());
    assert_eq!(all, AcsRequest::NAMES);
    let all = made(8, &|at| Random(0).acs_response(at).name().to_owned());
    assert_eq!(all, AcsResponse::NAMES);
    for (request, response) in CpeRequest::NAMES.iter().zip(CpeResponse::NAMES) {
        assert_eq!(format!("{request}Response"), **response);
    }
    for (request, response) in AcsRequest::NAMES.iter().zip(AcsResponse::NAMES) {
        assert_eq!(format!("{request}Response"), **response);
    }
}
