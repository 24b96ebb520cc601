//! Imported data models.

use fleet::datamodel::{DataModel, PutDataModel, id_of};
use fleet::job::Actor;
use fleet::limits::DATA_MODELS;
use fleet::port::{Store, StoreError, Write};

use super::{TENANT, at, audit, done};

fn put(text: &str, seconds: i64) -> Write {
    let model = DataModel {
        id: id_of(text).expect("a short text"),
        name: "Device".to_owned(),
        version: "2.19".to_owned(),
        protocol: "usp".to_owned(),
        uri: Some("urn:example:model".to_owned()),
        definitions: 3,
        at: at(seconds),
        actor: Actor::user("alice"),
    };
    Write::PutDataModel(Box::new(PutDataModel {
        tenant: TENANT,
        model,
        text: text.to_owned(),
        audit: audit(),
    }))
}

pub(super) async fn run<S: Store>(store: &S) {
    let long = "a line of the model\n".repeat(100_000);
    done(store, put("first", 1)).await;
    done(store, put(&long, 2)).await;
    let listed = store.data_models(TENANT).await.expect("a list");
    let [newest, oldest] = listed.as_slice() else { panic!("{listed:?}") };
    let Write::PutDataModel(expected) = put(&long, 2) else { unreachable!("made so above") };
    assert_eq!(newest, &expected.model);
    assert_eq!(store.data_model_text(TENANT, newest.id).await, Ok(Some(long)));
    assert_eq!(store.data_model_text(TENANT, oldest.id).await, Ok(Some("first".to_owned())));

    // The same again is the same one, imported later.
    done(store, put("first", 3)).await;
    let listed = store.data_models(TENANT).await.expect("a list");
    assert_eq!((listed.len(), listed[0].at, listed[0].id), (2, at(3), oldest.id));

    let remove = || Write::RemoveDataModel { tenant: TENANT, id: oldest.id, at: at(4), audit: audit() };
    done(store, remove()).await;
    assert_eq!(store.submit(remove()).await, Err(StoreError::NotFound("data model")));
    assert_eq!(store.data_model_text(TENANT, oldest.id).await, Ok(None));

    for number in 1..DATA_MODELS {
        done(store, put(&number.to_string(), 5)).await;
    }
    let full = Err(StoreError::Conflict("there are too many data models; remove one first"));
    assert_eq!(store.submit(put("one more", 6)).await, full);
    assert_eq!(store.data_models(TENANT).await.map(|list| list.len()), Ok(DATA_MODELS));
}
