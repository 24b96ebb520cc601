//! Search expressions: comparisons, constants, references; and rows that searches do not find.

use super::{Check, check, code};
use crate::bench::{Bench, Row};
use crate::target::{CONTROLLER, SUBSCRIPTION};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(greater, "R-ARC.9-greater", [Subscriptions], "> finds what is greater, and not what is equal."),
    check!(less, "R-ARC.9-less", [Subscriptions], "< finds what is less, and not what is equal."),
    check!(
        at_least,
        "R-ARC.9-greater-or-equal",
        [Subscriptions],
        ">= finds what is equal, and not what is less."
    ),
    check!(
        at_most,
        "R-ARC.9-less-or-equal",
        [Subscriptions],
        "<= finds what is equal, and not what is greater."
    ),
    check!(as_numbers, "R-ARC.7-numbers-as-numbers", [Subscriptions], "Numbers are not compared as texts."),
    check!(zeros, "R-ARC.7-leading-zeros", [Subscriptions], "A number is the same with zeros before it."),
    check!(member, "R-ARC.9-list-has-item", [Subscriptions], "~= finds lists that have the item."),
    check!(
        no_member,
        "R-ARC.9-part-is-no-item",
        [Subscriptions],
        "~= does not find lists that have part of the item."
    ),
    check!(quote, "R-ARC.7-quote-in-constant", [Subscriptions], "%22 in a constant is a quote."),
    check!(percent, "R-ARC.7-percent-in-constant", [Subscriptions], "%25 in a constant is a percent sign."),
    check!(case, "R-ARC.7-case-counts", [Subscriptions], "Texts are compared letter by letter."),
    check!(empty, "R-ARC.7-empty-expression", [], "An expression without a comparison is refused with 7008."),
    check!(
        by_reference,
        "R-ARC.9-search-through-reference",
        [Subscriptions],
        "A search compares what a reference leads to."
    ),
    check!(followed, "R-ARC.7-reference-is-followed", [Subscriptions], "A path leads through a reference."),
    check!(
        inside,
        "R-ARC.10-wildcards-inside",
        [BootParameters],
        "Wildcards at several levels find every row."
    ),
    check!(
        set_nothing,
        "R-MSG.4a-set-without-hits",
        [Subscriptions],
        "A Set by a search that matches nothing is an empty success."
    ),
    check!(
        cancel_nothing,
        "R-MSG.4a-operate-without-hits",
        [Cancel],
        "A command on what a search does not match is an empty success."
    ),
    check!(number_stays, "R-ARC.8-number-stays", [Subscriptions], "A row keeps its number when others go."),
];

/// A row with a TimeToLive of 86401, and whether it is found by a comparison.
async fn finds(bench: &mut Bench, comparisons: &[(&str, bool)]) -> Result<(), Stop> {
    let row = bench.row().await?;
    let set = bench.set(false, &[(&row.path, &[("TimeToLive", "86401", true)])]).await?;
    set.map_err(|error| Stop::Error(format!("TimeToLive can't be set: {}", error.err_code)))?;
    for (comparison, expected) in comparisons {
        found(bench, &row, comparison, *expected).await?;
    }
    Ok(())
}

async fn found(bench: &mut Bench, row: &Row, comparison: &str, expected: bool) -> Result<(), Stop> {
    let path = format!("{SUBSCRIPTION}[ID==\"{}\"&&{comparison}].", row.id);
    let rows = bench.rows(&path).await?;
    same(&format!("whether {comparison} finds the row"), &expected, &rows.contains(&row.path))
}

async fn greater(bench: &mut Bench) -> Result<(), Stop> {
    finds(bench, &[("TimeToLive>86400", true), ("TimeToLive>86401", false)]).await
}

async fn less(bench: &mut Bench) -> Result<(), Stop> {
    finds(bench, &[("TimeToLive<86402", true), ("TimeToLive<86401", false)]).await
}

async fn at_least(bench: &mut Bench) -> Result<(), Stop> {
    finds(bench, &[("TimeToLive>=86401", true), ("TimeToLive>=86402", false)]).await
}

async fn at_most(bench: &mut Bench) -> Result<(), Stop> {
    finds(bench, &[("TimeToLive<=86401", true), ("TimeToLive<=86400", false)]).await
}

async fn as_numbers(bench: &mut Bench) -> Result<(), Stop> {
    finds(bench, &[("TimeToLive>9", true)]).await
}

async fn zeros(bench: &mut Bench) -> Result<(), Stop> {
    finds(bench, &[("TimeToLive==086401", true)]).await
}

async fn member(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    found(bench, &row, "ReferenceList~=\"Device.LocalAgent.EndpointID\"", true).await
}

async fn no_member(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    found(bench, &row, "ReferenceList~=\"Device.LocalAgent\"", false).await
}

/// A row whose ID ends like this, and whether an expression finds it that has this in its place.
async fn constant(bench: &mut Bench, tail: &str, escaped: &str, expected: bool) -> Result<(), Stop> {
    let id = bench.row_id();
    let named = format!("{id}{tail}");
    let added = bench.add(false, &[(SUBSCRIPTION, &[("ID", &named, true)])]).await?;
    added.map_err(|error| Stop::Error(format!("the ID {named} can't be given: {}", error.err_code)))?;
    let rows = bench.rows(&format!("{SUBSCRIPTION}[ID==\"{id}{escaped}\"].")).await?;
    same(&format!("how many rows are found by {id}{escaped}"), &usize::from(expected), &rows.len())
}

async fn quote(bench: &mut Bench) -> Result<(), Stop> {
    constant(bench, "\"q", "%22q", true).await
}

async fn percent(bench: &mut Bench) -> Result<(), Stop> {
    constant(bench, "%41", "%2541", true).await
}

async fn case(bench: &mut Bench) -> Result<(), Stop> {
    constant(bench, "-a", "-A", false).await
}

async fn empty(bench: &mut Bench) -> Result<(), Stop> {
    let resp = bench.get(&[&format!("{SUBSCRIPTION}[].")], 0).await?;
    let codes: Vec<u32> = resp.req_path_results.iter().map(|result| result.err_code).collect();
    same("err_code of the only result", &vec![code::INVALID_PATH_SYNTAX], &codes)
}

async fn by_reference(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let own = format!("Recipient+.EndpointID==\"{}\"", bench.controller());
    found(bench, &row, &own, true).await?;
    found(bench, &row, "Recipient+.EndpointID==\"proto::cusp-check-nobody\"", false).await
}

async fn followed(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let seen = bench.value(&row.param("Recipient+.EndpointID")).await?;
    same("EndpointID of the recipient", &Some(bench.controller().as_str().to_owned()), &seen)
}

async fn inside(bench: &mut Bench) -> Result<(), Stop> {
    let made = bench.boot_parameter().await?;
    let resp = bench.get(&[&format!("{CONTROLLER}*.BootParameter.*.ParameterName")], 0).await?;
    let objects = resp.req_path_results.iter().flat_map(|result| &result.resolved_path_results);
    let paths: Vec<&str> = objects.map(|object| object.resolved_path.as_str()).collect();
    holds(paths.contains(&made.as_str()), "the rows found", || made.clone(), || paths.join(", "))
}

async fn set_nothing(bench: &mut Bench) -> Result<(), Stop> {
    let path = format!("{SUBSCRIPTION}[ID==\"{}\"].", bench.row_id());
    let set = bench.set(false, &[(&path, &[("TimeToLive", "86401", true)])]).await?;
    let resp = set.map_err(|error| {
        Stop::fail("the kind of the answer", "SetResp", format!("Error {}", error.err_code))
    })?;
    let done =
        resp.updated_obj_results.iter().map(|result| result.status().map_err(|failure| failure.err_code));
    let updated: Result<usize, u32> =
        done.map(|status| status.map(|success| success.updated_inst_results.len())).sum();
    same("objects updated", &Ok(0), &updated)
}

async fn cancel_nothing(bench: &mut Bench) -> Result<(), Stop> {
    let command = format!("Device.LocalAgent.Request.[CommandKey==\"{}\"].Cancel()", bench.row_id());
    let operate = usp_proto::operate::Operate { command, send_resp: true, ..Default::default() };
    same("results of the command", &0, &bench.operate(operate).await?.operation_results.len())
}

async fn number_stays(bench: &mut Bench) -> Result<(), Stop> {
    let (one, other) = (bench.row().await?, bench.row().await?);
    let _ = bench.delete(vec![one.path], false).await?;
    same("the path of the other row", &vec![other.path.clone()], &bench.rows(&other.search()).await?)
}
