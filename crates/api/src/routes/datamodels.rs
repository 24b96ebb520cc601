//! Data models that people import: descriptions and facts beside the compiled-in catalogue.

use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{delete, get, post};
use dm::schema::Protocol;
use fleet::access::Permission;
use fleet::audit::AuditEntry;
use fleet::datamodel::{DataModel as Row, PutDataModel};
use fleet::job::Actor;
use fleet::port::{Store, Write};
use fleet::{Reach, TenantId};
use http::StatusCode;

use super::Routes;
use crate::app::App;
use crate::auth::Who;
use crate::dto::datamodel::DataModel;
use crate::extract::Id;
use crate::imported::name_of;
use crate::limits::DATA_MODEL_BYTES;
use crate::problem::Problem;
use crate::query::Page;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_list>(get(list::<S>))
        .add::<__path_upload>(post(upload::<S>).layer(DefaultBodyLimit::max(DATA_MODEL_BYTES)))
        .add::<__path_remove>(delete(remove::<S>))
}

/// Imported data models, the latest first.
#[utoipa::path(get, path = "/datamodels", tag = "models", operation_id = "list_data_models",
    responses((status = 200, description = "All of them", body = Page<DataModel>)))]
async fn list<S: Store>(State(app): State<App<S>>, who: Who) -> Result<Json<Page<DataModel>>, Problem> {
    who.caller.need(Permission::Read)?;
    let rows = app.store().data_models(TenantId::PLATFORM).await?;
    let print = |mut row: Row| {
        if who.caller.reach != Reach::Platform {
            // Who works there is nobody's business.
            row.actor = Actor::from_row("platform");
        }
        DataModel::from(row)
    };
    Ok(Json(Page::whole(rows.into_iter().map(print).collect())))
}

/// Imports a data-model file of the Broadband Forum's form (TR-106), in full (`-full.xml`).
#[utoipa::path(post, path = "/datamodels", tag = "models", operation_id = "import_data_model",
    request_body(content = String, content_type = "application/xml", description = "The file, 32 MiB at most"),
    responses((status = 200, description = "Imported", body = DataModel)))]
async fn upload<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    body: Body,
) -> Result<Json<DataModel>, Problem> {
    who.caller.need(Permission::ManageDevices)?;
    // What it says holds for the devices of all.
    who.caller.reach.need_platform()?;
    // Read only when it is its turn, so that uploads that wait take no memory.
    let body = async {
        axum::body::to_bytes(body, DATA_MODEL_BYTES).await.map_err(|_| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large")
                .detail(format!("a data model has at most {DATA_MODEL_BYTES} bytes"))
        })
    };
    let (model, text) = app.library().read(body).await?;
    let id = name_of(&text)?;
    let row = Row {
        id,
        name: model.name().to_owned(),
        version: model.version().map(|version| version.to_string()).unwrap_or_default(),
        protocol: if model.protocol() == Protocol::Usp { "usp" } else { "cwmp" }.to_owned(),
        uri: model.uri().map(str::to_owned),
        definitions: u64::try_from(model.len()).unwrap_or(u64::MAX),
        at: app.now(),
        actor: who.caller.actor.clone(),
    };
    let tenant = TenantId::PLATFORM;
    let named = format!("{} {}", row.name, row.version);
    let audit = AuditEntry::new(who.caller.actor.clone(), "datamodel.import", id, named);
    let put = PutDataModel { tenant, model: row.clone(), text, audit };
    app.store().submit(Write::PutDataModel(Box::new(put))).await?;
    app.reload_data_models().await?;
    Ok(Json(row.into()))
}

/// Removes an imported data model.
#[utoipa::path(delete, path = "/datamodels/{id}", tag = "models", operation_id = "remove_data_model",
    responses((status = 204, description = "Removed")))]
async fn remove<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<StatusCode, Problem> {
    who.caller.need(Permission::ManageDevices)?;
    who.caller.reach.need_platform()?;
    let id = id.parse().map_err(|_| Problem::not_found("data model"))?;
    let audit = AuditEntry::new(who.caller.actor.clone(), "datamodel.remove", id, "");
    let tenant = TenantId::PLATFORM;
    app.store().submit(Write::RemoveDataModel { tenant, id, at: app.now(), audit }).await?;
    app.reload_data_models().await?;
    Ok(StatusCode::NO_CONTENT)
}
