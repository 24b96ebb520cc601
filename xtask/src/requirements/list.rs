//! The project's list of requirement ids: `docs/requirements.csv`.

use anyhow::{Context, Result, bail};

/// One row.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Requirement {
    /// As the specification writes it, e.g. `R-SET.2a`.
    pub(super) id: String,
    /// Area, for the totals.
    pub(super) section: String,
    /// `agent`, `controller` or `both`.
    pub(super) binds: String,
    /// Still in force; deprecated and obsolete rows are not.
    pub(super) live: bool,
}

const HEADER: &str = "id,section,binds,live,paraphrase";

/// Reads the list. Ids must be well formed and unique.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        bail!("the first line must be {HEADER}");
    }
    let mut rows: Vec<Requirement> = Vec::new();
    for line in lines {
        let row = parse_row(line).with_context(|| line.to_owned())?;
        if rows.iter().any(|known| known.id == row.id) {
            bail!("{} stands twice", row.id);
        }
        rows.push(row);
    }
    Ok(rows)
}

fn parse_row(line: &str) -> Result<Requirement> {
    let fields: Vec<&str> = line.splitn(5, ',').collect();
    let [id, section, binds, live, paraphrase] = fields.as_slice() else { bail!("five fields expected") };
    // The last field may be quoted and hold commas; the others are plain words.
    if paraphrase.trim_matches('"').is_empty() {
        bail!("the paraphrase is empty");
    }
    if super::scan::id_at(id) != Some(id.len()) {
        bail!("{id} is no requirement id");
    }
    if !matches!(*binds, "agent" | "controller" | "both") {
        bail!("{binds}: agent, controller or both");
    }
    let live = match *live {
        "yes" => true,
        "deprecated" | "obsolete" => false,
        other => bail!("{other}: yes, deprecated or obsolete"),
    };
    Ok(Requirement { id: (*id).to_owned(), section: (*section).to_owned(), binds: (*binds).to_owned(), live })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let text = format!(
            "{HEADER}\nR-ADD.2,Messages,agent,deprecated,Old.\nR-WS.1,MTP WebSocket,both,yes,\"One, two.\"\n"
        );
        let rows = parse(&text).expect("parses");
        assert_eq!((rows[0].id.as_str(), rows[0].live), ("R-ADD.2", false));
        assert_eq!(
            (rows[1].section.as_str(), rows[1].binds.as_str(), rows[1].live),
            ("MTP WebSocket", "both", true)
        );
    }

    #[test]
    fn wrong_rows() {
        for row in [
            "R-ADD,Messages,agent,yes,X.",
            "R-ADD.1,Messages,agent,maybe,X.",
            "R-ADD.1,Messages,broker,yes,X.",
            "R-ADD.1,Messages,agent,yes",
            "R-ADD.1,Messages,agent,yes,",
            "R-ADD.1,M,agent,yes,X.\nR-ADD.1,M,agent,yes,X.",
        ] {
            assert!(parse(&format!("{HEADER}\n{row}\n")).is_err(), "{row}");
        }
    }

    #[test]
    fn the_project_list_is_whole() {
        let rows = parse(include_str!("../../../docs/requirements.csv")).expect("parses");
        assert_eq!(rows.len(), 402);
        assert_eq!(rows.iter().filter(|row| row.live).count(), 369);
        assert_eq!(rows.iter().filter(|row| row.binds == "controller").count(), 11);
    }
}
