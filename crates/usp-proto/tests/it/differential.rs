//! Our codec against an independent one, both ways, over generated values.

use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use proptest::strategy::{Strategy, ValueTree};
use requirement::requirement;
use rusp_lib::usp_decoder::{try_decode_msg, try_decode_record};
use usp_proto::record::encode_message;
use usp_proto::{EndpointId, Msg, Record, RecordType, Version};

use crate::{samples, theirs};

/// Shrinking a whole tree of messages takes minutes; a failure prints its value as it is. No file of
/// past failures is kept: a case worth keeping becomes a table row.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

#[requirement("R-ENC.0", "R-MSG.5", "R-MSG.6", "R-MSG.7", "R-MSG.8")]
#[test]
fn messages_are_what_another_implementation_reads_and_writes() {
    proptest!(config(1500), |(ours in samples::msg())| {
        let their_value = theirs::msg(&ours);
        let encoded = ours.encode();
        prop_assert_eq!(encoded.len(), ours.encoded_len());
        prop_assert_eq!(&try_decode_msg(&encoded).expect("they read ours"), &their_value);
        let their_bytes = their_value.to_vec().expect("they encode");
        prop_assert_eq!(&Msg::decode(&their_bytes).expect("we read theirs"), &ours);
        prop_assert_eq!(&Msg::decode(&encoded).expect("we read ours"), &ours);
    });
}

#[requirement("R-ENC.1")]
#[test]
fn records_are_what_another_implementation_reads_and_writes() {
    proptest!(config(1500), |(ours in samples::record())| {
        let their_value = theirs::record(&ours);
        let encoded = ours.encode();
        prop_assert_eq!(&try_decode_record(&encoded).expect("they read ours"), &their_value);
        let their_bytes = their_value.to_vec().expect("they encode");
        prop_assert_eq!(&Record::decode(their_bytes.into()).expect("we read theirs"), &ours);
        prop_assert_eq!(&Record::decode(encoded).expect("we read ours"), &ours);
    });
}

#[test]
fn a_message_in_one_buffer_is_the_message_in_a_record() {
    let (from, to) = (id("os::012345-A"), id("proto::cusp"));
    let check = |msg: &Msg| {
        let long = encode_message(&from, &to, Version::CURRENT, msg);
        assert_eq!(long, Record::message(&from, &to, Version::CURRENT, msg.encode()).encode());
    };
    proptest!(config(300), |(msg in samples::msg())| check(&msg));
    // Lengths of one, two and three bytes.
    for length in [1, 80, 110, 127, 128, 16_300, 16_384, 70_000] {
        check(&Msg::request("1", usp_proto::Request::Get(usp_proto::get::Get::new(["x".repeat(length)], 0))));
    }
}

/// Every kind of request, response and Record comes out of the samples; otherwise the tests above would
/// prove less than they say.
#[test]
fn samples_have_every_kind() {
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut kinds = std::collections::BTreeSet::new();
    for _ in 0..2000 {
        let msg = samples::msg().new_tree(&mut runner).expect("a sample").current();
        kinds.insert(i32::from(msg.msg_type()));
    }
    assert_eq!(kinds, (0..=22).collect());
    let mut types = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let record = samples::record().new_tree(&mut runner).expect("a sample").current();
        types.insert(RecordType::name(&record.record_type));
    }
    assert_eq!(types.len(), 7);
}

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}
