//! Delete.

use usp_proto::delete::DeleteResp;
use usp_proto::get_supported_protocol::GetSupportedProtocol;
use usp_proto::{Body, Request, Response, Version};

use super::{Check, check};
use crate::bench::{Bench, Row, unexpected};
use crate::target::SUBSCRIPTION;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        others,
        "R-DEL.0-other-object-is-deleted",
        [Subscriptions],
        "With allow_partial one path's failure leaves the others alone."
    ),
    check!(
        error,
        "R-DEL.1-missing-instance",
        [Subscriptions],
        "Without allow_partial an instance that does not exist fails the Delete."
    ),
    check!(
        nothing,
        "R-DEL.1-nothing-is-deleted",
        [Subscriptions],
        "Without allow_partial a failed Delete deletes nothing."
    ),
    check!(
        parameter,
        "R-DEL.1-no-instance-path",
        [Subscriptions],
        "Without allow_partial the path of a parameter fails the Delete."
    ),
    check!(
        gone,
        "R-DEL.2a-instance-is-gone",
        [Subscriptions],
        "With allow_partial an instance that is gone is an empty success."
    ),
    check!(
        no_hits,
        "R-DEL.2a-search-without-hits",
        [Subscriptions],
        "A search that matches nothing is an empty success."
    ),
];

/// Only since USP 1.4 an instance that does not exist fails a Delete without allow_partial: before, nothing did that the
/// agent's model supports.
async fn needs_1_4(bench: &mut Bench) -> Result<(), Stop> {
    let versions = Version::print_list(&Version::SUPPORTED);
    let request = GetSupportedProtocol { controller_supported_protocol_versions: versions };
    let spoken = match bench.ask(Request::GetSupportedProtocol(request)).await? {
        Body::Response(Response::GetSupportedProtocolResp(resp)) => resp.agent_supported_protocol_versions,
        other => return Err(unexpected("GetSupportedProtocolResp", &other)),
    };
    if Version::parse_list(&spoken).iter().any(|version| *version >= Version::new(1, 4)) {
        return Ok(());
    }
    Err(Stop::Skip(format!("the agent speaks {spoken}, and this is a rule since 1.4")))
}

async fn gone_row(bench: &mut Bench) -> Result<Row, Stop> {
    let row = bench.row().await?;
    match bench.delete(vec![row.path.clone()], false).await? {
        Ok(_) => Ok(row),
        Err(error) => {
            Err(Stop::Error(format!("a row can't be deleted: {} {}", error.err_code, error.err_msg)))
        }
    }
}

async fn exists(bench: &mut Bench, row: &Row) -> Result<bool, Stop> {
    Ok(bench.rows(SUBSCRIPTION).await?.contains(&row.path))
}

async fn others(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let unsupported = "Device.LocalAgent.X_CUSP_NoSuchTable.1.".to_owned();
    let _ = bench.delete(vec![unsupported, row.path.clone()], true).await?;
    same("whether the good path is left", &false, &exists(bench, &row).await?)
}

async fn error(bench: &mut Bench) -> Result<(), Stop> {
    needs_1_4(bench).await?;
    let gone = gone_row(bench).await?;
    let deleted = bench.delete(vec![gone.path], false).await?;
    holds(deleted.is_err(), "the kind of the answer", || "Error".to_owned(), || "DeleteResp".to_owned())
}

async fn nothing(bench: &mut Bench) -> Result<(), Stop> {
    needs_1_4(bench).await?;
    let (row, gone) = (bench.row().await?, gone_row(bench).await?);
    let _ = bench.delete(vec![row.path.clone(), gone.path], false).await?;
    same("whether the good path is left", &true, &exists(bench, &row).await?)
}

async fn parameter(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let deleted = bench.delete(vec![row.param("Enable")], false).await?;
    holds(deleted.is_err(), "the kind of the answer", || "Error".to_owned(), || "DeleteResp".to_owned())
}

async fn empty(bench: &mut Bench, path: String, allow_partial: bool) -> Result<(), Stop> {
    let wanted = |seen: String| Stop::fail("how the Delete ends", "an empty success", seen);
    let deleted = bench.delete(vec![path], allow_partial).await?;
    let resp: DeleteResp = deleted.map_err(|error| wanted(format!("Error {}", error.err_code)))?;
    same("number of results", &1, &resp.deleted_obj_results.len())?;
    let done =
        resp.deleted_obj_results[0].status().map_err(|failure| wanted(failure.err_code.to_string()))?;
    same("affected paths", &Vec::<String>::new(), &done.affected_paths)
}

async fn gone(bench: &mut Bench) -> Result<(), Stop> {
    let gone = gone_row(bench).await?;
    empty(bench, gone.path, true).await
}

async fn no_hits(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    empty(bench, format!("{SUBSCRIPTION}[ID==\"{id}\"]."), false).await
}
