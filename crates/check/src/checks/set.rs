//! Set.

use usp_proto::set::SetResp;

use super::{Check, check};
use crate::bench::{Bench, Row};
use crate::target::SUBSCRIPTION;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        others,
        "R-SET.0-other-object-is-updated",
        [Subscriptions],
        "With allow_partial one object's failure leaves the others alone."
    ),
    check!(
        told,
        "R-SET.0-failure-is-told",
        [Subscriptions],
        "With allow_partial the object that failed says so in its result."
    ),
    check!(error, "R-SET.1-error", [Subscriptions], "Without allow_partial one failed object fails the Set."),
    check!(
        nothing,
        "R-SET.1-nothing-is-updated",
        [Subscriptions],
        "Without allow_partial a failed Set changes nothing."
    ),
    check!(
        required,
        "R-SET.2-required-fails-its-object",
        [Subscriptions],
        "A required parameter that fails leaves its object as it was."
    ),
    check!(
        optional,
        "R-SET.2-not-required-fails-alone",
        [Subscriptions],
        "A parameter that is not required fails alone, and is told."
    ),
    check!(
        many,
        "R-SET.2a-failed-instances",
        [Subscriptions],
        "A search path that fails names an instance, or fails the Set."
    ),
    check!(
        many_unchanged,
        "R-SET.2a-all-or-none",
        [Subscriptions],
        "A search path that fails for its instances changes none of them."
    ),
    check!(
        key,
        "R-KEY.1-key-stays",
        [Subscriptions],
        "A unique key that is not functional can't be changed."
    ),
    check!(
        unique,
        "R-KEY.2-key-stays-unique",
        [Subscriptions],
        "A Set can't give a row the functional key of another."
    ),
    check!(one_is_true, "R-ENC.6-boolean-one", [Subscriptions], "1 is a boolean, and means true."),
    check!(zero_is_false, "R-ENC.6-boolean-zero", [Subscriptions], "0 is a boolean, and means false."),
    check!(bad_boolean, "R-ENC.6-no-boolean", [Subscriptions], "What is no boolean is refused."),
    check!(bad_number, "R-ENC.6-no-number", [Subscriptions], "What is no number is refused."),
    check!(negative, "R-ENC.6-no-negative", [Subscriptions], "An unsigned number is not negative."),
];

const BAD: (&str, &str, bool) = ("X_CUSP_NoSuchThing", "1", true);

async fn lifetime(bench: &mut Bench, row: &Row) -> Result<Option<String>, Stop> {
    bench.value(&row.param("TimeToLive")).await
}

fn failures(resp: &SetResp) -> Vec<u32> {
    resp.updated_obj_results
        .iter()
        .map(|result| result.status().err().map_or(0, |failure| failure.err_code))
        .collect()
}

async fn partly(bench: &mut Bench) -> Result<(Row, SetResp), Stop> {
    let (one, two) = (bench.row().await?, bench.row().await?);
    let set = bench.set(true, &[(&one.path, &[BAD]), (&two.path, &[("TimeToLive", "86401", true)])]).await?;
    let resp = set.map_err(|error| {
        Stop::fail("the kind of the answer", "SetResp", format!("Error {}", error.err_code))
    })?;
    Ok((two, resp))
}

async fn others(bench: &mut Bench) -> Result<(), Stop> {
    let (good, _) = partly(bench).await?;
    same("the object whose settings are good", &Some("86401".to_owned()), &lifetime(bench, &good).await?)
}

async fn told(bench: &mut Bench) -> Result<(), Stop> {
    let (_, resp) = partly(bench).await?;
    let failed: Vec<bool> = failures(&resp).iter().map(|code| *code != 0).collect();
    same("which results are failures", &vec![true, false], &failed)
}

async fn error(bench: &mut Bench) -> Result<(), Stop> {
    let (one, two) = (bench.row().await?, bench.row().await?);
    let set = bench.set(false, &[(&one.path, &[BAD]), (&two.path, &[("TimeToLive", "86401", true)])]).await?;
    holds(set.is_err(), "the kind of the answer", || "Error".to_owned(), || "SetResp".to_owned())
}

async fn nothing(bench: &mut Bench) -> Result<(), Stop> {
    let (one, two) = (bench.row().await?, bench.row().await?);
    let _ = bench.set(false, &[(&two.path, &[("TimeToLive", "86401", true)]), (&one.path, &[BAD])]).await?;
    same("the object whose settings are good", &Some("0".to_owned()), &lifetime(bench, &two).await?)
}

async fn required(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let _ = bench.set(true, &[(&row.path, &[("TimeToLive", "86401", false), BAD])]).await?;
    same("the other parameter of the object", &Some("0".to_owned()), &lifetime(bench, &row).await?)
}

async fn optional(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let bad = (BAD.0, BAD.1, false);
    let set = bench.set(true, &[(&row.path, &[("TimeToLive", "86401", false), bad])]).await?;
    let resp = set.map_err(|error| {
        Stop::fail("the kind of the answer", "SetResp", format!("Error {}", error.err_code))
    })?;
    same("the other parameter of the object", &Some("86401".to_owned()), &lifetime(bench, &row).await?)?;
    let done = resp.updated_obj_results.iter().filter_map(|result| result.status().ok());
    let errors =
        done.flat_map(|success| &success.updated_inst_results).flat_map(|instance| &instance.param_errs);
    same("parameters in param_errs", &vec![BAD.0], &errors.map(|error| error.param.as_str()).collect())
}

/// Fails for each of two rows, and for nobody else's: `Recipient` is read-only.
async fn failing_search(bench: &mut Bench) -> Result<(Vec<Row>, Result<SetResp, ()>), Stop> {
    let rows = vec![bench.row().await?, bench.row().await?];
    for row in &rows {
        let _ = bench.set(false, &[(&row.path, &[("TimeToLive", "86411", true)])]).await?;
        same("TimeToLive after a Set", &Some("86411".to_owned()), &lifetime(bench, row).await?)?;
    }
    let settings = [("NotifRetry", "true", false), ("Recipient", "", true)];
    let set = bench.set(true, &[(&format!("{SUBSCRIPTION}[TimeToLive==86411]."), &settings)]).await?;
    Ok((rows, set.map_err(drop)))
}

async fn many(bench: &mut Bench) -> Result<(), Stop> {
    let (_, set) = failing_search(bench).await?;
    let Ok(resp) = set else { return Ok(()) };
    let failed = resp.updated_obj_results.iter().filter_map(|result| result.status().err());
    let named = failed.flat_map(|failure| &failure.updated_inst_failures).count();
    holds(named > 0, "instances that failed", || "one at least, or an Error".to_owned(), || "none".to_owned())
}

async fn many_unchanged(bench: &mut Bench) -> Result<(), Stop> {
    let (rows, _) = failing_search(bench).await?;
    for row in &rows {
        let retry = bench.flag(&row.param("NotifRetry")).await?;
        same("NotifRetry of a row after the failed Set", &Some(false), &retry)?;
    }
    Ok(())
}

async fn key(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let other = bench.row_id();
    let _ = bench.set(true, &[(&row.path, &[("ID", &other, true)])]).await?;
    same("the key after the Set", &Some(row.id.clone()), &bench.value(&row.param("ID")).await?)
}

/// Sets a boolean, and looks whether it reads back as that value.
async fn boolean(bench: &mut Bench, row: &Row, value: &str, meant: bool) -> Result<(), Stop> {
    let _ = bench.set(false, &[(&row.path, &[("NotifRetry", value, true)])]).await?;
    let seen = bench.flag(&row.param("NotifRetry")).await?;
    same(&format!("NotifRetry after a Set to {value}"), &Some(meant), &seen)
}

async fn one_is_true(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    boolean(bench, &row, "1", true).await
}

async fn zero_is_false(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    boolean(bench, &row, "true", true).await?;
    boolean(bench, &row, "0", false).await
}

async fn refused(bench: &mut Bench, param: &str, value: &str) -> Result<(), Stop> {
    let row = bench.row().await?;
    let set = bench.set(false, &[(&row.path, &[(param, value, true)])]).await?;
    holds(
        set.is_err(),
        &format!("a Set of {param} to {value}"),
        || "Error".to_owned(),
        || "SetResp".to_owned(),
    )
}

async fn bad_boolean(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, "NotifRetry", "perhaps").await
}

async fn bad_number(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, "TimeToLive", "soon").await
}

async fn negative(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, "TimeToLive", "-1").await
}

async fn unique(bench: &mut Bench) -> Result<(), Stop> {
    let (one, two) = (bench.row().await?, bench.row().await?);
    let _ = bench.set(true, &[(&two.path, &[("ID", &one.id, true)])]).await?;
    same("rows of this ID", &vec![one.path.clone()], &bench.rows(&one.search()).await?)
}
