//! References: what is refused, what goes with the row, and how they are written.

use super::roles::{assign, reference, role};
use super::{Check, check};
use crate::bench::Bench;
use crate::target::ROLE;
use crate::verdict::{Stop, holds};

pub(super) static CHECKS: &[Check] = &[
    check!(
        dangling,
        "R-ARC.12-no-such-row",
        [Roles],
        "A strong reference to a row that does not exist is refused."
    ),
    check!(emptied, "R-ARC.12-referent-goes", [Roles], "A strong reference loses the row that goes."),
    check!(by_key, "R-ARC.11-reference-by-key", [Roles], "A reference can be written by the key of its row."),
];

async fn assigned(bench: &mut Bench) -> Result<Option<String>, Stop> {
    let own = bench.own_row().await?;
    bench.value(&format!("{own}AssignedRole")).await
}

/// The roles of this controller, and one more that has no permissions, so that nothing is lost.
async fn one_more(bench: &mut Bench) -> Result<(String, String), Stop> {
    let old = assigned(bench).await?.unwrap_or_default();
    let role = role(bench).await?;
    Ok((old, role))
}

fn joined_list(old: &str, new: &str) -> String {
    if old.is_empty() { new.to_owned() } else { format!("{old},{new}") }
}

async fn dangling(bench: &mut Bench) -> Result<(), Stop> {
    let (old, role) = one_more(bench).await?;
    let _ = bench.delete(vec![role.clone()], false).await?;
    let own = bench.own_row().await?;
    bench.restore(&own, "AssignedRole", old.clone());
    let list = joined_list(&old, reference(&role));
    let set = bench.set(false, &[(&own, &[("AssignedRole", &list, true)])]).await?;
    holds(
        set.is_err(),
        "the Set of a reference to a row that is gone",
        || "Error".to_owned(),
        || "SetResp".to_owned(),
    )
}

async fn emptied(bench: &mut Bench) -> Result<(), Stop> {
    let (old, role) = one_more(bench).await?;
    assign(bench, &joined_list(&old, reference(&role))).await?;
    let _ = bench.delete(vec![role.clone()], false).await?;
    let left = assigned(bench).await?.unwrap_or_default();
    let items: Vec<&str> = left.split(',').map(reference).collect();
    holds(
        !items.contains(&reference(&role)),
        "AssignedRole after its row went",
        || old.clone(),
        || left.clone(),
    )
}

async fn by_key(bench: &mut Bench) -> Result<(), Stop> {
    let (old, role) = one_more(bench).await?;
    let Some(alias) = bench.value(&format!("{role}Alias")).await? else {
        return Err(Stop::Skip("roles have no Alias".to_owned()));
    };
    let list = joined_list(&old, &format!("{ROLE}[Alias==\"{alias}\"]"));
    let own = bench.own_row().await?;
    bench.restore(&own, "AssignedRole", old);
    let set = bench.set(false, &[(&own, &[("AssignedRole", &list, true)])]).await?;
    set.map_err(|error| {
        Stop::fail("the Set of a reference by key", "SetResp", format!("Error {}", error.err_code))
    })?;
    let seen = assigned(bench).await?.unwrap_or_default();
    let has = seen.split(',').any(|item| reference(item) == reference(&role));
    holds(has, "AssignedRole, by instance number", || reference(&role).to_owned(), || seen.clone())
}
