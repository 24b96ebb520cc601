//! The generated structs are what the protocol files give.

#[path = "../../examples/generate/codegen.rs"]
mod generate;

#[test]
fn generated_files_are_fresh() {
    let committed = [
        ("usp-record.proto", include_str!("../../src/generated/usp_record.rs")),
        ("usp-msg.proto", include_str!("../../src/generated/usp_msg.rs")),
    ];
    for ((source, _, target), (name, text)) in generate::SOURCES.iter().zip(committed) {
        assert_eq!(*source, name);
        assert!(
            generate::generate(name) == text,
            "{target} is stale: cargo run -p usp-proto --example generate"
        );
    }
}
