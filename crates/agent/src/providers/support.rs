//! Telling the engine what this system supports: rows of the embedded catalogue, closed for writing
//! unless the policy opens them.

use dm::model::{ModelBuilder, Params};
use dm::operation::{ObjectAccess, ParamAccess};
use dm::schema::Catalogue;

use crate::config::Policy;

static ROWS: &[u8] = include_bytes!("../../schema/agent.bin");

/// The rows of TR-181 that the agent knows.
pub fn catalogue() -> Catalogue<'static> {
    Catalogue::open(ROWS).expect("codegen made the embedded rows, and a test opens them")
}

/// Adds objects to a model under a policy.
pub struct Support<'a> {
    model: &'a mut ModelBuilder,
    policy: &'a Policy,
    catalogue: Catalogue<'static>,
}

impl<'a> Support<'a> {
    /// Starts adding.
    pub fn new(model: &'a mut ModelBuilder, policy: &'a Policy) -> Support<'a> {
        Support { model, policy, catalogue: catalogue() }
    }

    /// An object of which everything is read-only.
    pub fn object(&mut self, path: &str, params: &[&str]) -> &mut Self {
        self.writable(path, params, &[])
    }

    /// An object with parameters that the policy may open for writing.
    pub fn writable(&mut self, path: &str, params: &[&str], writable: &[&str]) -> &mut Self {
        self.model.add_from(&self.catalogue, path, Params::Only(params)).expect(EMBEDDED);
        let open = self.policy.allows(path);
        for param in params {
            let access =
                if open && writable.contains(param) { ParamAccess::ReadWrite } else { ParamAccess::ReadOnly };
            self.model.param_access(path, param, access).expect(EMBEDDED);
        }
        self.model.object_access(path, ObjectAccess::ReadOnly).expect(EMBEDDED);
        self
    }

    /// More read-only parameters of an object that is there already.
    pub fn add(&mut self, path: &str, params: &[&str]) -> &mut Self {
        self.model.add_from(&self.catalogue, path, Params::Only(params)).expect(EMBEDDED);
        for param in params {
            self.model.param_access(path, param, ParamAccess::ReadOnly).expect(EMBEDDED);
        }
        self
    }

    /// Lets rows of a table be added and deleted if the policy opens it.
    pub fn creatable(&mut self, path: &str) -> &mut Self {
        if self.policy.allows(path) {
            self.model.object_access(path, ObjectAccess::AddDelete).expect(EMBEDDED);
        }
        self
    }

    /// Commands (`Reboot()`) and events (`Boot!`).
    pub fn actions(&mut self, path: &str, names: &[&str]) -> &mut Self {
        self.model.add_actions(&self.catalogue, path, names).expect(EMBEDDED);
        self
    }
}

const EMBEDDED: &str = "supported objects stand in the embedded rows, a test builds the model";
