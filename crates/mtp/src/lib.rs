//! USP message transfer protocols on tokio: WebSocket, both sides.
