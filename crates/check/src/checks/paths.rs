//! Paths: wildcards, search expressions, keys, and how paths are reported.

use super::{Check, check, code, should};
use crate::bench::{Bench, Row};
use crate::target::SUBSCRIPTION;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(wildcard, "R-ARC.10-get-with-wildcard", [Subscriptions], "A wildcard finds every row."),
    check!(instances, "R-ARC.10-every-instance", [Subscriptions], "GetInstances lists every row of a table."),
    check!(
        search,
        "R-ARC.9-get-by-search",
        [Subscriptions],
        "A search finds the row that matches, and no other."
    ),
    check!(
        both_parts,
        "R-ARC.9-both-parts-must-match",
        [Subscriptions],
        "Of a search with && both parts must match."
    ),
    check!(unequal, "R-ARC.9-not-equal", [Subscriptions], "A search with != finds the other rows."),
    check!(
        set_by_search,
        "R-ARC.9-set-by-search",
        [Subscriptions],
        "A Set by a search path writes every row that matches."
    ),
    check!(
        delete_by_search,
        "R-ARC.9-delete-by-search",
        [Subscriptions],
        "A Delete by a search path deletes the rows that match alone."
    ),
    should!(
        blanks,
        "R-ARC.9a-blanks-around-operators",
        [Subscriptions],
        "Blanks around operators are accepted."
    ),
    check!(
        number,
        "R-ARC.7-boolean-in-search",
        [Subscriptions],
        "A boolean in a search is compared as a boolean."
    ),
    check!(broken, "R-ARC.7-broken-path", [], "A path that breaks the grammar is refused in its result."),
    check!(
        get_numbers,
        "R-MSG.3-get-reports-numbers",
        [Subscriptions],
        "What a Get by key finds is reported by instance number."
    ),
    check!(
        set_numbers,
        "R-MSG.3-set-reports-numbers",
        [Subscriptions],
        "What a Set by key changed is reported by instance number."
    ),
    check!(
        add_numbers,
        "R-MSG.3-add-reports-numbers",
        [Subscriptions],
        "What an Add created is reported by instance number."
    ),
    check!(
        delete_numbers,
        "R-MSG.3-delete-reports-numbers",
        [Subscriptions],
        "What a Delete by key removed is reported by instance number."
    ),
    check!(
        instances_without_hits,
        "R-MSG.4a-instances-without-hits",
        [Subscriptions],
        "GetInstances of a search that matches nothing is an empty success."
    ),
    check!(keys, "R-GIN.1-readable-keys", [Subscriptions], "GetInstances gives the unique keys of a row."),
];

/// The `ID` values that a path finds, by row.
async fn found(bench: &mut Bench, path: &str) -> Result<Vec<(String, String)>, Stop> {
    let resp = bench.get(&[path], 0).await?;
    let mut all = Vec::new();
    for result in &resp.req_path_results {
        same(&format!("err_code for {path}"), &0, &result.err_code)?;
        for object in &result.resolved_path_results {
            all.extend(object.result_params.get("ID").map(|id| (object.resolved_path.clone(), id.clone())));
        }
    }
    Ok(all)
}

fn pair(row: &Row) -> (String, String) {
    (row.path.clone(), row.id.clone())
}

fn lists(found: &[(String, String)], row: &Row) -> Result<(), Stop> {
    holds(found.contains(&pair(row)), "the rows found", || row.path.clone(), || format!("{found:?}"))
}

async fn wildcard(bench: &mut Bench) -> Result<(), Stop> {
    let (one, two) = (bench.row().await?, bench.row().await?);
    let found = found(bench, &format!("{SUBSCRIPTION}*.ID")).await?;
    lists(&found, &one)?;
    lists(&found, &two)
}

async fn instances(bench: &mut Bench) -> Result<(), Stop> {
    let rows = [bench.row().await?, bench.row().await?];
    let listed = bench.rows(SUBSCRIPTION).await?;
    for row in &rows {
        holds(listed.contains(&row.path), "the rows listed", || row.path.clone(), || listed.join(", "))?;
    }
    Ok(())
}

async fn search(bench: &mut Bench) -> Result<(), Stop> {
    let (one, _other) = (bench.row().await?, bench.row().await?);
    same("the rows found", &vec![pair(&one)], &found(bench, &format!("{}ID", one.search())).await?)
}

async fn both_parts(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let path = |enable: &str| format!("{SUBSCRIPTION}[ID==\"{}\"&&Enable=={enable}].ID", row.id);
    same("the rows found where both match", &vec![pair(&row)], &found(bench, &path("false")).await?)?;
    same("the rows found where one does not match", &Vec::new(), &found(bench, &path("true")).await?)
}

async fn unequal(bench: &mut Bench) -> Result<(), Stop> {
    let (one, other) = (bench.row().await?, bench.row().await?);
    let found = found(bench, &format!("{SUBSCRIPTION}[ID!=\"{}\"].ID", one.id)).await?;
    lists(&found, &other)?;
    holds(
        !found.contains(&pair(&one)),
        "the rows found",
        || format!("not {}", one.path),
        || format!("{found:?}"),
    )
}

async fn set_by_search(bench: &mut Bench) -> Result<(), Stop> {
    let (one, other) = (bench.row().await?, bench.row().await?);
    let _ = bench.set(false, &[(&one.search(), &[("TimeToLive", "86401", true)])]).await?;
    same("the row that matches", &Some("86401".to_owned()), &bench.value(&one.param("TimeToLive")).await?)?;
    same("the other row", &Some("0".to_owned()), &bench.value(&other.param("TimeToLive")).await?)
}

async fn delete_by_search(bench: &mut Bench) -> Result<(), Stop> {
    let (one, other) = (bench.row().await?, bench.row().await?);
    let _ = bench.delete(vec![one.search()], false).await?;
    let left = bench.rows(SUBSCRIPTION).await?;
    same("whether the row that matched is left", &false, &left.contains(&one.path))?;
    same("whether the other row is left", &true, &left.contains(&other.path))
}

async fn blanks(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let path = format!("{SUBSCRIPTION}[ID == \"{}\"].ID", row.id);
    same("the rows found", &vec![pair(&row)], &found(bench, &path).await?)
}

async fn number(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let path = format!("{SUBSCRIPTION}[ID==\"{}\"&&Enable==0].ID", row.id);
    same("the rows found", &vec![pair(&row)], &found(bench, &path).await?)
}

async fn broken(bench: &mut Bench) -> Result<(), Stop> {
    let path = format!("{SUBSCRIPTION}[ID==");
    let resp = bench.get(&[&path], 0).await?;
    let codes: Vec<u32> = resp.req_path_results.iter().map(|result| result.err_code).collect();
    same("err_code of the only result", &vec![code::INVALID_PATH_SYNTAX], &codes)
}

async fn get_numbers(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let found = found(bench, &format!("{}ID", row.search())).await?;
    same("resolved paths", &vec![row.path], &found.into_iter().map(|(path, _)| path).collect())
}

async fn set_numbers(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let set = bench.set(false, &[(&row.search(), &[("TimeToLive", "86401", true)])]).await?;
    let resp = set.map_err(|error| Stop::fail("the Set works", "SetResp", error.err_code.to_string()))?;
    let mut paths = Vec::new();
    for result in &resp.updated_obj_results {
        let status =
            result.status().map_err(|f| Stop::fail("the Set works", "success", f.err_code.to_string()))?;
        paths.extend(status.updated_inst_results.iter().map(|instance| instance.affected_path.clone()));
    }
    same("affected paths", &vec![row.path], &paths)
}

async fn add_numbers(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let number = row.path.strip_prefix(SUBSCRIPTION).and_then(|rest| rest.strip_suffix('.'));
    let is_number = number.is_some_and(|text| text.parse::<u32>().is_ok_and(|n| n > 0));
    holds(is_number, "instantiated_path", || format!("{SUBSCRIPTION}<number>."), || row.path.clone())
}

async fn delete_numbers(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let deleted = bench.delete(vec![row.search()], false).await?;
    let resp =
        deleted.map_err(|error| Stop::fail("the Delete works", "DeleteResp", error.err_code.to_string()))?;
    let done = resp.deleted_obj_results.iter().filter_map(|result| result.status().ok());
    same(
        "affected paths",
        &vec![row.path],
        &done.flat_map(|success| success.affected_paths.clone()).collect(),
    )
}

async fn instances_without_hits(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.row_id();
    let resp = bench.instances(&format!("{SUBSCRIPTION}[ID==\"{id}\"].")).await?;
    let seen: Vec<(u32, usize)> =
        resp.req_path_results.iter().map(|result| (result.err_code, result.curr_insts.len())).collect();
    same("err_code and number of rows", &vec![(0, 0)], &seen)
}

async fn keys(bench: &mut Bench) -> Result<(), Stop> {
    let row = bench.row().await?;
    let resp = bench.instances(SUBSCRIPTION).await?;
    let rows = resp.req_path_results.iter().flat_map(|result| &result.curr_insts);
    let key = rows
        .filter(|listed| listed.instantiated_obj_path == row.path)
        .find_map(|listed| listed.unique_keys.get("ID"));
    same("the key ID of the row", &Some(&row.id), &key)
}
