//! Request parts as handlers want them, and a [`Problem`] where they are not so: JSON bodies, queries,
//! path parameters, header texts.

use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::limits;
use crate::problem::Problem;

/// A JSON body. Its content type must say so, which also keeps forms of other sites out.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json")
                .detail("the body has to be application/json"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|why| too_big(&why))?;
        parse(&bytes).map(Body)
    }
}

/// A JSON body that may be left out altogether.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(|why| too_big(&why))?;
        if bytes.is_empty() {
            return Ok(OptionalBody(T::default()));
        }
        if !json {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json")
                .detail("the body has to be application/json"));
        }
        parse(&bytes).map(OptionalBody)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = text(headers, header::CONTENT_TYPE.as_str()) else { return false };
    let media = value.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad-json").detail(error.to_string()))
}

fn too_big(rejection: &BytesRejection) -> Problem {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large")
                .detail(format!("a body has at most {} bytes", limits::BODY_BYTES))
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "bad-body").detail("the body could not be read"),
    }
}

/// The query, every field of which is known.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Params(query)),
            Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, "bad-query").detail(error.body_text())),
        }
    }
}

/// The one parameter of the route's path.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Id(id)),
            Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, "bad-id").detail(error.body_text())),
        }
    }
}

/// A header's value, if it is there and printable.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
