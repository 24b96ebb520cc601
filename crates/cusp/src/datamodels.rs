//! `cusp datamodel`.

use serde_json::{Value, json};

use crate::cli::DatamodelCommand;
use crate::client::http::encode;
use crate::client::{Client, Failure};
use crate::output::{Output, list, text};
use crate::table::{Table, clean};

/// `cusp datamodel`.
pub(crate) fn run(out: &mut Output, client: &Client, command: &DatamodelCommand) -> Result<(), Failure> {
    match command {
        DatamodelCommand::Import { file } => {
            let xml = std::fs::read(file).map_err(|error| {
                Failure::usage(format!("cannot read {}", file.display())).with(error.to_string())
            })?;
            let made = client.upload("/datamodels", "application/xml", xml)?;
            if out.json {
                return out.json(&made);
            }
            let definitions = made.get("definitions").map(Value::to_string).unwrap_or_default();
            let (id, name, version) = (text(&made, "id"), text(&made, "name"), text(&made, "version"));
            out.line(&clean(&format!("imported {name} {version}: {definitions} definitions, {id}")))
        }
        DatamodelCommand::List => {
            let models = client.get("/datamodels", &[])?;
            if out.json {
                return out.json(&json!(list(&models, "items")));
            }
            let mut table =
                Table::new(&["ID", "NAME", "VERSION", "PROTOCOL", "DEFINITIONS", "IMPORTED", "BY"]);
            for model in list(&models, "items") {
                let column = |name| text(model, name);
                let definitions = model.get("definitions").map(Value::to_string).unwrap_or_default();
                table.row([
                    column("id"),
                    column("name"),
                    column("version"),
                    column("protocol"),
                    &definitions,
                    column("imported"),
                    column("actor"),
                ]);
            }
            out.table(&table)
        }
        DatamodelCommand::Rm { id } => {
            let models = client.get("/datamodels", &[])?;
            let id = find(list(&models, "items"), id)?;
            client.delete(&format!("/datamodels/{}", encode(id)))?;
            if out.json { out.json(&json!({ "removed": id })) } else { out.line(&format!("removed {id}")) }
        }
    }
}

/// The only model whose id begins so.
fn find<'a>(models: &'a [Value], id: &str) -> Result<&'a str, Failure> {
    let ids = models.iter().map(|model| text(model, "id"));
    let matching: Vec<&str> = ids.filter(|known| !id.is_empty() && known.starts_with(id)).collect();
    match matching.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::new(format!("there is no data model {id:?}"))),
        several => {
            let detail = several.iter().map(|id| clean(id)).collect();
            Err(Failure { detail, ..Failure::usage(format!("{id:?} may be several data models")) })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find;

    #[test]
    fn the_beginning_of_an_id_is_enough_if_no_other_has_it() {
        let models = [json!({"id": "ab12"}), json!({"id": "ab34"})];
        let check = |id: &str, expected: Result<&str, u8>| {
            assert_eq!(find(&models, id).map_err(|failure| failure.code), expected, "{id}");
        };
        check("ab12", Ok("ab12"));
        check("ab3", Ok("ab34"));
        check("ab", Err(2));
        check("c", Err(1));
        check("", Err(1));
    }
}
