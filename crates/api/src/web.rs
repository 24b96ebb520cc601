//! The web page: files of `web/dist` as they were when this was built, or a plain page that says how to
//! build them. Every path that is no file is the page itself, which routes by itself.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use rust_embed::Embed;

use crate::extract;
use crate::problem::Problem;

#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

const PLAIN_PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
    <title>Cusp</title></head>\n<body>\n<h1>Cusp</h1>\n<p>This server was built without its web page. \
    The API is under <a href=\"/api/v1/openapi.json\">/api/v1</a>, and the <code>cusp</code> command line \
    works. <code>make run</code> builds the page.</p>\n</body>\n</html>\n";

/// One file of the page.
struct File {
    content: Cow<'static, [u8]>,
    hash: [u8; 32],
}

/// Serves the page to whatever is not the API.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    respond(&method, uri.path(), &headers, |path| {
        Dist::get(path).map(|file| File { content: file.data, hash: file.metadata.sha256_hash() })
    })
}

fn respond(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    file: impl Fn(&str) -> Option<File>,
) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method").into_response();
    }
    let path = path.trim_start_matches('/');
    let missing = || Problem::new(StatusCode::NOT_FOUND, "no-route").detail("there is nothing here");
    if path == "api" || path.starts_with("api/") {
        return missing().into_response();
    }
    if let Some(found) = file(path) {
        return print(path, found, headers);
    }
    // A file that is gone is not the page: a script that gets HTML fails in ways nobody understands.
    if path.starts_with("assets/") {
        return missing().into_response();
    }
    match file("index.html") {
        Some(index) => print("index.html", index, headers),
        None => html(PLAIN_PAGE.into()),
    }
}

fn print(path: &str, file: File, headers: &HeaderMap) -> Response {
    let tag: String = file.hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    // Weak, because compression gives the same file other bytes.
    let tag = HeaderValue::try_from(format!("W/\"{tag}\"")).expect("hexadecimal digits are printable");
    // Names of built assets hold their hash; everything else is asked for again.
    let caching = match path.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let about = [(header::CACHE_CONTROL, HeaderValue::from_static(caching)), (header::ETAG, tag.clone())];
    let known = extract::text(headers, header::IF_NONE_MATCH.as_str());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().as_bytes() == tag.as_bytes())) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)))];
    (about, kind, file.content).into_response()
}

fn html(page: Cow<'static, str>) -> Response {
    let about = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (about, page).into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::{File, respond};
    use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

    fn built(path: &str) -> Option<File> {
        let content: &'static [u8] = match path {
            "index.html" => b"<page>",
            "assets/app-1a2b.js" => b"code",
            "favicon.svg" => b"<svg>",
            _ => return None,
        };
        Some(File { content: content.into(), hash: [0xab; 32] })
    }

    #[test]
    fn files_the_page_and_nothing() {
        let check = |path: &str, status: u16, kind: &str, caching: Option<&str>| {
            let response = respond(&Method::GET, path, &HeaderMap::new(), built);
            assert_eq!(response.status().as_u16(), status, "{path}");
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            assert_eq!(header(header::CONTENT_TYPE), Some(kind), "{path}");
            assert_eq!(header(header::CACHE_CONTROL), caching, "{path}");
        };
        let html = "text/html; charset=utf-8";
        check("/", 200, html, Some("no-cache"));
        check("/devices/42?tab=x", 200, html, Some("no-cache"));
        check("/favicon.svg", 200, "image/svg+xml", Some("no-cache"));
        let immutable = Some("public, max-age=31536000, immutable");
        check("/assets/app-1a2b.js", 200, "text/javascript; charset=utf-8", immutable);
        check("/assets/gone.js", 404, "application/problem+json", None);
        check("/api/v2/devices", 404, "application/problem+json", None);
        check("/api", 404, "application/problem+json", None);
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let mut headers = HeaderMap::new();
        let tag = "\"x\", W/\"abababababababababababababababab\"";
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(tag));
        let response = respond(&Method::GET, "/favicon.svg", &headers, built);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn without_a_build_there_is_a_plain_page() {
        let response = respond(&Method::GET, "/devices", &HeaderMap::new(), |_| None);
        assert_eq!(response.status(), StatusCode::OK);
        let response = respond(&Method::POST, "/devices", &HeaderMap::new(), |_| None);
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
