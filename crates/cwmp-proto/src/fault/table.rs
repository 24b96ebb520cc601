//! The fault codes of TR-069: number, name, meaning, and who says them. One table.

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultRow {
    /// The number on the wire.
    pub code: u16,
    /// Its name, which is also the text that we send.
    pub name: &'static str,
    /// What it says, in a few words.
    pub meaning: &'static str,
    /// Who says it.
    pub thrower: Thrower,
}

/// Who says a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Thrower {
    /// The ACS, to a CPE.
    Acs,
    /// The CPE, to an ACS.
    Cpe,
}

const fn acs(code: u16, name: &'static str, meaning: &'static str) -> FaultRow {
    FaultRow { code, name, meaning, thrower: Thrower::Acs }
}

const fn cpe(code: u16, name: &'static str, meaning: &'static str) -> FaultRow {
    FaultRow { code, name, meaning, thrower: Thrower::Cpe }
}

/// Every code with a name, by number.
pub const TABLE: &[FaultRow] = &[
    acs(8000, "Method not supported", "the ACS does not know the method"),
    acs(8001, "Request denied", "for no reason that is told"),
    acs(8002, "Internal error", "the ACS failed"),
    acs(8003, "Invalid arguments", "arguments are missing or bad"),
    acs(8004, "Resources exceeded", "memory, processor or another limit"),
    acs(8005, "Retry request", "the CPE sends the same again, at once"),
    acs(8006, "Version incompatible", "the ACS speaks none of the CPE's versions"),
    cpe(9000, "Method not supported", "the CPE does not know the method"),
    cpe(9001, "Request denied", "for no reason that is told"),
    cpe(9002, "Internal error", "the CPE failed"),
    cpe(9003, "Invalid arguments", "arguments are missing or bad"),
    cpe(9004, "Resources exceeded", "memory, processor or another limit"),
    cpe(9005, "Invalid parameter name", "no such parameter or object"),
    cpe(9006, "Invalid parameter type", "not the type of the parameter"),
    cpe(9007, "Invalid parameter value", "outside of the allowed values"),
    cpe(9008, "Attempt to set a non-writable parameter", "the parameter is read-only"),
    cpe(9009, "Notification request rejected", "this notification is not to be had for it"),
    cpe(9010, "File transfer failure", "a download failed, for no nearer reason"),
    cpe(9011, "Upload failure", "an upload failed"),
    cpe(9012, "File transfer server authentication failure", "the file server wants other credentials"),
    cpe(9013, "Unsupported protocol for file transfer", "the scheme of the URL is not spoken"),
    cpe(9014, "File transfer failure: unable to join multicast group", "multicast"),
    cpe(9015, "File transfer failure: unable to contact file server", "the file server does not answer"),
    cpe(9016, "File transfer failure: unable to access file", "the file server has no such file"),
    cpe(9017, "File transfer failure: unable to complete download", "it broke off"),
    cpe(9018, "File transfer failure: file corrupted or otherwise unusable", "the file is damaged"),
    cpe(9019, "File transfer failure: file authentication failure", "its signature is not accepted"),
    cpe(9020, "File transfer failure: unable to complete within the time windows", "the windows are over"),
    cpe(9021, "Cancelation of file transfer not permitted", "it has gone too far"),
    cpe(9022, "Invalid UUID format", "not a UUID"),
    cpe(9023, "Unknown execution environment", "no such environment"),
    cpe(9024, "Disabled execution environment", "the environment is off"),
    cpe(9025, "Deployment unit to execution environment mismatch", "it can't run there"),
    cpe(9026, "Duplicate deployment unit", "it is there already"),
    cpe(9027, "System resources exceeded", "no room for it"),
    cpe(9028, "Unknown deployment unit", "no such unit"),
    cpe(9029, "Invalid deployment unit state", "not in this state"),
    cpe(9030, "Invalid deployment unit update: downgrade not permitted", "the version is older"),
    cpe(9031, "Invalid deployment unit update: version not specified", "which version is not said"),
    cpe(9032, "Invalid deployment unit update: version already exists", "this version is there already"),
];
