//! REST API, server-sent events, sign-in, OpenAPI, embedded web page.
