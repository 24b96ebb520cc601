//! The API's description, collected from the routes themselves. A snapshot stands in the tree, so that a
//! change of the API is a change that people see.

use fleet::port::Store;
use utoipa::__dev::SchemaReferences;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::schema::{Components, ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
    SecurityRequirement, ServerBuilder,
};
use utoipa::{PartialSchema, Path, ToSchema};

use crate::problem::Problem;
use crate::routes;

/// Descriptions of routes.
#[derive(Default)]
pub(crate) struct Collected {
    paths: Paths,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Collected {
    /// One route's.
    pub(crate) fn add<D: Path + SchemaReferences>(&mut self) {
        let path = D::path();
        let mut operation = D::operation();
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
        self.schemas.push((Problem::name().into_owned(), Problem::schema()));
        Problem::schemas(&mut self.schemas);
        self.schemas.sort_by(|(one, _), (other, _)| one.cmp(other));
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
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let response = ResponseBuilder::new()
        .description("What went wrong")
        .content("application/problem+json", content)
        .build();
    operation.responses.responses.insert("default".to_owned(), response.into());
}
