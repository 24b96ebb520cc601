//! Writes `src/generated/` anew from `proto/`: `cargo run -p usp-proto --example generate`.

mod codegen;

#[expect(clippy::disallowed_methods, reason = "a developer's tool may write files; the crate may not")]
fn main() -> std::io::Result<()> {
    for (source, _, target) in codegen::SOURCES {
        let path = format!("{}/src/generated/{target}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, codegen::generate(source))?;
    }
    Ok(())
}
