//! Errors as the API tells them: `application/problem+json` (RFC 9457), with the protocol's own code when
//! there is one. What went wrong inside is logged and not told.

use axum::Json;
use axum::response::{IntoResponse, Response};
use dm::operation::ParamFault;
use dm::path::PathError;
use fleet::port::StoreError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, as a handler's error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    told: Box<Told>,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
}

/// What went wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Told {
    /// `urn:cusp:error:<word>`; stable, for programs.
    #[serde(rename = "type")]
    pub kind: String,
    /// One short sentence for this kind of problem.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What it is this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The protocol's error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// Settings that break the device's model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<ProblemParam>,
    /// Devices that an ambiguous name may mean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

/// One setting that breaks the device's model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct ProblemParam {
    /// Its path.
    pub param: String,
    /// The protocol's error code.
    pub code: u32,
    /// Why.
    pub message: String,
}

/// A device that an ambiguous name may mean.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The first of its endpoint ids.
    pub endpoint: Option<String>,
}

impl Problem {
    /// A problem of a kind; the title follows from the status.
    pub fn new(status: StatusCode, slug: &str) -> Self {
        let told = Told {
            kind: format!("urn:cusp:error:{slug}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: None,
            code: None,
            params: Vec::new(),
            candidates: Vec::new(),
        };
        Problem { told: Box::new(told), retry_after: None }
    }

    /// With what it is this time.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.told.detail = Some(detail.into());
        self
    }

    /// With the protocol's code.
    pub fn code(mut self, code: u32) -> Self {
        self.told.code = Some(code);
        self
    }

    /// With the devices that may have been meant.
    pub(crate) fn candidates(mut self, candidates: Vec<Candidate>) -> Self {
        self.told.candidates = candidates;
        self
    }

    /// With a time to try again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// 400: a field or query is wrong.
    pub fn invalid(field: &str, why: impl std::fmt::Display) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "invalid").detail(format!("{field}: {why}"))
    }

    /// 404: there is no such thing.
    pub fn not_found(what: &str) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not-found").detail(format!("there is no such {what}"))
    }

    /// 400: a text that is not a path, and which.
    pub fn path(text: &str, error: &PathError) -> Self {
        let shown: String = text.chars().take(200).collect();
        Problem::new(StatusCode::BAD_REQUEST, "bad-path")
            .detail(format!("{shown:?} is not a path: {error}"))
            .code(error.code().0)
    }

    /// 401: no credential, or none that holds.
    pub fn unauthorised(why: &str) -> Self {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorised").detail(why)
    }

    /// 500, logged here.
    pub fn internal(what: &str) -> Self {
        tracing::error!(what, "a request failed inside");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
            .detail("the server could not do it; its log says why")
    }

    fn schema(faults: Vec<ParamFault>) -> Self {
        let mut problem = Problem::new(StatusCode::BAD_REQUEST, "schema")
            .detail(format!("{} setting(s) break the device's model; nothing was sent", faults.len()));
        problem.told.code = faults.first().map(|one| one.fault.code.0);
        problem.told.params = faults
            .into_iter()
            .map(|one| ProblemParam { param: one.param, code: one.fault.code.0, message: one.fault.message })
            .collect();
        problem
    }
}

impl From<fleet::Error> for Problem {
    fn from(error: fleet::Error) -> Self {
        use fleet::Error;
        let told = error.to_string();
        match error {
            Error::BadId(_) => Problem::new(StatusCode::BAD_REQUEST, "bad-id").detail(told),
            Error::BadFilter { .. } => Problem::new(StatusCode::BAD_REQUEST, "bad-filter").detail(told),
            Error::NotIndexed { .. } => Problem::new(StatusCode::BAD_REQUEST, "not-indexed").detail(told),
            Error::Invalid { field, why } => Problem::invalid(field, why),
            Error::NotFound(what) => Problem::not_found(what),
            Error::Forbidden(_) => Problem::new(StatusCode::FORBIDDEN, "forbidden").detail(told),
            Error::UnexpectedJobEvent { .. } => Problem::new(StatusCode::CONFLICT, "conflict").detail(told),
            Error::Full { .. } => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "full").detail(told).retry_after(5)
            }
            Error::Schema(faults) => Problem::schema(faults),
            Error::Store(error) => error.into(),
            Error::BadRow { .. } => Problem::internal(&told),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let told = error.to_string();
        match error {
            StoreError::NotFound(what) => Problem::not_found(what),
            StoreError::Conflict(_)
            | StoreError::Taken
            | StoreError::Unexpected(_)
            | StoreError::StaleEpoch => Problem::new(StatusCode::CONFLICT, "conflict").detail(told),
            StoreError::BadCursor => Problem::new(StatusCode::BAD_REQUEST, "bad-cursor").detail(told),
            StoreError::BadFilter(_) => Problem::new(StatusCode::BAD_REQUEST, "bad-filter").detail(told),
            StoreError::Busy => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy").detail(told).retry_after(1)
            }
            StoreError::Full => {
                Problem::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full").detail(told).retry_after(60)
            }
            StoreError::Closed => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "closing").detail(told),
            StoreError::Failed(_) => Problem::internal(&told),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.told)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the store can't do now is told as such, with a time to come back; what broke is not told.
    #[test]
    fn failures_of_the_store_have_a_cause() {
        let answer = |error: StoreError| {
            let problem = Problem::from(error);
            (problem.told.status, problem.told.detail.clone(), problem.retry_after)
        };
        let full = Some("the disk of the store is full".to_owned());
        assert_eq!(answer(StoreError::Full), (507, full, Some(60)));
        assert_eq!(answer(StoreError::Busy), (503, Some("the store is busy".to_owned()), Some(1)));
        let (status, detail, _) = answer(StoreError::Failed("disk I/O error".to_owned()));
        assert_eq!(status, 500);
        assert!(!detail.unwrap_or_default().contains("I/O"));
    }
}
