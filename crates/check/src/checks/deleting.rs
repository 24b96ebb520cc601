//! Delete where not everything that it means may be seen, or deleted.

use usp_proto::delete::OperationSuccess;

use super::roles::restrict;
use super::{Check, check};
use crate::bench::{Bench, Row};
use crate::target::SUBSCRIPTION;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        unseen,
        "R-DEL.2-unreadable-row",
        [Roles, Subscriptions],
        "A row that may not be seen is not among the affected paths."
    ),
    check!(
        told,
        "R-DEL.3-row-that-stays",
        [Roles, Subscriptions],
        "Each row that matches and can't be deleted is among the unaffected paths."
    ),
    check!(
        unseen_stays,
        "R-DEL.4-unreadable-row-that-stays",
        [Roles, Subscriptions],
        "One that may not be seen is not."
    ),
];

const READ: &str = "r---";
const WRITE: &str = "-w--";
const NOTHING: &str = "----";

/// What of this row itself may be done.
async fn restrict_row(bench: &mut Bench, row: &Row, letters: &'static str) -> Result<(), Stop> {
    restrict(bench, &row.path, ["rw-n", "rw-n", letters, "r-xn"]).await
}

async fn unseen(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    restrict_row(bench, &row, WRITE).await?;
    // Refused is as good: nothing is told then.
    let Ok(resp) = bench.delete(vec![row.path.clone()], true).await? else { return Ok(()) };
    let done = resp.deleted_obj_results.iter().filter_map(|result| result.status().ok());
    let tells = done.flat_map(|done| &done.affected_paths).any(|path| *path == row.path);
    same("whether the row is among the affected paths", &false, &tells)
}

/// Deletes two rows by a search, of the second of which only this may be done.
async fn search(bench: &mut Bench, letters: &'static str) -> Result<(Row, Row, OperationSuccess), Stop> {
    const MARK: &str = "47113";
    let params = [("NotifType", "ValueChange"), ("NotifExpiration", MARK)];
    let (one, two) = (bench.subscription(&params).await?, bench.subscription(&params).await?);
    restrict_row(bench, &two, letters).await?;
    let path = format!("{SUBSCRIPTION}[NotifExpiration=={MARK}].");
    let fail = |seen: String| Stop::fail("how the Delete ends", "a success for the rows that go", seen);
    let resp =
        bench.delete(vec![path], true).await?.map_err(|error| fail(format!("Error {}", error.err_code)))?;
    let first = resp.deleted_obj_results.first().ok_or_else(|| fail("nothing".to_owned()))?;
    let done = first.status().map_err(|failure| fail(failure.err_code.to_string()))?.clone();
    Ok((one, two, done))
}

fn stays(done: &OperationSuccess, row: &Row) -> bool {
    done.unaffected_path_errs.iter().any(|error| error.unaffected_path == row.path)
}

async fn told(bench: &mut Bench) -> Result<(), Stop> {
    let (one, two, done) = search(bench, READ).await?;
    holds(
        done.affected_paths.contains(&one.path),
        "affected paths",
        || one.path.clone(),
        || format!("{:?}", done.affected_paths),
    )?;
    same("whether the row that stays is among the unaffected paths", &true, &stays(&done, &two))
}

async fn unseen_stays(bench: &mut Bench) -> Result<(), Stop> {
    let (_, two, done) = search(bench, NOTHING).await?;
    same("whether the unseen row is among the unaffected paths", &false, &stays(&done, &two))
}
