//! The API's description, collected from the routes themselves. A snapshot stands in the tree, so that a
//! change of the API is a change that people see.

use std::collections::BTreeSet;

use fleet::port::Store;
use utoipa::__dev::{SchemaReferences, Tags};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::schema::{ArrayBuilder, Components, ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
    SecurityRequirement, ServerBuilder,
};
use utoipa::{PartialSchema, Path, ToSchema};

use crate::problem::Told;
use crate::routes;

/// What the attribute on a handler makes of it.
pub(crate) trait Described: Path + SchemaReferences + for<'t> Tags<'t> {}

impl<T: Path + SchemaReferences + for<'t> Tags<'t>> Described for T {}

/// Descriptions of routes.
#[derive(Default)]
pub(crate) struct Collected {
    paths: Paths,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Collected {
    /// One route's.
    pub(crate) fn add<D: Described>(&mut self) {
        let path = D::path();
        let mut operation = D::operation();
        operation.tags = Some(D::tags().into_iter().map(str::to_owned).collect());
        add_path_params(&mut operation, &path);
        add_problem(&mut operation);
        self.paths.add_path_operation(path, D::methods(), operation);
        D::schemas(&mut self.schemas);
    }

    /// All of it as JSON.
    pub(crate) fn json(self) -> String {
        let api = self.openapi();
        api.to_pretty_json().map(|text| text + "\n").expect("descriptions hold texts and numbers only")
    }

    fn openapi(mut self) -> OpenApi {
        self.schemas.push((Told::name().into_owned(), Told::schema()));
        Told::schemas(&mut self.schemas);
        refer_to_items(&mut self.schemas);
        let mut info = Info::new("Cusp", "1");
        info.description = Some(
            "Errors are application/problem+json. Sign in for a cookie, or send a token; a request that \
             changes something and carries a cookie needs the header `X-Cusp-Request: 1`."
                .to_owned(),
        );
        OpenApiBuilder::new()
            .info(info)
            .servers(Some([ServerBuilder::new().url("/api/v1").build()]))
            .paths(self.paths)
            .components(Some(components(self.schemas)))
            .security(Some([
                SecurityRequirement::new::<_, [&str; 0], &str>("token", []),
                SecurityRequirement::new::<_, [&str; 0], &str>("session", []),
            ]))
            .build()
    }
}

/// The description of the whole API, as it is served and as the snapshot holds it.
pub fn document<S: Store>() -> String {
    routes::described::<S>().into_parts().1.json()
}

fn components(schemas: Vec<(String, RefOr<Schema>)>) -> Components {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let session = ApiKey::Cookie(ApiKeyValue::new("cusp_session"));
    ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme("token", SecurityScheme::Http(token))
        .security_scheme("session", SecurityScheme::ApiKey(session))
        .build()
}

/// Pages name the schema of their rows instead of repeating it.
fn refer_to_items(schemas: &mut [(String, RefOr<Schema>)]) {
    let names: BTreeSet<String> = schemas.iter().map(|(name, _)| name.clone()).collect();
    for (name, schema) in schemas {
        let Some(row) = name.strip_prefix("Page_").filter(|row| names.contains(*row)) else { continue };
        if let RefOr::T(Schema::Object(page)) = schema {
            let rows = ArrayBuilder::new().items(Ref::from_schema_name(row)).build();
            page.properties.insert("items".to_owned(), rows.into());
        }
    }
}

/// Whatever stands in braces in the path is a parameter.
fn add_path_params(operation: &mut Operation, path: &str) {
    for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(text))
            .build();
        operation.parameters.get_or_insert_default().insert(0, parameter.into());
    }
}

/// Every route may answer with a problem.
fn add_problem(operation: &mut Operation) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Told::name()))).build();
    let response = ResponseBuilder::new()
        .description("What went wrong")
        .content("application/problem+json", content)
        .build();
    operation.responses.responses.insert("default".to_owned(), response.into());
}
