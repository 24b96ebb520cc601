//! The description of the API is what the snapshot in the tree says.

use serde_json::Value;
use store::SqliteStore;

use crate::world::World;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

#[test]
fn the_snapshot_is_up_to_date() {
    let document = api::openapi::document::<SqliteStore>();
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(SNAPSHOT, &document).expect("the tree can be written");
    }
    let snapshot = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    assert!(
        snapshot == document,
        "the API has changed: look at the difference that `UPDATE_SNAPSHOT=1 cargo nextest run -p api \
         the_snapshot_is_up_to_date` makes to crates/api/openapi.json, and commit it with the change; \
         then `npm run api:types` in web/"
    );
}

#[tokio::test]
async fn it_is_served_to_everyone() {
    let world = World::new().await;
    let reply = world.get("/api/v1/openapi.json").send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, api::openapi::document::<SqliteStore>());
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    let document: Value = serde_json::from_str(&api::openapi::document::<SqliteStore>()).expect("JSON");
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let place = reference.strip_prefix('#').expect("a reference inside the document");
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
    let mut names = Vec::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            names.push(operation["operationId"].as_str().expect("a name").to_owned());
            assert!(operation["responses"]["default"].is_object(), "{operation}");
        }
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                match inner.as_str() {
                    Some(reference) if name == "$ref" => references.push(reference.to_owned()),
                    _ => collect(inner, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, references)),
        _ => {}
    }
}
