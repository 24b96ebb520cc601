//! Turns the two protocol files of this crate into Rust, in memory. Shared by the example that writes
//! the result and by the test that proves it fresh.

use prost_build::{Config, Module};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// Name of a protocol file, its text, and the file under `src/generated/` that is made of it.
pub(crate) const SOURCES: [(&str, &str, &str); 2] = [
    ("usp-record.proto", include_str!("../../proto/usp-record.proto"), "usp_record.rs"),
    ("usp-msg.proto", include_str!("../../proto/usp-msg.proto"), "usp_msg.rs"),
];

/// Messages that hold values of parameters or arguments: `src/debug.rs` shows them without.
const WITH_VALUES: [&str; 12] = [
    ".usp.GetResp.ResolvedPathResult",
    ".usp.GetInstancesResp.CurrInstance",
    ".usp.Add.CreateParamSetting",
    ".usp.AddResp.CreatedObjectResult.OperationStatus.OperationSuccess",
    ".usp.Set.UpdateParamSetting",
    ".usp.SetResp.UpdatedInstanceResult",
    ".usp.Operate",
    ".usp.OperateResp.OperationResult.OutputArgs",
    ".usp.Notify.Event",
    ".usp.Notify.ValueChange",
    ".usp.Notify.ObjectCreation",
    ".usp.Notify.OperationComplete.OutputArgs",
];

/// The Rust text for one protocol file.
pub(crate) fn generate(name: &str) -> String {
    let mut resolver = ChainFileResolver::new();
    resolver.add(Embedded);
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_source_info(true);
    compiler.open_file(name).expect("the protocol file compiles");
    let file = compiler.file_descriptor_set().file.pop().expect("one file was opened");
    let module = Module::from_protobuf_package_name(file.package());
    // Ordered maps make the encoding deterministic; `Bytes` lets a payload share the Record's buffer.
    let mut config = Config::new();
    config.btree_map(["."]).bytes(["."]).skip_debug(WITH_VALUES);
    let mut modules = config.generate(vec![(module.clone(), file)]).expect("the descriptor generates");
    let text = modules.remove(&module).expect("the module that was asked for");
    format!(
        "//! Made of `proto/{name}` by `cargo run -p usp-proto --example generate`; not to be edited.\n{text}"
    )
}

struct Embedded;

impl FileResolver for Embedded {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match SOURCES.iter().find(|(source, ..)| *source == name) {
            Some((_, text, _)) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}
