//! `cusp serve`: composes roles, store, transports and API.
