//! What Add, Set and Delete say of what failed, and what they do as a whole.

use usp_proto::ErrorBody;

use super::{Check, check};
use crate::bench::{Bench, Row};
use crate::target::{CONTROLLER, LOCAL_AGENT, REQUEST, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        add_named,
        "R-ADD.1-error-names-parameters",
        [Subscriptions],
        "The Error of an Add names the parameter that failed."
    ),
    check!(
        add_key,
        "R-ADD.3-keys-are-required",
        [Subscriptions],
        "A unique key that is refused prevents its object."
    ),
    check!(
        add_all,
        "R-ADD.1-all-are-created",
        [Subscriptions],
        "Without allow_partial every object of a good Add is created."
    ),
    check!(
        add_read_only,
        "R-ADD.1-table-is-read-only",
        [Timer],
        "Without allow_partial a table that takes no rows fails the Add."
    ),
    check!(
        add_told,
        "R-ADD.0-failure-is-told",
        [Timer],
        "With allow_partial the object that failed says so in its result."
    ),
    check!(
        add_search,
        "R-ADD.2a-search-creates",
        [BootParameters],
        "An Add by a search path creates a row in the table that matches."
    ),
    check!(
        add_paths,
        "R-ADD.0-results-repeat-paths",
        [Subscriptions],
        "Each result of an Add repeats its path."
    ),
    check!(
        set_named,
        "R-SET.1-error-names-parameters",
        [Subscriptions],
        "The Error of a Set names the parameter that failed."
    ),
    check!(
        set_failed,
        "R-SET.2-failed-parameter-is-named",
        [Subscriptions],
        "The result of an object that failed names the parameter."
    ),
    check!(
        set_all,
        "R-SET.1-all-are-updated",
        [Subscriptions],
        "Without allow_partial every object of a good Set is updated."
    ),
    check!(
        set_told,
        "R-SET.0-updated-parameters",
        [Subscriptions],
        "A Set gives each parameter with its new value."
    ),
    check!(
        set_same,
        "R-SET.0-same-value-is-told",
        [Subscriptions],
        "A Set gives parameters whose value was the same before."
    ),
    check!(set_read_only, "R-SET.1-read-only", [Subscriptions], "A read-only parameter is not set."),
    check!(
        set_missing,
        "R-SET.0-missing-instance",
        [Subscriptions],
        "An instance that does not exist fails in its result."
    ),
    check!(
        word,
        "R-ENC.6-no-such-word",
        [Subscriptions],
        "A word that an enumeration does not have is refused."
    ),
    check!(
        delete_table,
        "R-DEL.1-table",
        [Subscriptions],
        "Without allow_partial the path of a table fails the Delete."
    ),
    check!(
        delete_single,
        "R-DEL.1-single-object",
        [],
        "Without allow_partial a single object fails the Delete."
    ),
    check!(
        delete_all,
        "R-DEL.1-all-are-deleted",
        [Subscriptions],
        "Without allow_partial every row of a good Delete goes."
    ),
    check!(
        delete_told,
        "R-DEL.0-failure-is-told",
        [Subscriptions],
        "With allow_partial a path that is not supported fails in its result."
    ),
    check!(delete_affected, "R-DEL.0-affected-paths", [Subscriptions], "A Delete names the row that went."),
];

const BAD: (&str, &str, bool) = ("X_CUSP_NoSuchThing", "1", true);
const LIFETIME: (&str, &str, bool) = ("TimeToLive", "86401", true);

/// Fails unless an Error names the parameter.
fn names<T>(answer: Result<T, ErrorBody>, name: &str) -> Result<(), Stop> {
    let Err(error) = answer else {
        return Err(Stop::fail("the kind of the answer", "Error", "a response"));
    };
    let named = |path: &str| path == name || path.ends_with(&format!(".{name}"));
    let is_named = error.param_errs.iter().any(|one| named(&one.param_path) && one.err_code != 0);
    holds(is_named, "param_errs of the Error", || name.to_owned(), || format!("{:?}", error.param_errs))
}

async fn rows_of(bench: &mut Bench, ids: &[&str]) -> Result<usize, Stop> {
    let mut count = 0;
    for id in ids {
        count += bench.rows(&format!("{SUBSCRIPTION}[ID==\"{id}\"].")).await?.len();
    }
    Ok(count)
}

async fn add_named(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    names(bench.add(false, &[(SUBSCRIPTION, &[("ID", &id, true), BAD])]).await?, BAD.0)
}

async fn add_key(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    // Not said to be required.
    let added = bench.add(true, &[(SUBSCRIPTION, &[("ID", &row.id, false)])]).await?;
    let made = added
        .map_or(0, |resp| resp.created_obj_results.iter().filter(|result| result.status().is_ok()).count());
    same("objects created with the key of another", &0, &made)
}

async fn add_all(bench: &mut Bench) -> Result<(), Stop> {
    let (one, two) = (bench.row_id(), bench.row_id());
    let _ = bench
        .add(false, &[(SUBSCRIPTION, &[("ID", &one, true)]), (SUBSCRIPTION, &[("ID", &two, true)])])
        .await?;
    same("rows created", &2, &rows_of(bench, &[&one, &two]).await?)
}

async fn add_read_only(bench: &mut Bench) -> Result<(), Stop> {
    let added = bench.add(false, &[(REQUEST, &[])]).await?;
    holds(added.is_err(), "the kind of the answer", || "Error".to_owned(), || "AddResp".to_owned())
}

async fn add_told(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    let added = bench.add(true, &[(REQUEST, &[]), (SUBSCRIPTION, &[("ID", &id, true)])]).await?;
    let resp = added.map_err(|error| {
        Stop::fail("the kind of the answer", "AddResp", format!("Error {}", error.err_code))
    })?;
    let failed: Vec<bool> = resp.created_obj_results.iter().map(|result| result.status().is_err()).collect();
    same("which results are failures", &vec![true, false], &failed)
}

async fn add_search(bench: &mut Bench) -> Result<(), Stop> {
    let made = bench.boot_parameter().await?;
    let table = format!("{CONTROLLER}[EndpointID==\"{}\"].BootParameter.", bench.controller());
    let rows = bench.rows(&table).await?;
    holds(rows.contains(&made), "the rows of the table", || made.clone(), || rows.join(", "))
}

async fn add_paths(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    let added = bench.add(false, &[(SUBSCRIPTION, &[("ID", &id, true)])]).await?;
    let paths = added.map(|resp| {
        resp.created_obj_results.into_iter().map(|result| result.requested_path).collect::<Vec<_>>()
    });
    same("requested_path", &Ok(vec![SUBSCRIPTION.to_owned()]), &paths.map_err(|error| error.err_code))
}

async fn set_named(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    names(bench.set(false, &[(&row.path, &[BAD])]).await?, BAD.0)
}

async fn set_failed(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let set = bench.set(true, &[(&row.path, &[BAD])]).await?;
    let resp = set.map_err(|error| {
        Stop::fail("the kind of the answer", "SetResp", format!("Error {}", error.err_code))
    })?;
    let failed = resp.updated_obj_results.iter().filter_map(|result| result.status().err());
    let mut errors =
        failed.flat_map(|failure| &failure.updated_inst_failures).flat_map(|one| &one.param_errs);
    holds(
        errors.any(|error| error.param == BAD.0 && error.err_code != 0),
        "param_errs of the object",
        || BAD.0.to_owned(),
        || format!("{:?}", resp.updated_obj_results),
    )
}

async fn lifetimes(bench: &mut Bench, rows: &[Row]) -> Result<Vec<Option<String>>, Stop> {
    let mut values = Vec::new();
    for row in rows {
        values.push(bench.value(&row.param("TimeToLive")).await?);
    }
    Ok(values)
}

async fn set_all(bench: &mut Bench) -> Result<(), Stop> {
    let rows = [bench.row().await?, bench.row().await?];
    let _ = bench.set(false, &[(&rows[0].path, &[LIFETIME]), (&rows[1].path, &[LIFETIME])]).await?;
    let expected = Some(LIFETIME.1.to_owned());
    same("TimeToLive of both", &vec![expected.clone(), expected], &lifetimes(bench, &rows).await?)
}

/// Sets it so many times; what the last answer gives as its value.
async fn updated(bench: &mut Bench, times: usize) -> Result<Option<String>, Stop> {
    let row = bench.row().await?;
    let mut told = None;
    for _ in 0..times {
        let set = bench.set(false, &[(&row.path, &[LIFETIME])]).await?;
        let resp =
            set.map_err(|error| Stop::Error(format!("TimeToLive can't be set: {}", error.err_code)))?;
        let done = resp.updated_obj_results.iter().filter_map(|result| result.status().ok());
        let mut values = done.flat_map(|success| &success.updated_inst_results);
        told = values.find_map(|one| one.updated_params.get("TimeToLive").cloned());
    }
    Ok(told)
}

async fn set_told(bench: &mut Bench) -> Result<(), Stop> {
    same("TimeToLive in updated_params", &Some("86401".to_owned()), &updated(bench, 1).await?)
}

async fn set_same(bench: &mut Bench) -> Result<(), Stop> {
    same("TimeToLive in updated_params", &Some("86401".to_owned()), &updated(bench, 2).await?)
}

async fn set_read_only(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let set = bench.set(false, &[(&row.path, &[("Recipient", "", true)])]).await?;
    holds(set.is_err(), "a Set of Recipient", || "Error".to_owned(), || "SetResp".to_owned())
}

async fn set_missing(bench: &mut Bench) -> Result<(), Stop> {
    let (row, gone) = (bench.row().await?, bench.row().await?);
    let _ = bench.delete(vec![gone.path.clone()], false).await?;
    let set = bench.set(true, &[(&gone.path, &[LIFETIME]), (&row.path, &[LIFETIME])]).await?;
    let failed = set.map(|resp| {
        resp.updated_obj_results.iter().map(|result| result.status().is_err()).collect::<Vec<bool>>()
    });
    same("which results are failures", &Ok(vec![true, false]), &failed.map_err(|error| error.err_code))
}

async fn word(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    let settings = [("ID", id.as_str(), true), ("NotifType", "Perhaps", true)];
    let added = bench.add(false, &[(SUBSCRIPTION, &settings)]).await?;
    holds(added.is_err(), "an Add with the NotifType Perhaps", || "Error".to_owned(), || "AddResp".to_owned())
}

async fn refused(bench: &mut Bench, path: &str) -> Result<(), Stop> {
    let deleted = bench.delete(vec![path.to_owned()], false).await?;
    holds(deleted.is_err(), "the kind of the answer", || "Error".to_owned(), || "DeleteResp".to_owned())
}

async fn delete_table(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, SUBSCRIPTION).await
}

async fn delete_single(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, LOCAL_AGENT).await
}

async fn delete_all(bench: &mut Bench) -> Result<(), Stop> {
    let (one, two) = (bench.row().await?, bench.row().await?);
    let _ = bench.delete(vec![one.path, two.path], false).await?;
    same("rows that are left", &0, &rows_of(bench, &[&one.id, &two.id]).await?)
}

async fn delete_told(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let unsupported = "Device.LocalAgent.X_CUSP_NoSuchTable.1.".to_owned();
    let deleted = bench.delete(vec![unsupported, row.path], true).await?;
    let failed = deleted.map(|resp| {
        resp.deleted_obj_results.iter().map(|result| result.status().is_err()).collect::<Vec<bool>>()
    });
    same("which results are failures", &Ok(vec![true, false]), &failed.map_err(|error| error.err_code))
}

async fn delete_affected(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let deleted = bench.delete(vec![row.path.clone()], true).await?;
    let resp = deleted.map_err(|error| Stop::Error(format!("a row can't be deleted: {}", error.err_code)))?;
    let done = resp.deleted_obj_results.iter().filter_map(|result| result.status().ok());
    same(
        "affected_paths",
        &vec![row.path],
        &done.flat_map(|success| success.affected_paths.clone()).collect(),
    )
}
