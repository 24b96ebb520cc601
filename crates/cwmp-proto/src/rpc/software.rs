//! ChangeDUState, DUStateChangeComplete, AutonomousDUStateChangeComplete: software modules.

use crate::error::Error;
use crate::limits::MAX_ROWS;
use crate::notice::Notice;
use crate::rpc::Record;
use crate::rpc::complete::FaultStruct;
use crate::rpc::field::{Field, record};
use crate::secret::Secret;
use crate::value::DateTime;
use crate::xml::{Element, Out, Pull};

record! {
    /// Installs a deployment unit.
    Install {
        /// Where it is; at most 1,024 characters.
        url: String = "URL",
        /// Which it is to be; empty lets the CPE choose.
        uuid: String = "UUID",
        /// For the file server; empty for none.
        username: String = "Username",
        /// For the file server.
        password: Secret = "Password",
        /// The execution environment, as a path; empty lets the CPE choose.
        execution_env_ref: String = "ExecutionEnvRef",
    }
}

record! {
    /// Updates one, or all that come from a URL.
    Update {
        /// Which; empty for those of the URL.
        uuid: String = "UUID",
        /// From which version; empty for any.
        version: String = "Version",
        /// Where the new one is; empty for where the old one came from.
        url: String = "URL",
        /// For the file server; empty for none.
        username: String = "Username",
        /// For the file server.
        password: Secret = "Password",
    }
}

record! {
    /// Removes one.
    Uninstall {
        /// Which.
        uuid: String = "UUID",
        /// Which version; empty for all.
        version: String = "Version",
        /// From where, as a path; empty for everywhere.
        execution_env_ref: String = "ExecutionEnvRef",
    }
}

/// One step of a ChangeDUState.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DuOperation {
    /// Installs.
    Install(Install),
    /// Updates.
    Update(Update),
    /// Removes.
    Uninstall(Uninstall),
}

record! {
    /// Asks for changes of software modules. Its response is empty; results come later.
    ChangeDuState {
        /// At least one, in their order.
        operations: Vec<DuOperation> = "Operations",
        /// Comes back with `M ChangeDUState` and with the results. At most 32 characters.
        command_key: String = "CommandKey",
    }
}

impl DuOperation {
    fn read(x: &mut Pull<'_>, kind: &str) -> Result<Option<DuOperation>, Error> {
        Ok(Some(match kind {
            "InstallOpStruct" => DuOperation::Install(Install::read(x)?),
            "UpdateOpStruct" => DuOperation::Update(Update::read(x)?),
            "UninstallOpStruct" => DuOperation::Uninstall(Uninstall::read(x)?),
            _ => return Ok(None),
        }))
    }
}

/// An element that comes again, with the kind as its type; some write one element with a row for each.
impl Field for Vec<DuOperation> {
    const REPEATS: bool = true;

    fn read(&mut self, x: &mut Pull<'_>, element: &Element<'_>, _: &'static str) -> Result<(), Error> {
        let kind = element.attribute("type");
        let local = kind.as_deref().map_or("", |kind| kind.rsplit(':').next().unwrap_or_default());
        if let Some(operation) = DuOperation::read(x, local)? {
            return push(self, operation);
        }
        while let Some(row) = x.child()? {
            match DuOperation::read(x, row.name())? {
                Some(operation) => push(self, operation)?,
                None => {
                    x.note(Notice::ElementUnknown(row.name().to_owned()));
                    x.skip()?;
                }
            }
        }
        Ok(())
    }

    fn write(&self, out: &mut Out<'_>, name: &str) {
        for operation in self {
            let (kind, record): (_, &dyn Fn(&mut Out<'_>)) = match operation {
                DuOperation::Install(record) => ("cwmp:InstallOpStruct", &|out| record.write(out)),
                DuOperation::Update(record) => ("cwmp:UpdateOpStruct", &|out| record.write(out)),
                DuOperation::Uninstall(record) => ("cwmp:UninstallOpStruct", &|out| record.write(out)),
            };
            out.open(name, &[("xsi:type", kind)]);
            record(out);
            out.close(name);
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), Error> {
    if list.len() == MAX_ROWS {
        return Err(Error::TooMany { what: "rows in a list", limit: MAX_ROWS });
    }
    list.push(item);
    Ok(())
}

record! {
    /// How one step of a ChangeDUState ended.
    DuResult {
        /// Which unit.
        uuid: String = "UUID",
        /// Its row, as a path.
        deployment_unit_ref: String = "DeploymentUnitRef",
        /// Its version.
        version: String = "Version",
        /// `Installed`, `Uninstalled`, `Failed`.
        current_state: String = "CurrentState",
        /// Whether everything that it needs is there.
        resolved: bool = "Resolved",
        /// Rows of its execution units, as paths between commas.
        execution_unit_refs: String = "ExecutionUnitRefList",
        /// When it began, if that is known.
        start_time: DateTime = "StartTime",
        /// When it ended, if that is known.
        complete_time: DateTime = "CompleteTime",
        /// How.
        fault: FaultStruct = "Fault",
    }
}

record! {
    /// How a change that nobody asked for by CWMP ended.
    AutonomousDuResult {
        /// Which unit.
        uuid: String = "UUID",
        /// Its row, as a path.
        deployment_unit_ref: String = "DeploymentUnitRef",
        /// Its version.
        version: String = "Version",
        /// `Installed`, `Uninstalled`, `Failed`.
        current_state: String = "CurrentState",
        /// Whether everything that it needs is there.
        resolved: bool = "Resolved",
        /// Rows of its execution units, as paths between commas.
        execution_unit_refs: String = "ExecutionUnitRefList",
        /// When it began, if that is known.
        start_time: DateTime = "StartTime",
        /// When it ended, if that is known.
        complete_time: DateTime = "CompleteTime",
        /// How.
        fault: FaultStruct = "Fault",
        /// `Install`, `Update`, `Uninstall`.
        operation_performed: String = "OperationPerformed",
    }
}

/// Results are an element that comes again; some write one element with a row for each.
macro_rules! results {
    ($($name:ident = $row:literal;)*) => {$(
        impl Field for Vec<$name> {
            const REPEATS: bool = true;

            fn read(&mut self, x: &mut Pull<'_>, element: &Element<'_>, _: &'static str) -> Result<(), Error> {
                if element.attribute("arrayType").is_none() {
                    return push(self, $name::read(x)?);
                }
                while let Some(row) = x.child()? {
                    if row.name() != $row {
                        x.note(Notice::RowName);
                    }
                    push(self, $name::read(x)?)?;
                }
                Ok(())
            }

            fn write(&self, out: &mut Out<'_>, name: &str) {
                for result in self {
                    out.open(name, &[]);
                    result.write(out);
                    out.close(name);
                }
            }
        }
    )*};
}
results! {
    DuResult = "OpResultStruct";
    AutonomousDuResult = "AutonOpResultStruct";
}

record! {
    /// A ChangeDUState is done, or a part of it. Its response is empty.
    DuStateChangeComplete {
        /// At least one.
        results: Vec<DuResult> = "Results",
        /// Of the request.
        command_key: String = "CommandKey",
    }
}

record! {
    /// Software modules changed by other means. Its response is empty.
    AutonomousDuStateChangeComplete {
        /// At least one.
        results: Vec<AutonomousDuResult> = "Results",
    }
}
